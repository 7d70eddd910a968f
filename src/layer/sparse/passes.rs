//! What a sparse encoder does with numbers, compiled once for each number type.

use std::ops::Range;

use rand::Rng;

use crate::batch::by_feature::ByFeature;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::{DualViewMut, Pass};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::{Float, sum};
use crate::numbers::vector::vectorize;

/// The parameters, tensor by tensor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tensors<R> {
    pub(super) weights: R,
    pub(super) biases: R,
    pub(super) pre_bias: R,
    pub(super) thresholds: R,
    /// Of the atoms, where units are ranked by them.
    pub(super) norms: R,
}

/// Where the tensors lie, and they themselves.
type Placed<'a, T> = (Tensors<Range<usize>>, Tensors<&'a [T]>);

/// Gradients of weights, biases, pre-bias and thresholds.
type Gradients<'a, T> = (&'a mut [T], Option<&'a mut [T]>, &'a mut [T], Option<&'a mut [T]>);

once! {
    /// Draws directions that are all alike, of so many features and of this length.
    pub(super) fn draw_directions(to: &'a mut [T], shape: (usize, T), rng: &'a mut dyn Rng)
        = draw_directions_generic;
    /// Multiplies all by a factor.
    pub(super) fn scale_all(values: &'a mut [T], factor: T) = scale_all_generic;
    /// The samples without the pre-bias, if there is one.
    pub(super) fn centre(x: BatchView<'a, T>, pre_bias: &'a [T], to: &'a mut Vec<T>) = centre_generic;
    /// z = W (x − b_d) + b, all of it.
    pub(super) fn preactivate(
        tensors: Tensors<&'a [T]>,
        x: BatchView<'a, T>,
        z: &'a mut [T],
        scratch: &'a mut [T],
    ) = preactivate_generic;
    pub(super) fn backward(
        placed: Placed<'a, T>,
        pass: Pass<'a, T>,
        dy: BatchViewMut<'a, T>,
        to: (Option<BatchViewMut<'a, T>>, Option<&'a mut [T]>),
        scratch: &'a mut [T],
    ) = backward_generic;
    pub(super) fn tangent(
        weights: &'a [T],
        y: BatchView<'a, T>,
        v: BatchView<'a, T>,
        jv: BatchViewMut<'a, T>,
    ) = tangent_generic;
    pub(super) fn tangent_backward(
        placed: Placed<'a, T>,
        at: (Pass<'a, T>, BatchView<'a, T>),
        d: DualViewMut<'a, T>,
        to: (Option<DualViewMut<'a, T>>, Option<&'a mut [T]>),
        scratch: &'a mut [T],
    ) = tangent_backward_generic;
    /// Adds what the gradient at the value of each pair says of all parameters; `sums` is room.
    pub(super) fn add_pairs_gradient(
        at: Back<'a, T>,
        weights: &'a [T],
        to: Gradients<'a, T>,
        sums: &'a mut Vec<T>,
    ) = add_pairs_gradient_generic;
    /// A fifth of the mean norm of the columns that are not among these.
    pub(super) fn revived_norm(weights: &'a [T], features: usize, units: &'a [u32]) -> T
        = revived_norm_generic;
    /// Writes a vector of this direction and norm.
    pub(super) fn set_direction(to: &'a mut [T], direction: &'a [T], norm: T)
        = set_direction_generic;
    /// The least value above 0, of values times the norm of their unit where there are norms.
    pub(super) fn least_positive(codes: &'a SparseBatch<T>, norms: &'a [T]) -> Option<T>
        = least_positive_generic;
    /// The norms of columns, one after the other.
    pub(crate) fn column_norms(columns: BatchView<'a, T>, to: &'a mut [T]) = column_norms_generic;
}

fn scale_all_generic<T: Float>(values: &mut [T], factor: T) {
    values.iter_mut().for_each(|value| *value *= factor);
}

fn draw_directions_generic<T: Float>(
    to: &mut [T],
    (features, length): (usize, T),
    rng: &mut dyn Rng,
) {
    for direction in to.chunks_exact_mut(features) {
        direction.iter_mut().for_each(|value| *value = T::draw_normal(rng));
        let norm = sum(direction, |value| value * value).sqrt();
        if norm > T::ZERO {
            direction.iter_mut().for_each(|value| *value = *value / norm * length);
        }
    }
}

fn revived_norm_generic<T: Float>(weights: &[T], features: usize, units: &[u32]) -> T {
    let columns = weights.chunks_exact(features).enumerate();
    let others = columns.filter(|(unit, _)| units.binary_search(&(*unit as u32)).is_err());
    let norms = others.map(|(_, column)| sum(column, |value| value * value).sqrt());
    let (total, count) = norms.fold((T::ZERO, 0), |(total, count), norm| (total + norm, count + 1));
    let mean = if count == 0 { T::ONE } else { total / T::of(f64::from(count)) };
    T::of(0.2) * mean
}

fn set_direction_generic<T: Float>(to: &mut [T], direction: &[T], norm: T) {
    let scale = norm / sum(direction, |value| value * value).sqrt();
    to.iter_mut().zip(direction).for_each(|(to, &value)| *to = scale * value);
}

fn centre_generic<T: Float>(x: BatchView<'_, T>, pre_bias: &[T], to: &mut Vec<T>) {
    to.resize(x.as_slice().len(), T::ZERO);
    if pre_bias.is_empty() {
        to.copy_from_slice(x.as_slice());
    } else {
        centred(x, pre_bias, to);
    }
}

/// The samples without the pre-bias, in this buffer; as they are, where there is none.
fn centred<'a, T: Float>(x: BatchView<'a, T>, pre_bias: &[T], to: &'a mut [T]) -> BatchView<'a, T> {
    if pre_bias.is_empty() {
        return x;
    }
    for (to, x) in to.chunks_exact_mut(x.features()).zip(x.iter()) {
        to.iter_mut().zip(x).zip(pre_bias).for_each(|((to, &x), &bias)| *to = x - bias);
    }
    BatchView::new(to, x.features())
}

fn preactivate_generic<T: Float>(
    tensors: Tensors<&[T]>,
    x: BatchView<'_, T>,
    z: &mut [T],
    scratch: &mut [T],
) {
    let Tensors { weights, biases, pre_bias, .. } = tensors;
    let x = centred(x, pre_bias, &mut scratch[..x.as_slice().len()]);
    let weights = Matrix::new(weights, x.features(), biases.len()).transposed();
    multiply(weights, columns(x), T::ZERO, z);
    for z in z.chunks_exact_mut(biases.len()) {
        z.iter_mut().zip(biases).for_each(|(z, &bias)| *z += bias);
    }
}

fn columns<T: Float>(batch: BatchView<'_, T>) -> Matrix<'_, T> {
    Matrix::new(batch.as_slice(), batch.features(), batch.samples())
}

fn backward_generic<T: Float>(
    (places, tensors): Placed<'_, T>,
    pass: Pass<'_, T>,
    mut dy: BatchViewMut<'_, T>,
    (dx, gradient): (Option<BatchViewMut<'_, T>>, Option<&mut [T]>),
    scratch: &mut [T],
) {
    only_active(pass.y, dy.as_mut_slice());
    let dz = dy.as_view();
    if let Some(gradient) = gradient {
        gradient.fill(T::ZERO);
        add_gradients_of_all((&places, tensors), (pass.x, dz), gradient, scratch);
    }
    if let Some(mut dx) = dx {
        let weights = Matrix::new(tensors.weights, pass.x.features(), dz.features());
        multiply(weights, columns(dz), T::ZERO, dx.as_mut_slice());
    }
}

/// Adds the gradients of weights, biases and pre-bias, given that at the pre-activations.
fn add_gradients_of_all<T: Float>(
    (places, tensors): (&Tensors<Range<usize>>, Tensors<&[T]>),
    (x, dz): (BatchView<'_, T>, BatchView<'_, T>),
    gradient: &mut [T],
    scratch: &mut [T],
) {
    let Tensors { weights, biases, pre_bias, .. } = tensors;
    let (features, units) = (x.features(), biases.len());
    let x = centred(x, pre_bias, &mut scratch[..x.as_slice().len()]);
    let to = &mut gradient[places.weights.clone()];
    multiply(columns(x), columns(dz).transposed(), T::ONE, to);
    for unit in 0..units {
        let of_unit = dz.as_slice()[unit..].iter().step_by(units);
        let sum = of_unit.fold(T::ZERO, |sum, &dz| sum + dz);
        gradient[places.biases.start + unit] += sum;
        if !pre_bias.is_empty() && sum != T::ZERO {
            let weights = &weights[unit * features..][..features];
            add_scaled(-sum, weights, &mut gradient[places.pre_bias.clone()]);
        }
    }
}

fn tangent_generic<T: Float>(
    weights: &[T],
    y: BatchView<'_, T>,
    v: BatchView<'_, T>,
    mut jv: BatchViewMut<'_, T>,
) {
    let weights = Matrix::new(weights, v.features(), y.features());
    multiply(weights.transposed(), columns(v), T::ZERO, jv.as_mut_slice());
    only_active(y, jv.as_mut_slice());
}

fn tangent_backward_generic<T: Float>(
    (places, tensors): Placed<'_, T>,
    (pass, v): (Pass<'_, T>, BatchView<'_, T>),
    mut d: DualViewMut<'_, T>,
    (d_input, gradient): (Option<DualViewMut<'_, T>>, Option<&mut [T]>),
    scratch: &mut [T],
) {
    only_active(pass.y, d.value.as_mut_slice());
    only_active(pass.y, d.tangent.as_mut_slice());
    let (dz, da) = (d.value.as_view(), d.tangent.as_view());
    if let Some(gradient) = gradient {
        add_gradients_of_all((&places, tensors), (pass.x, dz), gradient, scratch);
        let to = &mut gradient[places.weights];
        multiply(columns(v), columns(da).transposed(), T::ONE, to);
    }
    if let Some(d_input) = d_input {
        let weights = Matrix::new(tensors.weights, pass.x.features(), dz.features());
        for (dz, mut dx) in [(dz, d_input.value), (da, d_input.tangent)] {
            multiply(weights, columns(dz), T::ZERO, dx.as_mut_slice());
        }
    }
}

/// d ← 0 where a unit is not active.
fn only_active<T: Float>(y: BatchView<'_, T>, d: &mut [T]) {
    for (d, &y) in d.iter_mut().zip(y.as_slice()) {
        *d = if y == T::ZERO { T::ZERO } else { *d };
    }
}

/// to ← to + scale · from
#[inline]
pub(super) fn add_scaled<T: Float>(scale: T, from: &[T], to: &mut [T]) {
    vectorize(
        #[inline(always)]
        || to.iter_mut().zip(from).for_each(|(to, &from)| *to += scale * from),
    );
}

fn least_positive_generic<T: Float>(codes: &SparseBatch<T>, norms: &[T]) -> Option<T> {
    let norm = |&unit: &u32| norms.get(unit as usize).copied().unwrap_or(T::ONE);
    let ranks = codes.values().iter().zip(codes.indices()).map(|(&value, unit)| value * norm(unit));
    let positive = ranks.filter(|&rank| rank > T::ZERO);
    positive.reduce(|least, rank| if rank < least { rank } else { least })
}

fn column_norms_generic<T: Float>(columns: BatchView<'_, T>, to: &mut [T]) {
    let cost = ELEMENT / 8 * columns.features();
    in_parts(columns.samples(), cost, (columns, to), |(columns, to)| {
        for (column, to) in columns.iter().zip(to) {
            // In double precision, so that no square of a single one is infinite or 0.
            let square = |value: &T| value.to_double() * value.to_double();
            *to = T::of(column.iter().map(square).sum::<f64>().sqrt());
        }
    });
}

/// What a gradient goes back over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Back<'a, T> {
    pub(super) x: BatchView<'a, T>,
    pub(super) codes: &'a SparseBatch<T>,
    pub(super) by_unit: &'a ByFeature,
    pub(super) d_codes: &'a [T],
    /// Thresholds that are trained, and the bandwidth.
    pub(super) slope: Option<(&'a [T], T)>,
}

fn add_pairs_gradient_generic<T: Float>(
    at: Back<'_, T>,
    weights: &[T],
    (d_weights, d_biases, d_pre_bias, d_thresholds): Gradients<'_, T>,
    sums: &mut Vec<T>,
) {
    sums.clear();
    sums.resize(at.codes.features(), T::ZERO);
    add_gradients(at, d_weights, sums, d_thresholds);
    if let Some(d_biases) = d_biases {
        d_biases.iter_mut().zip(&*sums).for_each(|(d, &sum)| *d += sum);
    }
    if !d_pre_bias.is_empty() {
        let units = weights.chunks_exact(d_pre_bias.len()).zip(&*sums);
        for (weights, &sum) in units.filter(|&(_, &sum)| sum != T::ZERO) {
            add_scaled(-sum, weights, d_pre_bias);
        }
    }
}

/// Adds the gradients of weights and thresholds, and at the pre-activations the sum over samples.
fn add_gradients<T: Float>(
    at: Back<'_, T>,
    d_weights: &mut [T],
    sums: &mut [T],
    d_thresholds: Option<&mut [T]>,
) {
    let (units, inputs) = (sums.len(), at.x.features());
    let cost = at.d_codes.len() / units.max(1) * inputs + 1;
    let parts = ((0_usize, BatchViewMut::new(d_weights, inputs)), sums, d_thresholds);
    in_parts(
        units,
        ELEMENT / 8 * cost,
        parts,
        |((first, mut d_weights), sums, mut d_thresholds)| {
            let columns = d_weights.as_mut_slice().chunks_exact_mut(inputs).zip(sums);
            for (place, (d_weights, sum)) in columns.enumerate() {
                let unit = first + place;
                for (sample, pair) in at.by_unit.of(unit) {
                    let (value, d) = (at.codes.values()[pair], at.d_codes[pair]);
                    // Where there are thresholds, what is stored as 0 is below its own.
                    if value != T::ZERO || at.slope.is_none() {
                        *sum += d;
                        let x = &at.x.as_slice()[sample * inputs..][..inputs];
                        add_scaled(d, x, d_weights);
                    }
                    if let (Some((thresholds, width)), Some(to)) = (at.slope, d_thresholds.as_mut())
                    {
                        to[place] += d * slope_of_threshold(value, thresholds[unit], width);
                    }
                }
            }
        },
    );
}

/// ∂f/∂θ = −(θ/ε) K((z − θ)/ε) of a value f that is stored: z itself if it is active, else 0, and then z is in the window.
fn slope_of_threshold<T: Float>(value: T, threshold: T, bandwidth: T) -> T {
    let is_near = value == T::ZERO || value - threshold < bandwidth * T::of(0.5);
    if is_near { -threshold / bandwidth } else { T::ZERO }
}
