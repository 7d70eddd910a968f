//! The ten sets, one configuration for all of them, and what others reach.

use std::path::{Path, PathBuf};

use autoencoder::activation::{Identity, Tanh};
use autoencoder::corruption::Gaussian;
use autoencoder::data::{Normalization, Normalizer, Npz, Source};
use autoencoder::layer::{Chain, DenseLayer};
use autoencoder::nalgebra::Dyn;
use autoencoder::{AutoEncoder, Batch, Denoising, Dense, Result, Then};

#[path = "wide.rs"]
mod wide;

pub use wide::{train_wide, trainer};

/// A set's file, and the ROC-AUC of PyOD's AutoEncoder, its VAE, the isolation forest, the squared norm and
/// the residual of PCA on it.
pub const SETS: [(&str, [f64; 5]); 10] = [
    ("6_cardio", [0.917, 0.945, 0.966, 0.964, 0.860]),
    ("38_thyroid", [0.981, 0.977, 0.988, 0.983, 0.695]),
    ("30_satellite", [0.797, 0.783, 0.794, 0.663, 0.805]),
    ("31_satimage-2", [0.999, 0.998, 0.992, 0.979, 0.9995]),
    ("32_shuttle", [0.997, 0.999, 0.997, 0.993, 0.988]),
    ("28_pendigits", [0.983, 0.957, 0.975, 0.941, 0.608]),
    ("23_mammography", [0.902, 0.893, 0.880, 0.898, 0.744]),
    ("4_breastw", [0.987, 0.991, 0.993, 0.991, 0.921]),
    ("43_WDBC", [0.991, 0.992, 0.987, 0.992, 0.971]),
    ("26_optdigits", [0.859, 0.717, 0.878, 0.564, 0.798]),
];

/// The rows of a set.
pub struct Rows {
    /// Every second normal row, in the order of the file.
    pub train: Batch<f32, Dyn>,
    /// All others.
    pub test: Batch<f32, Dyn>,
    /// Which of those are anomalies.
    pub is_anomaly: Vec<bool>,
}

impl Rows {
    /// Divides rows with labels.
    pub fn divide(all: &Batch<f32, Dyn>, is_anomaly: &[bool]) -> Self {
        let normal = (0..all.samples()).filter(|&row| !is_anomaly[row]);
        let train: Vec<usize> = normal.step_by(2).collect();
        let mut is_train = vec![false; all.samples()];
        train.iter().for_each(|&row| is_train[row] = true);
        let test: Vec<usize> = (0..all.samples()).filter(|&row| !is_train[row]).collect();
        Self {
            train: all.select(train),
            is_anomaly: test.iter().map(|&row| is_anomaly[row]).collect(),
            test: all.select(test),
        }
    }

    /// Reads a set.
    pub fn read(path: &Path) -> Result<Self> {
        let file = Npz::open(path)?;
        let all: Batch<f32, Dyn> = file.array("X")?.load()?;
        let labels: Batch<f32, Dyn> = file.array("y")?.load()?;
        let is_anomaly: Vec<bool> = labels.as_slice().iter().map(|&y| y == 1.0).collect();
        Ok(Self::divide(&all, &is_anomaly))
    }
}

/// A set's file in a folder.
pub fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.npz"))
}

/// An encoder or a decoder of two layers.
pub type Half = Chain<DenseLayer<Dyn, Dyn, Tanh>, DenseLayer<Dyn, Dyn, Identity>>;

/// The model of all sets.
pub type Model = AutoEncoder<Half, Half, Denoising<Gaussian>>;

/// The model for all sets: features, 64 tanh units, half as many code units as features, and back.
pub fn train(rows: &Batch<f32, Dyn>, seed: u64) -> Result<Model> {
    let features = rows.features();
    let code = (features / 2).max(2);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, 64, Tanh).then(Dense::dynamic(64, code, Identity)))
        .decoder(Dense::dynamic(code, 64, Tanh).then(Dense::dynamic(64, features, Identity)))
        .regularizer(Denoising::new(Gaussian::new(0.3)?))
        .normalizer(Normalizer::fit(Normalization::Standardize, rows)?)
        .seed(seed)
        .build::<f32>()?;
    trainer(rows, seed)?.fit(&mut model, rows)?;
    Ok(model)
}
