//! Work in parts: on the threads the caller has set, or, by default, on the caller's own.
//!
//! Everything is divided by columns (samples) or by blocks of a result, never within a sum, so the
//! bits of every result are the same for any number of threads.

use crate::error::Result;

#[cfg(feature = "parallel")]
mod threads;
#[cfg(feature = "parallel")]
pub use threads::Threads;

/// Multiply-adds, or elements of a few operations each weighed by [`ELEMENT`], below which
/// handing a part to another thread costs more than it saves.
const GRAIN: usize = 1 << 18;

/// What an element of element-wise work costs, in multiply-adds of a product.
pub(crate) const ELEMENT: usize = 32;

/// In how many parts work of this cost should be done here and now.
pub(crate) fn parts(cost: usize) -> usize {
    #[cfg(feature = "parallel")]
    if rayon::current_thread_index().is_some() {
        return rayon::current_num_threads().min(cost / GRAIN).max(1);
    }
    let _ = cost / GRAIN;
    1
}

/// Whether work of this cost is done in more than one part where there are threads for it.
pub(crate) fn is_divided(cost: usize) -> bool {
    cost / GRAIN > 1
}

/// Runs both, at the same time where there are threads for it.
pub(crate) fn both(left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    #[cfg(feature = "parallel")]
    {
        let (mut left, mut right) = (Some(left), Some(right));
        let left = &mut || left.take().into_iter().for_each(|work| work());
        threads::join(left, &mut || right.take().into_iter().for_each(|work| work()));
    }
    #[cfg(not(feature = "parallel"))]
    {
        left();
        right();
    }
}

/// Does the work with so many threads to divide it among.
pub(crate) fn on_threads<T: Send>(count: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    #[cfg(feature = "parallel")]
    if count > 1 {
        return Ok(Threads::new(count)?.run(work));
    }
    let _ = count;
    Ok(work())
}

/// Data that can be divided between two columns.
pub(crate) trait Divide: Sized + Send {
    /// The columns before `at`, and those from there on.
    fn divide(self, at: usize) -> (Self, Self);
}

/// Does `work` on all columns of `data`, in parts that together are the whole.
pub(crate) fn in_parts<D: Divide>(
    columns: usize,
    column_cost: usize,
    data: D,
    work: impl Fn(D) + Sync,
) {
    divided(columns, parts(columns.saturating_mul(column_cost)), data, &work);
}

fn divided<D: Divide>(columns: usize, parts: usize, data: D, work: &(impl Fn(D) + Sync)) {
    if parts.min(columns) < 2 {
        return work(data);
    }
    let left_parts = parts / 2;
    let at = columns * left_parts / parts;
    let (left, right) = data.divide(at);
    both(
        || divided(at, left_parts, left, work),
        || divided(columns - at, parts - left_parts, right, work),
    );
}

impl<T: Sync> Divide for &[T] {
    fn divide(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}

impl<T: Send> Divide for &mut [T] {
    fn divide(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }
}

/// The number of the first column.
impl Divide for usize {
    fn divide(self, at: usize) -> (Self, Self) {
        (self, self + at)
    }
}

impl<D: Divide> Divide for Option<D> {
    fn divide(self, at: usize) -> (Self, Self) {
        self.map(|data| data.divide(at)).unzip()
    }
}

macro_rules! divide_tuple {
    ($($part:ident $left:ident $right:ident),+) => {
        #[allow(non_snake_case)]
        impl<$($part: Divide),+> Divide for ($($part,)+) {
            fn divide(self, at: usize) -> (Self, Self) {
                let ($($part,)+) = self;
                $(let ($left, $right) = $part.divide(at);)+
                (($($left,)+), ($($right,)+))
            }
        }
    };
}
divide_tuple!(A a1 a2, B b1 b2);
divide_tuple!(A a1 a2, B b1 b2, C c1 c2);
divide_tuple!(A a1 a2, B b1 b2, C c1 c2, D d1 d2);
