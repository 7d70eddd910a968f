//! A model of sparse codes as plain weights, with its normalizer folded in, and the way back.

use super::network::Network;
use super::{AutoEncoder, Scalar};
use crate::batch::{BatchView, BatchViewMut};
use crate::code::dictionary::{
    DictionaryParts, InputScale, SparseActivation, SparseDictionary, require_finite,
};
use crate::data::{Normalization, Normalizer};
use crate::error::{Error, Result, require_fit, require_size};
use crate::layer::sparse::{By, PairDecoder, PairEncoder, PlainEncoder, Rule, SparseCode};
use crate::layer::{Part, Unconditioned};
use crate::loss::Target;
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, sum_pairs};

impl<E, D, R, L, T> AutoEncoder<E, D, R, L, T>
where
    E: Part<Posterior: SparseCode, Condition = Unconditioned>,
    D: Part,
    T: Scalar,
{
    /// The model as plain weights, to be used elsewhere or written for other libraries: the rule of its selection in use
    /// (of a [`BatchTopK`](crate::layer::sparse::BatchTopK) its threshold), and the normalizer folded into encoder and
    /// dictionary, so that samples go in and reconstructions come out in the user's units. Its
    /// [notes](SparseDictionary::notes) are empty. Codes are the model's. Of a selection
    /// [by norm](crate::layer::sparse::TopK::by_norm) the lengths of the atoms are folded into encoder and codes,
    /// as other libraries have them: the same units are active, each with the model's value times the length of its atom
    /// (as the model sees it), and reconstructions are the same.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) where encoder or decoder are in a box and are none of sparse codes, for a loss that
    /// makes something else of the dictionary's outputs, for a normalizer that does not scale and shift each feature by itself
    /// or that takes missing values, and for a rule that plain weights do not have.
    ///
    /// # Example
    /// ```
    /// use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
    /// use autoencoder::{AutoEncoder, Normalizer, data::InMemory, datasets};
    /// let x = datasets::digits().test;
    /// let model = AutoEncoder::builder()
    ///     .encoder(SparseEncoder::<64, 128>::new(TopK::new(8)?))
    ///     .decoder(Dictionary::new())
    ///     .normalizer(Normalizer::fit_mean_norm(&mut InMemory::from(&x))?)
    ///     .build::<f64>()?; // and trained
    /// let plain = model.sparse_dictionary()?;
    /// let (ours, plains) = (model.reconstruct(&x)?, plain.reconstruct(x.view())?);
    /// let differences = ours.as_slice().iter().zip(plains.as_slice()).map(|(a, b)| (a - b).abs());
    /// assert!(differences.fold(0.0, f64::max) < 1e-12);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn sparse_dictionary(&self) -> Result<SparseDictionary<T>> {
        self.network().sparse_dictionary()
    }
}

impl<E, D, R, L, T> AutoEncoder<E, D, R, L, T>
where
    E: Part<Posterior: SparseCode, Condition = Unconditioned>,
    D: Part,
    T: Scalar,
{
    /// Takes the weights of a dictionary, whoever trained it, to train it further; the way back from
    /// [`sparse_dictionary`](Self::sparse_dictionary). Codes and reconstructions are then the dictionary's, but for
    /// rounding, and for codes by norm, which are divided by the lengths of atoms. A model that ranks
    /// [by norm](crate::layer::sparse::TopK::by_norm) comes back from [`sparse_dictionary`](Self::sparse_dictionary) as one that
    /// need not, with atoms of length 1 where it has no normalizer; a `BatchTopK` that was not trained as a `TopK`. What
    /// it takes off its samples may be another thing than what it adds to its outputs, where a model has one parameter for both,
    /// and goes into the biases of units then.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for other sizes, [`Error::Unfit`](crate::Error::Unfit) for a
    /// rule that the model's encoder does not have, for atoms of other lengths than 1 where the model keeps them at it,
    /// for a skip that only one of the two has, for a dictionary that scales its samples, and for a model with a normalizer or
    /// with a loss that makes something else of the dictionary's outputs;
    /// [`Error::EntryNotFinite`](crate::Error::EntryNotFinite) for a bias that would be too large.
    /// The model has not changed then.
    ///
    /// # Example
    /// ```
    /// use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
    /// use autoencoder::{Adam, AutoEncoder, SparseDictionary, Trainer, datasets};
    /// let digits = datasets::digits();
    /// let build = |seed| {
    ///     AutoEncoder::builder()
    ///         .encoder(SparseEncoder::<64, 128>::new(TopK::new(8)?))
    ///         .decoder(Dictionary::new())
    ///         .seed(seed)
    ///         .build::<f32>()
    /// };
    /// let mut trained = build(0)?;
    /// Trainer::new(Adam::new(1e-3)?).epochs(2).fit(&mut trained, &digits.train)?;
    /// let dictionary = trained.sparse_dictionary()?; // or `SparseDictionary::load("folder")?`
    ///
    /// let mut model = build(1)?;
    /// model.set_sparse_dictionary(&dictionary)?;
    /// assert_eq!(model.encode_sparse(&digits.test)?, trained.encode_sparse(&digits.test)?);
    /// Trainer::new(Adam::new(1e-4)?).epochs(1).fit(&mut model, &digits.train)?;
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn set_sparse_dictionary(&mut self, dictionary: &SparseDictionary<T>) -> Result<()> {
        take_dictionary(self.network_mut(), dictionary)
    }
}

impl<T: Float> Network<T> {
    fn take_dictionary_generic(&mut self, dictionary: &SparseDictionary<T>) -> Result<()> {
        let place = "set_sparse_dictionary";
        require_size(place, "inputs", self.facts.features, dictionary.inputs())?;
        require_size(place, "units", self.facts.units, dictionary.units())?;
        require_size(place, "outputs", self.facts.outputs, dictionary.outputs())?;
        let fault = "scales its samples by itself";
        let remedy =
            "fold it by `fold_input_factor`, or scale the samples and take InputScale::Plain";
        let is_plain = dictionary.input_scale() == InputScale::Plain;
        require_fit(is_plain, "the dictionary", fault, remedy)?;
        self.require_values()?;
        let (fault, remedy) = ("is not for a dictionary's weights", "build the model without one");
        require_fit(self.normalizer.is_none(), "the normalizer", fault, remedy)?;
        let (fault, remedy) = ("has a rule that cannot be trained here", "use it as it is");
        let unfit = Error::Unfit { part: "the dictionary", fault, remedy };
        let rule = dictionary.activation().rule().ok_or(unfit)?;
        let (encoder, decoder) = self.sparse_halves()?;

        let inputs = self.facts.features;
        let pre_bias = match encoder.plain(&self.parameters[self.places().encoder]).pre_bias {
            [] => Vec::new(),
            _ if self.loss.target() == Target::Input => dictionary.decoder_bias().to_vec(),
            _ => dictionary.pre_bias().map_or_else(|| vec![T::ZERO; inputs], <[T]>::to_vec),
        };
        let (biases, of_magnitudes) = dictionary.biases_behind(&pre_bias);
        require_finite(place, "the bias of unit", &biases)?;
        require_finite(place, "the magnitude's bias of unit", &of_magnitudes)?;
        let magnitudes = match dictionary.activation() {
            SparseActivation::Gated { log_scale, .. } => Some([&log_scale[..], &of_magnitudes]),
            _ => None,
        };

        // Where all are 1, it is the same whether units are ranked by them.
        let is_by_norm = match dictionary.has_unit_norms() {
            true => encoder.is_by_norm(),
            false => dictionary.activation().is_by_norm(),
        };
        let norms = if is_by_norm { dictionary.norms() } else { Vec::new() };
        let mut parameters = self.parameters.clone();
        let plain = PlainEncoder {
            weights: BatchView::new(dictionary.encoder(), inputs),
            biases: &biases,
            pre_bias: &pre_bias,
            rule,
            norms: &norms,
            magnitudes,
        };
        encoder.take_plain(&mut parameters[self.places().encoder], plain)?;
        let skip = dictionary.skip().map(|rows| transposed(BatchView::new(rows, inputs)));
        decoder.take_plain(
            &mut parameters[self.given_to_decoder()],
            dictionary.decoder(),
            dictionary.decoder_bias(),
            skip.as_deref(),
        )?;
        self.set_parameters(&parameters)
    }

    /// Refuses a loss for which the dictionary's outputs are no reconstructions yet.
    fn require_values(&self) -> Result<()> {
        // Numbers below 0, from 0 to 1, and above.
        let value = |at: usize| T::of((at * 7 % 11) as f64 / 3.0 - 1.3);
        let before: Vec<T> = (0..self.facts.outputs.max(11)).map(value).collect();
        let before = &before[..self.facts.outputs];
        let mut after = before.to_vec();
        self.loss.reconstruct(BatchViewMut::new(&mut after, self.facts.outputs));
        let fault = "makes something else of the dictionary's outputs, which plain weights do not";
        require_fit(after == before, "the loss", fault, "take `SquaredError`, or the model itself")
    }

    /// Encoder and decoder, of sparse codes.
    fn sparse_halves(&self) -> Result<(&dyn PairEncoder<T>, &dyn PairDecoder<T>)> {
        let remedy = "plain weights are of a `SparseEncoder` and a `Dictionary`";
        let unfit = |part, fault| Error::Unfit { part, fault, remedy };
        let encoder = self.encoder.pair_encoder();
        let encoder = encoder.ok_or(unfit("the encoder", "gives no sparse codes"))?;
        let decoder = self.decoder.pair_decoder();
        Ok((encoder, decoder.ok_or(unfit("the decoder", "is no dictionary"))?))
    }

    fn sparse_dictionary(&self) -> Result<SparseDictionary<T>> {
        self.require_values()?;
        let (encoder, decoder) = self.sparse_halves()?;
        let plain = encoder.plain(&self.parameters[self.places().encoder]);
        let given = &self.parameters[self.given_to_decoder()];
        let activation = activation(&plain)?;
        let (shifts, scales) = affine::<T>(self.normalizer.as_ref(), self.facts.features)?;
        let mut weights = divided(plain.weights.as_slice(), &scales);
        let mut biases = plain.biases.to_vec();
        // What the model sees is (x − shift) / scale, and what it gives is times scale, and shift.
        let restored = |values: &[T]| restored(values, &scales, &shifts);
        let is_shifted = shifts.iter().any(|&shift| shift != T::ZERO);
        let no_bias = vec![T::ZERO; self.facts.features];
        let mut atoms = decoder.atoms(given).as_slice().to_vec();
        let mut bias = decoder.bias(given).to_vec();
        let mut skip = decoder.skip(given).map(|skip| transposed(skip));
        if self.loss.target() == Target::Input {
            (atoms, bias) = (multiplied(&atoms, &scales), restored(&bias));
        } else if let Some(skip) = &mut skip {
            *skip = divided(skip, &scales);
            take_off(skip, &shifts, &mut bias);
        }
        fold(plain.norms, (&mut weights, &mut biases), &mut atoms);
        let pre_bias = match plain.pre_bias {
            [] => is_shifted.then(|| restored(&no_bias)),
            own => Some(restored(own)),
        };
        SparseDictionary::new(DictionaryParts {
            inputs: self.facts.features,
            outputs: self.outputs(),
            units: self.facts.units,
            encoder: weights,
            encoder_bias: biases,
            decoder: atoms,
            decoder_bias: bias,
            pre_bias,
            skip,
            activation,
            input_scale: InputScale::Plain,
        })
    }
}

once! {
    fn take_dictionary(network: &'a mut Network<T>, dictionary: &'b SparseDictionary<T>) -> Result<()> =
        Network::take_dictionary_generic;
    /// Values of a column times its scales, and the shifts.
    fn restored(values: &'a [T], scales: &'a [T], shifts: &'a [T]) -> Vec<T> = restored_generic;
    /// Columns times the scales.
    fn multiplied(columns: &'a [T], scales: &'a [T]) -> Vec<T> = multiplied_generic;
    /// The matrix row by row.
    fn transposed(columns: BatchView<'a, T>) -> Vec<T> = transposed_generic;
    /// bias ← bias − W shifts, with W row by row.
    fn take_off(rows: &'a [T], shifts: &'a [T], bias: &'a mut [T]) = take_off_generic;
    /// Columns divided by the scales.
    fn divided(columns: &'a [T], scales: &'a [T]) -> Vec<T> = divided_generic;
    /// Weights and bias of each unit times its norm, if there are norms, and its atom divided by it. What has norm 0 is
    /// never active, and then says 0.
    fn fold(norms: &'a [T], encoder: (&'a mut [T], &'a mut [T]), atoms: &'a mut [T]) = fold_generic;
}

fn fold_generic<T: Float>(norms: &[T], (weights, biases): (&mut [T], &mut [T]), atoms: &mut [T]) {
    let units = norms.len().max(1);
    let (inputs, outputs) = (weights.len() / units, atoms.len() / units);
    let of_unit = weights.chunks_exact_mut(inputs.max(1)).zip(biases);
    let of_unit = of_unit.zip(atoms.chunks_exact_mut(outputs.max(1)));
    for (&norm, ((weights, bias), atom)) in norms.iter().zip(of_unit) {
        weights.iter_mut().for_each(|weight| *weight *= norm);
        *bias *= norm;
        if norm > T::ZERO {
            atom.iter_mut().for_each(|value| *value /= norm);
        }
    }
}

fn restored_generic<T: Float>(values: &[T], scales: &[T], shifts: &[T]) -> Vec<T> {
    let of_scale = scales.iter().zip(shifts).zip(values);
    of_scale.map(|((&scale, &shift), &value)| value * scale + shift).collect()
}

fn multiplied_generic<T: Float>(columns: &[T], scales: &[T]) -> Vec<T> {
    columns.iter().zip(scales.iter().cycle()).map(|(&value, &scale)| value * scale).collect()
}

fn divided_generic<T: Float>(columns: &[T], scales: &[T]) -> Vec<T> {
    columns.iter().zip(scales.iter().cycle()).map(|(&value, &scale)| value / scale).collect()
}

fn transposed_generic<T: Float>(columns: BatchView<'_, T>) -> Vec<T> {
    let row = |at: usize| columns.iter().map(move |column| column[at]);
    (0..columns.features()).flat_map(row).collect()
}

fn take_off_generic<T: Float>(rows: &[T], shifts: &[T], bias: &mut [T]) {
    for (row, bias) in rows.chunks_exact(shifts.len()).zip(bias) {
        *bias -= sum_pairs(
            row,
            shifts,
            #[inline(always)]
            |weight, shift| weight * shift,
        );
    }
}

/// The rule of an encoder in use.
fn activation<T: Float>(plain: &PlainEncoder<'_, T>) -> Result<SparseActivation<T>> {
    if let Some([logs, biases]) = plain.magnitudes {
        let (magnitude_bias, log_scale) = (biases.to_vec(), logs.to_vec());
        return Ok(SparseActivation::Gated { magnitude_bias, log_scale });
    }
    let units = plain.biases.len();
    match plain.rule {
        Rule::Largest { count: k, by: By::Value } => {
            Ok(SparseActivation::TopK { k, by_norm: false })
        }
        Rule::Largest { count: k, by: By::Size } => {
            Ok(SparseActivation::AbsTopK { k, by_norm: false })
        }
        Rule::Above { threshold } if threshold == T::ZERO => Ok(SparseActivation::ReLU),
        Rule::Above { threshold } if threshold > T::ZERO => {
            Ok(SparseActivation::JumpReLU { thresholds: vec![threshold; units] })
        }
        Rule::AboveEach { thresholds, .. } => {
            Ok(SparseActivation::JumpReLU { thresholds: thresholds.to_vec() })
        }
        _ => {
            let (part, remedy) = ("the selection", "use the model itself");
            let fault = "has a rule in use that plain weights do not have";
            Err(Error::Unfit { part, fault, remedy })
        }
    }
}

/// What a normalizer takes off each feature, and what it divides it by.
fn affine<T: Float>(normalizer: Option<&Normalizer>, features: usize) -> Result<(Vec<T>, Vec<T>)> {
    let Some(normalizer) = normalizer else {
        return Ok((vec![T::ZERO; features], vec![T::ONE; features]));
    };
    let (first, second) = normalizer.parts();
    let of = |values: &[f64]| values.iter().map(|&value| T::of(value)).collect::<Vec<T>>();
    let fault = "cannot be folded into weights";
    let remedy = "take `Normalization::Standardize`, `Normalizer::fit_mean_norm` or none";
    require_fit(normalizer.fills().is_none(), "the normalizer", fault, remedy)?;
    match normalizer.normalization() {
        Normalization::None => affine(None, features),
        Normalization::Standardize => Ok((of(first), of(second))),
        _ => Err(Error::Unfit { part: "the normalizer", fault, remedy }),
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Const;

    use super::*;
    use crate::batch::Batch;
    use crate::layer::activation::Relu;
    use crate::layer::sparse::{
        AbsTopK, BatchTopK, Dictionary, GatedEncoder, JumpRelu, SparseEncoder, TopK,
    };
    use crate::optimizer::Adam;
    use crate::random::seeded;
    use crate::train::Trainer;

    fn data() -> Batch<f64, Const<5>> {
        let mut rng = seeded(3);
        let mut x = Batch::zeros(Const, 60);
        x.as_mut_slice().iter_mut().for_each(|x| *x = 3.0 + 2.0 * f64::draw_normal(&mut rng));
        x
    }

    /// Trains a model of these parts with a normalizer, and compares it with its plain weights.
    macro_rules! check {
        ($encoder:expr) => {{
            let x = data();
            for normalizer in [
                None,
                Some(Normalizer::fit(Normalization::Standardize, &x)?),
                Some(Normalizer::fit_mean_norm(&mut crate::data::InMemory::from(&x))?),
            ] {
                let mut builder =
                    AutoEncoder::builder().encoder($encoder).decoder(Dictionary::new());
                if let Some(normalizer) = normalizer {
                    builder = builder.normalizer(normalizer);
                }
                let mut model = builder.build::<f64>()?;
                Trainer::new(Adam::new(0.02)?).epochs(4).batch_size(20).fit(&mut model, &x)?;
                let plain = model.sparse_dictionary()?;
                let near = |a: &[f64], b: &[f64]| {
                    let square = sum_pairs(a, b, |a, b| (a - b) * (a - b));
                    assert!(square < 1e-20, "{square:e}");
                };
                let codes = plain.encode(x.view())?;
                assert!(codes.count() > 0);
                near(codes.to_dense().as_slice(), model.encode(&x)?.as_slice());
                let outputs = plain.reconstruct(x.view())?;
                near(outputs.as_slice(), model.reconstruct(&x)?.as_slice());
                // And back: folded atoms have any length, and pre-biases are not the decoder's.
                let other =
                    AutoEncoder::builder().encoder($encoder).decoder(Dictionary::free(2.0)?);
                let mut other = other.seed(9).build::<f64>()?;
                other.set_sparse_dictionary(&plain)?;
                near(other.encode(&x)?.as_slice(), codes.to_dense().as_slice());
                near(other.reconstruct(&x)?.as_slice(), outputs.as_slice());
                Trainer::new(Adam::new(1e-3)?).epochs(1).fit(&mut other, &x)?;
            }
        }};
    }

    #[test]
    fn plain_weights_say_what_the_model_says() -> Result<()> {
        check!(SparseEncoder::<5, 12>::new(TopK::new(3)?));
        check!(SparseEncoder::<5, 12>::new(TopK::new(3)?).without_pre_bias());
        check!(SparseEncoder::<5, 12>::new(AbsTopK::new(3)?));
        check!(SparseEncoder::<5, 12>::new(BatchTopK::new(2.5)?));
        check!(SparseEncoder::<5, 12>::new(JumpRelu::default()));
        check!(SparseEncoder::<5, 12>::new(Relu));
        check!(GatedEncoder::<5, 12>::new());
        Ok(())
    }

    /// A dictionary that takes off something else than it adds, into models with and without a pre-bias.
    #[test]
    fn a_pre_bias_of_its_own_goes_into_the_biases() -> Result<()> {
        let x = data();
        let mut rng = seeded(8);
        let mut drawn = |count: usize| -> Vec<f64> {
            (0..count).map(|_| 0.3 * f64::draw_normal(&mut rng)).collect()
        };
        let gated = SparseActivation::Gated { magnitude_bias: drawn(12), log_scale: drawn(12) };
        let jumps = SparseActivation::JumpReLU { thresholds: vec![0.1; 12] };
        let mut parts = DictionaryParts {
            inputs: 5,
            outputs: 5,
            units: 12,
            encoder: drawn(60),
            encoder_bias: drawn(12),
            decoder: drawn(60),
            decoder_bias: drawn(5),
            pre_bias: Some(drawn(5)),
            skip: None,
            activation: SparseActivation::ReLU,
            input_scale: InputScale::Plain,
        };
        macro_rules! check_taken {
            ($activation:expr, $encoder:expr) => {{
                parts.activation = $activation;
                let dictionary = SparseDictionary::new(parts.clone())?;
                let free = || Dictionary::free(1.0);
                let with = AutoEncoder::builder().encoder($encoder).decoder(free()?);
                let without = $encoder.without_pre_bias();
                let without = AutoEncoder::builder().encoder(without).decoder(free()?);
                let (mut with, mut without) = (with.build::<f64>()?, without.build::<f64>()?);
                with.set_sparse_dictionary(&dictionary)?;
                without.set_sparse_dictionary(&dictionary)?;
                let expected = dictionary.reconstruct(x.view())?;
                for found in [with.reconstruct(&x)?, without.reconstruct(&x)?] {
                    let pairs = found.as_slice().iter().zip(expected.as_slice());
                    assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
                }
                assert!(dictionary.encode(x.view())?.count() > 100);
            }};
        }
        check_taken!(SparseActivation::ReLU, SparseEncoder::<5, 12>::new(Relu));
        let k = SparseActivation::TopK { k: 3, by_norm: false };
        check_taken!(k, SparseEncoder::<5, 12>::new(TopK::new(3)?));
        let k = SparseActivation::TopK { k: 3, by_norm: true };
        check_taken!(k, SparseEncoder::<5, 12>::new(TopK::new(3)?.by_norm()));
        let k = SparseActivation::AbsTopK { k: 3, by_norm: true };
        check_taken!(k, SparseEncoder::<5, 12>::new(AbsTopK::new(3)?.by_norm()));
        check_taken!(jumps.clone(), SparseEncoder::<5, 12>::new(JumpRelu::default()));
        check_taken!(jumps.clone(), SparseEncoder::<5, 12>::new(BatchTopK::new(3.0)?));
        check_taken!(gated.clone(), GatedEncoder::<5, 12>::new());

        // What a model cannot take, and then is as it was.
        let build = |dictionary| {
            let encoder = SparseEncoder::<5, 12>::new(TopK::new(3)?);
            AutoEncoder::builder().encoder(encoder).decoder(dictionary).build::<f64>()
        };
        let mut model = build(Dictionary::free(1.0)?)?;
        let before = model.parameters().to_vec();
        let mut refused = |parts: &DictionaryParts<f64>| {
            let dictionary = SparseDictionary::new(parts.clone()).unwrap();
            let error = model.set_sparse_dictionary(&dictionary).unwrap_err();
            assert_eq!(model.parameters(), before);
            error.to_string()
        };
        let rule = "the encoder selects units by another rule, or with another k, than the one that is taken: build the \
                    model with the selection that the weights were trained with";
        let other_k = SparseActivation::TopK { k: 4, by_norm: false };
        let by_norm = SparseActivation::TopK { k: 3, by_norm: true };
        for activation in [other_k, SparseActivation::ReLU, jumps] {
            parts.activation = activation;
            assert_eq!(refused(&parts), rule);
        }
        parts.activation = by_norm;
        assert!(refused(&parts).starts_with("the encoder ranks units by norm and the weights"));
        parts.activation = gated;
        assert!(refused(&parts).starts_with("the encoder has no gates, and the weights"));
        parts.activation = SparseActivation::GroupMax { groups: 3 };
        assert!(refused(&parts).starts_with("the dictionary has a rule that cannot be trained"));
        parts.activation = SparseActivation::TopK { k: 3, by_norm: false };
        let scaled = DictionaryParts { input_scale: InputScale::Factor, ..parts.clone() };
        assert!(refused(&scaled).starts_with("the dictionary scales its samples by itself"));
        for input_scale in
            [InputScale::Norm { is_undone: true }, InputScale::LayerNorm { is_undone: true }]
        {
            let scaled = DictionaryParts { input_scale, ..parts.clone() };
            assert!(refused(&scaled).starts_with("the dictionary scales its samples by itself"));
        }
        let huge = DictionaryParts { pre_bias: Some(vec![1e308; 5]), ..parts.clone() };
        let huge = DictionaryParts { encoder: vec![1e3; 60], ..huge };
        assert!(
            refused(&huge).starts_with("set_sparse_dictionary: the bias of unit 0"),
            "{}",
            refused(&huge)
        );
        let skipping = DictionaryParts { skip: Some(vec![0.1; 25]), ..parts.clone() };
        assert!(refused(&skipping).starts_with("the decoder has a skip, and the weights"));
        let mut fewer = parts.clone();
        fewer.units = 11;
        fewer.encoder.truncate(55);
        fewer.decoder.truncate(55);
        fewer.encoder_bias.truncate(11);
        assert_eq!(refused(&fewer), "set_sparse_dictionary: expected 12 units, found 11");
        let dictionary = SparseDictionary::new(parts.clone())?;
        let mut of_length_one = build(Dictionary::new())?;
        let error = of_length_one.set_sparse_dictionary(&dictionary).unwrap_err().to_string();
        assert!(error.starts_with("the decoder keeps its atoms at length 1"), "{error}");
        // Models that have what the dictionary has not.
        let text = |result: Result<()>| result.unwrap_err().to_string();
        let builder = AutoEncoder::builder().encoder(GatedEncoder::<5, 12>::new());
        let mut gated = builder.decoder(Dictionary::free(1.0)?).build::<f64>()?;
        let found = text(gated.set_sparse_dictionary(&dictionary));
        assert!(found.starts_with("the encoder has gates, and the weights"), "{found}");
        let by_norm = SparseEncoder::<5, 12>::new(TopK::new(3)?.by_norm());
        let builder = AutoEncoder::builder().encoder(by_norm).decoder(Dictionary::free(1.0)?);
        let found = text(builder.build::<f64>()?.set_sparse_dictionary(&dictionary));
        assert!(found.starts_with("the encoder ranks units by norm"), "{found}");
        let encoder = || Ok::<_, Error>(SparseEncoder::<5, 12>::new(TopK::new(3)?));
        let to_targets = Dictionary::free(1.0)?.to::<5>().with_skip();
        let builder = AutoEncoder::builder().encoder(encoder()?).target_decoder(to_targets);
        let found = text(builder.build::<f64>()?.set_sparse_dictionary(&dictionary));
        assert!(found.starts_with("the decoder has a skip, and the weights"), "{found}");
        let builder = AutoEncoder::builder().encoder(encoder()?).decoder(Dictionary::free(1.0)?);
        let normalizer = Normalizer::fit(Normalization::Standardize, &x)?;
        let found =
            text(builder.normalizer(normalizer).build::<f64>()?.set_sparse_dictionary(&dictionary));
        assert!(found.starts_with("the normalizer is not for"), "{found}");
        // Outputs that a loss takes for logarithms are none of plain weights.
        let builder = AutoEncoder::builder().encoder(encoder()?).decoder(Dictionary::free(1.0)?);
        let mut counts = builder.loss(crate::loss::PoissonLikelihood).build::<f64>()?;
        let found = text(counts.set_sparse_dictionary(&dictionary));
        assert!(found.starts_with("the loss makes something else"), "{found}");
        assert_eq!(found, counts.sparse_dictionary().unwrap_err().to_string());
        Ok(())
    }

    #[test]
    fn what_does_not_fold_is_refused() -> Result<()> {
        let x = data();
        let range = Normalization::MinMax { low: 0.0, high: 1.0 };
        for normalizer in [
            Normalizer::fit(range, &x)?,
            Normalizer::fit_with_missing(Normalization::Standardize, &x)?,
        ] {
            let model = AutoEncoder::builder()
                .encoder(SparseEncoder::<5, 12>::new(TopK::new(3)?))
                .decoder(Dictionary::new())
                .normalizer(normalizer)
                .build::<f64>()?;
            let refused = model.sparse_dictionary();
            assert!(matches!(refused, Err(Error::Unfit { part: "the normalizer", .. })));
        }
        Ok(())
    }
}
