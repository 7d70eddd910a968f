//! A model of sparse codes as plain weights, with its normalizer folded in.

use super::network::Network;
use super::{AutoEncoder, Scalar};
use crate::batch::BatchView;
use crate::code::dictionary::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
use crate::data::{Normalization, Normalizer};
use crate::error::{Error, Result, require_fit};
use crate::layer::sparse::{By, PlainEncoder, Rule, SparseCode};
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
    /// dictionary, so that samples go in and reconstructions come out in the user's units. Codes are the model's.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) where encoder or decoder are in a box and are none of sparse codes, for a
    /// normalizer that does not scale and shift each feature by itself or that takes missing values, and for a rule that
    /// plain weights do not have.
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

impl<T: Float> Network<T> {
    fn sparse_dictionary(&self) -> Result<SparseDictionary<T>> {
        let unfit = |part, fault| Error::Unfit { part, fault, remedy: "take `encode_sparse`" };
        let encoder = self.encoder.pair_encoder();
        let encoder = encoder.ok_or(unfit("the encoder", "gives no sparse codes"))?;
        let decoder = self.decoder.pair_decoder();
        let decoder = decoder.ok_or(unfit("the decoder", "is no dictionary"))?;
        let plain = encoder.plain(&self.parameters[self.places().encoder]);
        let given = &self.parameters[self.given_to_decoder()];
        let activation = activation(&plain)?;
        let (shifts, scales) = affine::<T>(self.normalizer.as_ref(), self.facts.features)?;
        // What the model sees is (x − shift) / scale, and what it gives is times scale, and shift.
        let restored = |values: &[T]| restored(values, &scales, &shifts);
        let is_shifted = shifts.iter().any(|&shift| shift != T::ZERO);
        let no_bias = vec![T::ZERO; self.facts.features];
        let (mut atoms, mut bias) =
            (decoder.atoms(given).as_slice().to_vec(), decoder.bias(given).to_vec());
        let mut skip = decoder.skip(given).map(|skip| transposed(skip));
        if self.loss.target() == Target::Input {
            (atoms, bias) = (multiplied(&atoms, &scales), restored(&bias));
        } else if let Some(skip) = &mut skip {
            *skip = divided(skip, &scales);
            take_off(skip, &shifts, &mut bias);
        }
        let pre_bias = match plain.pre_bias {
            [] => is_shifted.then(|| restored(&no_bias)),
            own => Some(restored(own)),
        };
        SparseDictionary::new(DictionaryParts {
            inputs: self.facts.features,
            outputs: self.outputs(),
            units: self.facts.units,
            encoder: divided(plain.weights.as_slice(), &scales),
            encoder_bias: plain.biases.to_vec(),
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
