//! The data sets, each read from its own folder of the one given as `--data`.

use std::path::{Path, PathBuf};

use autoencoder::data::{Idx, Source, idx_labels};
use autoencoder::nalgebra::Const;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::{Batch, Error, Scalar};

/// Why a row has no result.
#[derive(Debug)]
pub enum Stop {
    /// No folder was given.
    NoFolder,
    /// This file is not there.
    Missing(PathBuf),
    /// The library refused something.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Images and what they show, in two parts.
#[derive(Debug)]
pub struct Labelled<T, const PIXELS: usize> {
    pub train: Batch<T, Const<PIXELS>>,
    pub train_labels: Vec<u8>,
    pub test: Batch<T, Const<PIXELS>>,
    pub test_labels: Vec<u8>,
}

/// 60,000 and 10,000 digits, pixels from 0 to 1.
pub fn mnist<T: Scalar>(data: Option<&Path>) -> Result<Labelled<T, 784>, Stop> {
    let open =
        |part: &str| images(file(data, &format!("mnist/{part}-images-idx3-ubyte.gz"))?, 255.0);
    let labels = |part: &str| labels(file(data, &format!("mnist/{part}-labels-idx1-ubyte.gz"))?);
    Ok(Labelled {
        train: open("train")?,
        train_labels: labels("train")?,
        test: open("t10k")?,
        test_labels: labels("t10k")?,
    })
}

/// 3,823 and 1,797 digits of 8×8 pixels, from 0 to 1.
pub fn optdigits<T: Scalar>(data: Option<&Path>) -> Result<Labelled<T, 64>, Stop> {
    let open =
        |part: &str| images(file(data, &format!("optdigits/{part}-images-idx3-ubyte"))?, 16.0);
    let labels = |part: &str| labels(file(data, &format!("optdigits/{part}-labels-idx1-ubyte"))?);
    Ok(Labelled {
        train: open("tra")?,
        train_labels: labels("tra")?,
        test: open("tes")?,
        test_labels: labels("tes")?,
    })
}

/// Squares of 8×8 pixels at random places of the natural images.
pub fn natural_patches(
    data: Option<&Path>,
    patches: usize,
    seed: u64,
) -> Result<Batch<f64, Const<64>>, Stop> {
    const SIDE: usize = 300;
    let path = file(data, "natural/natural8-300x300-idx3-ubyte")?;
    let photographs: Batch<f64, Const<{ SIDE * SIDE }>> = images(path, 255.0)?;
    let rng = &mut seeded(seed);
    let patches = (0..patches).map(|_| {
        let photograph = photographs.sample(rng.random_range(0..photographs.samples()));
        let corner: [usize; 2] = std::array::from_fn(|_| rng.random_range(0..=SIDE - 8));
        std::array::from_fn(|at| photograph[(corner[0] + at / 8) * SIDE + corner[1] + at % 8])
    });
    Ok(patches.collect())
}

pub fn file(data: Option<&Path>, name: &str) -> Result<PathBuf, Stop> {
    let path = data.ok_or(Stop::NoFolder)?.join(name);
    if path.exists() { Ok(path) } else { Err(Stop::Missing(path)) }
}

/// The embedded digits, as columns of 64 features.
pub fn digits<T: Scalar>() -> Result<Labelled<T, 64>, Stop> {
    let digits = autoencoder::datasets::digits::<T>();
    Ok(Labelled {
        train: digits.train.with_size(Const)?,
        train_labels: digits.train_labels,
        test: digits.test.with_size(Const)?,
        test_labels: digits.test_labels,
    })
}

/// All of them.
pub fn all_digits<T: Scalar>() -> Result<Batch<T, Const<64>>, Stop> {
    Ok(autoencoder::datasets::digits::<T>().all().with_size(Const)?)
}

fn images<T: Scalar, const N: usize>(
    path: PathBuf,
    greatest: f64,
) -> Result<Batch<T, Const<N>>, Stop> {
    Ok(Idx::open(path)?.scale(1.0 / greatest)?.load()?)
}

fn labels(path: PathBuf) -> Result<Vec<u8>, Stop> {
    Ok(idx_labels(path)?)
}

/// The mean over images of the summed squared difference.
pub fn squared_error<T: Scalar, const N: usize>(
    x: &Batch<T, Const<N>>,
    y: &Batch<T, Const<N>>,
) -> f64 {
    let pairs = x.as_slice().iter().zip(y.as_slice());
    let sum: f64 = pairs.map(|(x, y)| (x.to_double() - y.to_double()).powi(2)).sum();
    sum / x.samples() as f64
}
