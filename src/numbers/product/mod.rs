//! The one place where matrices are multiplied: C ← A B + β C.
//!
//! Three loops, from the outside in, each around a part of the matrices that stays in a level of the cache:
//!
//! 1. As many columns of B and C as the second level holds ([`SECOND_LEVEL`]).
//! 2. A panel of A: some vectors of rows by a part of k (see [`pack`]). It is copied next to itself, transposed if need
//!    be, and stays in the first level, or next to it, while it meets all those columns.
//! 3. A tile of C, whose sums stay in registers (see [`kernel`]).
//!
//! Only A is packed, a panel at a time; B is read where it lies, or copied where it is narrow and lies across. So a
//! product needs memory for one panel and no more, and a small product spends little on rearranging. Threads each take a
//! block of C.
//!
//! Each element of C is summed over k in order, in parts whose lengths depend on k alone, and a vector's lanes are rows
//! of C. So its bits do not depend on what is computed beside it: not on the number of columns, nor on which of them it
//! is in, nor on how C is divided among threads.
//!
//! # References
//! K. Goto, R. van de Geijn (2008), Anatomy of high-performance matrix multiplication.

mod kernel;
mod matrix;
mod pack;
#[cfg(test)]
mod tests;

use std::mem::take;
use std::ops::Range;

use nalgebra::{Const, Dyn, MatrixViewMut};
use pulp::{Arch, Simd, WithSimd};

use crate::numbers::lanes::lanes;
use crate::numbers::once::once;
use crate::numbers::parallel;
use crate::numbers::scalar::Float;
use kernel::{FEW, Strip};
pub(crate) use matrix::Matrix;
use matrix::Stored;
use pack::{Ahead, TALLEST, for_each_panel, pack, tall};
pub use pack::{Pack, Workspace};

/// Bytes of B and C that are worked on together. With a second level of 2 MiB half and twice as much are slower.
const SECOND_LEVEL: usize = 1 << 20;
/// But never fewer columns than these, or packing A anew for each lot would cost much.
const LEAST_TOGETHER: usize = 128;
/// So few columns do not repay packing: A is read where it lies, if its columns are vectors.
const UNPACKED: usize = 32;

/// What is done to a part of a product's result as soon as it is there: to these rows, never none, of some whole number
/// of its columns, which lie one after the other in the slice. Every element is in one part and comes once. Parts come
/// in any order, and from several threads at the same time.
pub type Finish<'a, T> = &'a (dyn Fn(Range<usize>, &mut [T]) + Sync);

once! {
    /// C ← A B + β C. With β = 0 the old C is not read.
    ///
    /// A column of C depends on the same column of B only, and on its own, to the bit.
    pub(crate) fn multiply(a: Matrix<'a, T>, b: Matrix<'a, T>, beta: T, c: &'a mut [T]) = multiply_generic;
    /// C ← A B, and `finish` on each part of it while that is in the cache.
    pub(crate) fn multiply_then(a: Matrix<'a, T>, b: Matrix<'a, T>, c: &'a mut [T], finish: Finish<'a, T>)
        = |a, b, c, finish| multiply_by(Arch::new(), a, b, Float::ZERO, c, Some(finish));
}

fn multiply_generic<T: Float>(a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    // A single row is a column of the transpose, and fills vectors. Its numbers lie in the same order.
    let (a, b) = if a.rows == 1 { (b.transposed(), a.transposed()) } else { (a, b) };
    multiply_by(Arch::new(), a, b, beta, c, None);
}

/// The same by the instructions given.
fn multiply_by<T: Float>(
    arch: Arch,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    beta: T,
    c: &mut [T],
    finish: Option<Finish<'_, T>>,
) {
    assert_eq!((a.columns, c.len()), (b.rows, a.rows * b.columns), "sizes of a product");
    if c.is_empty() {
        return;
    }
    // What is done to an element at the end costs too.
    let of_element = a.columns + finish.map_or(0, |_| parallel::ELEMENT);
    let cost = c.len().saturating_mul(of_element);
    let block = Block { a, b: b.upright(), beta, c: Target::Columns(c), row: 0, finish };
    block.divide(arch, parallel::parts(cost));
}

/// C, or some rows of it.
type Rectangle<'a, T> = MatrixViewMut<'a, T, Dyn, Dyn, Const<1>, Dyn>;

/// Where a block of C lies.
enum Target<'a, T> {
    /// Whole columns, one after the other.
    Columns(&'a mut [T]),
    /// Some rows of them.
    Rows(Rectangle<'a, T>),
}

/// A block of C, which is a product of its own.
struct Block<'a, T: Float> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    beta: T,
    c: Target<'a, T>,
    /// The number of its first row.
    row: usize,
    finish: Option<Finish<'a, T>>,
}

impl<T: Float> Block<'_, T> {
    /// In so many parts at the same time.
    fn divide(mut self, arch: Arch, parts: usize) {
        /// Parts begin at multiples of this: whole vectors of rows, whole tiles of columns.
        const GRAIN: usize = 16;
        let (rows, columns) = (self.a.rows, self.b.columns);
        // Divided rows need no panel twice; few of them would leave registers unused.
        let by_rows = rows >= 8 * GRAIN || rows >= columns;
        let all = if by_rows { rows } else { columns };
        let left_parts = parts / 2;
        let at = (all * left_parts).checked_div(parts).unwrap_or(0).next_multiple_of(GRAIN);
        if at == 0 || at >= all {
            return self.run(arch);
        }
        let (left, right) = if by_rows { self.split_rows(at) } else { self.split_columns(at) };
        parallel::both(|| left.divide(arch, left_parts), || right.divide(arch, parts - left_parts));
    }

    fn split_rows(&mut self, at: usize) -> (Block<'_, T>, Block<'_, T>) {
        let Self { a, b, beta, row, finish, .. } = *self;
        if let Target::Columns(c) = &mut self.c {
            let (rows, columns) = (Dyn(a.rows), Dyn(b.columns));
            self.c = Target::Rows(Rectangle::from_slice_generic(take(c), rows, columns));
        }
        let part = |first, count, c| Block {
            a: a.rows(first, count),
            b,
            beta,
            c,
            row: row + first,
            finish,
        };
        match &mut self.c {
            Target::Columns(_) => unreachable!("they are a rectangle by now"),
            Target::Rows(c) => {
                let (left, right) = c.rows_range_pair_mut(..at, at..);
                (part(0, at, Target::Rows(left)), part(at, a.rows - at, Target::Rows(right)))
            }
        }
    }

    fn split_columns(&mut self, at: usize) -> (Block<'_, T>, Block<'_, T>) {
        let Self { a, b, beta, row, finish, .. } = *self;
        let (left, right) = match &mut self.c {
            Target::Columns(c) => {
                let (left, right) = c.split_at_mut(at * a.rows);
                (Target::Columns(left), Target::Columns(right))
            }
            Target::Rows(c) => {
                let (left, right) = c.columns_range_pair_mut(..at, at..);
                (Target::Rows(left), Target::Rows(right))
            }
        };
        let part = |first, count, c| Block { a, b: b.columns(first, count), beta, c, row, finish };
        (part(0, at, left), part(at, b.columns - at, right))
    }

    /// On this thread.
    fn run(mut self, arch: Arch) {
        let (rows, columns) = (self.a.rows, self.b.columns);
        let together = SECOND_LEVEL / ((rows + self.b.rows).max(1) * size_of::<T>());
        let together = together.max(1).next_multiple_of(LEAST_TOGETHER);
        let mut workspace = T::take_workspace();
        for first in (0..columns).step_by(together) {
            let count = together.min(columns - first);
            self.run_columns(arch, first, count, &mut workspace);
        }
        T::return_workspace(workspace);
    }

    fn run_columns(
        &mut self,
        arch: Arch,
        first: usize,
        count: usize,
        workspace: &mut Workspace<T>,
    ) {
        let Self { a, b, beta, ref mut c, row, finish } = *self;
        let rows = row..row + a.rows;
        let b = b.columns(first, count);
        match c {
            Target::Columns(c) => {
                let c = &mut c[first * a.rows..][..count * a.rows];
                let whole = Rectangle::from_slice_generic(&mut *c, Dyn(a.rows), Dyn(count));
                Product { a, b, beta, c: whole, workspace }.run(arch);
                if let Some(finish) = finish {
                    finish(rows, c);
                }
            }
            Target::Rows(c) => {
                let mut c = c.columns_mut(first, count);
                Product { a, b, beta, c: c.as_view_mut(), workspace }.run(arch);
                if let Some(finish) = finish {
                    c.column_iter_mut().for_each(|mut c| finish(rows.clone(), c.as_mut_slice()));
                }
            }
        }
    }
}

/// C ← A B + β C on one thread.
struct Product<'a, 'c, T: Float> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    beta: T,
    c: Rectangle<'c, T>,
    workspace: &'c mut Workspace<T>,
}

impl<T: Float> WithSimd for Product<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if const { S::IS_SCALAR } { self.run_by(pulp::Scalar128b) } else { self.run_by(simd) }
    }
}

impl<T: Float> Product<'_, '_, T> {
    fn run(mut self, arch: Arch) {
        if self.a.columns > 0 {
            return arch.dispatch(self);
        }
        // With β = 0 the old C is not read.
        let Self { beta, ref mut c, .. } = self;
        c.apply(|c| *c = if beta == T::ZERO { T::ZERO } else { beta * *c });
    }

    #[inline(always)]
    fn run_by<S: Simd>(self, simd: S) {
        let Self { a, b, beta, mut c, workspace } = self;
        let lanes = lanes::<T, S>();
        let is_direct = !a.is_transposed && !b.is_transposed && b.columns <= UNPACKED;
        let tallest = if is_direct && b.columns <= FEW { TALLEST } else { tall::<S>() };
        for_each_panel::<S>(
            a.rows,
            a.columns,
            lanes,
            tallest,
            #[inline(always)]
            |at, next| {
                let height = at.vectors * lanes;
                let (packed, narrow) = workspace.numbers(height * at.depth);
                let panel = if is_direct && at.rows == height {
                    a.rows(at.row, at.rows).columns(at.k, at.depth).stored
                } else {
                    pack(simd, a, at, packed);
                    Stored::new(packed, height)
                };
                let ahead = Ahead::of(a, next.filter(|_| !is_direct), b);
                let mut b = b.rows(at.k, at.depth);
                if b.is_narrow() {
                    b = b.copied(narrow);
                }
                let beta = if at.k == 0 { beta } else { T::ONE };
                let (c, row, rows) = (&mut c, at.row, at.rows);
                let strip = Strip { a: panel, b, beta, c, row, rows, ahead };
                match at.vectors {
                    1 => strip.multiply::<S, 1>(simd),
                    2 => strip.multiply::<S, 2>(simd),
                    3 if const { tall::<S>() == 3 } => strip.multiply::<S, 3>(simd),
                    _ => strip.multiply_columns::<S, TALLEST, 1>(simd), // of few columns
                }
            },
        );
    }
}
