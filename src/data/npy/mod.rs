mod header;

use std::marker::PhantomData;
use std::path::Path;

use super::Source;
use super::file_size::{FileSize, of_file};
use super::input::{Input, Packing, Stream};
#[cfg(feature = "npz")]
use super::table::Order;
use super::table::Table;
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Result, require};
use crate::numbers::scalar::Float;

use header::Header;

/// A file in NumPy's format of one array: its first dimension counts the samples, all others together
/// are the features.
///
/// Versions 1 to 3, also as Python 2 wrote them, and all types of real numbers, in both orders of bytes, are read:
///
/// | type | NumPy calls it | value |
/// |---|---|---|
/// | truth values | `bool` | 1 for true, 0 for false |
/// | integers of 8 to 64 bits | `int8` … `uint64` | beyond 2⁵³ the nearest number |
/// | half, single and double precision | `float16`, `float32`, `float64` | as it is |
/// | long double of x86 | `longdouble`, `float128`, `float96` | the nearest `f64`; refused if another machine wrote it |
///
/// Complex numbers, dates, texts, objects and structured types are refused by their names. An array of one dimension has samples of one feature. An array in Fortran order is read here
/// and there, which takes one access to the file for each feature and read; inside an
/// `Npz` it is unpacked into memory.
///
/// # Example
/// ```no_run
/// use autoencoder::data::{Npy, Source};
/// use autoencoder::{Batch, nalgebra::Dyn};
///
/// // numpy.save("samples.npy", numpy.zeros((100, 8)))
/// let samples: Batch<f64, Dyn> = Npy::open("samples.npy")?.load()?;
/// assert_eq!((samples.features(), samples.samples()), (8, 100));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// R. Kern (2007), A Simple File Format for NumPy Arrays, NumPy Enhancement Proposal 1.
#[derive(Debug)]
pub struct Npy<T, R> {
    table: Table,
    size: R,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Float, R: FileSize> Npy<T, R> {
    /// Opens a file and checks its header against its length. Long doubles are looked at, all of them: which machine
    /// wrote them is not in the header. Zeros alone may not say it either, and are refused then.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read it; [`Error::Pickle`](crate::Error::Pickle)
    /// for a pickle; [`Error::Malformed`](crate::Error::Malformed) if it is no NPY
    /// file or of a type that is not read, or its long doubles are not x86's; [`Error::FileMismatch`](crate::Error::FileMismatch) if it has another length than its
    /// header says, or samples of another [size](FileSize) than `R`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::new(Stream::new(Input::open(path.as_ref())?, Packing::Plain))
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Npy::open).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Self::new(Stream::new(Input::memory(bytes.into()), Packing::Plain))
    }

    pub(super) fn new(mut stream: Stream) -> Result<Self> {
        let header = Header::read(&mut stream)?;
        #[cfg(feature = "npz")]
        if header.order == Order::Features && stream.plain().is_none() {
            let start = stream.at();
            stream = stream.into_memory()?;
            stream.seek(start)?;
        }
        let table = Table::new(stream, header.element, header.order, &header.shape)?;
        let size = of_file(table.stream().input(), &table.shape()[1..])?;
        Ok(Self { table, size, scalar: PhantomData })
    }
}

impl<T: Float, R: Size> Npy<T, R> {
    /// Multiplies every value by a number, which is 1 by default.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite and not 0.
    pub fn scale(mut self, scale: f64) -> Result<Self> {
        require(scale != 0.0 && scale.is_finite(), "Npy scale", scale, "finite and not 0")?;
        self.table.set_scale(scale);
        Ok(self)
    }

    /// The sizes in the file's header, the number of samples first.
    pub fn shape(&self) -> &[usize] {
        self.table.shape()
    }
}

impl<T: Float, R: Size> Source for Npy<T, R> {
    type Scalar = T;
    type Features = R;
    fn size(&self) -> R {
        self.size
    }
    fn samples(&self) -> usize {
        self.table.samples()
    }
    fn rewind(&mut self) -> Result<()> {
        self.table.rewind()
    }
    fn read(&mut self, mut to: BatchViewMut<'_, T>) -> Result<usize> {
        self.table.read(to.features(), to.as_mut_slice())
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.table.skip(samples)
    }
}
