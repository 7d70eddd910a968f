//! The tile: a block of C so small that its sums stay in registers while k runs.
//!
//! A step of k takes V vectors of a column of A and N single numbers of a row of B, and does V·N
//! multiply-adds. Each number of B is spread over a register as it is loaded, which costs no more than a plain
//! load; so B is read where it lies, along its columns or along its rows, and is never packed.

use nalgebra::{Const, Dyn};
use prefetch_index::prefetch_index;
use pulp::Simd;

use super::pack::{Ahead, Fetch, LINE};
use super::{Matrix, Rectangle};
use crate::numbers::lanes::{Lanes, each, lanes};
use crate::numbers::scalar::Float;

/// Columns of a stored matrix, each `stride` numbers long, of which what begins with number `first` is meant.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a, T> {
    pub data: &'a [T],
    pub stride: usize,
    pub first: usize,
}

impl<'a, T> Stored<'a, T> {
    /// From the row given on.
    pub fn rows(self, first: usize) -> Self {
        Self { first: self.first + first, ..self }
    }

    /// Some of the columns.
    pub fn columns(self, first: usize, count: usize) -> Self {
        Self { data: &self.data[first * self.stride..][..count * self.stride], ..self }
    }
}

/// Steps of k that are done together: what is checked and counted once for all of them costs next to nothing.
const STEPS: usize = 4;

/// N columns of B, as the kernel reads them.
pub trait Right<T, const N: usize>: Copy {
    /// The numbers of so many steps, by step and column, from `STEPS` times `block` on.
    fn block(&self, block: usize) -> impl Fn(usize, usize) -> T;
    /// The numbers of one step.
    fn step(&self, step: usize) -> impl Fn(usize) -> T;
}

/// B is stored along k.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a, T, const N: usize> {
    blocks: [&'a [[T; STEPS]]; N],
    whole: [&'a [T]; N],
}

impl<'a, T: Lanes, const N: usize> Columns<'a, T, N> {
    #[inline(always)]
    pub fn new(b: Stored<'a, T>, column: usize, depth: usize) -> Self {
        let whole: [&[T]; N] =
            std::array::from_fn(|j| &b.data[(column + j) * b.stride + b.first..][..depth]);
        Self { blocks: whole.map(|column| column.as_chunks().0), whole }
    }
}

impl<T: Lanes, const N: usize> Right<T, N> for Columns<'_, T, N> {
    #[inline(always)]
    fn block(&self, block: usize) -> impl Fn(usize, usize) -> T {
        let columns: [&[T; STEPS]; N] = std::array::from_fn(
            #[inline(always)]
            |j| &self.blocks[j][block],
        );
        #[inline(always)]
        move |step: usize, j: usize| columns[j][step]
    }
    #[inline(always)]
    fn step(&self, step: usize) -> impl Fn(usize) -> T {
        #[inline(always)]
        move |j: usize| self.whole[j][step]
    }
}

/// B is stored across k.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    data: &'a [T],
    stride: usize,
    first: usize,
}

impl<'a, T: Lanes> Rows<'a, T> {
    #[inline(always)]
    pub fn new(b: Stored<'a, T>, column: usize) -> Self {
        Self { data: b.data, stride: b.stride, first: b.first + column }
    }

    #[inline(always)]
    fn row<const N: usize>(&self, step: usize) -> &'a [T; N] {
        self.data[step * self.stride + self.first..].first_chunk().expect("N columns")
    }
}

impl<T: Lanes, const N: usize> Right<T, N> for Rows<'_, T> {
    #[inline(always)]
    fn block(&self, block: usize) -> impl Fn(usize, usize) -> T {
        // A check at each step, not all at the block's beginning: it keeps the compiler from loading all the rows of
        // a block before the first sum, for which there are not registers enough.
        #[inline(always)]
        move |step: usize, j: usize| self.row::<N>(block * STEPS + step)[j]
    }
    #[inline(always)]
    fn step(&self, step: usize) -> impl Fn(usize) -> T {
        let row = self.row::<N>(step);
        #[inline(always)]
        move |j: usize| row[j]
    }
}

/// Where a tile of C lies: V vectors of rows, of which the last may be cut short.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub row: usize,
    pub rows: usize,
    pub column: usize,
}

/// The first V vectors of a column.
#[inline(always)]
fn column<T: Lanes, S: Simd, const V: usize>(column: &[T]) -> &[T::Vector<S>; V] {
    let (vectors, _) = T::vectors::<S>(&column[..V * lanes::<T, S>()]);
    vectors.first_chunk().expect("V vectors")
}

/// One step of k.
#[inline(always)]
fn add<T: Lanes, S: Simd, const V: usize, const N: usize>(
    simd: S,
    a: &[T::Vector<S>; V],
    b: impl Fn(usize) -> T,
    sums: &mut [[T::Vector<S>; V]; N],
) {
    each!(J < N {
        let b = T::spread(simd, b(J));
        each!(I < V {
            sums[J][I] = T::multiply_add(simd, a[I], b, sums[J][I]);
        });
    });
}

/// C ← A B + β C for V vectors of rows and N columns. With β = 0 the old C is not read.
///
/// Each element is summed over k in order, whatever V and N are.
#[inline(always)]
pub fn tile<'a, T: Float, S: Simd, const V: usize, const N: usize>(
    simd: S,
    a: Stored<'a, T>,
    b: impl Right<T, N>,
    beta: T,
    c: &mut Rectangle<'_, T>,
    place: Place,
    mut ahead: Fetch<'_, T>,
) {
    let first = a.first;
    let mut sums = [[T::spread(simd, T::ZERO); V]; N];
    let blocks = a.data.chunks_exact(STEPS * a.stride);
    let steps = blocks.remainder().chunks_exact(a.stride);
    let done = blocks.len();
    for (block, a_block) in blocks.enumerate() {
        let a: [&[T::Vector<S>; V]; STEPS] = std::array::from_fn(
            #[inline(always)]
            |step| column::<T, S, V>(&a_block[step * a.stride + first..]),
        );
        let b = b.block(block);
        ahead.next_line();
        if block < N * (V * size_of::<T::Vector<S>>() / LINE + 1) {
            let row = place.row + block / N * (LINE / size_of::<T>());
            fetch(c, row, place.column + N + block % N);
        }
        // Written out: a loop around both of `add`'s would be too much for the compiler to unroll, and the sums would
        // not stay in registers.
        const { assert!(STEPS == 4) }
        add(simd, a[0], |j| b(0, j), &mut sums);
        add(simd, a[1], |j| b(1, j), &mut sums);
        add(simd, a[2], |j| b(2, j), &mut sums);
        add(simd, a[3], |j| b(3, j), &mut sums);
    }
    for (step, a) in steps.enumerate() {
        add(simd, column::<T, S, V>(&a[first..]), b.step(done * STEPS + step), &mut sums);
    }
    each!(J < N {
        let shape = (Dyn(place.rows), Const::<1>);
        let column = c.generic_view_mut((place.row, place.column + J), shape);
        write(simd, &sums[J], beta, column.data.into_slice_mut());
    });
}

/// Fetches a line of C for the next tile while this one is multiplied. Where it is to be written only, it has to be
/// waited for all the same.
#[inline(always)]
fn fetch<T: Float>(c: &Rectangle<'_, T>, row: usize, column: usize) {
    if let Some(number) = c.get((row, column)) {
        prefetch_index(std::slice::from_ref(number), 0);
    }
}

/// c ← sums + β c for a column of a tile.
#[inline(always)]
fn write<T: Float, S: Simd, const V: usize>(
    simd: S,
    sums: &[T::Vector<S>; V],
    beta: T,
    c: &mut [T],
) {
    let lanes = lanes::<T, S>();
    if c.len() == V * lanes {
        let (c, _) = T::vectors_mut::<S>(c);
        let c: &mut [T::Vector<S>; V] = c.first_chunk_mut().expect("V vectors");
        if beta == T::ZERO {
            *c = *sums;
        } else {
            let beta = T::spread(simd, beta);
            each!(I < V {
                c[I] = T::multiply_add(simd, beta, c[I], sums[I]);
            });
        }
    } else {
        let mut parts = c.chunks_mut(lanes);
        each!(I < V {
            if let Some(c) = parts.next() {
                let sum = if beta == T::ZERO {
                    sums[I]
                } else {
                    T::multiply_add(simd, T::spread(simd, beta), T::load_part(simd, c), sums[I])
                };
                T::store_part(simd, c, sum);
            }
        });
    }
}

/// All columns of a panel's rows.
#[inline(always)]
pub fn strip<T: Float, S: Simd, const V: usize>(
    simd: S,
    a: Stored<'_, T>,
    b: Matrix<'_, T>,
    beta: T,
    c: &mut Rectangle<'_, T>,
    place: Place,
    ahead: &mut Ahead<'_, T>,
) {
    // V·N sums, V vectors of A and a number or two of B have to find room.
    let place = if S::REGISTER_COUNT > 16 {
        tiles::<T, S, V, 8>(simd, a, b, beta, c, place, ahead)
    } else {
        tiles::<T, S, V, 6>(simd, a, b, beta, c, place, ahead)
    };
    let place = tiles::<T, S, V, 4>(simd, a, b, beta, c, place, ahead);
    tiles::<T, S, V, 1>(simd, a, b, beta, c, place, ahead);
}

#[inline(always)]
pub fn tiles<T: Float, S: Simd, const V: usize, const N: usize>(
    simd: S,
    a: Stored<'_, T>,
    b: Matrix<'_, T>,
    beta: T,
    c: &mut Rectangle<'_, T>,
    mut place: Place,
    ahead: &mut Ahead<'_, T>,
) -> Place {
    let blocks = b.rows / STEPS;
    // The last eight are rather twice four than six and two.
    while place.column + N <= b.columns && !(N == 6 && place.column + 8 == b.columns) {
        if b.is_transposed {
            // Packed, as this says in numbers that the compiler knows; else it runs out of registers.
            debug_assert_eq!((a.stride, a.first), (V * lanes::<T, S>(), 0));
            let a = Stored { stride: V * lanes::<T, S>(), first: 0, ..a };
            let b = Rows::new(b.stored, place.column);
            tile::<T, S, V, N>(simd, a, b, beta, c, place, ahead.fetch(blocks));
        } else {
            let b = Columns::new(b.stored, place.column, b.rows);
            tile::<T, S, V, N>(simd, a, b, beta, c, place, ahead.fetch(blocks));
        }
        place.column += N;
    }
    place
}
