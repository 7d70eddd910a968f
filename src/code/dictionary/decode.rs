//! From codes to reconstructions.

use nalgebra::Dyn;

use super::encode::{TILE, require_finite, scale};
use super::{DictionaryParts, InputScale, SparseDictionary};
use crate::batch::sparse::SparseBatch;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::error::{Result, require_size};
use crate::layer::sparse::add_atoms;
use crate::numbers::once::once;
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::Float;

impl<T: Float> SparseDictionary<T> {
    /// W_dᵀ f + b_d of each code: only active units are looked at.
    ///
    /// A [scale](InputScale) of the sample is not undone, and there is no skip: both need the sample, which
    /// [`reconstruct_from`](Self::reconstruct_from) takes.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for codes of another number of units;
    /// [`Error::EntryNotFinite`](crate::Error::EntryNotFinite) for an output beyond the number type.
    pub fn decode(&self, codes: &SparseBatch<T>) -> Result<Batch<T, Dyn>> {
        require_size("SparseDictionary::decode", "units", self.units(), codes.features())?;
        let mut outputs = Batch::zeros(Dyn(self.outputs()), codes.samples());
        decode(&self.parts, &self.norms, codes, outputs.as_mut_slice());
        self.require_finite("SparseDictionary::decode", &outputs)?;
        Ok(outputs)
    }

    /// ŷ of each sample.
    ///
    /// # Errors
    /// As [`encode`](Self::encode) and [`decode`](Self::decode).
    pub fn reconstruct(&self, x: BatchView<'_, T>) -> Result<Batch<T, Dyn>> {
        self.check_input("SparseDictionary::reconstruct", x)?;
        let codes = self.encode(x)?;
        self.reconstruct_from(x, &codes)
    }

    /// ŷ of each sample with a code that was not made of it, or was changed: what the model would say if a unit were
    /// silent.
    ///
    /// # Errors
    /// As [`reconstruct`](Self::reconstruct), and [`Error::SizeMismatch`](crate::Error::SizeMismatch) for codes of another number
    /// of units or of samples.
    ///
    /// # Example
    /// ```no_run
    /// use autoencoder::{Batch, SparseBatch, SparseDictionary, nalgebra::Dyn};
    /// # fn silenced(dictionary: &SparseDictionary<f32>, x: &Batch<f32, Dyn>) -> Result<Batch<f32, Dyn>, autoencoder::Error> {
    /// let mut codes = dictionary.encode(x.view())?.to_dense();
    /// for code in codes.as_mut_slice().chunks_exact_mut(dictionary.units()) {
    ///     code[7] = 0.0;
    /// }
    /// let without_unit_7 = dictionary.reconstruct_from(x.view(), &SparseBatch::from_dense(&codes)?)?;
    /// # Ok(without_unit_7) }
    /// ```
    pub fn reconstruct_from(
        &self,
        x: BatchView<'_, T>,
        codes: &SparseBatch<T>,
    ) -> Result<Batch<T, Dyn>> {
        self.check_input("SparseDictionary::reconstruct_from", x)?;
        require_size("SparseDictionary::reconstruct_from", "codes", x.samples(), codes.samples())?;
        let mut outputs = self.decode(codes)?;
        add_sample(&self.parts, x, outputs.as_mut_slice());
        self.require_finite("SparseDictionary::reconstruct_from", &outputs)?;
        Ok(outputs)
    }

    fn require_finite(&self, call: &'static str, outputs: &Batch<T, Dyn>) -> Result<()> {
        let mut outputs = outputs.as_slice().chunks_exact(self.outputs());
        outputs.try_for_each(|output| require_finite(call, "the value of output", output))
    }
}

once! {
    fn decode(
        parts: &'a DictionaryParts<T>,
        norms: &'a [T],
        codes: &'a SparseBatch<T>,
        to: &'a mut [T],
    ) = decode_generic;
    /// What a sample itself does to its reconstruction: undoes its scale, and adds the skip.
    fn add_sample(parts: &'a DictionaryParts<T>, x: BatchView<'b, T>, to: &'a mut [T]) = add_sample_generic;
}

fn decode_generic<T: Float>(
    parts: &DictionaryParts<T>,
    norms: &[T],
    codes: &SparseBatch<T>,
    to: &mut [T],
) {
    let directions = BatchView::new(&parts.decoder, parts.outputs);
    let mut add = |codes: &SparseBatch<T>| {
        let to = BatchViewMut::new(&mut *to, parts.outputs);
        add_atoms(directions, Some(&parts.decoder_bias), (codes, parts.units), to);
    };
    if norms.is_empty() {
        return add(codes);
    }
    let mut of_unit_length = codes.clone();
    // A direction without length stays one.
    let divided = |value: T, norm: T| if norm == T::ZERO { T::ZERO } else { value / norm };
    of_unit_length.change_values(|unit, value| divided(value, norms[unit]));
    add(&of_unit_length);
}

fn add_sample_generic<T: Float>(parts: &DictionaryParts<T>, x: BatchView<'_, T>, to: &mut [T]) {
    let how = parts.input_scale;
    if let InputScale::Norm { is_undone: true } | InputScale::LayerNorm { is_undone: true } = how {
        let mut scaled = Vec::new();
        for (output, sample) in to.chunks_exact_mut(parts.outputs).zip(x.iter()) {
            scaled.clear();
            scaled.extend_from_slice(sample);
            let undo = scale(how, &mut scaled);
            output.iter_mut().for_each(|y| *y = *y * undo.scale + undo.shift);
        }
    }
    if let Some(skip) = &parts.skip {
        let skip = Matrix::new(skip, parts.inputs, parts.outputs).transposed();
        for (x, to) in x.chunks(TILE).zip(to.chunks_mut(TILE * parts.outputs)) {
            let x = Matrix::new(x.as_slice(), parts.inputs, x.samples());
            multiply(skip, x, T::ONE, to);
        }
    }
}
