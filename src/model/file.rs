//! Model files: what a file says of its model, and how a model is saved and loaded.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::AutoEncoder;
use super::network::Network;
#[cfg(feature = "table")]
use crate::data::Schema;
use crate::error::Result;
use crate::file::stored::{Parts, Saved, SavedPart, Stored};
use crate::file::tensors::read;
use crate::loss::Target;
use crate::numbers::scalar::Float;

/// What a file says about its model, readable without the model's type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// The library and its version that wrote the file: `autoencoder 0.1.0`.
    pub library: String,
    /// `model`, `classifier`, `model with targets` or `detector`, or `checkpoint` for one of the first three with the state of
    /// its training.
    pub kind: String,
    /// The number type: `F32` or `F64`.
    pub scalar: String,
    /// Layer by layer, parameter by parameter: `encoder.0.weight  Dense(Sigmoid)  100×64`.
    pub architecture: Vec<String>,
    /// The loss, with its parameters.
    pub loss: String,
    /// The regularizer, with its parameters.
    pub regularizer: String,
    /// The normalizer, if there is one.
    pub normalizer: Option<String>,
    /// The anomaly score with its settings, in the file of a detector.
    pub score: Option<String>,
    /// The schema of the table whose rows it takes, if there is one: a model of as many features is built for the file
    /// with it.
    #[cfg(feature = "table")]
    pub schema: Option<Schema>,
    /// What [the user wrote](AutoEncoder::metadata_mut) beside the model.
    pub metadata: BTreeMap<String, String>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} by {}", self.kind, self.scalar, self.library)?;
        self.architecture.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "loss: {}", self.loss)?;
        write!(f, "regularizer: {}", self.regularizer)?;
        self.normalizer.iter().try_for_each(|text| write!(f, "\nnormalizer: {text}"))?;
        self.score.iter().try_for_each(|text| write!(f, "\nanomaly score: {text}"))?;
        #[cfg(feature = "table")]
        if let Some(schema) = &self.schema {
            write!(f, "\ntable of {} columns", schema.columns().len())?;
        }
        self.metadata.iter().try_for_each(|(key, text)| write!(f, "\n{key}: {text}"))
    }
}

/// What a model file or a checkpoint says about its model. The file is read and checked as a whole.
///
/// # Errors
/// [`Error::File`](crate::Error::File) when the system refuses, [`Error::Damaged`](crate::Error::Damaged) when it is not such a file.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Sigmoid, inspect};
/// # let folder = std::env::temp_dir().join(format!("autoencoder-inspect-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let file = folder.join("digits.safetensors");
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// model.save(&file)?;
/// let description = inspect(&file)?;
/// assert_eq!(description.architecture[0], "encoder.0.weight  Dense(Sigmoid)  16×64");
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn inspect(path: impl AsRef<Path>) -> Result<Description> {
    let path = path.as_ref();
    let file = Parts::new(path, read(path)?);
    Ok(Description {
        library: file.text("library")?.to_owned(),
        kind: file.text("kind")?.to_owned(),
        scalar: file.text("scalar")?.to_owned(),
        architecture: file.text("architecture")?.lines().map(str::to_owned).collect(),
        loss: file.text("loss")?.to_owned(),
        regularizer: file.text("regularizer")?.to_owned(),
        normalizer: file.text("normalizer").ok().map(str::to_owned),
        score: file.text("score").ok().map(str::to_owned),
        #[cfg(feature = "table")]
        schema: file.schema()?,
        metadata: file.own_metadata(),
    })
}

impl<E, D, R, L, T: Float> AutoEncoder<E, D, R, L, T> {
    /// Saves the model: its parameters, the state of its regularizer and its normalizer, with a
    /// description of everything and a digest.
    ///
    /// The file is in the safetensors format. Weights have PyTorch's orientation (outputs × inputs,
    /// row by row), but those of a sparse encoder, inputs × units, as other dictionaries have them, and are called as in
    /// [`layout`](Self::layout): `encoder.0.weight`; those of a classifier's head `classifier.0.weight`. It is replaced as a whole: a process that is killed while saving leaves the old file
    /// or the new one.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Dense, activation::{Identity, Tanh}, datasets};
    /// # let folder = std::env::temp_dir().join(format!("autoencoder-save-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let file = folder.join("digits.safetensors");
    /// let build = |seed| {
    ///     AutoEncoder::builder()
    ///         .encoder(Dense::<64, 16>::new(Tanh))
    ///         .decoder(Dense::<16, 64>::new(Identity))
    ///         .seed(seed)
    ///         .build::<f32>()
    /// };
    /// let model = build(1)?; // and trained
    /// model.save(&file)?;
    /// let mut again = build(2)?;
    /// again.load(&file)?; // or `load_encoder`, `load_decoder`
    /// let digits = datasets::digits();
    /// assert_eq!(again.encode(&digits.test)?, model.encode(&digits.test)?);
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    ///
    /// # Reading it in Python
    /// ```python
    #[doc = include_str!("encode.py")]
    /// ```
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) when the system refuses; the old file is then still there.
    /// [`Error::NotSaved`](crate::Error::NotSaved) for a number that is not finite.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let network = self.network();
        network.stored().save(path.as_ref(), network.kind())
    }

    /// What you wrote beside the model, by [`metadata_mut`](Self::metadata_mut) or in the file it was loaded from.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.network().metadata
    }

    /// Texts of your own that go into the model's file: where the data came from, who trained it, what the code is for.
    /// They change nothing else. [`load`](Self::load) replaces them by those of the file, and [`inspect`] shows them.
    ///
    /// # Example
    /// ```
    /// # use autoencoder::{AutoEncoder, Dense, activation::{Identity, Tanh}};
    /// # let encoder = Dense::<8, 2>::new(Tanh);
    /// # let decoder = Dense::<2, 8>::new(Identity);
    /// let mut model = AutoEncoder::builder().encoder(encoder).decoder(decoder).build::<f32>()?;
    /// model.metadata_mut().insert("machine".into(), "pump 7, hall 2".into());
    /// assert_eq!(model.metadata()["machine"], "pump 7, hall 2");
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn metadata_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.network_mut().metadata
    }

    /// Takes parameters, normalizer, [metadata](Self::metadata) and the regularizer's state from a model file or a checkpoint.
    ///
    /// The file must fit: architecture, number type and loss to the letter, and a regularizer of the
    /// same kind; its weights may be others, and so may the seed. Of a file with another regularizer
    /// [`load_encoder`](Self::load_encoder) and [`load_decoder`](Self::load_decoder) take the two parts.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File), [`Error::Damaged`](crate::Error::Damaged), and
    /// [`Error::DoesNotFit`](crate::Error::DoesNotFit) with what differs; [`Error::Unfit`](crate::Error::Unfit) for a
    /// normalizer that [takes missing values](crate::Normalizer::fit_with_missing) beside a loss that does not skip them,
    /// and for one that does not beside a corruption that makes some. The model has not changed then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let saved = self.network().stored().load(path.as_ref())?;
        self.network().check_normalizer(saved.normalizer.as_ref())?;
        self.network_mut().replace(saved);
        Ok(())
    }

    /// Takes the encoder's parameters and the normalizer alone from a file whose encoder fits: that of an
    /// autoencoder for a classifier, or the other way round.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_encoder(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.network_mut().load_part(path.as_ref(), "encoder")
    }

    /// Takes the decoder's parameters, or those of a classifier's head, and the normalizer alone from a file whose
    /// decoder and loss fit: a generator without its recognition model. Of a decoder with tied weights these are
    /// the encoder's parameters too, and the encoder must fit as well.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_decoder(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let network = self.network_mut();
        let part = match network.loss.target() {
            _ if network.decoder.num_shared() > 0 => "",
            Target::Class => "classifier",
            Target::Input | Target::Given => "decoder",
        };
        network.load_part(path.as_ref(), part)
    }
}

impl<T: Float> Network<T> {
    /// What goes into its file.
    pub(crate) fn stored(&self) -> Stored<'_, T> {
        Stored {
            layout: &self.layout,
            parameters: &self.parameters,
            state: &self.state,
            normalizer: self.normalizer.as_ref(),
            own_metadata: &self.metadata,
            loss: self.loss.describe(),
            regularizer: self.regularizer.clone(),
        }
    }

    /// Takes back what was in a file that fits.
    pub(crate) fn replace(&mut self, saved: Saved<T>) {
        let Saved { parameters, state, normalizer, own_metadata } = saved;
        (self.parameters, self.state, self.normalizer) = (parameters, state, normalizer);
        self.metadata = own_metadata;
        self.take_norms();
    }

    /// The same of one part.
    pub(crate) fn replace_part(&mut self, part: SavedPart<T>) {
        part.write(&mut self.parameters);
        self.take_norms();
        self.normalizer = part.normalizer;
    }

    fn load_part(&mut self, path: &Path, part: &str) -> Result<()> {
        let saved = self.stored().load_part(path, part)?;
        self.check_normalizer(saved.normalizer.as_ref())?;
        self.replace_part(saved);
        Ok(())
    }
}

/// Reading takes at most twice the file and 1 MiB, also where the model is larger than the file.
#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use nalgebra::Dyn;

    use super::*;
    use crate::batch::Batch;
    use crate::data::{Normalization, Normalizer};
    use crate::file::tests::bytes_of;
    use crate::file::tests::folder::Folder;
    use crate::layer::activation::{Identity, Sigmoid, Tanh};
    use crate::layer::{Dense, Then};
    use crate::regularizer::SparseKl;

    /// The result of a call with a file, which takes no more than is allowed for it.
    fn measured<T>(what: &str, path: &Path, call: impl FnOnce() -> Result<T>) -> Result<T> {
        let length = std::fs::metadata(path).unwrap().len();
        let mut result = None;
        let peak = measure(|| result = Some(call())).bytes_max;
        println!("{what}: {length} bytes, peak {peak}, {:.2} of them", peak as f64 / length as f64);
        let allowed = 2 * length + (1 << 20);
        assert!(peak <= allowed, "{what}: {peak} of {allowed}");
        result.unwrap()
    }

    #[test]
    fn models() {
        let folder = Folder::new("model-memory");
        let samples =
            Batch::new(Dyn(784), (0..784 * 8).map(|k| (k % 251) as f32).collect()).unwrap();
        let normalizer = Normalizer::fit(Normalization::Standardize, &samples).unwrap();
        // Of 784 features, in hidden layers of these sizes; a thousand are 3 MB.
        let build = |encoder, decoder| {
            AutoEncoder::builder()
                .encoder(
                    Dense::dynamic(784, encoder, Tanh).then(Dense::dynamic(encoder, 9, Sigmoid)),
                )
                .decoder(
                    Dense::dynamic(9, decoder, Tanh).then(Dense::dynamic(decoder, 784, Identity)),
                )
                .regularizer(SparseKl::new(0.1, 0.5).unwrap().running(0.9).unwrap())
                .normalizer(normalizer.clone())
                .build::<f32>()
                .unwrap()
        };
        let (whole, small, encoder, decoder) =
            (build(1000, 1000), build(10, 10), build(1000, 10), build(10, 1000));
        let path = |name| folder.join(name);
        for (name, saved) in
            [("whole", &whole), ("small", &small), ("encoder", &encoder), ("decoder", &decoder)]
        {
            saved.save(path(name)).unwrap();
        }
        assert!(std::fs::metadata(path("whole")).unwrap().len() > 6_000_000);
        // Parts of models whose other part is larger or smaller than the file's, too.
        let mut model = build(1000, 1000);
        measured("load", &path("whole"), || model.load(path("whole"))).unwrap();
        for name in ["whole", "encoder"] {
            measured("load_encoder", &path(name), || model.load_encoder(path(name))).unwrap();
        }
        for name in ["whole", "decoder"] {
            measured("load_decoder", &path(name), || model.load_decoder(path(name))).unwrap();
        }
        let mut large = build(10, 4000);
        measured("a small encoder", &path("small"), || large.load_encoder(path("small"))).unwrap();
        let mut large = build(4000, 10);
        measured("a small decoder", &path("small"), || large.load_decoder(path("small"))).unwrap();
        for name in ["whole", "small"] {
            measured("inspect", &path(name), || inspect(path(name))).unwrap();
        }
        // What does not fit is refused in no more, also if it says that it fits, and has no numbers.
        measured("a smaller one", &path("small"), || model.load(path("small"))).unwrap_err();
        std::fs::write(path("empty"), bytes_of(&whole.network().stored().metadata("model"), &[]))
            .unwrap();
        measured("an empty one", &path("empty"), || model.load(path("empty"))).unwrap_err();
        measured("an empty one", &path("empty"), || model.load_encoder(path("empty"))).unwrap_err();
    }
}
