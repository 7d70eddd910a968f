//! The files of classifiers.

use std::path::Path;

use nalgebra::Dim;

use crate::code::encoder::Encoder;
use crate::error::Result;
use crate::model::classifier::Classifier;
use crate::regularizer::Regularizer;

impl<E: Encoder, K: Dim, R: Regularizer<E>> Classifier<E, K, R> {
    /// Saves the classifier, in a file as [`AutoEncoder::save`](crate::AutoEncoder::save) writes it; its own tensors are called
    /// `classifier.0.weight` and `classifier.0.bias`.
    ///
    /// # Errors
    /// As [`AutoEncoder::save`](crate::AutoEncoder::save).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.stored().save(path.as_ref(), "classifier")
    }

    /// Takes all from a file that fits, a checkpoint too.
    ///
    /// # Errors
    /// As [`AutoEncoder::load`](crate::AutoEncoder::load). The classifier has not changed then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let saved = self.stored().load(path.as_ref())?;
        self.replace(saved);
        Ok(())
    }

    /// Takes the encoder's parameters and the normalizer alone, from the file of a classifier or of
    /// an autoencoder whose encoder fits.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_encoder(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let saved = self.stored().load_part(path.as_ref(), "encoder")?;
        self.replace_part(saved);
        Ok(())
    }
}
