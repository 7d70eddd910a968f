use std::marker::PhantomData;
use std::path::Path;

use nalgebra::Const;

use super::Source;
use super::element::{Element, Kind};
use super::file_size::{FileSize, of_file};
use super::input::{Input, Packing, Stream};
use super::table::{Order, Table};
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Found, Place, Result, require};
use crate::numbers::scalar::Float;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file in the IDX format, as MNIST is published: its first dimension counts the samples, all
/// others together are the features, of images their rows and columns.
///
/// All number types of the format are read: bytes with and without sign, 16 and 32 bits, and both
/// floating-point types. A file packed with gzip is known by its first bytes, whatever its name, and
/// needs the feature `gzip`.
///
/// # Example
/// ```
/// use autoencoder::data::{Idx, Source};
/// use autoencoder::{Batch, nalgebra::Const, size::Image};
///
/// // Two images of 1×3 pixels, each a byte (type 8), in three dimensions.
/// let file = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 51, 102, 153, 204, 255];
/// let mut images = Idx::from_bytes(file)?.scale(1.0 / 255.0)?;
/// assert_eq!(images.shape(), [2, 1, 3]);
/// let batch: Batch<f32, Const<3>> = images.load()?;
/// assert_eq!(batch.sample(0), [0.0, 0.2, 0.4]);
///
/// // The same as images, whose rows and columns are those of the file.
/// let images: Batch<f32, Image<1, 1, 3>> = Idx::from_bytes(file)?.load()?;
/// assert_eq!(images.sample(1), [153.0, 204.0, 255.0]);
/// assert!(Idx::<f32, Image<1, 3, 1>>::from_bytes(file).is_err());
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// Y. LeCun, C. Cortes, C. J. C. Burges (1998), The MNIST database of handwritten digits.
#[derive(Debug)]
pub struct Idx<T, R> {
    table: Table,
    size: R,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Float, R: FileSize> Idx<T, R> {
    /// Opens a file and checks its header against its length.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read it; [`Error::Malformed`](crate::Error::Malformed) if it is no IDX
    /// file; [`Error::FileMismatch`](crate::Error::FileMismatch) if it has another length than its header says, or samples
    /// of another [size](FileSize) than `R`; [`Error::MissingFeature`](crate::Error::MissingFeature) if it is packed and the feature `gzip`
    /// is not there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::new(Input::open(path.as_ref())?)
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Idx::open).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Self::new(Input::memory(bytes.into()))
    }

    fn new(input: Input) -> Result<Self> {
        let (table, _) = table(input)?;
        let size = of_file(table.stream().input(), &table.shape()[1..])?;
        Ok(Self { table, size, scalar: PhantomData })
    }
}

impl<T: Float, R: Size> Idx<T, R> {
    /// Multiplies every value by a number, which is 1 by default: `1.0 / 255.0` takes bytes to
    /// \[0, 1\].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite and not 0.
    pub fn scale(mut self, scale: f64) -> Result<Self> {
        require(scale != 0.0 && scale.is_finite(), "Idx scale", scale, "finite and not 0")?;
        self.table.set_scale(scale);
        Ok(self)
    }

    /// The sizes in the file's header, the number of samples first.
    pub fn shape(&self) -> &[usize] {
        self.table.shape()
    }
}

impl<T: Float, R: Size> Source for Idx<T, R> {
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

/// Reads labels: an IDX file of one dimension and of bytes, one for each sample.
///
/// # Errors
/// As [`Idx::open`], and [`Error::Malformed`](crate::Error::Malformed) if it has another type or
/// more dimensions.
pub fn idx_labels(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let (table, element) = table(Input::open(path.as_ref())?)?;
    if element.kind != Kind::U8 {
        return Err(table.refuse(2, "another number type", "bytes without sign (8)"));
    }
    if table.shape().len() != 1 {
        return Err(table.refuse(3, "more than one dimension", "one dimension"));
    }
    let mut labels: Idx<f32, Const<1>> = Idx { table, size: Const, scalar: PhantomData };
    // Bytes are exact in f32.
    Ok(labels.load()?.as_slice().iter().map(|&label| label as u8).collect())
}

/// Reads the header.
fn table(input: Input) -> Result<(Table, Element)> {
    let start = input.beginning(GZIP.len())?;
    #[cfg(feature = "gzip")]
    let packing = if start == GZIP { Packing::Gzip } else { Packing::Plain };
    #[cfg(not(feature = "gzip"))]
    let packing = Packing::Plain;
    #[cfg(not(feature = "gzip"))]
    if start == GZIP {
        let (kind, feature) = ("a gzip file", "gzip");
        let path = input.path().to_path_buf();
        return Err(crate::error::Error::MissingFeature { path, kind, feature });
    }

    if start != [0, 0] && start != GZIP {
        input.refuse_another_kind("an IDX file, as MNIST is published in")?;
    }
    let mut stream = Stream::new(input, packing);
    let mut magic = [0; 4];
    stream.fill(&mut magic)?;
    let [zero, zero_too, kind, dimensions] = magic;
    let refuse = |stream: &Stream, at, byte: u8, expected| {
        let found = Found::Number(crate::error::Number(byte.into()));
        Err(stream.input().malformed(Place::Byte(at), found, expected))
    };
    for (at, byte) in [(0, zero), (1, zero_too)] {
        if byte != 0 {
            return refuse(&stream, at, byte, "0, with which an IDX file begins");
        }
    }
    let kind = match kind {
        0x08 => Kind::U8,
        0x09 => Kind::I8,
        0x0b => Kind::I16,
        0x0c => Kind::I32,
        0x0d => Kind::F32,
        0x0e => Kind::F64,
        _ => {
            let expected = "a number type of IDX: 8 or 9 (bytes), 11 (16 bits), 12 (32 bits), 13 (single \
                            precision) or 14 (double)";
            return refuse(&stream, 2, kind, expected);
        }
    };
    if dimensions == 0 {
        return refuse(&stream, 3, 0, "at least one dimension");
    }
    let mut shape = Vec::with_capacity(dimensions.into());
    for _ in 0..dimensions {
        let mut size = [0; 4];
        stream.fill(&mut size)?;
        shape.push(u32::from_be_bytes(size).into());
    }
    let element = Element { kind, is_big_endian: true };
    Ok((Table::new(stream, element, Order::Samples, &shape)?, element))
}
