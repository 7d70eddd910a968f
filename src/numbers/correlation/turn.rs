//! From samples one after the other to samples side by side, and back.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

use crate::numbers::lanes::SQUARE;
use crate::numbers::scalar::Float;

/// Transposes a matrix of so many rows and columns: the numbers of `row(r)` go to places that are r behind those that
/// `place` gives for each column.
pub fn turn<'a, T: Float>(
    sizes: (usize, usize),
    row: impl Fn(usize) -> &'a [T],
    to: &mut [T],
    place: impl Fn(usize) -> usize,
) {
    Arch::new().dispatch(Turn { sizes, row, to, place });
}

pub(super) struct Turn<'m, T, R, P> {
    pub sizes: (usize, usize),
    pub row: R,
    pub to: &'m mut [T],
    pub place: P,
}

impl<'a, T: Float, R: Fn(usize) -> &'a [T], P: Fn(usize) -> usize> WithSimd for Turn<'_, T, R, P> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if const { S::IS_SCALAR } { self.run(Scalar128b) } else { self.run(simd) }
    }
}

impl<'a, T: Float, R: Fn(usize) -> &'a [T], P: Fn(usize) -> usize> Turn<'_, T, R, P> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { sizes: (rows, columns), row, to, place } = self;
        let whole = rows / SQUARE * SQUARE;
        let mut turned = [[T::ZERO; SQUARE]; SQUARE];
        for first in (0..whole).step_by(SQUARE) {
            let rows: [&[T]; SQUARE] = std::array::from_fn(|i| &row(first + i)[..columns]);
            for number in 0..columns / SQUARE {
                let square = std::array::from_fn(
                    #[inline(always)]
                    |i| &rows[i].as_chunks().0[number],
                );
                T::turn(simd, square, &mut turned);
                for (column, turned) in turned.iter().enumerate() {
                    let place = place(number * SQUARE + column) + first;
                    to[place..place + SQUARE].copy_from_slice(turned);
                }
            }
            for column in columns / SQUARE * SQUARE..columns {
                let place = place(column) + first;
                let to = to[place..place + SQUARE].iter_mut();
                to.zip(rows).for_each(|(to, row)| *to = row[column]);
            }
        }
        for at in whole..rows {
            for (column, &number) in row(at)[..columns].iter().enumerate() {
                to[place(column) + at] = number;
            }
        }
    }
}
