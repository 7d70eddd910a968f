//! The squared norm of a layer's Jacobian, ‖∂y/∂x‖²_F, and its gradient.
//!
//! Exact for layers of any depth: by tangents, Σᵢ ‖J eᵢ‖² (as many passes as inputs), or by
//! cotangents, Σₖ ‖Jᵀ eₖ‖² (as many as outputs), whichever are fewer; or estimated without bias by
//! E‖J v‖² over random signs v (M. F. Hutchinson 1989).

use nalgebra::Dim;
use rand::RngExt;

use super::{DualViewMut, Layer, Pass, TangentPass};
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::scalar::Scalar;
use crate::numbers::scalar::sum;
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

/// Where the gradient of the squared Jacobian goes; both parts are added to.
#[derive(Debug)]
pub struct JacobianGradient<'a, T, O> {
    /// The factor λ of the penalty λ · mean ‖J‖².
    pub weight: T,
    /// The gradient at the layer's outputs, which the backward pass takes further.
    pub d_output: BatchViewMut<'a, T, O>,
    /// The gradient of the layer's parameters.
    pub parameters: &'a mut [T],
}

/// The scratch of [`by_passes`].
pub fn scratch_len<L: Layer + ?Sized>(layer: &L, samples: usize) -> usize {
    let (inputs, outputs) = (layer.input_dim().value(), layer.output_dim().value());
    (inputs + 3 * outputs) * samples + layer.tangent_tape_len(samples) + layer.scratch_len(samples)
}

/// The mean over samples of ‖∂y/∂x‖²_F by tangent passes, for any layer; `shares` as in
/// [`Layer::squared_jacobian`].
pub fn by_passes<L: Layer + ?Sized>(
    layer: &L,
    pass: Pass<'_, L::Scalar, L::Input, L::Output>,
    shares: Option<&[L::Scalar]>,
    jacobian: Jacobian,
    streams: Option<Streams<'_>>,
    mut gradient: Option<JacobianGradient<'_, L::Scalar, L::Output>>,
    scratch: &mut [L::Scalar],
) -> L::Scalar {
    let samples = pass.x.samples();
    let (inputs, outputs) = (layer.input_dim(), layer.output_dim());
    let (v, rest) = scratch.split_at_mut(inputs.value() * samples);
    let (jv, rest) = rest.split_at_mut(outputs.value() * samples);
    let (d_value, rest) = rest.split_at_mut(outputs.value() * samples);
    let (d_tangent, rest) = rest.split_at_mut(outputs.value() * samples);
    let (tape, scratch) = rest.split_at_mut(layer.tangent_tape_len(samples));

    let (directions, by_cotangents, mut rngs) = match (jacobian, streams) {
        (Jacobian::Hutchinson { directions }, Some(streams)) => (directions, false, Some(streams)),
        _ if inputs.value() <= outputs.value() => (inputs.value(), false, None),
        _ => (outputs.value(), true, None),
    };
    let mut total = L::Scalar::ZERO;
    for direction in 0..directions {
        if by_cotangents {
            // v = Jᵀ eₖ
            set_unit(d_value, outputs.value(), direction);
            let dy = BatchViewMut::new(d_value, outputs);
            let dx = BatchViewMut::new(v, inputs);
            layer.backward(pass, dy, Some(dx), None, scratch);
            total += squares(v, inputs.value(), shares);
        } else if let Some(streams) = &mut rngs {
            let streams = streams.at(direction as u64);
            for (column, v) in v.chunks_exact_mut(inputs.value()).enumerate() {
                let mut rng = streams.sample(column);
                v.fill_with(|| L::Scalar::of(if rng.random() { 1.0 } else { -1.0 }));
            }
        } else {
            set_unit(v, inputs.value(), direction);
        }
        if by_cotangents && gradient.is_none() {
            continue;
        }
        let v = BatchView::new(v, inputs);
        layer.tangent(pass, v, BatchViewMut::new(jv, outputs), tape);
        if !by_cotangents {
            total += squares(jv, outputs.value(), shares);
        }
        if let Some(gradient) = &mut gradient {
            // d‖J v‖² = 2 ⟨J v, d(J v)⟩, and d‖Jᵀ e‖² = 2 ⟨e, d(J w)⟩ with w = Jᵀ e held fixed.
            let draws = rngs.map_or(1, |_| directions);
            let scale = scale_of(gradient.weight, shares.map_or(samples, |_| 1) * draws);
            if by_cotangents {
                set_unit(d_tangent, outputs.value(), direction);
            } else {
                d_tangent.copy_from_slice(jv);
            }
            d_tangent.iter_mut().for_each(|d| *d *= scale);
            if let Some(shares) = shares {
                for (d, &share) in d_tangent.chunks_exact_mut(outputs.value()).zip(shares) {
                    d.iter_mut().for_each(|d| *d *= share);
                }
            }
            d_value.fill(L::Scalar::ZERO);
            let d = DualViewMut {
                value: BatchViewMut::new(d_value, outputs),
                tangent: BatchViewMut::new(d_tangent, outputs),
            };
            let tangent = TangentPass { v, tape };
            layer.tangent_backward(pass, tangent, d, None, gradient.parameters, scratch);
        }
    }
    let draws = if rngs.is_some() { directions } else { 1 };
    total / L::Scalar::of((shares.map_or(samples, |_| 1) * draws) as f64)
}

fn scale_of<T: Scalar>(weight: T, count: usize) -> T {
    (weight + weight) / T::of(count as f64)
}

/// The sum of all squares, each sample's times its share.
fn squares<T: Scalar>(values: &[T], rows: usize, shares: Option<&[T]>) -> T {
    let square = |values: &[T]| sum(values, |v| v * v);
    let Some(shares) = shares else { return square(values) };
    let samples = values.chunks_exact(rows).zip(shares);
    samples.fold(T::ZERO, |total, (values, &share)| total + share * square(values))
}

fn set_unit<T: Scalar>(batch: &mut [T], rows: usize, unit: usize) {
    batch.fill(T::ZERO);
    batch[unit..].iter_mut().step_by(rows).for_each(|entry| *entry = T::ONE);
}
