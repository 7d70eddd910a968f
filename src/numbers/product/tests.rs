use super::*;
use crate::numbers::scalar::Float;

fn value(seed: usize, index: usize) -> f64 {
    ((seed * 31 + index * 17) % 23) as f64 - 11.0
}

fn archs() -> Vec<Arch> {
    let mut all = vec![Arch::Scalar, Arch::new()];
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        all.extend(pulp::x86::V4::try_new().map(Arch::V4));
    }
    all
}

fn matrix<T: Float>(data: &[T], rows: usize, columns: usize, is_transposed: bool) -> Matrix<'_, T> {
    if is_transposed {
        Matrix::new(data, columns, rows).transposed()
    } else {
        Matrix::new(data, rows, columns)
    }
}

/// Small integers: exact in any order.
fn equals_the_definition<T: Float>(sizes: impl Iterator<Item = (usize, usize, usize)>) {
    for (m, k, n) in sizes {
        let numbers = |seed, rows: usize, columns: usize| -> [Vec<T>; 2] {
            let at = |row, column| T::of(value(seed, row + rows * column));
            let by_columns = (0..rows * columns).map(|i| at(i % rows, i / rows)).collect();
            let by_rows = (0..rows * columns).map(|i| at(i / columns, i % columns)).collect();
            [by_columns, by_rows]
        };
        let (a_data, b_data, [before, _]) = (numbers(1, m, k), numbers(2, k, n), numbers(3, m, n));
        let mut products = vec![0.0; m * n];
        for (index, product) in products.iter_mut().enumerate() {
            let (row, column) =
                (&a_data[1][index % m * k..][..k], &b_data[0][index / m * k..][..k]);
            let terms = row.iter().zip(column).map(|(a, b)| a.to_double() * b.to_double());
            *product = terms.sum();
        }
        for which in 0..4 {
            let (at, bt) = (which & 1 == 1, which & 2 == 2);
            let a = matrix(&a_data[usize::from(at)], m, k, at);
            let b = matrix(&b_data[usize::from(bt)], k, n, bt);
            for arch in archs() {
                for beta in [0.0, 1.0, 2.0] {
                    let mut c = before.clone();
                    if beta == 0.0 {
                        c.fill(T::of(f64::NAN));
                    }
                    multiply_by(arch, a, b, T::of(beta), &mut c, None);
                    let old = before
                        .iter()
                        .map(|&old| if beta == 0.0 { 0.0 } else { beta * old.to_double() });
                    let expected = products.iter().zip(old).map(|(product, old)| product + old);
                    let is_right =
                        c.iter().zip(expected).all(|(c, expected)| c.to_double() == expected);
                    assert!(is_right, "{m}×{k}×{n} {at} {bt} {arch:?} β = {beta}: {c:?}");
                }
            }
            // A single row is exchanged for a column.
            if m == 1 {
                let mut c = before.clone();
                multiply(a, b, T::of(2.0), &mut c);
                let expected =
                    products.iter().zip(&before).map(|(p, old)| p + 2.0 * old.to_double());
                assert!(
                    c.iter().zip(expected).all(|(c, e)| c.to_double() == e),
                    "1×{k}×{n} {at} {bt}"
                );
            }
        }
    }
}

fn all_small() -> impl Iterator<Item = (usize, usize, usize)> {
    (0..41 * 41 * 41).map(|i| (i % 41, i / 41 % 41, i / 41 / 41))
}

#[test]
fn small_products_equal_the_definition() {
    equals_the_definition::<f32>(all_small());
    equals_the_definition::<f64>(all_small());
}

#[test]
fn large_products_equal_the_definition() {
    let sizes = [(100, 300, 33), (97, 513, 20), (130, 1030, 9), (49, 257, 70), (300, 600, 400)];
    equals_the_definition::<f32>(sizes.into_iter());
    equals_the_definition::<f64>(sizes.into_iter());
}

fn noise<T: Float>(seed: u64, count: usize) -> Vec<T> {
    let mut state = seed;
    let mut draw = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        T::of((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0)
    };
    (0..count).map(|_| draw()).collect()
}

/// |error| ≤ k ε Σ|a||b|, and each column has the same bits alone, among others and in a block.
fn rounds_and_repeats<T: Float>(epsilon: f64) {
    const MOST: usize = 70;
    for (m, k) in [(1, 33), (7, 300), (30, 64), (48, 513), (65, 7), (150, 784), (200, 31)] {
        let (a_data, b_data) = (noise::<T>(1, m * k), noise::<T>(2, k * MOST));
        for arch in archs() {
            for which in 0..4 {
                let (at, bt) = (which & 1 == 1, which & 2 == 2);
                let (a, b) = (matrix(&a_data, m, k, at), matrix(&b_data, k, MOST, bt));
                let mut all = vec![T::ZERO; m * MOST];
                multiply_by(arch, a, b, T::ZERO, &mut all, None);
                for (index, &c) in all.iter().enumerate() {
                    let (i, j) = (index % m, index / m);
                    let terms = (0..k).map(|p| {
                        let a = a_data[if at { p + k * i } else { i + m * p }].to_double();
                        a * b_data[if bt { j + MOST * p } else { p + k * j }].to_double()
                    });
                    let (sum, size) =
                        terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
                    assert!(
                        (c.to_double() - sum).abs() <= epsilon * k as f64 * size,
                        "{m}×{k} {index} {arch:?}"
                    );
                }
                for n in 1..=MOST {
                    for first in [0, (MOST - n) / 2, MOST - n] {
                        let mut some = vec![T::ZERO; m * n];
                        multiply_by(arch, a, b.columns(first, n), T::ZERO, &mut some, None);
                        assert_eq!(
                            some,
                            all[first * m..][..m * n],
                            "{m}×{k}×{n} from {first} {arch:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_column_is_rounded_well_and_always_the_same() {
    rounds_and_repeats::<f32>(f64::from(f32::EPSILON));
    rounds_and_repeats::<f64>(2.0 * f64::EPSILON);
}

#[test]
fn rows_of_a_block_have_the_same_bits_as_in_the_whole() {
    let (m, k, n) = (150, 300, 20);
    let (a, b) = (noise::<f32>(1, m * k), noise::<f32>(2, k * n));
    let (a, b) = (Matrix::new(&a, m, k), Matrix::new(&b, k, n));
    let (mut all, mut some) = (vec![0.0; m * n], vec![0.0; 40 * n]);
    multiply(a, b, 0.0, &mut all);
    multiply(a.rows(7, 40), b, 0.0, &mut some);
    for (all, some) in all.chunks(m).zip(some.chunks(40)) {
        assert_eq!(all[7..47], *some);
    }
}

#[test]
fn a_product_is_finished_once() {
    // Divided by rows, by columns, by both, and not at all.
    let sizes =
        [(1, 5, 9), (100, 600, 30), (3, 0, 2), (300, 900, 700), (100, 300, 700), (20, 700, 500)];
    for (m, k, n) in sizes {
        let (a, b) = (noise::<f64>(1, m * k), noise::<f64>(2, k * n));
        let bias = noise::<f64>(3, m);
        let (a, b) = (Matrix::new(&a, m, k), Matrix::new(&b, k, n));
        let (mut plain, mut finished) = (vec![0.0; m * n], vec![0.0; m * n]);
        multiply(a, b, 0.0, &mut plain);
        let expected: Vec<f64> =
            plain.iter().enumerate().map(|(i, c)| (c + bias[i % m]).max(0.0)).collect();
        let finish = |rows: Range<usize>, columns: &mut [f64]| {
            for (c, bias) in columns.iter_mut().zip(bias[rows].iter().cycle()) {
                *c = (*c + bias).max(0.0);
            }
        };
        multiply_then(a, b, &mut finished, &finish);
        assert_eq!(finished, expected);
        #[cfg(feature = "parallel")]
        for threads in 2..6 {
            finished.fill(f64::NAN);
            parallel::on_threads(threads, || multiply_then(a, b, &mut finished, &finish)).unwrap();
            assert_eq!(finished, expected, "{m}×{k}×{n} on {threads} threads");
        }
    }
}

#[cfg(feature = "parallel")]
#[test]
fn what_is_added_to_has_the_same_bits_on_threads() {
    for (m, k, n) in [(300, 900, 700), (100, 300, 700), (20, 700, 500), (900, 100, 1)] {
        for which in 0..4 {
            let (at, bt) = (which & 1 == 1, which & 2 == 2);
            let (a, b) = (noise::<f32>(1, m * k), noise::<f32>(2, k * n));
            let (a, b) = (matrix(&a, m, k, at), matrix(&b, k, n, bt));
            let mut expected = noise::<f32>(3, m * n);
            let before = expected.clone();
            multiply(a, b, 1.0, &mut expected);
            for threads in 2..6 {
                let mut c = before.clone();
                parallel::on_threads(threads, || multiply(a, b, 1.0, &mut c)).unwrap();
                assert_eq!(c, expected, "{m}×{k}×{n} {at} {bt} on {threads} threads");
            }
        }
    }
}
