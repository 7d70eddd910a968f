use std::ops::Range;

use nalgebra::{Const, Dyn};
use rand::Rng;

use super::atoms::{
    add_atom_gradient, add_atoms, add_code_gradient, add_columns, add_to_each, are_of_length_one,
    normalize, project,
};
use super::passes::{draw_directions, scale_all, set_direction};
use super::{InCommon, PairDecoder, PairsPass};
use crate::batch::size::Size;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{
    Error, Result, require, require_count, require_fit, require_positive, require_size,
};
use crate::layer::layout::{Layout, Role};
use crate::layer::tied::Detach;
use crate::layer::{
    DualViewMut, Layer, Module, Part, Pass, Point, TangentPass, Unconditioned, range,
};
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::Float;

/// The decoder of a sparse code: one atom for each unit, added up.
///
/// # Formula
/// y = Σ fᵢ dᵢ + b. If the encoder has a pre-bias, that is b; else the dictionary has its own. Atoms have length 1 after
/// every step, so that a penalty on the code cannot be evaded by small codes of long atoms: of the gradient the part
/// along each atom is taken off before the step, and each atom is brought back to length 1 behind it, unless they are
/// [free](Self::free). At first they are the directions of the encoder's units.
///
/// # Shapes
/// f: units × samples; y: the encoder's inputs × samples. Its parameters are the atoms, a column each, then b if it is
/// its own. Sizes follow from the encoder's, but for a dictionary [to a target](Self::to).
///
/// # Example
/// ```
/// use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
/// use autoencoder::{AutoEncoder, Module};
/// let model = AutoEncoder::builder()
///     .encoder(SparseEncoder::<64, 512>::new(TopK::new(12)?))
///     .decoder(Dictionary::new())
///     .build::<f32>()?;
/// assert_eq!(model.encoder().num_parameters(), 64 * 512 + 512 + 64);
/// assert_eq!(model.decoder().num_parameters(), 64 * 512);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dictionary {
    is_free: bool,
    first_norm: f64,
}

impl Dictionary {
    /// With atoms of length 1.
    #[allow(clippy::new_without_default)] // `Dictionary::new()` reads better than `default()` in a builder
    pub fn new() -> Self {
        Self { is_free: false, first_norm: 1.0 }
    }

    /// With atoms of any length, which have this length at first, finite and greater than 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn free(first_norm: f64) -> Result<Self> {
        require_positive("the first norm of a Dictionary's atoms", first_norm)?;
        Ok(Self { is_free: true, first_norm })
    }

    /// To a target of `O` values in place of the encoder's inputs: that of a transcoder.
    pub fn to<const O: usize>(self) -> TargetDictionary<Const<O>> {
        self.to_size(Const)
    }

    /// The same with a size known at run time only.
    pub fn to_dynamic(self, outputs: usize) -> TargetDictionary<Dyn> {
        self.to_size(Dyn(outputs))
    }

    fn to_size<O: Size>(self, output: O) -> TargetDictionary<O> {
        TargetDictionary { settings: self, output, has_skip: false, first_bias: Vec::new() }
    }

    /// The decoder of an encoder.
    pub(crate) fn of<E: Part>(self, encoder: &E) -> DictionaryLayer<E::Output, E::Input> {
        DictionaryLayer {
            units: encoder.output(),
            output: encoder.input(),
            settings: self,
            in_common: encoder.in_common(),
            skip: None,
            first_bias: Vec::new(),
            is_frozen: false,
            is_encoder_frozen: encoder.is_frozen(),
        }
    }
}

/// A [`Dictionary`] to a target of size `O`: the decoder of a transcoder, whose atoms are directions of another space than
/// the encoder's.
///
/// # Formula
/// y = Σ fᵢ dᵢ + b, and with a [skip](Self::with_skip) + W x. The bias b is its own, also where the encoder has a
/// pre-bias, and atoms begin as random directions.
///
/// Targets whose means are far from 0, beside how much they vary, are to be given as a [first bias](Self::bias), or
/// centred: until b has come so far, units learn the means, and most of them die.
///
/// # Example
/// ```
/// use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
/// use autoencoder::{Adam, AutoEncoder, Batch, Trainer, datasets};
///
/// // From the upper half of a digit to its lower one.
/// let digits = datasets::digits().train;
/// let half = |from: usize| digits.iter().map(|x| std::array::from_fn(|at| x[from + at])).collect();
/// let (upper, lower): (Batch<f32, _>, Batch<f32, _>) = (half(0), half(32));
/// let mut transcoder = AutoEncoder::builder()
///     .encoder(SparseEncoder::<32, 128>::new(TopK::new(8)?).without_pre_bias())
///     .target_decoder(Dictionary::new().to::<32>().with_skip())
///     .build::<f32>()?;
/// let before = transcoder.loss((&upper, &lower))?.total();
/// Trainer::new(Adam::new(1e-3)?).epochs(5).fit(&mut transcoder, (&upper, &lower))?;
/// assert!(transcoder.loss((&upper, &lower))?.total() < before / 2.0);
/// assert_eq!(transcoder.predict(&upper)?.samples(), upper.samples());
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// J. Dunefsky, P. Chlenski, N. Nanda (2024), Transcoders find interpretable LLM feature circuits; G. Paulo, S. Shabalin,
/// N. Belrose (2025), Transcoders beat sparse autoencoders for interpretability.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetDictionary<O> {
    settings: Dictionary,
    output: O,
    has_skip: bool,
    first_bias: Vec<f64>,
}

impl<O: Size> TargetDictionary<O> {
    /// The first bias b, one value for each output, such as the [geometric median](crate::metrics::geometric_median) of some
    /// targets. Default: zeros. Another number of values, and one that is not finite, are refused when the model is built.
    pub fn bias<T: Float>(self, first: impl AsRef<[T]>) -> Self {
        let first_bias = first.as_ref().iter().map(|value| value.to_double()).collect();
        Self { first_bias, ..self }
    }

    /// Adds W x of the encoder's inputs x to the outputs, so that the code need not say what a linear map does. W is
    /// trained with the rest, and 0 at first.
    pub fn with_skip(self) -> Self {
        Self { has_skip: true, ..self }
    }

    /// The decoder behind an encoder.
    pub(crate) fn of<E: Part>(self, encoder: &E) -> DictionaryLayer<E::Output, O> {
        DictionaryLayer {
            units: encoder.output(),
            output: self.output,
            settings: self.settings,
            in_common: None,
            skip: self.has_skip.then(|| encoder.input().value()),
            first_bias: self.first_bias,
            is_frozen: false,
            is_encoder_frozen: encoder.is_frozen(),
        }
    }
}

/// What a [`Dictionary`] becomes behind an encoder.
#[derive(Debug, Clone)]
pub struct DictionaryLayer<I, O> {
    units: I,
    output: O,
    settings: Dictionary,
    in_common: Option<InCommon>,
    /// The inputs that a skip takes.
    skip: Option<usize>,
    /// Zeros, where it is empty.
    first_bias: Vec<f64>,
    is_frozen: bool,
    is_encoder_frozen: bool,
}

impl<I: Size, O: Size> DictionaryLayer<I, O> {
    /// Parameters of the encoder that it is given before its own.
    fn shared(&self) -> usize {
        self.shares().map_or(0, |(all, _)| all)
    }

    /// All parameters of the encoder and the place of its pre-bias among them, if that is the bias.
    fn shares(&self) -> Option<(usize, Range<usize>)> {
        let InCommon { all, pre_bias, .. } = self.in_common.as_ref()?;
        pre_bias.clone().map(|place| (*all, place))
    }

    fn num_weights(&self) -> usize {
        self.units.value().saturating_mul(self.output.value())
    }

    /// The places of atoms and bias in what it is given.
    fn places(&self) -> (Range<usize>, Range<usize>) {
        let (shared, weights) = (self.shared(), self.num_weights());
        let atoms = shared..shared + weights;
        let own = || atoms.end..atoms.end + self.output.value();
        let bias = self.shares().map_or_else(own, |(_, place)| place);
        (atoms, bias)
    }

    /// The place of W, which is behind what else is its own.
    fn place_of_skip(&self) -> Option<Range<usize>> {
        let first = self.shared() + self.num_weights() + self.num_biases();
        self.skip.map(|inputs| first..first + inputs.saturating_mul(self.output.value()))
    }

    /// Biases that are its own.
    fn num_biases(&self) -> usize {
        if self.shares().is_some() { 0 } else { self.output.value() }
    }

    fn bias_is_trained(&self) -> bool {
        if self.shares().is_some() { !self.is_encoder_frozen } else { !self.is_frozen }
    }

    /// y = D f, without the bias.
    fn apply<T: Float>(&self, parameters: &[T], f: BatchView<'_, T>, y: &mut [T]) {
        let f = Matrix::new(f.as_slice(), f.features(), f.samples());
        multiply(self.matrix(parameters), f, T::ZERO, y);
    }

    fn matrix<'a, T: Float>(&self, parameters: &'a [T]) -> Matrix<'a, T> {
        let (atoms, _) = self.places();
        Matrix::new(&parameters[atoms], self.output.value(), self.units.value())
    }
}

impl<I: Size, O: Size> Module for DictionaryLayer<I, O> {
    fn num_inputs(&self) -> usize {
        self.units.value()
    }
    fn num_outputs(&self) -> usize {
        self.output.value()
    }
    fn num_parameters(&self) -> usize {
        let skip = self.skip.map_or(0, |inputs| inputs.saturating_mul(self.output.value()));
        self.num_weights().saturating_add(self.num_biases()).saturating_add(skip)
    }
    fn num_shared(&self) -> usize {
        self.shared()
    }
    fn is_frozen(&self) -> bool {
        self.is_frozen
    }
    fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }
    fn set_shared_frozen(&mut self, is_frozen: bool) {
        self.is_encoder_frozen = is_frozen;
    }
    fn skips(&self) -> Option<usize> {
        self.skip
    }
    fn check_sizes(&self) -> Result<()> {
        require_count("Dictionary units", self.units.value())?;
        require_count("Dictionary outputs", self.output.value())?;
        if self.first_bias.is_empty() {
            return Ok(());
        }
        let place = "the first bias of a Dictionary";
        require_size(place, "values", self.output.value(), self.first_bias.len())?;
        let found = self.first_bias.iter().find(|value| !value.is_finite());
        found.map_or(Ok(()), |&value| require(false, place, value, "finite"))
    }
}

impl<I: Size, O: Size> Part for DictionaryLayer<I, O> {
    type Input = I;
    type Output = O;
    type Range = range::Real;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> I {
        self.units
    }
    fn output(&self) -> O {
        self.output
    }
}

impl<T: Float, I: Size, O: Size> Layer<T> for DictionaryLayer<I, O> {
    fn layout(&self, layout: &mut Layout) {
        let (units, outputs) = (self.units.value(), self.output.value());
        let norms = if self.settings.is_free { "free" } else { "unit norm" };
        layout.layer(format!("Dictionary({norms})"), |layer| {
            layer.frozen(self.is_frozen, |layer| {
                layer.tensor("weight", (outputs, units), Role::Weight);
                layer.setting(norms.to_owned());
                if self.shares().is_none() {
                    layer.tensor("bias", (outputs, 1), Role::Bias);
                }
                if let Some(inputs) = self.skip {
                    layer.tensor("skip", (outputs, inputs), Role::Weight);
                }
            });
        });
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let outputs = self.output.value();
        let (atoms, rest) = parameters.split_at_mut(self.num_weights());
        draw_directions(atoms, (outputs, T::of(self.settings.first_norm)), rng);
        rest.fill(T::ZERO);
        rest.iter_mut().zip(&self.first_bias).for_each(|(bias, &first)| *bias = T::of(first));
    }

    fn begin_as(&self, encoder: &[T], own: &mut [T]) {
        let Some(InCommon { all, weights, .. }) = &self.in_common else { return };
        if *all != encoder.len() || weights.len() != self.num_weights() {
            return;
        }
        let weights = &encoder[weights.clone()];
        let (atoms, outputs) = (&mut own[..weights.len()], self.output.value());
        atoms.copy_from_slice(weights);
        normalize(BatchViewMut::new(atoms, outputs));
        scale_all(atoms, T::of(self.settings.first_norm));
    }

    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        _tape: &mut [T],
        _scratch: &mut [T],
    ) {
        self.apply(parameters, x, y.as_mut_slice());
        add_to_each(&parameters[self.places().1], y.as_mut_slice());
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        _scratch: &mut [T],
    ) {
        let (outputs, units) = (self.output.value(), self.units.value());
        let samples = pass.x.samples();
        let d = Matrix::new(dy.as_slice(), outputs, samples);
        let (atoms, bias) = self.places();
        if let Some(gradient) = gradient {
            if !self.is_frozen {
                let f = Matrix::new(pass.x.as_slice(), units, samples).transposed();
                multiply(d, f, T::ZERO, &mut gradient[atoms]);
            }
            if self.bias_is_trained() {
                let to = &mut gradient[bias];
                if self.shares().is_none() {
                    to.fill(T::ZERO);
                }
                add_columns(dy.as_view(), to);
            }
            if let Some(place) = self.place_of_skip().filter(|_| !self.is_frozen) {
                gradient[place].fill(T::ZERO);
            }
        }
        if let Some(mut dx) = dx {
            let transposed = self.matrix(pass.parameters).transposed();
            multiply(transposed, d, T::ZERO, dx.as_mut_slice());
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
        self.apply(pass.parameters, v, jv.as_mut_slice());
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        let (outputs, units) = (self.output.value(), self.units.value());
        let samples = pass.x.samples();
        let (atoms, bias) = self.places();
        let (dy, da) = (d.value.as_slice(), d.tangent.as_slice());
        if !self.is_frozen {
            let to = &mut gradient[atoms];
            for (f, d) in [(pass.x.as_slice(), dy), (tangent.v.as_slice(), da)] {
                let f = Matrix::new(f, units, samples).transposed();
                multiply(Matrix::new(d, outputs, samples), f, T::ONE, to);
            }
        }
        if self.bias_is_trained() {
            add_columns(d.value.as_view(), &mut gradient[bias]);
        }
        if let Some(d_input) = d_input {
            let transposed = self.matrix(pass.parameters).transposed();
            for (d, mut dx) in [(dy, d_input.value), (da, d_input.tangent)] {
                let d = Matrix::new(d, outputs, samples);
                multiply(transposed, d, T::ZERO, dx.as_mut_slice());
            }
        }
    }

    fn untied(&self, parameters: &[T], to: &mut Vec<T>) -> Option<Box<dyn Layer<T>>> {
        self.shares()?;
        Some(Box::new(self.detach(parameters, to)))
    }

    fn pair_decoder(&self) -> Option<&dyn PairDecoder<T>> {
        Some(self)
    }
}

impl<T: Float, I: Size, O: Size> Detach<T> for DictionaryLayer<I, O> {
    type Detached = Self;

    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self {
        let (atoms, bias) = self.places();
        to.extend_from_slice(&parameters[atoms]);
        to.extend_from_slice(&parameters[bias]);
        to.extend(self.place_of_skip().iter().flat_map(|place| &parameters[place.clone()]));
        Self { in_common: None, ..self.clone() }
    }
}

impl<T: Float, I: Size, O: Size> PairDecoder<T> for DictionaryLayer<I, O> {
    fn bias<'a>(&self, parameters: &'a [T]) -> &'a [T] {
        &parameters[self.places().1]
    }

    fn atoms<'a>(&self, parameters: &'a [T]) -> BatchView<'a, T> {
        BatchView::new(&parameters[self.places().0], self.output.value())
    }

    fn take_plain(
        &self,
        parameters: &mut [T],
        atoms: &[T],
        bias: &[T],
        skip: Option<&[T]>,
    ) -> Result<()> {
        let (of_atoms, of_bias) = self.places();
        parameters[of_atoms].copy_from_slice(atoms);
        parameters[of_bias].copy_from_slice(bias);
        let are_one = || are_of_length_one(BatchView::new(atoms, self.output.value()));
        let fault = "keeps its atoms at length 1, and those that are taken have others";
        let remedy = "take `Dictionary::free`, or fold them by `SparseDictionary::fold_norms` where their rule allows it";
        require_fit(self.settings.is_free || are_one(), "the decoder", fault, remedy)?;
        let fault = "has a skip, and the weights that are taken have none, or the other way round";
        let remedy = "build the model with `Dictionary::to`, and `with_skip` where they have one";
        match (self.place_of_skip(), skip) {
            (Some(place), Some(skip)) => parameters[place].copy_from_slice(skip),
            (None, None) => {}
            _ => return Err(Error::Unfit { part: "the decoder", fault, remedy }),
        }
        Ok(())
    }

    fn place_of_atoms(&self) -> Range<usize> {
        self.places().0
    }

    fn decode_pairs(
        &self,
        parameters: &[T],
        codes: &SparseBatch<T>,
        units: usize,
        has_bias: bool,
        y: BatchViewMut<'_, T>,
    ) {
        let (atoms, bias) = self.places();
        let bias = has_bias.then(|| &parameters[bias]);
        add_atoms(BatchView::new(&parameters[atoms], self.output.value()), bias, (codes, units), y);
    }

    fn decode_pairs_backward(
        &self,
        pass: PairsPass<'_, T>,
        units: usize,
        has_bias: bool,
        dy: BatchView<'_, T>,
        d_codes: &mut [T],
        gradient: Option<&mut [T]>,
    ) {
        let (atoms, bias) = self.places();
        let own = BatchView::new(&pass.parameters[atoms.clone()], self.output.value());
        add_code_gradient(own, (pass.codes, units), dy, d_codes);
        let Some(gradient) = gradient else { return };
        if !self.is_frozen {
            let to = &mut gradient[atoms];
            add_atom_gradient((pass.codes, pass.by_unit, units), dy, to);
        }
        if has_bias && self.bias_is_trained() {
            add_columns(dy, &mut gradient[bias]);
        }
    }

    fn skip<'a>(&self, parameters: &'a [T]) -> Option<BatchView<'a, T>> {
        let place = self.place_of_skip()?;
        Some(BatchView::new(&parameters[place], self.output.value()))
    }

    fn add_skip(&self, parameters: &[T], x: BatchView<'_, T>, mut y: BatchViewMut<'_, T>) {
        let Some(skip) = PairDecoder::skip(self, parameters) else { return };
        let skip = Matrix::new(skip.as_slice(), skip.features(), skip.samples());
        let x = Matrix::new(x.as_slice(), x.features(), x.samples());
        multiply(skip, x, T::ONE, y.as_mut_slice());
    }

    fn add_skip_gradient(&self, x: BatchView<'_, T>, dy: BatchView<'_, T>, gradient: &mut [T]) {
        let place = self.place_of_skip().filter(|_| !self.is_frozen);
        let Some(place) = place else { return };
        let dy = Matrix::new(dy.as_slice(), dy.features(), dy.samples());
        let x = Matrix::new(x.as_slice(), x.features(), x.samples());
        multiply(dy, x.transposed(), T::ONE, &mut gradient[place]);
    }

    fn project(&self, parameters: &[T], gradient: &mut [T]) {
        if !PairDecoder::<T>::settles(self) {
            return;
        }
        let (atoms, outputs) = (self.places().0, self.output.value());
        let own = BatchView::new(&parameters[atoms.clone()], outputs);
        project(own, BatchViewMut::new(&mut gradient[atoms], outputs));
    }

    fn revive(
        &self,
        parameters: &mut [T],
        unit: usize,
        direction: &[T],
        places: &mut Vec<Range<usize>>,
    ) {
        if self.is_frozen || direction.len() != self.output.value() {
            return;
        }
        let first = self.places().0.start + unit * direction.len();
        let place = first..first + direction.len();
        let norm = T::of(self.settings.first_norm);
        set_direction(&mut parameters[place.clone()], direction, norm);
        places.push(place);
    }

    fn settle(&self, parameters: &mut [T]) {
        if PairDecoder::<T>::settles(self) {
            let (atoms, outputs) = (self.places().0, self.output.value());
            normalize(BatchViewMut::new(&mut parameters[atoms], outputs));
        }
    }

    fn settles(&self) -> bool {
        !self.settings.is_free && !self.is_frozen
    }
}
