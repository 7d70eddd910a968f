use std::path::Path;

use super::Safetensors;
use crate::data::file_size::FileSize;
use crate::data::input::Input;
use crate::error::Result;
use crate::numbers::scalar::Float;

/// Which tensor of a safetensors file is read, and how (feature `safetensors`).
///
/// | option | default | purpose |
/// |---|---|---|
/// | [`tensor`](Self::tensor) | the only one of two dimensions | the name of the tensor |
/// | [`flatten`](Self::flatten) | no: more dimensions are refused | takes each row of the last dimension for a sample |
///
/// # Example
/// ```
/// use autoencoder::data::{SafetensorsOptions, Source};
/// use autoencoder::nalgebra::Dyn;
///
/// // Two texts of two tokens, of which each has one activation.
/// let header = br#"{"x":{"dtype":"BF16","shape":[2,2,1],"data_offsets":[0,8]}}     "#;
/// let mut file = (header.len() as u64).to_le_bytes().to_vec();
/// file.extend(header);
/// for x in [1.0_f32, 0.5, -2.0, 3.0] {
///     file.extend(&x.to_le_bytes()[2..]); // the upper half of single precision
/// }
/// let mut tokens = SafetensorsOptions::new().flatten(true).from_bytes::<f32, Dyn>(file)?;
/// assert_eq!((tokens.name(), tokens.samples()), ("x", 4));
/// assert_eq!(tokens.load()?.into_vec(), [1.0, 0.5, -2.0, 3.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SafetensorsOptions {
    pub(super) tensor: Option<String>,
    pub(super) flatten: bool,
}

impl SafetensorsOptions {
    /// The only tensor of two dimensions, a row a sample.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tensor of this name, which then may have one dimension too: samples of one feature each. Default: the only
    /// one of two dimensions.
    pub fn tensor(self, name: impl Into<String>) -> Self {
        Self { tensor: Some(name.into()), ..self }
    }

    /// Takes each row of the last dimension for a sample: `[texts, tokens, features]` becomes
    /// `[texts · tokens, features]`, as `flatten(0, -2)` of PyTorch makes it. Default: false.
    pub fn flatten(self, flatten: bool) -> Self {
        Self { flatten, ..self }
    }

    /// Opens a file and checks its header against its length.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read it; [`Error::Pickle`](crate::Error::Pickle) for a
    /// pickle; [`Error::Malformed`](crate::Error::Malformed) if it is no safetensors file, has no such tensor (its refusal
    /// lists those that there are), or that is of a type or of dimensions that are not read;
    /// [`Error::FileMismatch`](crate::Error::FileMismatch) if its tensors do not fill it, or for samples of another
    /// [size](FileSize) than `R`.
    pub fn open<T: Float, R: FileSize>(&self, path: impl AsRef<Path>) -> Result<Safetensors<T, R>> {
        Safetensors::new(&Input::open(path.as_ref())?, self)
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes<T: Float, R: FileSize>(
        &self,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Safetensors<T, R>> {
        Safetensors::new(&Input::memory(bytes.into()), self)
    }
}
