//! The tile: a block of C so small that its sums stay in registers while k runs.
//!
//! A step of k takes V vectors of a column of A and N single numbers of a row of B, and does V·N
//! multiply-adds. Each number of B is spread over a register as it is loaded, which costs no more than a plain
//! load; so B is read where it lies, along its columns or along its rows, and is copied only where it is narrow and lies across.

use std::ops::Range;

use nalgebra::{Const, Dyn};
use prefetch_index::prefetch_index;
use pulp::Simd;

use super::Rectangle;
use super::matrix::{Matrix, Stored};
use super::pack::{Ahead, LINE};
use crate::numbers::lanes::{Lanes, each, lanes};
use crate::numbers::scalar::Float;

/// Steps of k that are done together: what is checked and counted once for all of them costs next to nothing.
const STEPS: usize = 4;

/// N columns of B, as the kernel reads them.
pub trait Right<T, const N: usize>: Copy {
    /// The numbers of so many steps, by step and column, from `STEPS` times `block` on.
    fn block(&self, block: usize) -> impl Fn(usize, usize) -> T;
    /// The numbers of one step.
    fn step(&self, step: usize) -> impl Fn(usize, usize) -> T;
}

/// B is stored along k.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a, T, const N: usize>([&'a [T]; N]);

impl<'a, T: Lanes, const N: usize> Columns<'a, T, N> {
    /// The columns before `end`. Where these are fewer, the first one stands for those that are not there.
    #[inline(always)]
    pub fn new(b: Stored<'a, T>, end: usize, depth: usize) -> Self {
        Self(std::array::from_fn(|j| {
            let column = (end + j).saturating_sub(N);
            &b.data[column * b.stride + b.first..][..depth]
        }))
    }
}

impl<T: Lanes, const N: usize> Right<T, N> for Columns<'_, T, N> {
    #[inline(always)]
    fn block(&self, block: usize) -> impl Fn(usize, usize) -> T {
        let columns: [&[T; STEPS]; N] = std::array::from_fn(
            #[inline(always)]
            |j| &self.0[j].as_chunks().0[block],
        );
        #[inline(always)]
        move |step: usize, j: usize| columns[j][step]
    }
    #[inline(always)]
    fn step(&self, step: usize) -> impl Fn(usize, usize) -> T {
        #[inline(always)]
        move |_: usize, j: usize| self.0[j][step]
    }
}

/// B is stored across k.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T, const N: usize> {
    data: &'a [T],
    stride: usize,
    first: usize,
}

impl<'a, T: Lanes, const N: usize> Rows<'a, T, N> {
    /// The columns before `end`, which are at least N.
    #[inline(always)]
    pub fn new(b: Stored<'a, T>, end: usize) -> Self {
        Self { data: b.data, stride: b.stride, first: b.first + end - N }
    }

    #[inline(always)]
    fn row(&self, step: usize) -> &'a [T; N] {
        self.data[step * self.stride + self.first..].first_chunk().expect("N columns")
    }
}

impl<T: Lanes, const N: usize> Right<T, N> for Rows<'_, T, N> {
    #[inline(always)]
    fn block(&self, block: usize) -> impl Fn(usize, usize) -> T {
        // A check at each step, not all at the block's beginning: it keeps the compiler from loading all the rows of
        // a block before the first sum, for which there are not registers enough.
        #[inline(always)]
        move |step: usize, j: usize| self.row(block * STEPS + step)[j]
    }
    #[inline(always)]
    fn step(&self, step: usize) -> impl Fn(usize, usize) -> T {
        let row = self.row(step);
        #[inline(always)]
        move |_: usize, j: usize| row[j]
    }
}

/// The first V vectors of a column.
#[inline(always)]
pub fn column<T: Lanes, S: Simd, const V: usize>(column: &[T]) -> &[T::Vector<S>; V] {
    let (vectors, _) = T::vectors::<S>(&column[..V * lanes::<T, S>()]);
    vectors.first_chunk().expect("V vectors")
}

/// One step of k.
#[inline(always)]
fn add<T: Lanes, S: Simd, const V: usize, const N: usize>(
    simd: S,
    a: &[T::Vector<S>; V],
    b: &impl Fn(usize, usize) -> T,
    step: usize,
    sums: &mut [[T::Vector<S>; V]; N],
) {
    each!(J < N {
        let b = T::spread(simd, b(step, J));
        each!(I < V {
            sums[J][I] = T::multiply_add(simd, a[I], b, sums[J][I]);
        });
    });
}

/// c ← sums + β c for a column of a tile.
#[inline(always)]
fn write<T: Float, S: Simd, const V: usize>(
    simd: S,
    sums: &[T::Vector<S>; V],
    beta: T,
    c: &mut [T],
) {
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
}

/// The same for one that ends before its sums do.
#[inline(always)]
fn write_part<T: Float, S: Simd>(simd: S, sums: &[T::Vector<S>], beta: T, c: &mut [T]) {
    for (c, &sum) in c.chunks_mut(lanes::<T, S>()).zip(sums) {
        let sum = if beta == T::ZERO {
            sum
        } else {
            T::multiply_add(simd, T::spread(simd, beta), T::load_part(simd, c), sum)
        };
        T::store_part(simd, c, sum);
    }
}

/// Columns of a tile, at most.
pub const WIDEST: usize = 8;
/// So few are multiplied one by one.
pub const FEW: usize = 3;

/// C ← A B + β C for some rows of C, the first of which is `row`. With β = 0 the old C is not read.
#[derive(Debug)]
pub struct Strip<'a, 'c, 'm, T> {
    /// V vectors of rows, of which the last may be cut short in C.
    pub a: Stored<'a, T>,
    pub b: Matrix<'a, T>,
    pub beta: T,
    pub c: &'m mut Rectangle<'c, T>,
    pub row: usize,
    pub rows: usize,
    pub ahead: Ahead<'a, T>,
}

impl<T: Float> Strip<'_, '_, '_, T> {
    /// In tiles that are as large as there are registers.
    #[inline(always)]
    pub fn multiply<S: Simd, const V: usize>(self, simd: S) {
        // V·N sums, V vectors of A and a number or two of B have to find room.
        if const { S::REGISTER_COUNT > 16 } {
            self.multiply_by::<S, V, WIDEST>(simd);
        } else {
            self.multiply_by::<S, V, 6>(simd);
        }
    }

    /// In tiles of so many columns.
    #[inline(always)]
    fn multiply_by<S: Simd, const V: usize, const N: usize>(mut self, simd: S) {
        if !self.b.is_transposed {
            return match self.b.columns {
                0..=FEW => self.multiply_columns::<S, V, 1>(simd),
                _ => self.multiply_columns::<S, V, N>(simd),
            };
        }
        // Packed, as this says in numbers that the compiler knows; else it runs out of registers.
        debug_assert_eq!((self.a.stride, self.a.first), (V * lanes::<T, S>(), 0));
        self.a = Stored { stride: V * lanes::<T, S>(), first: 0, ..self.a };
        let b = self.b;
        for first in (0..b.columns).step_by(N) {
            let columns = first..b.columns.min(first + N);
            self.tile::<S, V, N>(simd, Rows::new(b.stored, columns.end), columns);
        }
    }

    /// The same where B is stored along k.
    #[inline(always)]
    pub fn multiply_columns<S: Simd, const V: usize, const N: usize>(mut self, simd: S) {
        let b = self.b;
        for first in (0..b.columns).step_by(N) {
            let columns = first..b.columns.min(first + N);
            self.tile::<S, V, N>(simd, Columns::new(b.stored, columns.end, b.rows), columns);
        }
    }

    /// Multiplies the N columns before the end of `columns`, of which only these are not there yet.
    ///
    /// Each element is summed over k in order, whatever V and N are.
    #[inline(always)]
    fn tile<S: Simd, const V: usize, const N: usize>(
        &mut self,
        simd: S,
        b: impl Right<T, N>,
        columns: Range<usize>,
    ) {
        let Self { a: Stored { data, stride, first, .. }, beta, row, rows, .. } = *self;
        let mut ahead = self.ahead.fetch(self.b.rows / STEPS);
        let mut sums = [[T::spread(simd, T::ZERO); V]; N];
        let blocks = data.chunks_exact(STEPS * stride);
        let steps = blocks.remainder().chunks_exact(stride);
        let done = blocks.len();
        for (block, a) in blocks.enumerate() {
            let a: [&[T::Vector<S>; V]; STEPS] = std::array::from_fn(
                #[inline(always)]
                |step| column::<T, S, V>(&a[step * stride + first..]),
            );
            let b = b.block(block);
            ahead.next_line();
            if block < N * (V * size_of::<T::Vector<S>>() / LINE + 1) {
                let row = row + block / N * (LINE / size_of::<T>());
                self.fetch(row, columns.end + block % N);
            }
            // Written out: a loop around both of `add`'s would be too much for the compiler to unroll, and the sums
            // would not stay in registers.
            const { assert!(STEPS == 4) }
            add(simd, a[0], &b, 0, &mut sums);
            add(simd, a[1], &b, 1, &mut sums);
            add(simd, a[2], &b, 2, &mut sums);
            add(simd, a[3], &b, 3, &mut sums);
        }
        for (step, a) in steps.enumerate() {
            let b = b.step(done * STEPS + step);
            add(simd, column::<T, S, V>(&a[first..]), &b, 0, &mut sums);
        }
        // Numbers below 0 wrap, and are in no range.
        let number = |j: usize| (columns.end + j).wrapping_sub(N);
        if rows == V * lanes::<T, S>() {
            each!(J < N {
                if columns.contains(&number(J)) {
                    write(simd, &sums[J], beta, self.column(number(J)));
                }
            });
        } else {
            // A copy, or the sums would lie in memory from the beginning.
            let sums = sums;
            for (sums, j) in sums[N - columns.len()..].iter().zip(columns) {
                write_part(simd, sums, beta, self.column(j));
            }
        }
    }

    /// The rows of a column of C.
    #[inline(always)]
    fn column(&mut self, column: usize) -> &mut [T] {
        let shape = (Dyn(self.rows), Const::<1>);
        self.c.generic_view_mut((self.row, column), shape).data.into_slice_mut()
    }

    /// Fetches a line of C for the next tile while this one is multiplied. Where it is to be written only, it has to be
    /// waited for all the same.
    #[inline(always)]
    fn fetch(&self, row: usize, column: usize) {
        if let Some(number) = self.c.get((row, column)) {
            prefetch_index(std::slice::from_ref(number), 0);
        }
    }
}
