use std::ops::Range;

use nalgebra::{Const, Dyn};
use rand::Rng;

use super::select::{Preactivations, Room, select, select_dense};
use super::selection::{By, Moment, Rule, Selection, Selects};
use super::{InCommon, PairEncoder, Pairs, PairsPass};
use crate::batch::by_feature::ByFeature;
use crate::batch::size::Size;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_count, require_size};
use crate::layer::layout::{Layout, Role};
use crate::layer::tied::Detach;
use crate::layer::{DualViewMut, Layer, Module, Part, Pass, TangentPass, Unconditioned};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::{Float, sum};
use crate::numbers::vector::vectorize;
use crate::random::schedule::Schedule;

/// An encoder of `I` inputs and `O` units of which few are active: which, a [`Selection`] says.
///
/// # Formula
/// z = W (x − b_d) + b, and of z the values that are selected. What is taken off the inputs, the pre-bias b_d, is what
/// the [`Dictionary`](super::Dictionary) adds to its outputs: one parameter of both.
///
/// # Shapes
/// x: `I` × samples; z: `O` × samples; its parameters are W as one column of `I` values for each unit, the biases b
/// (`O`), the pre-bias (`I`), unless it is [without](SparseLayer::without_pre_bias), and the selection's thresholds.
///
/// # Example
/// ```
/// use autoencoder::layer::sparse::{BatchTopK, SparseEncoder};
/// let encoder = SparseEncoder::<64, 512>::new(BatchTopK::new(12.0)?);
/// let from_data = SparseEncoder::dynamic(64, 512, BatchTopK::new(12.0)?);
/// # let _ = (encoder, from_data);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// L. Gao and others (2024), Scaling and evaluating sparse autoencoders; T. Bricken and others (2023), Towards
/// monosemanticity: decomposing language models with dictionary learning.
#[derive(Debug)]
pub struct SparseEncoder<const I: usize, const O: usize>;

impl<const I: usize, const O: usize> SparseEncoder<I, O> {
    /// With sizes as types.
    #[allow(clippy::new_ret_no_self)] // it names the sizes; what it makes holds the selection too
    pub fn new<S>(selection: S) -> SparseLayer<Const<I>, Const<O>, S> {
        SparseLayer::new(selection, Const, Const)
    }
}

impl SparseEncoder<0, 0> {
    /// With sizes known at run time only.
    pub fn dynamic<S>(inputs: usize, units: usize, selection: S) -> SparseLayer<Dyn, Dyn, S> {
        SparseLayer::new(selection, Dyn(inputs), Dyn(units))
    }

    /// Between sizes of any kind.
    pub fn between<I: Size, O: Size, S>(inputs: I, units: O, selection: S) -> SparseLayer<I, O, S> {
        SparseLayer::new(selection, inputs, units)
    }
}

/// What [`SparseEncoder`] makes.
#[derive(Debug, Clone)]
pub struct SparseLayer<I, O, S> {
    input: I,
    output: O,
    selection: S,
    /// The first pre-bias, none where there is no such parameter; all zeros where it is empty.
    pre_bias: Option<Vec<f64>>,
    is_frozen: bool,
}

/// The parameters, tensor by tensor.
struct Tensors<R> {
    weights: R,
    biases: R,
    pre_bias: R,
    thresholds: R,
}

impl<I, O, S> SparseLayer<I, O, S> {
    fn new(selection: S, input: I, output: O) -> Self {
        Self { input, output, selection, pre_bias: Some(Vec::new()), is_frozen: false }
    }

    /// The first pre-bias, one value for each input, such as the
    /// [geometric median](crate::metrics::geometric_median) of some samples. Default: zeros.
    pub fn pre_bias(self, first: impl Into<Vec<f64>>) -> Self {
        Self { pre_bias: Some(first.into()), ..self }
    }

    /// Without a pre-bias: inputs are taken as they are, and the dictionary has a bias of its own.
    pub fn without_pre_bias(self) -> Self {
        Self { pre_bias: None, ..self }
    }

    /// Keeps the first weights: training changes the other parts only.
    pub fn frozen(self) -> Self {
        Self { is_frozen: true, ..self }
    }

    /// What selects the active units.
    pub fn selection(&self) -> &S {
        &self.selection
    }
}

impl<I: Size, O: Size, S: Selects> SparseLayer<I, O, S> {
    /// Where each tensor lies among the parameters.
    fn places(&self) -> Tensors<Range<usize>> {
        let (inputs, units) = (self.input.value(), self.output.value());
        let weights = inputs.saturating_mul(units);
        let biases = weights.saturating_add(units);
        let pre_bias = biases.saturating_add(if self.pre_bias.is_some() { inputs } else { 0 });
        let all = pre_bias.saturating_add(self.selection.thresholds(units));
        Tensors {
            weights: 0..weights,
            biases: weights..biases,
            pre_bias: biases..pre_bias,
            thresholds: pre_bias..all,
        }
    }

    fn tensors<'a, T>(&self, parameters: &'a [T]) -> Tensors<&'a [T]> {
        let Tensors { weights, biases, pre_bias, thresholds } = self.places();
        Tensors {
            weights: &parameters[weights],
            biases: &parameters[biases],
            pre_bias: &parameters[pre_bias],
            thresholds: &parameters[thresholds],
        }
    }
}

impl<I: Size, O: Size, S: Selects + std::fmt::Debug + Send + Sync> Module for SparseLayer<I, O, S> {
    fn num_inputs(&self) -> usize {
        self.input.value()
    }
    fn num_outputs(&self) -> usize {
        self.output.value()
    }
    fn num_parameters(&self) -> usize {
        self.places().thresholds.end
    }
    fn is_frozen(&self) -> bool {
        self.is_frozen
    }
    fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }
    fn in_common(&self) -> Option<InCommon> {
        let Tensors { weights, pre_bias, thresholds, .. } = self.places();
        let pre_bias = Some(pre_bias).filter(|place| !place.is_empty());
        Some(InCommon { all: thresholds.end, pre_bias, weights })
    }
    fn check_sizes(&self) -> Result<()> {
        require_count("SparseEncoder inputs", self.input.value())?;
        require_count("SparseEncoder units", self.output.value())?;
        if let Some(first) = self.pre_bias.as_ref().filter(|first| !first.is_empty()) {
            let place = "the first pre-bias of a SparseEncoder";
            require_size(place, "values", self.input.value(), first.len())?;
        }
        Ok(())
    }
}

impl<I: Size, O: Size, S: Selects + std::fmt::Debug + Send + Sync> Part for SparseLayer<I, O, S> {
    type Input = I;
    type Output = O;
    type Range = S::Range;
    type Posterior = Pairs;
    type Condition = Unconditioned;
    fn input(&self) -> I {
        self.input
    }
    fn output(&self) -> O {
        self.output
    }
}

impl<I: Size, O: Size, S: Selects + Clone> SparseLayer<I, O, S> {
    /// z = W (x − b_d) + b, all of it.
    fn preactivate<T: Float>(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        z: &mut [T],
        scratch: &mut [T],
    ) {
        let Tensors { weights, biases, pre_bias, .. } = self.tensors(parameters);
        let x = centred(x, pre_bias, &mut scratch[..x.as_slice().len()]);
        let (inputs, units) = (x.features(), biases.len());
        let weights = Matrix::new(weights, inputs, units).transposed();
        multiply(weights, Matrix::new(x.as_slice(), inputs, x.samples()), T::ZERO, z);
        for z in z.chunks_exact_mut(units) {
            z.iter_mut().zip(biases).for_each(|(z, &bias)| *z += bias);
        }
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

impl<T, I, O, S> Layer<T> for SparseLayer<I, O, S>
where
    T: Float,
    I: Size,
    O: Size,
    S: Selection<T>,
{
    fn layout(&self, layout: &mut Layout) {
        let (inputs, units) = (self.input.value(), self.output.value());
        let description = self.selection.describe();
        layout.layer(format!("SparseEncoder({description})"), |layer| {
            layer.frozen(self.is_frozen, |layer| {
                layer.tensor("weight", (inputs, units), Role::Weight);
                layer.setting(description);
                layer.tensor("bias", (units, 1), Role::Bias);
                if self.pre_bias.is_some() {
                    layer.tensor("pre_bias", (inputs, 1), Role::Bias);
                }
                let thresholds = self.selection.thresholds(units);
                if thresholds > 0 {
                    layer.tensor("threshold", (thresholds, 1), Role::Threshold);
                }
            });
        });
    }

    /// Directions that are all alike, of length 1; the dictionary begins as the same.
    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let places = self.places();
        for direction in parameters[places.weights].chunks_exact_mut(self.input.value()) {
            draw_direction(direction, rng);
        }
        parameters[places.biases].fill(T::ZERO);
        let pre_bias = &mut parameters[places.pre_bias];
        pre_bias.fill(T::ZERO);
        let first = self.pre_bias.iter().flatten();
        pre_bias.iter_mut().zip(first).for_each(|(bias, &first)| *bias = T::of(first));
        parameters[places.thresholds].fill(T::of(self.selection.first_threshold()));
    }

    fn range(&self) -> (f64, f64) {
        <S::Range as crate::layer::range::Range>::ENDS
    }

    fn scratch_len(&self, samples: usize) -> usize {
        self.input.value() * samples
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        _tape: &mut [T],
        scratch: &mut [T],
    ) {
        self.preactivate(parameters, x, y.as_mut_slice(), scratch);
        let thresholds = self.tensors(parameters).thresholds;
        select_dense(y, self.selection.rule(Moment::default(), thresholds));
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        mut dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        only_active(pass.y, dy.as_mut_slice());
        let (inputs, units) = (self.input.value(), self.output.value());
        let dz = Matrix::new(dy.as_slice(), units, pass.x.samples());
        let Tensors { weights, pre_bias, .. } = self.tensors(pass.parameters);
        let weights = Matrix::new(weights, inputs, units);
        if let Some(gradient) = gradient {
            let places = self.places();
            gradient.fill(T::ZERO);
            let x = centred(pass.x, pre_bias, &mut scratch[..pass.x.as_slice().len()]);
            let x = Matrix::new(x.as_slice(), inputs, x.samples());
            multiply(x, dz.transposed(), T::ZERO, &mut gradient[places.weights]);
            let sums = &mut gradient[places.biases.clone()];
            for dz in dy.as_slice().chunks_exact(units) {
                sums.iter_mut().zip(dz).for_each(|(sum, &dz)| *sum += dz);
            }
            if !pre_bias.is_empty() {
                let (before, own) = gradient.split_at_mut(places.pre_bias.start);
                let sums = Matrix::new(&before[places.biases], units, 1);
                let own = &mut own[..inputs];
                multiply(weights, sums, T::ZERO, own);
                own.iter_mut().for_each(|own| *own = -*own);
            }
        }
        if let Some(mut dx) = dx {
            multiply(weights, dz, T::ZERO, dx.as_mut_slice());
        }
    }

    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        mut jv: BatchViewMut<'_, T>,
        _tangent_tape: &mut [T],
        _scratch: &mut [T],
    ) {
        let (inputs, units) = (self.input.value(), self.output.value());
        let weights = Matrix::new(self.tensors(pass.parameters).weights, inputs, units);
        let v = Matrix::new(v.as_slice(), inputs, v.samples());
        multiply(weights.transposed(), v, T::ZERO, jv.as_mut_slice());
        only_active(pass.y, jv.as_mut_slice());
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        mut d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        only_active(pass.y, d.value.as_mut_slice());
        only_active(pass.y, d.tangent.as_mut_slice());
        let (inputs, units) = (self.input.value(), self.output.value());
        let samples = pass.x.samples();
        let (dz, da) = (d.value.as_slice(), d.tangent.as_slice());
        let places = self.places();
        let Tensors { weights, pre_bias, .. } = self.tensors(pass.parameters);
        let weights = Matrix::new(weights, inputs, units);
        if !self.is_frozen {
            let x = centred(pass.x, pre_bias, &mut scratch[..pass.x.as_slice().len()]);
            let to = &mut gradient[places.weights];
            for (x, dz) in [(x.as_slice(), dz), (tangent.v.as_slice(), da)] {
                let dz = Matrix::new(dz, units, samples).transposed();
                multiply(Matrix::new(x, inputs, samples), dz, T::ONE, to);
            }
            let sums = &mut gradient[places.biases];
            for dz in dz.chunks_exact(units) {
                sums.iter_mut().zip(dz).for_each(|(sum, &dz)| *sum += dz);
            }
            let own = &mut gradient[places.pre_bias];
            for unit in (0..units).filter(|_| !pre_bias.is_empty()) {
                let sum = dz[unit..].iter().step_by(units).fold(T::ZERO, |sum, &dz| sum + dz);
                let weights = &self.tensors(pass.parameters).weights[unit * inputs..][..inputs];
                add_scaled(-sum, weights, own);
            }
        }
        if let Some(d_input) = d_input {
            for (dz, mut dx) in [(dz, d_input.value), (da, d_input.tangent)] {
                multiply(weights, Matrix::new(dz, units, samples), T::ZERO, dx.as_mut_slice());
            }
        }
    }

    fn pair_encoder(&self) -> Option<&dyn PairEncoder<T>> {
        Some(self)
    }
}

/// A direction drawn alike from all, of length 1.
pub(super) fn draw_direction<T: Float>(direction: &mut [T], rng: &mut dyn Rng) {
    direction.iter_mut().for_each(|value| *value = T::draw_normal(rng));
    let norm = sum(direction, |value| value * value).sqrt();
    if norm > T::ZERO {
        direction.iter_mut().for_each(|value| *value /= norm);
    }
}

/// d ← 0 where a unit is not active.
fn only_active<T: Float>(y: BatchView<'_, T>, d: &mut [T]) {
    for (d, &y) in d.iter_mut().zip(y.as_slice()) {
        *d = if y == T::ZERO { T::ZERO } else { *d };
    }
}

/// to ← to + scale · from
pub(super) fn add_scaled<T: Float>(scale: T, from: &[T], to: &mut [T]) {
    vectorize(
        #[inline(always)]
        || to.iter_mut().zip(from).for_each(|(to, &from)| *to += scale * from),
    );
}

impl<T, I, O, S> PairEncoder<T> for SparseLayer<I, O, S>
where
    T: Float,
    I: Size,
    O: Size,
    S: Selection<T>,
{
    fn encode_pairs(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        at: Moment,
        codes: &mut SparseBatch<T>,
        room: &mut Room<T>,
    ) {
        let Tensors { weights, biases, pre_bias, thresholds } = self.tensors(parameters);
        let mut buffer = std::mem::take(&mut room.centred);
        buffer.clear();
        buffer.extend_from_slice(x.as_slice());
        if !pre_bias.is_empty() {
            centred(x, pre_bias, &mut buffer);
        }
        let x = BatchView::new(&buffer, x.features());
        let weights = BatchView::new(weights, x.features());
        let of = Preactivations { weights, biases, x, units: None };
        select(of, self.selection.rule(at, thresholds), codes, room);
        room.centred = buffer;
    }

    fn encode_among(
        &self,
        parameters: &[T],
        among: (&[u32], usize),
        codes: &mut SparseBatch<T>,
        room: &mut Room<T>,
    ) {
        let (units, count) = among;
        let Tensors { weights, biases, .. } = self.tensors(parameters);
        let buffer = std::mem::take(&mut room.centred);
        let x = BatchView::new(&buffer, self.input.value());
        let weights = BatchView::new(weights, x.features());
        let of = Preactivations { weights, biases, x, units: Some(units) };
        select(of, Rule::Largest { count, by: By::Any }, codes, room);
        room.centred = buffer;
    }

    fn encode_pairs_backward(
        &self,
        pass: PairsPass<'_, T>,
        d_codes: &[T],
        gradient: &mut [T],
        room: &mut Room<T>,
    ) {
        let Tensors { weights, pre_bias, thresholds, .. } = self.tensors(pass.parameters);
        let (d_weights, rest) = gradient.split_at_mut(weights.len());
        let (d_biases, rest) = rest.split_at_mut(self.output.value());
        let (d_pre_bias, d_thresholds) = rest.split_at_mut(pre_bias.len());
        let Room { centred, sums, .. } = room;
        let x = BatchView::new(centred, self.input.value());
        let slope = self.selection.bandwidth().map(|bandwidth| (thresholds, T::of(bandwidth)));
        let d_thresholds = slope.map(|_| d_thresholds);
        let at = Back { x, codes: pass.codes, by_unit: pass.by_unit, d_codes, slope };
        sums.clear();
        sums.resize(d_biases.len(), T::ZERO);
        add_gradients(at, d_weights, sums, d_thresholds);
        d_biases.iter_mut().zip(&*sums).for_each(|(d, &sum)| *d += sum);
        if !pre_bias.is_empty() {
            let atoms = weights.chunks_exact(pre_bias.len()).zip(&*sums);
            for (weights, &sum) in atoms.filter(|&(_, &sum)| sum != T::ZERO) {
                add_scaled(-sum, weights, d_pre_bias);
            }
        }
    }

    fn settle(&self, parameters: &mut [T], codes: &SparseBatch<T>) {
        if !PairEncoder::<T>::settles(self) {
            return;
        }
        let thresholds = &mut parameters[self.places().thresholds];
        let positive = codes.values().iter().filter(|&&value| value > T::ZERO);
        let least =
            positive.copied().reduce(|least, value| if value < least { value } else { least });
        self.selection.settle(thresholds, least);
    }

    fn settles(&self) -> bool {
        !self.is_frozen && !self.places().thresholds.is_empty()
    }

    fn trained_thresholds(&self) -> Option<(Range<usize>, f64)> {
        let bandwidth = self.selection.bandwidth()?;
        Some((self.places().thresholds, bandwidth))
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.selection.schedules()
    }
}

/// What a gradient goes back over.
#[derive(Debug, Clone, Copy)]
struct Back<'a, T> {
    x: BatchView<'a, T>,
    codes: &'a SparseBatch<T>,
    by_unit: &'a ByFeature,
    d_codes: &'a [T],
    /// Thresholds that are trained, and the bandwidth.
    slope: Option<(&'a [T], T)>,
}

once! {
    /// Adds the gradients of weights and thresholds, and at the pre-activations the sum over samples.
    fn add_gradients(
        at: Back<'a, T>,
        d_weights: &'a mut [T],
        sums: &'a mut [T],
        d_thresholds: Option<&'a mut [T]>,
    ) = add_gradients_generic;
}

fn add_gradients_generic<T: Float>(
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
                    if value != T::ZERO {
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

impl<T, I, O, S> Detach<T> for SparseLayer<I, O, S>
where
    T: Float,
    I: Size,
    O: Size,
    S: Selection<T>,
{
    type Detached = Self;

    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self {
        to.extend_from_slice(parameters);
        self.clone()
    }
}
