//! The layer of the largest of each window.

use std::hint::select_unpredictable;

use super::passes::{Planes, maxima};
use super::pool::Pooling;
use super::side::Pattern;
use crate::batch::size::Size;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::layer::convolution::Sides;
use crate::layer::field::{Lies, Steps};
use crate::layer::layout::Layout;
use crate::layer::range::{Range, Real};
use crate::layer::{
    Detach, DualViewMut, Layer, Module, Part, Pass, Point, TangentPass, Unconditioned,
};
use crate::numbers::once::once;
use crate::numbers::parallel::in_parts;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// What [`MaxPool2d`](crate::MaxPool2d) and [`MaxPool1d`](crate::MaxPool1d) make.
///
/// It has no parameters and writes no tape: which pixel is the largest, inputs and outputs tell. To the compiler its
/// outputs are any real numbers, as those of a [`Fixed`](super::Fixed) layer.
#[derive(Debug, Clone)]
pub struct MaxPoolLayer<I, O> {
    pooling: Pooling,
    input: I,
    output: O,
}

impl<I, O> MaxPoolLayer<I, O> {
    pub(super) fn of(pooling: Pooling, input: I, output: O) -> Self {
        Self { pooling, input, output }
    }

    /// Steps from one window to the next; those of rows do not count for windows of a series. Default: what the sizes
    /// tell. At least 1.
    pub fn stride(self, stride: impl Into<Sides>) -> Self {
        Self { pooling: self.pooling.strided(stride.into()), ..self }
    }
}

impl<I: Size, O: Size> Module for MaxPoolLayer<I, O> {
    fn num_inputs(&self) -> usize {
        self.input.value()
    }
    fn num_outputs(&self) -> usize {
        self.output.value()
    }
    fn check_sizes(&self) -> Result<()> {
        self.pooling.check_sizes()
    }
    fn lies(&self) -> Option<Lies> {
        Lies::of(self.output)
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        self.pooling.steps()
    }
}

impl<I: Size, O: Size> Part for MaxPoolLayer<I, O> {
    type Input = I;
    type Output = O;
    type Range = Real;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> I {
        self.input
    }
    fn output(&self) -> O {
        self.output
    }
}

impl<T: Float, I: Size, O: Size> Layer<T> for MaxPoolLayer<I, O> {
    fn layout(&self, layout: &mut Layout) {
        let kind = if self.pooling.frame.is_window { "MaxPool1d" } else { "MaxPool2d" };
        let sizes = self.pooling.describe();
        layout.layer(kind, |layer| layer.setting(format_args!("{kind} of {sizes}")));
    }

    fn range(&self) -> (f64, f64) {
        Real::ENDS
    }

    fn forward(
        &self,
        _parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        _tape: &mut [T],
        _scratch: &mut [T],
    ) {
        maxima(&self.pooling.checked().there, x, y);
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        _gradient: Option<&mut [T]>,
        _scratch: &mut [T],
    ) {
        if let Some(dx) = dx {
            to_largest(&self.pooling.checked().there, pass.x, pass.y, dy.as_view(), dx);
        }
    }

    /// J v is what v has where x is largest.
    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        jv: BatchViewMut<'_, T>,
        _tangent_tape: &mut [T],
        _scratch: &mut [T],
    ) {
        at_largest(&self.pooling.checked().there, pass.x, pass.y, v, jv);
    }

    /// Which one is the largest does not change: dx and dv are those of `backward`.
    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        _tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        _gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        if let Some(d_input) = d_input {
            let plan = self.pooling.checked();
            to_largest(&plan.there, pass.x, pass.y, d.value.as_view(), d_input.value);
            to_largest(&plan.there, pass.x, pass.y, d.tangent.as_view(), d_input.tangent);
        }
    }
}

impl<T: Float, I: Size, O: Size> Detach<T> for MaxPoolLayer<I, O> {
    type Detached = Self;
    fn detach(&self, _parameters: &[T], _to: &mut Vec<T>) -> Self {
        self.clone()
    }
}

once! {
    /// dx ← dy at the first of the largest of each window, 0 elsewhere.
    fn to_largest(planes: &'a Planes, x: BatchView<'a, T>, y: BatchView<'a, T>, dy: BatchView<'a, T>, dx: BatchViewMut<'a, T>)
        = to_largest_generic;
    /// jv ← v at the first of the largest of each window.
    fn at_largest(planes: &'a Planes, x: BatchView<'a, T>, y: BatchView<'a, T>, v: BatchView<'a, T>, jv: BatchViewMut<'a, T>)
        = at_largest_generic;
}

fn to_largest_generic<T: Float>(
    planes: &Planes,
    x: BatchView<'_, T>,
    y: BatchView<'_, T>,
    dy: BatchView<'_, T>,
    dx: BatchViewMut<'_, T>,
) {
    let (inputs, outputs) = planes.sizes();
    let Planes { rows, columns, .. } = planes;
    in_parts(x.samples(), planes.cost(), (x, y, dy, dx), |(x, y, dy, mut dx)| {
        let of_inputs = x.as_slice().chunks_exact(inputs);
        let of_inputs = of_inputs.zip(dx.as_mut_slice().chunks_exact_mut(inputs));
        let of_outputs =
            y.as_slice().chunks_exact(outputs).zip(dy.as_slice().chunks_exact(outputs));
        vectorize(
            #[inline(always)]
            || {
                for ((x, dx), (y, dy)) in of_inputs.zip(of_outputs) {
                    match (rows.pattern, columns.pattern) {
                        (Pattern::Blocks(2, _), Pattern::Blocks(2, _)) => {
                            to_largest_of_four(columns.inputs, (x, dx), (y, dy));
                        }
                        (Pattern::Whole, Pattern::Blocks(2, _)) => {
                            to_larger_neighbour((x, dx), (y, dy));
                        }
                        (Pattern::Blocks(2, _), Pattern::Whole) => {
                            to_larger_row(columns.inputs, (x, dx), (y, dy));
                        }
                        _ => {
                            dx.fill(T::ZERO);
                            each_largest(planes, x, y, |output, input| dx[input] += dy[output]);
                        }
                    }
                }
            },
        );
    });
}

fn at_largest_generic<T: Float>(
    planes: &Planes,
    x: BatchView<'_, T>,
    y: BatchView<'_, T>,
    v: BatchView<'_, T>,
    jv: BatchViewMut<'_, T>,
) {
    let (inputs, outputs) = planes.sizes();
    in_parts(x.samples(), planes.cost(), (x, y, v, jv), |(x, y, v, mut jv)| {
        let of_inputs = x.as_slice().chunks_exact(inputs).zip(v.as_slice().chunks_exact(inputs));
        let of_outputs = y.as_slice().chunks_exact(outputs);
        let of_outputs = of_outputs.zip(jv.as_mut_slice().chunks_exact_mut(outputs));
        for ((x, v), (y, jv)) in of_inputs.zip(of_outputs) {
            each_largest(planes, x, y, |output, input| jv[output] = v[input]);
        }
    });
}

/// Whether x is the largest, which y is; all are beside NaN.
#[inline(always)]
#[allow(clippy::neg_cmp_op_on_partial_ord)] // So that NaN is one.
fn is_largest<T: Float>(x: T, y: T) -> bool {
    !(x < y)
}

/// For every output of a plane, the place of the first of its largest inputs.
#[inline(always)]
fn each_largest<T: Float>(planes: &Planes, x: &[T], y: &[T], mut found: impl FnMut(usize, usize)) {
    let Planes { rows, columns, .. } = planes;
    let width = columns.inputs;
    let mut outputs = y.iter().enumerate();
    for (row, of_rows) in rows.bands() {
        let windows = columns.bands().zip(outputs.by_ref());
        for ((column, of_columns), (output, &y)) in windows {
            let mut place = row * width + column;
            // From behind, so that the first one stays; which one it is no processor can foretell.
            for row in (row..row + of_rows.len()).rev() {
                let first = row * width + column;
                let of_row = x[first..][..of_columns.len()].iter().enumerate();
                for (at, &x) in of_row.rev() {
                    place = select_unpredictable(is_largest(x, y), first + at, place);
                }
            }
            found(output, place);
        }
    }
}

/// Gradients of windows of two by two, of rows of so many columns.
#[inline(always)]
fn to_largest_of_four<T: Float>(width: usize, (x, dx): (&[T], &mut [T]), (y, dy): (&[T], &[T])) {
    let inputs = x.chunks_exact(2 * width).zip(dx.chunks_exact_mut(2 * width));
    let outputs = y.chunks_exact(width / 2).zip(dy.chunks_exact(width / 2));
    for ((x, dx), (y, dy)) in inputs.zip(outputs) {
        let (upper, lower) = x.split_at(width);
        let (d_upper, d_lower) = dx.split_at_mut(width);
        let x = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        let dx = d_upper.as_chunks_mut::<2>().0.iter_mut().zip(d_lower.as_chunks_mut::<2>().0);
        for (((upper, lower), (d_upper, d_lower)), (&y, &dy)) in x.zip(dx).zip(y.iter().zip(dy)) {
            // What is left for those behind.
            let mut rest = dy;
            let mut share = |x: T| {
                let share = if is_largest(x, y) { rest } else { T::ZERO };
                rest = if is_largest(x, y) { T::ZERO } else { rest };
                share
            };
            *d_upper = [share(upper[0]), share(upper[1])];
            *d_lower = [share(lower[0]), share(lower[1])];
        }
    }
}

/// Gradients of windows of two that lie one beside the other.
#[inline(always)]
fn to_larger_neighbour<T: Float>((x, dx): (&[T], &mut [T]), (y, dy): (&[T], &[T])) {
    let inputs = x.as_chunks::<2>().0.iter().zip(dx.as_chunks_mut::<2>().0);
    for ((x, dx), (&y, &dy)) in inputs.zip(y.iter().zip(dy)) {
        let is_first = is_largest(x[0], y);
        *dx = [if is_first { dy } else { T::ZERO }, if is_first { T::ZERO } else { dy }];
    }
}

/// Gradients of windows of two rows, of so many columns that stay apart.
#[inline(always)]
fn to_larger_row<T: Float>(width: usize, (x, dx): (&[T], &mut [T]), (y, dy): (&[T], &[T])) {
    let inputs = x.chunks_exact(2 * width).zip(dx.chunks_exact_mut(2 * width));
    let outputs = y.chunks_exact(width).zip(dy.chunks_exact(width));
    for ((x, dx), (y, dy)) in inputs.zip(outputs) {
        let (d_first, d_second) = dx.split_at_mut(width);
        let dx = d_first.iter_mut().zip(d_second);
        for ((&x, (d_first, d_second)), (&y, &dy)) in x.iter().zip(dx).zip(y.iter().zip(dy)) {
            let is_first = is_largest(x, y);
            *d_first = if is_first { dy } else { T::ZERO };
            *d_second = if is_first { T::ZERO } else { dy };
        }
    }
}
