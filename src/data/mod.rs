//! Data in: samples from memory and from files, and their normalisation.
//!
//! | source | reads | feature |
//! |---|---|---|
//! | [`InMemory`] | a [`Batch`] or a view of one | |
//! | [`Csv`], [`CsvOptions`] | text with delimiters: a row is a sample; [`Missing`] says what becomes of missing values | |
//! | `Table` | text with delimiters by a `Schema`: numbers, categories, yes and no, dates | `table` |
//! | [`Idx`], [`idx_labels`] | the format of MNIST; packed with gzip as it is published | `gzip` for packed files |
//! | [`Npy`] | NumPy's format of one array, half precision too: a row is a sample | |
//! | `Npz` | NumPy's archives of arrays, plain and compressed | `npz` |
//! | `Safetensors`, `SafetensorsOptions` | a tensor of a safetensors file, half precision (`F16`, `BF16`) too: a row is a sample; `safetensors_shapes` says what is in it | `safetensors` |
//! | `ImageFolder`, `ImageOptions` | a folder of PNG and JPEG files: a file is a sample, a folder a class; `save_images` writes them | `image` |
//! | [`Windows`], [`RollingWindow`] | the steps of another source, or those that come now, as windows of a series | |
//! | [`Normalized`] | another source, through a fitted [`Normalizer`] | |
//! | [`Shards`] | files of one kind one after the other, as one source | |
//! | [`Shuffled`] | another source in a random order, through a buffer | |
//!
//! Each reads from disk as it goes, in memory that does not grow with the file, and each
//! [`load`](Source::load)s in one call. What comes first in a file, a row or the first dimension, is
//! the sample, and becomes a column of the batch. The type that is asked for decides between sizes:
//! `Batch<f32, Const<784>>` refuses a file of another width, `Batch<f32, Image<1, 28, 28>>` also one of other
//! images of as many pixels, and `Batch<f32, Dyn>` takes any; see [`FileSize`].
//!
//! ```
//! use autoencoder::data::{Csv, Source};
//! use autoencoder::{Batch, nalgebra::Const};
//!
//! let text = "length,width\n1.5,2\n3,4\n5,6\n";
//! let batch: Batch<f32, Const<2>> = Csv::from_bytes(text)?.load()?;
//! assert_eq!(batch.samples(), 3);
//! assert_eq!(batch.sample(0), [1.5, 2.0]);
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! A model is trained on what was loaded, or on the source itself, which then need not fit into memory; and a
//! [`Normalizer`] in the model lets it take and give the units of the file:
//! ```no_run
//! use autoencoder::activation::{Relu, Sigmoid};
//! use autoencoder::data::{Idx, Normalization, Source};
//! use autoencoder::{Adam, AutoEncoder, Batch, Dense, Normalizer, Trainer, size::Image};
//!
//! let mut file = Idx::open("train-images-idx3-ubyte")?;
//! let images: Batch<f32, Image<1, 28, 28>> = file.load()?;
//! let normalizer = Normalizer::fit(Normalization::MinMax { low: 0.0, high: 1.0 }, &images)?;
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<784, 32>::new(Relu))
//!     .decoder(Dense::<32, 784>::new(Sigmoid))
//!     .normalizer(normalizer) // pixels from 0 to 255
//!     .build::<f32>()?;
//! let mut trainer = Trainer::new(Adam::new(1e-3)?);
//! trainer.fit(&mut model, &images)?;
//! trainer.fit(&mut model, &mut file)?; // the same, read anew in each epoch
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! Activations of a large network lie in many files, and neighbours in them are alike. [`Shards`] is all of them, in memory
//! that does not grow with them; [`Shuffled`] parts neighbours, and the trainer shuffles blocks of it anew in every epoch.
//! Where such a training is stopped, it is resumed with the same bits:
//! ```no_run
//! # #[cfg(feature = "safetensors")]
//! # fn train() -> autoencoder::Result<()> {
//! use autoencoder::activation::{Identity, Relu};
//! use autoencoder::data::{Safetensors, Shards, Shuffled};
//! use autoencoder::nalgebra::Const;
//! use autoencoder::train::Checkpoints;
//! use autoencoder::{Adam, AutoEncoder, CodeL1, Dense, Trainer};
//!
//! let shards: Shards<Safetensors<f32, Const<768>>> =
//!     Shards::folder("activations", "safetensors", |path| Safetensors::open(path))?;
//! let mut activations = Shuffled::new(shards, 1 << 16, 1)?;
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<768, 4096>::new(Relu))
//!     .decoder(Dense::<4096, 768>::new(Identity))
//!     .regularizer(CodeL1::new(1e-3)?)
//!     .build::<f32>()?;
//! let checkpoints = Checkpoints::new("run.safetensors").every_steps(1000).resume(true);
//! Trainer::new(Adam::new(3e-4)?).checkpoints(checkpoints).fit(&mut model, &mut activations)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Laws
//! 1. A pass gives [`samples`](Source::samples) samples, and every pass the same ones in the same
//!    order, whatever the sizes they are read in.
//! 2. Skipping is the same as reading and dropping.
//! 3. Files are not believed: a count is checked against the file's length before memory is taken
//!    for it, bytes that are missing or left over are refused, and so are a number that is not finite
//!    (unless [`Missing::NotANumber`] asks for it, or the cell of a `Table` is missing) and a file without a sample.
//!    The refusal names the file, the place, what is there and what belongs there.
//! 4. After a refusal a source refuses to go on until it is rewound.
//!
//! # Write your own
//! ```
//! use autoencoder::data::Source;
//! use autoencoder::nalgebra::Const;
//! use autoencoder::{BatchViewMut, Result};
//!
//! /// So many points of a circle.
//! #[derive(Debug)]
//! struct Circle {
//!     points: usize,
//!     next: usize,
//! }
//!
//! impl Source for Circle {
//!     type Scalar = f64;
//!     type Features = Const<2>;
//!     fn size(&self) -> Const<2> {
//!         Const
//!     }
//!     fn samples(&self) -> usize {
//!         self.points
//!     }
//!     fn rewind(&mut self) -> Result<()> {
//!         self.next = 0;
//!         Ok(())
//!     }
//!     fn read(&mut self, mut to: BatchViewMut<'_, f64>) -> Result<usize> {
//!         let count = to.samples().min(self.points - self.next);
//!         for point in to.as_mut_slice().chunks_exact_mut(2).take(count) {
//!             let angle = std::f64::consts::TAU * self.next as f64 / self.points as f64;
//!             (point[0], point[1]) = angle.sin_cos();
//!             self.next += 1;
//!         }
//!         Ok(count)
//!     }
//! }
//!
//! let points = Circle { points: 4, next: 0 }.load()?;
//! assert_eq!((points.features(), points.samples()), (2, 4));
//! assert_eq!(points.sample(0), [0.0, 1.0]);
//! # Ok::<(), autoencoder::Error>(())
//! ```

#[cfg(feature = "npz")]
mod archive;
mod csv;
mod element;
mod file_size;
mod idx;
#[cfg(feature = "image")]
mod images;
mod in_memory;
mod input;
mod long_double;
mod normalized;
mod normalizer;
mod npy;
#[cfg(feature = "npz")]
mod npz;
#[cfg(any(feature = "image", feature = "plot"))]
pub(crate) mod png;
mod rolling_window;
#[cfg(feature = "safetensors")]
pub(crate) mod safetensors;
#[cfg(feature = "table")]
pub(crate) mod schema;
mod shards;
mod shuffled;
pub(crate) mod signature;
mod table;
mod windows;

use std::fmt::Debug;

pub use csv::{Column, Csv, CsvOptions, Missing};
pub use file_size::{Differs, FileSize};
pub use idx::{Idx, idx_labels};
#[cfg(feature = "image")]
pub use images::{FolderSize, ImageFolder, ImageOptions, save_images};
pub use in_memory::InMemory;
pub use normalized::Normalized;
pub use normalizer::{Normalization, Normalizer};
pub use npy::Npy;
#[cfg(feature = "npz")]
pub use npz::Npz;
pub use rolling_window::RollingWindow;
#[cfg(feature = "safetensors")]
pub use safetensors::{Safetensors, SafetensorsOptions, safetensors_shapes};
pub use shards::Shards;
pub use shuffled::Shuffled;
pub use windows::{StepScores, Windows, gaps};

#[cfg(feature = "table")]
pub use schema::{Cell, DatePart, Kind, Rows, Schema, SchemaOptions, Table, TableColumn, Values};

use crate::batch::size::Size;
use crate::batch::{Batch, BatchViewMut};
use crate::error::{Error, Result, require, require_size};
use crate::numbers::scalar::Float;

/// Samples that come one after the other, pass after pass.
///
/// `Box<dyn Source<…>>` and `&mut S` are sources themselves.
pub trait Source: Debug + Send {
    /// The number type of its values.
    type Scalar: Float;
    /// The size of a sample.
    type Features: Size;

    /// The size of a sample.
    fn size(&self) -> Self::Features;

    /// The number of samples of a pass.
    fn samples(&self) -> usize;

    /// Goes back to the first sample.
    ///
    /// # Errors
    /// [`Error::File`] if the system does not let it.
    fn rewind(&mut self) -> Result<()>;

    /// The schema that samples, or the steps of windows, are read by, if there is one. A model whose normalizer is that of
    /// another one refuses them, as features then mean something else.
    #[cfg(feature = "table")]
    fn schema(&self) -> Option<&Schema> {
        None
    }

    /// Fills the first columns of `to` with the next samples and says how many: 0 only at the end of
    /// a pass, or if `to` has no columns.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if `to` has another number of features; [`Error::File`],
    /// [`Error::Malformed`] and [`Error::FileMismatch`] if a file is not what it was or should be.
    /// Values in `to` are arbitrary then.
    fn read(&mut self, to: BatchViewMut<'_, Self::Scalar>) -> Result<usize>;

    /// Passes over samples.
    ///
    /// # Errors
    /// As [`read`](Source::read), and [`Error::SizeMismatch`] if fewer samples are left.
    fn skip(&mut self, samples: usize) -> Result<()> {
        let mut dropped = Batch::zeros(self.size(), samples.min(64));
        let mut left = samples;
        while left > 0 {
            let (wanted, _) = dropped.view_mut().split_at(left.min(64));
            match self.read(wanted)? {
                0 => return require_left(samples, samples - left),
                count => left -= count,
            }
        }
        Ok(())
    }

    /// Reads a whole pass into memory, from the first sample on.
    ///
    /// # Errors
    /// As [`read`](Source::read); [`Error::SizeMismatch`] if the pass gives another number of samples than
    /// [`samples`](Source::samples), and [`Error::InvalidParameter`] for more values than memory holds.
    fn load(&mut self) -> Result<Batch<Self::Scalar, Self::Features>> {
        /// Values to make room for at first; then as many as have come so far. A count is thus
        /// never believed for more than what is there.
        const FIRST: usize = 1 << 14;
        self.rewind()?;
        let (size, samples) = (self.size(), self.samples());
        let features = size.value();
        let mut values: Vec<Self::Scalar> = Vec::new();
        let mut loaded = 0;
        while loaded < samples {
            let room = (FIRST / features.max(1)).max(loaded).max(1).min(samples - loaded);
            let start = loaded * features;
            let more = room.saturating_mul(features);
            let fits = values.try_reserve_exact(more).is_ok();
            let (name, all) = ("the values of Source::load", samples as f64 * features as f64);
            let requirement = "no more than memory holds (training, `encode` and `scores` take the source itself)";
            require(fits, name, all, requirement)?;
            values.resize(start + more, Self::Scalar::ZERO);
            let count = self.read(BatchViewMut::new(&mut values[start..], features))?;
            loaded += count;
            values.truncate(loaded * features);
            if count == 0 {
                break;
            }
        }
        let mut one_more = Batch::zeros(size, 1);
        loaded += self.read(one_more.view_mut())?;
        require_size("Source::load", "samples", samples, loaded)?;
        Batch::new(size, values)
    }
}

macro_rules! forward {
    ($pointer:ty) => {
        impl<S: Source + ?Sized> Source for $pointer {
            type Scalar = S::Scalar;
            type Features = S::Features;
            fn size(&self) -> S::Features {
                (**self).size()
            }
            fn samples(&self) -> usize {
                (**self).samples()
            }
            #[cfg(feature = "table")]
            fn schema(&self) -> Option<&Schema> {
                (**self).schema()
            }
            fn rewind(&mut self) -> Result<()> {
                (**self).rewind()
            }
            fn read(&mut self, to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
                (**self).read(to)
            }
            fn skip(&mut self, samples: usize) -> Result<()> {
                (**self).skip(samples)
            }
            fn load(&mut self) -> Result<Batch<S::Scalar, S::Features>> {
                (**self).load()
            }
        }
    };
}
forward!(&mut S);
forward!(Box<S>);

/// Refuses to skip more samples than are left.
fn require_left(wanted: usize, left: usize) -> Result<()> {
    require_size("Source::skip", "samples left", wanted, left.min(wanted))
}

/// How many samples a source has read; refused if these are more than it was given room for.
pub(crate) fn require_wanted(wanted: usize, read: usize) -> Result<usize> {
    if read > wanted {
        let (place, unit, expected, found) = ("Source::read", "samples at most", wanted, read);
        return Err(Error::SizeMismatch { place, unit, expected, found });
    }
    Ok(read)
}

/// Refuses until it is rewound, once something was refused.
#[derive(Debug, Default)]
struct Refusal(Option<Error>);

impl Refusal {
    /// What was refused, if anything.
    fn check(&self) -> Result<()> {
        self.0.clone().map_or(Ok(()), Err)
    }

    /// Remembers a refusal.
    fn note<T>(&mut self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| self.0 = Some(error.clone()))
    }

    fn forget(&mut self) {
        self.0 = None;
    }
}
