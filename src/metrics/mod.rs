//! Metrics: how good a code or a reconstruction is, in one number or one table.
//!
//! | metric | answers |
//! |---|---|
//! | [`roc_auc`], [`average_precision`] | whether scores put positive samples before negative ones |
//! | [`BinaryConfusion`] | what a threshold on scores flags right and wrong |
//! | [`accuracy`] | which share of predicted classes is right |
//! | [`ConfusionMatrix`] | which class is taken for which; recall and precision of each |
//! | [`knn_accuracy`], [`knn_classify`] | whether samples of a class lie together in the code |
//! | [`linear_probe`](crate::probe::linear_probe) | how well a linear classifier tells classes apart by the code |
//! | [`nearest`] | which samples are nearest to a sample: is a generated one a copy? |
//! | [`drift`], [`population_stability`], [`kolmogorov_smirnov`] | whether new samples, or their scores, are still like those of before |
//! | [`dictionary`] | how sparse codes are and what they keep; which features of a known dictionary were found |
//! | [`geometric_median`] | where samples have their centre, whatever a few far ones are |
//! | [`unexplained_variance`] | which share of the data's variance a reconstruction misses |
//!
//! # Example
//! ```
//! use autoencoder::{datasets, metrics};
//! let digits = datasets::digits::<f32>();
//! let predicted = metrics::knn_classify(&digits.train, &digits.train_labels, &digits.test, 1)?;
//! let table = metrics::ConfusionMatrix::new(10, &predicted, &digits.test_labels)?;
//! println!("{table}");
//! assert_eq!(table.accuracy(), 343.0 / 359.0); // raw pixels already separate digits well
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod classes;
pub mod dictionary;
mod drift;
mod geometric_median;
mod label;
mod neighbors;
mod ranking;
mod variance;

pub use classes::{ConfusionMatrix, accuracy};
pub use drift::{
    ColumnDrift, Drift, KolmogorovSmirnov, drift, kolmogorov_smirnov, population_stability,
};
pub use geometric_median::geometric_median;
pub use label::Label;
pub(crate) use label::checked_labels;
pub use neighbors::{Neighbors, knn_accuracy, knn_classify, nearest};
pub use ranking::{BinaryConfusion, average_precision, roc_auc};
pub use variance::unexplained_variance;
