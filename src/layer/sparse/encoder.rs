use std::ops::Range;

use nalgebra::{Const, Dyn};
use rand::Rng;

use super::passes::{
    self, Back, Tensors, add_pairs_gradient, column_norms, draw_directions, least_positive,
    revived_norm, set_direction,
};
use super::select::{Preactivations, Room, select, select_dense};
use super::selection::{By, Moment, Rule, Selection, Selects};
use super::{InCommon, PairEncoder, Pairs, PairsPass, PlainEncoder};
use crate::batch::size::Size;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require, require_count, require_fit, require_size};
use crate::layer::layout::{Layout, Role};
use crate::layer::tied::Detach;
use crate::layer::{DualViewMut, Layer, Module, Part, Pass, TangentPass, Unconditioned};
use crate::numbers::scalar::Float;
use crate::random::schedule::Schedule;

/// An encoder of `I` inputs and `O` units of which few are active: which, a [`Selection`] says.
///
/// # Formula
/// z = W (x − b_d) + b, and of z the values that are selected. What is taken off the inputs, the pre-bias b_d, is what
/// the [`Dictionary`](super::Dictionary) adds to its outputs: one parameter of both.
///
/// # Shapes
/// x: `I` × samples; z: `O` × samples; its parameters are W as one column of `I` values for each unit, the biases b
/// (`O`), the pre-bias (`I`), unless it is [without](SparseLayer::without_pre_bias), the selection's thresholds and, of one
/// that is [by norm](super::TopK::by_norm), a copy of the atoms' norms (`O`), which follows the dictionary also where the
/// encoder is frozen.
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

/// What a pre-bias begins as.
#[derive(Debug, Clone)]
enum PreBias {
    Zeros,
    Given(Vec<f64>),
}

/// What [`SparseEncoder`] makes.
#[derive(Debug, Clone)]
pub struct SparseLayer<I, O, S> {
    input: I,
    output: O,
    selection: S,
    /// The first pre-bias, none where there is no such parameter.
    pre_bias: Option<PreBias>,
    /// The length of each unit's weights at first.
    first_norm: f64,
    is_frozen: bool,
}

/// What a gradient reaches beside weights and pre-bias.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    pub(super) biases: bool,
    pub(super) thresholds: bool,
}

impl<I, O, S> SparseLayer<I, O, S> {
    fn new(selection: S, input: I, output: O) -> Self {
        let (pre_bias, first_norm) = (Some(PreBias::Zeros), 1.0);
        Self { input, output, selection, pre_bias, first_norm, is_frozen: false }
    }

    /// The first pre-bias, one value for each input, such as the
    /// [geometric median](crate::metrics::geometric_median) of some samples, as the encoder sees them: behind the model's
    /// normalizer, if it has one. Default: zeros. Another number of values, and one that is not finite, are refused when
    /// the model is built.
    pub fn pre_bias<T: Float>(self, first: impl AsRef<[T]>) -> Self {
        let first = first.as_ref().iter().map(|value| value.to_double()).collect();
        Self { pre_bias: Some(PreBias::Given(first)), ..self }
    }

    /// The length of each unit's weights at first, finite and greater than 0. Default: 1.
    pub fn first_norm(self, first_norm: f64) -> Self {
        Self { first_norm, ..self }
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
        let thresholds = pre_bias.saturating_add(self.selection.thresholds(units));
        let norms = if self.selection.is_by_norm() { units } else { 0 };
        Tensors {
            weights: 0..weights,
            biases: weights..biases,
            pre_bias: biases..pre_bias,
            thresholds: pre_bias..thresholds,
            norms: thresholds..thresholds.saturating_add(norms),
        }
    }

    fn tensors<'a, T>(&self, parameters: &'a [T]) -> Tensors<&'a [T]> {
        let Tensors { weights, biases, pre_bias, thresholds, norms } = self.places();
        Tensors {
            weights: &parameters[weights],
            biases: &parameters[biases],
            pre_bias: &parameters[pre_bias],
            thresholds: &parameters[thresholds],
            norms: &parameters[norms],
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
        self.places().norms.end
    }
    fn is_frozen(&self) -> bool {
        self.is_frozen
    }
    fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }
    fn in_common(&self) -> Option<InCommon> {
        let Tensors { weights, pre_bias, norms, .. } = self.places();
        let pre_bias = Some(pre_bias).filter(|place| !place.is_empty());
        Some(InCommon { all: norms.end, pre_bias, weights })
    }
    fn check_sizes(&self) -> Result<()> {
        require_count("SparseEncoder inputs", self.input.value())?;
        require_count("SparseEncoder units", self.output.value())?;
        self.selection.check(self.output.value())?;
        let requirement = "finite and greater than 0";
        let is_length = self.first_norm > 0.0 && self.first_norm.is_finite();
        require(is_length, "SparseEncoder first_norm", self.first_norm, requirement)?;
        let Some(PreBias::Given(first)) = &self.pre_bias else { return Ok(()) };
        let place = "the first pre-bias of a SparseEncoder";
        require_size(place, "values", self.input.value(), first.len())?;
        let found = first.iter().find(|value| !value.is_finite());
        found.map_or(Ok(()), |&value| require(false, place, value, "finite"))
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

impl<I: Size, O: Size, S: Selects> SparseLayer<I, O, S> {
    /// The place of the biases among the parameters.
    pub(super) fn place_of_biases(&self) -> Range<usize> {
        self.places().biases
    }

    /// Writes the tensors.
    pub(super) fn tensors_of<T: Float>(&self, layer: &mut Layout)
    where
        S: Selection<T>,
    {
        let (inputs, units) = (self.input.value(), self.output.value());
        layer.tensor("weight", (inputs, units), Role::Weight);
        layer.setting(self.selection.describe());
        layer.tensor("bias", (units, 1), Role::Bias);
        if self.pre_bias.is_some() {
            layer.tensor("pre_bias", (inputs, 1), Role::Bias);
        }
        let thresholds = self.selection.thresholds(units);
        if thresholds > 0 {
            layer.tensor("threshold", (thresholds, 1), Role::Threshold);
        }
        if self.selection.is_by_norm() {
            layer.tensor("norm", (units, 1), Role::Norm);
        }
    }

    /// Adds to the gradient what that at each pre-activation says.
    pub(super) fn add_gradient<T: Float>(
        &self,
        pass: PairsPass<'_, T>,
        d_codes: &[T],
        gradient: &mut [T],
        room: &mut Room<T>,
        reached: Reached,
    ) where
        S: Selection<T>,
    {
        let Tensors { weights, pre_bias, thresholds, .. } = self.tensors(pass.parameters);
        let (d_weights, rest) = gradient.split_at_mut(weights.len());
        let (d_biases, rest) = rest.split_at_mut(self.output.value());
        let (d_pre_bias, rest) = rest.split_at_mut(pre_bias.len());
        let (d_thresholds, _) = rest.split_at_mut(thresholds.len());
        let x = BatchView::new(&room.centred, self.input.value());
        let bandwidth = self.selection.bandwidth().filter(|_| reached.thresholds);
        let slope = bandwidth.map(|bandwidth| (thresholds, T::of(bandwidth)));
        let d_thresholds = slope.map(|_| d_thresholds);
        let PairsPass { codes, by_unit, .. } = pass;
        let at = Back { x, codes, by_unit, d_codes, slope };
        let d_biases = Some(d_biases).filter(|_| reached.biases);
        let to = (d_weights, d_biases, d_pre_bias, d_thresholds);
        add_pairs_gradient(at, weights, to, &mut room.sums);
    }
}

impl<T, I, O, S> Layer<T> for SparseLayer<I, O, S>
where
    T: Float,
    I: Size,
    O: Size,
    S: Selection<T>,
{
    fn layout(&self, layout: &mut Layout) {
        layout.layer(format!("SparseEncoder({})", self.selection.describe()), |layer| {
            layer.frozen(self.is_frozen, |layer| self.tensors_of::<T>(layer));
        });
    }

    /// Directions that are all alike, of the first length; the dictionary begins as the same.
    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let places = self.places();
        let norm = T::of(self.first_norm);
        draw_directions(&mut parameters[places.weights], (self.input.value(), norm), rng);
        parameters[places.biases].fill(T::ZERO);
        let pre_bias = &mut parameters[places.pre_bias];
        pre_bias.fill(T::ZERO);
        if let Some(PreBias::Given(first)) = &self.pre_bias {
            pre_bias.iter_mut().zip(first).for_each(|(bias, &first)| *bias = T::of(first));
        }
        parameters[places.thresholds].fill(T::of(self.selection.first_threshold()));
        // Until it has a dictionary.
        parameters[places.norms].fill(T::ONE);
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
        let tensors = self.tensors(parameters);
        let rule = self.selection.rule(Moment::default(), tensors.thresholds);
        passes::preactivate(tensors, x, y.as_mut_slice(), scratch);
        select_dense(y, tensors.norms, rule);
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        let placed = (self.places(), self.tensors(pass.parameters));
        passes::backward(placed, pass, dy, (dx, gradient), scratch);
    }

    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        jv: BatchViewMut<'_, T>,
        _tangent_tape: &mut [T],
        _scratch: &mut [T],
    ) {
        passes::tangent(self.tensors(pass.parameters).weights, pass.y, v, jv);
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let placed = (self.places(), self.tensors(pass.parameters));
        let gradient = Some(gradient).filter(|_| !self.is_frozen);
        passes::tangent_backward(placed, (pass, tangent.v), d, (d_input, gradient), scratch);
    }

    fn pair_encoder(&self) -> Option<&dyn PairEncoder<T>> {
        Some(self)
    }
}

impl<T, I, O, S> PairEncoder<T> for SparseLayer<I, O, S>
where
    T: Float,
    I: Size,
    O: Size,
    S: Selection<T>,
{
    fn plain<'a>(&self, parameters: &'a [T]) -> PlainEncoder<'a, T> {
        let Tensors { weights, biases, pre_bias, thresholds, norms } = self.tensors(parameters);
        let weights = BatchView::new(weights, self.input.value());
        let rule = self.selection.rule(Moment::default(), thresholds);
        PlainEncoder { weights, biases, pre_bias, rule, norms, magnitudes: None }
    }

    fn take_plain(&self, parameters: &mut [T], plain: PlainEncoder<'_, T>) -> Result<()> {
        let places = self.places();
        parameters[places.weights].copy_from_slice(plain.weights.as_slice());
        parameters[places.biases].copy_from_slice(plain.biases);
        parameters[places.pre_bias].copy_from_slice(plain.pre_bias);
        let thresholds = &mut parameters[places.thresholds];
        let is_written = plain.rule.write_thresholds(thresholds);
        let own = self.selection.rule(Moment::default(), thresholds);
        let fault = "selects units by another rule, or with another k, than the one that is taken";
        let remedy = "build the model with the selection that the weights were trained with";
        let no_gates = "has no gates, and the weights that are taken have";
        let remedy_of_gates = "take a `GatedEncoder`";
        require_fit(plain.magnitudes.is_none(), "the encoder", no_gates, remedy_of_gates)?;
        let by_norm =
            "ranks units by norm and the weights that are taken do not, or the other way round";
        let remedy_of_norms = "take a selection `by_norm` for weights that are, and only for these: `sparse_dictionary` gives none \
                               that are, as it folds the lengths of atoms into them";
        let is_by_norm = plain.norms.is_empty() != self.selection.is_by_norm();
        require_fit(is_by_norm, "the encoder", by_norm, remedy_of_norms)?;
        let is_same = is_written && own.is_of_kind(plain.rule);
        require_fit(is_same, "the encoder", fault, remedy)
    }

    fn encode_pairs(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        at: Moment,
        codes: &mut SparseBatch<T>,
        room: &mut Room<T>,
    ) {
        let Tensors { weights, biases, pre_bias, thresholds, norms } = self.tensors(parameters);
        let mut buffer = std::mem::take(&mut room.centred);
        passes::centre(x, pre_bias, &mut buffer);
        let x = BatchView::new(&buffer, x.features());
        let weights = BatchView::new(weights, x.features());
        let of = Preactivations { weights, biases, x, units: None, norms };
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
        let Tensors { weights, biases, norms, .. } = self.tensors(parameters);
        let buffer = std::mem::take(&mut room.centred);
        let x = BatchView::new(&buffer, self.input.value());
        let weights = BatchView::new(weights, x.features());
        let of = Preactivations { weights, biases, x, units: Some(units), norms };
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
        let to = Reached { biases: true, thresholds: true };
        self.add_gradient(pass, d_codes, gradient, room, to);
    }

    fn second_backward(
        &self,
        pass: PairsPass<'_, T>,
        d_codes: &[T],
        gradient: &mut [T],
        room: &mut Room<T>,
    ) {
        // Pre-activations themselves, whatever the thresholds.
        let to = Reached { biases: true, thresholds: false };
        self.add_gradient(pass, d_codes, gradient, room, to);
    }

    fn revived_norm(&self, parameters: &[T], units: &[u32]) -> T {
        revived_norm(self.tensors(parameters).weights, self.input.value(), units)
    }

    fn revive(
        &self,
        parameters: &mut [T],
        unit: usize,
        direction: &[T],
        norm: T,
        places: &mut Vec<Range<usize>>,
    ) {
        let (inputs, all) = (direction.len(), self.places());
        let weights = all.weights.start + unit * inputs..all.weights.start + (unit + 1) * inputs;
        let bias = all.biases.start + unit;
        set_direction(&mut parameters[weights.clone()], direction, norm);
        parameters[bias] = T::ZERO;
        places.extend([weights, bias..bias + 1]);
        if all.thresholds.len() == all.biases.len() {
            let threshold = all.thresholds.start + unit;
            parameters[threshold] = T::of(self.selection.first_threshold());
            places.push(threshold..threshold + 1);
        }
    }

    fn settle(&self, parameters: &mut [T], codes: &SparseBatch<T>) {
        if !PairEncoder::<T>::settles(self) {
            return;
        }
        let Tensors { thresholds, norms, .. } = self.places();
        let least = least_positive(codes, &parameters[norms]);
        self.selection.settle(&mut parameters[thresholds], least);
    }

    fn is_by_norm(&self) -> bool {
        self.selection.is_by_norm()
    }

    fn take_norms(&self, parameters: &mut [T], atoms: BatchView<'_, T>) {
        let place = self.places().norms;
        if place.len() == atoms.samples() {
            column_norms(atoms, &mut parameters[place]);
        }
    }

    fn settles(&self) -> bool {
        !self.is_frozen && !self.places().thresholds.is_empty()
    }

    fn looks_across(&self, parameters: &[T]) -> Option<String> {
        let at = Moment { is_training: true, progress: None };
        let rule = self.selection.rule(at, &parameters[self.places().thresholds]);
        matches!(rule, Rule::LargestTogether { .. }).then(|| self.selection.describe())
    }

    fn trained_thresholds(&self) -> Option<(Range<usize>, f64)> {
        let bandwidth = self.selection.bandwidth()?;
        Some((self.places().thresholds, bandwidth))
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.selection.schedules()
    }
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
