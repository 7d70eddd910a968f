//! Correlation: sums of what lies at the same distances from many places, which is what a convolution is made of.
//!
//! Sixteen numbers lie side by side, those of as many samples or of neighbouring places, and go through the sums
//! together: a vector or two of them is multiplied by a single weight. So whatever the sizes of an image are, vectors are
//! whole, and they are read where they lie.

#[cfg(test)]
mod tests;
mod turn;

use pulp::{Arch, Scalar128b, Simd, WithSimd};

use crate::numbers::lanes::{SQUARE, each, lanes};
use crate::numbers::scalar::Float;
pub(crate) use turn::turn;

/// So many numbers lie side by side.
pub(crate) const ABREAST: usize = SQUARE;

/// The numbers that are multiplied: those from `places[p] + offsets[k]` on, [`ABREAST`] of them, for all p and k.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a, T> {
    pub data: &'a [T],
    pub places: &'a [usize],
    pub offsets: &'a [usize],
}

/// Units are multiplied in tiles of so many.
fn tile(units: usize) -> usize {
    match units {
        0..=1 => 1,
        2..=4 => 4,
        _ => 8,
    }
}

/// Units and those that fill the last tile.
pub(crate) fn padded(units: usize) -> usize {
    units.next_multiple_of(tile(units))
}

/// Where the weight of a unit and an offset is, of so many of each: tile by tile, and in a tile offset by offset.
pub(crate) fn at(units: usize, depth: usize, unit: usize, offset: usize) -> usize {
    let width = tile(units);
    (unit / width * depth + offset) * width + unit % width
}

/// y(p, u) ← Σₖ w(k, u) x(p, k), by the instructions that there are.
///
/// # Shapes
/// `weights`: as [`at`] says. `y`: place by place, and there unit by unit, those included that fill the last tile.
pub(crate) fn correlate<T: Float>(x: Places<'_, T>, weights: &[T], units: usize, y: &mut [T]) {
    Forward { x, weights, units, y }.by(Arch::new());
}

/// w(k, u) ← w(k, u) + Σₚ Σ x(p, k) dy(p, u), the inner sum over what lies side by side. Shapes as of [`correlate`].
pub(crate) fn add_products<T: Float>(x: Places<'_, T>, dy: &[T], units: usize, weights: &mut [T]) {
    Backward { x, dy, units, weights }.by(Arch::new());
}

struct Forward<'a, 'm, T> {
    x: Places<'a, T>,
    weights: &'a [T],
    units: usize,
    y: &'m mut [T],
}

struct Backward<'a, 'm, T> {
    x: Places<'a, T>,
    dy: &'a [T],
    units: usize,
    weights: &'m mut [T],
}

/// Work that goes by tiles of V vectors and N units.
trait ByTiles: Sized {
    fn units(&self) -> usize;
    fn run<S: Simd, const V: usize, const N: usize>(self, simd: S);

    /// In tiles as large as there are registers.
    #[inline(always)]
    fn run_by<S: Simd>(self, simd: S) {
        match (tile(self.units()), const { S::REGISTER_COUNT > 16 }) {
            (8, true) => self.run::<S, 3, 8>(simd),
            (8, false) => self.run::<S, 1, 8>(simd),
            (4, true) => self.run::<S, 6, 4>(simd),
            (4, false) => self.run::<S, 2, 4>(simd),
            _ => self.run::<S, 8, 1>(simd),
        }
    }
}

/// The same by the instructions that a machine has.
struct Tiled<W>(W);

impl<W: ByTiles> WithSimd for Tiled<W> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if const { S::IS_SCALAR } { self.0.run_by(Scalar128b) } else { self.0.run_by(simd) }
    }
}

/// The vector that begins with this number.
#[inline(always)]
fn vector<T: Float, S: Simd>(data: &[T], at: usize) -> T::Vector<S> {
    T::vectors::<S>(&data[at..at + lanes::<T, S>()]).0[0]
}

/// What is multiplied has these sizes.
fn check<T>(x: Places<'_, T>, weights: usize, units: usize, results: usize) {
    assert_eq!(weights, padded(units) * x.offsets.len(), "weights of a correlation");
    assert_eq!(results, padded(units) * x.places.len() * ABREAST, "results of a correlation");
}

impl<T: Float> Forward<'_, '_, T> {
    fn by(self, arch: Arch) {
        check(self.x, self.weights.len(), self.units, self.y.len());
        if self.x.offsets.is_empty() {
            return self.y.fill(T::ZERO);
        }
        arch.dispatch(Tiled(self));
    }
}

impl<T: Float> ByTiles for Forward<'_, '_, T> {
    fn units(&self) -> usize {
        self.units
    }

    #[inline(always)]
    fn run<S: Simd, const V: usize, const N: usize>(self, simd: S) {
        let Self { x: Places { data, places, offsets }, weights, units, y } = self;
        let parts = const { ABREAST / lanes::<T, S>() };
        let lanes = ABREAST / parts;
        let (vectors, units) = (places.len() * parts, padded(units));
        let (y, _) = T::vectors_mut::<S>(y);
        for first in (0..vectors).step_by(V) {
            // Where there are fewer, the last one stands for those that are not there.
            let at: [usize; V] = std::array::from_fn(|i| {
                let vector = (first + i).min(vectors - 1);
                places[vector / parts] + vector % parts * lanes
            });
            for (tile, weights) in weights.chunks_exact(offsets.len() * N).enumerate() {
                let mut sums = [[T::spread(simd, T::ZERO); V]; N];
                for (&offset, weights) in offsets.iter().zip(weights.as_chunks::<N>().0) {
                    let x: [T::Vector<S>; V] = std::array::from_fn(
                        #[inline(always)]
                        |i| vector::<T, S>(data, at[i] + offset),
                    );
                    each!(J < N {
                        let weight = T::spread(simd, weights[J]);
                        each!(I < V {
                            sums[J][I] = T::multiply_add(simd, x[I], weight, sums[J][I]);
                        });
                    });
                }
                each!(I < V {
                    let vector = first + I;
                    if vector < vectors {
                        let first = (vector / parts * units + tile * N) * parts + vector % parts;
                        let y = &mut y[first..=first + (N - 1) * parts];
                        each!(J < N {
                            y[J * parts] = sums[J][I];
                        });
                    }
                });
            }
        }
    }
}

impl<T: Float> Backward<'_, '_, T> {
    fn by(self, arch: Arch) {
        check(self.x, self.weights.len(), self.units, self.dy.len());
        if !self.x.offsets.is_empty() {
            arch.dispatch(Tiled(self));
        }
    }
}

impl<T: Float> ByTiles for Backward<'_, '_, T> {
    fn units(&self) -> usize {
        self.units
    }

    #[inline(always)]
    fn run<S: Simd, const V: usize, const N: usize>(self, simd: S) {
        let Self { x: Places { data, places, offsets }, dy, units, weights } = self;
        let parts = const { ABREAST / lanes::<T, S>() };
        let lanes = ABREAST / parts;
        let units = padded(units);
        for (tile, weights) in weights.chunks_exact_mut(offsets.len() * N).enumerate() {
            let (weights, _) = weights.as_chunks_mut::<N>();
            for (offsets, weights) in offsets.chunks(V).zip(weights.chunks_mut(V)) {
                // Where there are fewer, the last one stands for those that are not there.
                let at: [usize; V] = std::array::from_fn(|i| offsets[i.min(offsets.len() - 1)]);
                let mut sums = [[T::spread(simd, T::ZERO); V]; N];
                for (&place, dy) in places.iter().zip(dy.chunks_exact(units * ABREAST)) {
                    let (dy, _) = T::vectors::<S>(&dy[tile * N * ABREAST..][..N * ABREAST]);
                    for part in 0..parts {
                        let x: [T::Vector<S>; V] = std::array::from_fn(
                            #[inline(always)]
                            |i| vector::<T, S>(data, place + at[i] + part * lanes),
                        );
                        each!(J < N {
                            let dy = dy[J * parts + part];
                            each!(I < V {
                                sums[J][I] = T::multiply_add(simd, x[I], dy, sums[J][I]);
                            });
                        });
                    }
                }
                // A copy, or the sums would lie in memory from the beginning.
                let sums = sums;
                for (i, weights) in weights.iter_mut().enumerate() {
                    for (weight, sums) in weights.iter_mut().zip(&sums) {
                        *weight += T::sum(simd, sums[i]);
                    }
                }
            }
        }
    }
}
