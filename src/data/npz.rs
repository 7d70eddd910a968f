use std::path::Path;

use super::archive::Archive;
use super::input::Input;
use super::{FileSize, Npy};
use crate::error::Result;
use crate::numbers::scalar::Float;

/// A file of named arrays, as NumPy's `savez` and `savez_compressed` write them (feature `npz`).
///
/// # Example
/// ```no_run
/// use autoencoder::data::{Npz, Source};
/// use autoencoder::{Batch, nalgebra::Dyn};
///
/// // numpy.savez("set.npz", X=numpy.zeros((100, 8)), y=numpy.arange(100))
/// let file = Npz::open("set.npz")?;
/// assert_eq!(file.names()?, ["X", "y"]);
/// let samples: Batch<f32, Dyn> = file.array("X")?.load()?;
/// let labels: Batch<f64, Dyn> = file.array("y")?.load()?;
/// assert_eq!((samples.samples(), labels.as_slice().len()), (100, 100));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug)]
pub struct Npz {
    archive: Archive,
}

impl Npz {
    /// Opens a file and reads its list of contents.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read it;
    /// [`Error::Pickle`](crate::Error::Pickle) for what `torch.save` writes;
    /// [`Error::Malformed`](crate::Error::Malformed) and
    /// [`Error::FileMismatch`](crate::Error::FileMismatch) if it is no such archive.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { archive: Archive::new(Input::open(path.as_ref())?)? })
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Npz::open).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Ok(Self { archive: Archive::new(Input::memory(bytes.into()))? })
    }

    /// The names of the arrays, in the order of the file.
    ///
    /// # Errors
    /// As [`open`](Npz::open).
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.archive.each(|entry| {
            if let Some(name) = entry.name().strip_suffix(".npy") {
                names.push(name.to_owned());
            }
        })?;
        Ok(names)
    }

    /// An array, as a source of its own. Its checksum is checked with its last sample.
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) if there is no such array, or more than one, or
    /// if it is packed in a way that NumPy does not use; and as [`Npy::open`].
    pub fn array<T: Float, R: FileSize>(&self, name: &str) -> Result<Npy<T, R>> {
        Npy::new(self.archive.member(&format!("{name}.npy"))?)
    }
}
