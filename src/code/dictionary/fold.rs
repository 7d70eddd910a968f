//! Simpler weights that say the same.

use super::{DictionaryParts, InputScale, SparseActivation, SparseDictionary, norms_of};
use crate::error::{Result, require, require_fit};
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, sum_pairs};

impl<T: Float> SparseDictionary<T> {
    /// Gives every direction unit length, and the units its length: reconstructions stay, and a code then says how far
    /// a unit reaches.
    ///
    /// # Formula
    /// d ← d/‖d‖; of the same unit encoder, bias, threshold and the bias of a magnitude ← times ‖d‖, and so its code.
    /// A direction without length stays as it is. So does its unit, but of TopK and AbsTopK by norm, where it never was
    /// active: there it becomes one that never is.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) where other units would be active then: TopK and AbsTopK that do not rank by
    /// norm, GroupMax, and matching pursuit; [`Error::EntryNotFinite`](crate::Error::EntryNotFinite) for a weight that
    /// would be too large. Then nothing has changed.
    pub fn fold_norms(&mut self) -> Result<()> {
        let is_safe = match &self.parts.activation {
            SparseActivation::ReLU
            | SparseActivation::JumpReLU { .. }
            | SparseActivation::Gated { .. } => true,
            SparseActivation::TopK { by_norm, .. } | SparseActivation::AbsTopK { by_norm, .. } => {
                *by_norm
            }
            SparseActivation::GroupMax { .. } | SparseActivation::MatchingPursuit { .. } => false,
        };
        let fault =
            "ranks units by what fold_norms would change, so that other ones would be active";
        let remedy = "use it as it is";
        require_fit(is_safe, self.parts.activation.name(), fault, remedy)?;
        let norms = norms_of(&self.parts);
        let mut parts = self.parts.clone();
        fold_norms(&mut parts, &norms);
        self.take(parts)
    }

    /// Puts a factor by which samples were scaled for training into the weights, so that samples are taken as they
    /// are: √d over the mean norm of the samples trained on.
    ///
    /// # Formula
    /// W_e ← W_e s; W_d, b_d and p ← divided by s. Codes of x are then those of s x before, reconstructions are divided
    /// by s. A code that [ranks by norm](SparseActivation::TopK::by_norm) is divided by s.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the factor is finite and greater than 0;
    /// [`Error::Unfit`](crate::Error::Unfit) where each sample is scaled on its own, with a skip, and for matching
    /// pursuit; [`Error::EntryNotFinite`](crate::Error::EntryNotFinite) for a weight that would be too large. Then nothing
    /// has changed.
    pub fn fold_input_factor(&mut self, factor: T) -> Result<()> {
        let is_valid = factor > T::ZERO && factor.is_finite();
        let requirement = "finite and greater than 0";
        require(is_valid, "the factor of the input", factor.to_double(), requirement)?;
        let is_one = matches!(self.parts.input_scale, InputScale::Plain | InputScale::Factor);
        let fault = "scales each sample on its own";
        let remedy = "give it samples as they are";
        require_fit(is_one, "SparseDictionary", fault, remedy)?;
        let is_plain = self.parts.skip.is_none()
            && !matches!(self.parts.activation, SparseActivation::MatchingPursuit { .. });
        let fault = "has a skip or a matching pursuit, which a factor cannot be folded into";
        require_fit(is_plain, "SparseDictionary", fault, "scale the samples instead")?;
        let mut parts = self.parts.clone();
        fold_factor(&mut parts, factor);
        parts.input_scale = InputScale::Plain;
        self.take(parts)
    }

    /// Whether every direction has unit length, but for rounding.
    pub(crate) fn has_unit_norms(&self) -> bool {
        /// As libraries in single precision compare norms.
        const NEAR: f64 = 1e-5;
        norms_of(&self.parts).iter().all(|norm| (norm.to_double() - 1.0).abs() <= NEAR)
    }

    /// The biases of encoder and, of gates, of magnitudes, if this is taken off samples in place of what is: nothing, where
    /// it is empty.
    ///
    /// # Formula
    /// W (x − p) + b = W (x − q) + b + W (q − p)
    pub(crate) fn biases_behind(&self, pre_bias: &[T]) -> (Vec<T>, Vec<T>) {
        let magnitudes = match self.activation() {
            SparseActivation::Gated { magnitude_bias, .. } => magnitude_bias.clone(),
            _ => Vec::new(),
        };
        let mut biases = (self.encoder_bias().to_vec(), magnitudes);
        move_biases(&self.parts, pre_bias, &mut biases);
        biases
    }

    /// The length of each direction.
    pub(crate) fn norms(&self) -> Vec<T> {
        norms_of(&self.parts)
    }

    /// Takes other parts if they are in order.
    fn take(&mut self, parts: DictionaryParts<T>) -> Result<()> {
        let Self { parts, norms, .. } = Self::new(parts)?;
        (self.parts, self.norms) = (parts, norms);
        Ok(())
    }
}

once! {
    fn fold_norms(parts: &'a mut DictionaryParts<T>, norms: &'a [T]) = fold_norms_generic;
    fn fold_factor(parts: &'a mut DictionaryParts<T>, factor: T) = fold_factor_generic;
    fn move_biases(
        parts: &'a DictionaryParts<T>,
        pre_bias: &'a [T],
        biases: &'a mut (Vec<T>, Vec<T>),
    ) = move_biases_generic;
}

fn move_biases_generic<T: Float>(
    parts: &DictionaryParts<T>,
    pre_bias: &[T],
    (biases, magnitudes): &mut (Vec<T>, Vec<T>),
) {
    let at = |values: &[T], input: usize| values.get(input).copied().unwrap_or(T::ZERO);
    let own = parts.pre_bias.as_deref().unwrap_or(&[]);
    let taken = |input: usize| at(own, input) - at(pre_bias, input);
    let taken: Vec<T> = (0..parts.inputs).map(taken).collect();
    for (unit, row) in parts.encoder.chunks_exact(parts.inputs).enumerate() {
        let taken = sum_pairs(
            row,
            &taken,
            #[inline(always)]
            |weight, bias| weight * bias,
        );
        biases[unit] -= taken;
        if let SparseActivation::Gated { log_scale, .. } = &parts.activation {
            magnitudes[unit] -= taken * log_scale[unit].exp();
        }
    }
}

fn fold_norms_generic<T: Float>(parts: &mut DictionaryParts<T>, norms: &[T]) {
    for (row, &norm) in parts.decoder.chunks_exact_mut(parts.outputs).zip(norms) {
        if norm > T::ZERO {
            row.iter_mut().for_each(|x| *x /= norm);
        }
    }
    // What ranks by norm never takes a unit whose direction has none, nor is it to do so then.
    let takes_zero = parts.activation.is_by_norm();
    let of_unit = |rows: &mut [T], length: usize| {
        for (row, &norm) in rows.chunks_exact_mut(length).zip(norms) {
            if norm > T::ZERO || takes_zero {
                row.iter_mut().for_each(|x| *x *= norm);
            }
        }
    };
    of_unit(&mut parts.encoder, parts.inputs);
    of_unit(&mut parts.encoder_bias, 1);
    match &mut parts.activation {
        SparseActivation::JumpReLU { thresholds: values }
        | SparseActivation::Gated { magnitude_bias: values, .. } => of_unit(values, 1),
        SparseActivation::TopK { by_norm, .. } | SparseActivation::AbsTopK { by_norm, .. } => {
            *by_norm = false;
        }
        _ => {}
    }
}

fn fold_factor_generic<T: Float>(parts: &mut DictionaryParts<T>, factor: T) {
    parts.encoder.iter_mut().for_each(|x| *x *= factor);
    let pre_bias = parts.pre_bias.iter_mut().flatten();
    let divided = parts.decoder.iter_mut().chain(&mut parts.decoder_bias).chain(pre_bias);
    divided.for_each(|x| *x /= factor);
}
