//! The squared norm of a layer's Jacobian, ‖∂y/∂x‖²_F, and its gradient.
//!
//! Exact for layers of any depth: by tangents, Σᵢ ‖J eᵢ‖² (as many passes as inputs), or by
//! cotangents, Σₖ ‖Jᵀ eₖ‖² (as many as outputs), whichever are fewer; or estimated without bias by
//! E‖J v‖² over random signs v (M. F. Hutchinson 1989).

use rand::RngExt;

use super::{DualViewMut, Layer, Pass, TangentPass};
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::scalar::{Float, sum};
use crate::random::Streams;

/// How the Jacobian's norm is found where there is no closed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jacobian {
    /// One pass for each input or each output, whichever are fewer.
    Exact,
    /// The mean over this many random directions; unbiased. Where no randomness is at hand
    /// (outside training) it is exact.
    Hutchinson {
        /// Directions a sample, at least 1.
        directions: usize,
    },
}

/// What is asked of the Jacobian.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a, T> {
    /// How it is found where there is no closed form.
    pub how: Jacobian,
    /// How many inputs count: those that come first. What else goes in, such as a condition, is held fixed.
    pub inputs: usize,
    /// The share of each sample in the mean, together 1; none where all count alike.
    pub shares: Option<&'a [T]>,
    /// Randomness; without it everything is exact.
    pub streams: Option<Streams<'a>>,
}

/// Where the gradient of the squared Jacobian goes; both parts are added to.
#[derive(Debug)]
pub struct JacobianGradient<'a, T> {
    /// The factor λ of the penalty λ · mean ‖J‖².
    pub weight: T,
    /// The gradient at the layer's outputs (of a Gaussian encoder, at its means), which the backward pass takes
    /// further.
    pub d_output: BatchViewMut<'a, T>,
    /// The gradient of the layer's parameters.
    pub parameters: &'a mut [T],
}

/// The scratch of [`by_passes`].
pub fn scratch_len<T: Float, L: Layer<T> + ?Sized>(layer: &L, samples: usize) -> usize {
    let (inputs, outputs) = (layer.num_inputs(), layer.num_outputs());
    (inputs + 3 * outputs) * samples + layer.tangent_tape_len(samples) + layer.scratch_len(samples)
}

/// The mean over samples of ‖∂y/∂x‖²_F by tangent passes, for any layer.
pub fn by_passes<T: Float, L: Layer<T> + ?Sized>(
    layer: &L,
    pass: Pass<'_, T>,
    Asked { how, inputs: counted, shares, streams }: Asked<'_, T>,
    gradient: Option<JacobianGradient<'_, T>>,
    scratch: &mut [T],
) -> T {
    let samples = pass.x.samples();
    let (inputs, outputs) = (layer.num_inputs(), layer.num_outputs());
    let (v, rest) = scratch.split_at_mut(inputs * samples);
    let (jv, rest) = rest.split_at_mut(outputs * samples);
    let (d_value, rest) = rest.split_at_mut(outputs * samples);
    let (d_tangent, rest) = rest.split_at_mut(outputs * samples);
    let (tape, scratch) = rest.split_at_mut(layer.tangent_tape_len(samples));

    let signs = match how {
        Jacobian::Hutchinson { directions } => streams.map(|streams| (directions, streams)),
        Jacobian::Exact => None,
    };
    let draws = signs.map_or(1, |(directions, _)| directions);
    let count = shares.map_or(samples, |_| 1) * draws;
    let mut passes = Passes {
        layer,
        pass,
        counted,
        shares,
        count,
        v,
        jv,
        d_value,
        d_tangent,
        tape,
        scratch,
        gradient,
    };
    let total = match signs {
        Some((directions, streams)) => passes.by_tangents(directions, Some(streams)),
        None if counted <= outputs => passes.by_tangents(counted, None),
        None => passes.by_cotangents(),
    };
    total / T::of(count as f64)
}

/// The passes of one call of [`by_passes`], and the memory that they have in common.
struct Passes<'a, 'g, T, L: ?Sized> {
    layer: &'a L,
    pass: Pass<'a, T>,
    /// How many inputs count.
    counted: usize,
    shares: Option<&'a [T]>,
    /// What a sum over all samples and directions is divided by.
    count: usize,
    /// The direction v, J v, and what is to go back from the outputs and from J v.
    v: &'a mut [T],
    jv: &'a mut [T],
    d_value: &'a mut [T],
    d_tangent: &'a mut [T],
    tape: &'a mut [T],
    scratch: &'a mut [T],
    gradient: Option<JacobianGradient<'g, T>>,
}

impl<T: Float, L: Layer<T> + ?Sized> Passes<'_, '_, T, L> {
    /// Σ ‖J v‖² over so many directions: random signs, or without them the unit vectors.
    fn by_tangents(&mut self, directions: usize, signs: Option<Streams<'_>>) -> T {
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let mut total = T::ZERO;
        for direction in 0..directions {
            if let Some(streams) = signs {
                draw_signs(self.v, inputs, streams.at(direction as u64));
                hold_fixed(self.v, inputs, self.counted);
            } else {
                set_unit(self.v, inputs, direction);
            }
            self.tangent();
            total += squares(self.jv, outputs, self.shares);
            if self.gradient.is_some() {
                // d‖J v‖² = 2 ⟨J v, d(J v)⟩
                self.d_tangent.copy_from_slice(self.jv);
                self.tangent_backward();
            }
        }
        total
    }

    /// Σ ‖Jᵀ eₖ‖² over all outputs.
    fn by_cotangents(&mut self) -> T {
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let mut total = T::ZERO;
        for output in 0..outputs {
            // v = Jᵀ eₖ
            set_unit(self.d_value, outputs, output);
            let dy = BatchViewMut::new(self.d_value, outputs);
            let dx = BatchViewMut::new(self.v, inputs);
            self.layer.backward(self.pass, dy, Some(dx), None, self.scratch);
            hold_fixed(self.v, inputs, self.counted);
            total += squares(self.v, inputs, self.shares);
            if self.gradient.is_some() {
                // d‖Jᵀ e‖² = 2 ⟨e, d(J w)⟩ with w = Jᵀ e held fixed
                self.tangent();
                set_unit(self.d_tangent, outputs, output);
                self.tangent_backward();
            }
        }
        total
    }

    /// J v.
    fn tangent(&mut self) {
        let v = BatchView::new(self.v, self.layer.num_inputs());
        let jv = BatchViewMut::new(self.jv, self.layer.num_outputs());
        self.layer.tangent(self.pass, v, jv, self.tape, self.scratch);
    }

    /// Takes what is to go back from J v, times 2 and the penalty's factor in the mean, to the gradient.
    fn tangent_backward(&mut self) {
        let Some(gradient) = &mut self.gradient else { return };
        let (inputs, outputs) = (self.layer.num_inputs(), self.layer.num_outputs());
        let scale = scale_of(gradient.weight, self.count);
        self.d_tangent.iter_mut().for_each(|d| *d *= scale);
        if let Some(shares) = self.shares {
            for (d, &share) in self.d_tangent.chunks_exact_mut(outputs).zip(shares) {
                d.iter_mut().for_each(|d| *d *= share);
            }
        }
        self.d_value.fill(T::ZERO);
        let d = DualViewMut {
            value: BatchViewMut::new(self.d_value, outputs),
            tangent: BatchViewMut::new(self.d_tangent, outputs),
        };
        let tangent = TangentPass { v: BatchView::new(self.v, inputs), tape: self.tape };
        self.layer.tangent_backward(self.pass, tangent, d, None, gradient.parameters, self.scratch);
    }
}

/// Random signs, each sample's from its own stream.
fn draw_signs<T: Float>(v: &mut [T], inputs: usize, streams: Streams<'_>) {
    for (column, v) in v.chunks_exact_mut(inputs).enumerate() {
        let mut rng = streams.sample(column);
        v.fill_with(|| T::of(if rng.random() { 1.0 } else { -1.0 }));
    }
}

/// Directions along inputs that do not count are 0.
fn hold_fixed<T: Float>(v: &mut [T], inputs: usize, counted: usize) {
    if counted < inputs {
        v.chunks_exact_mut(inputs).for_each(|v| v[counted..].fill(T::ZERO));
    }
}

fn scale_of<T: Float>(weight: T, count: usize) -> T {
    (weight + weight) / T::of(count as f64)
}

/// The sum of all squares, each sample's times its share.
fn squares<T: Float>(values: &[T], rows: usize, shares: Option<&[T]>) -> T {
    let square = |values: &[T]| sum(values, |v| v * v);
    let Some(shares) = shares else { return square(values) };
    let samples = values.chunks_exact(rows).zip(shares);
    samples.fold(T::ZERO, |total, (values, &share)| total + share * square(values))
}

fn set_unit<T: Float>(batch: &mut [T], rows: usize, unit: usize) {
    batch.fill(T::ZERO);
    batch[unit..].iter_mut().step_by(rows).for_each(|entry| *entry = T::ONE);
}
