use super::turn::Turn;
use super::*;

/// Small integers: exact in any order.
fn value<T: Float>(seed: usize, index: usize) -> T {
    T::of(((seed * 31 + index * 17) % 23) as f64 - 11.0)
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

/// Both sums by their formulas, for every number of places, offsets and units that leaves another rest of a tile.
fn equal_the_definition<T: Float>() {
    for (places, depth, units) in (1..8).flat_map(|places| {
        (0..10).flat_map(move |depth| (1..20).map(move |units| (places, depth, units)))
    }) {
        let padded = padded(units);
        // Places overlap and come in no order; what is read ends with the data.
        let at: Vec<usize> = (0..places).map(|p| (p * 5 + 3) % places * 7).collect();
        let offsets: Vec<usize> = (0..depth).map(|k| (k * 3 + 2) % depth * 11).collect();
        let read = places.saturating_sub(1) * 7 + depth.saturating_sub(1) * 11 + ABREAST;
        let data: Vec<T> = (0..read).map(|i| value(1, i)).collect();
        let x = Places { data: &data, places: &at, offsets: &offsets };
        let weight = |unit: usize, k: usize| value::<T>(2, unit * depth + k);
        let mut weights = vec![T::ZERO; padded * depth];
        let mut dy = vec![T::ZERO; padded * places * ABREAST];
        let place = |p: usize, unit: usize, lane: usize| (p * padded + unit) * ABREAST + lane;
        for unit in 0..units {
            (0..depth).for_each(|k| weights[super::at(units, depth, unit, k)] = weight(unit, k));
            for p in 0..places {
                (0..ABREAST).for_each(|lane| {
                    dy[place(p, unit, lane)] = value(3, place(p, unit, lane));
                });
            }
        }
        for arch in archs() {
            let mut y = vec![T::of(f64::NAN); dy.len()];
            Forward { x, weights: &weights, units, y: &mut y }.by(arch);
            let mut gradient = vec![T::ONE; weights.len()];
            Backward { x, dy: &dy, units, weights: &mut gradient }.by(arch);
            let read = |p: usize, k: usize, lane: usize| data[at[p] + offsets[k] + lane];
            for unit in 0..units {
                for p in 0..places {
                    for lane in 0..ABREAST {
                        let terms = (0..depth).map(|k| weight(unit, k) * read(p, k, lane));
                        let sum = terms.fold(T::ZERO, |sum, term| sum + term);
                        assert_eq!(y[place(p, unit, lane)], sum, "{places} {depth} {units}");
                    }
                }
                for k in 0..depth {
                    let mut sum = T::ONE;
                    for p in 0..places {
                        for lane in 0..ABREAST {
                            sum += read(p, k, lane) * dy[place(p, unit, lane)];
                        }
                    }
                    let found = gradient[super::at(units, depth, unit, k)];
                    assert_eq!(found, sum, "{places} {depth} {units}");
                }
            }
        }
    }
}

#[test]
fn sums_equal_the_definition() {
    equal_the_definition::<f64>();
    equal_the_definition::<f32>();
}

fn transposes<T: Float>() {
    for (rows, columns) in (1..36).flat_map(|rows| (1..36).map(move |columns| (rows, columns))) {
        let numbers: Vec<T> = (0..rows * columns).map(|i| T::of(i as f64)).collect();
        let mut expected = vec![T::ZERO; rows * columns];
        // Columns from the last to the first.
        let place = |column: usize| (columns - 1 - column) * rows;
        for row in 0..rows {
            for column in 0..columns {
                expected[place(column) + row] = numbers[row * columns + column];
            }
        }
        for arch in archs() {
            let mut to = vec![T::of(f64::NAN); rows * columns];
            let row = |row: usize| &numbers[row * columns..];
            arch.dispatch(Turn { sizes: (rows, columns), row, to: &mut to, place });
            assert_eq!(to, expected, "{rows} × {columns}");
        }
    }
}

#[test]
fn turning_transposes() {
    transposes::<f64>();
    transposes::<f32>();
}
