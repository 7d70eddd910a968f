//! Linear probes: how well a linear classifier reads classes off a code.

use crate::batch::Batch;
use crate::batch::size::Size;
use crate::data::{Normalization, Normalizer};
use crate::error::Result;
use crate::layer::Elementwise;
use crate::layer::activation::Identity;
use crate::metrics::{Label, checked_labels};
use crate::model::{AutoEncoder, Scalar};
use crate::optimizer::{Lbfgs, Method};
use crate::regularizer::WeightDecay;
use crate::train::Trainer;

/// How well a linear classifier tells classes apart by their codes: the accuracy on test codes of a
/// softmax regression fitted to training codes. It measures what a code makes easy to read.
///
/// The codes are standardized by the training codes; the objective is the mean cross-entropy plus
/// ΣW² / 2m for m training codes, as scikit-learn's `LogisticRegression` has it by default. It is
/// convex, and [`Lbfgs`] finds its minimum; nothing is drawn.
///
/// Labels are whole numbers from 0, below `classes`.
///
/// # Errors
/// [`Error::NotFinite`](crate::Error::NotFinite), [`Error::NoSamples`](crate::Error::NoSamples) and
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for codes; [`Error::Label`](crate::Error::Label)
/// and [`Error::SizeMismatch`](crate::Error::SizeMismatch) for labels;
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for less than two classes.
///
/// # Example
/// ```
/// use autoencoder::probe::linear_probe;
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
///
/// let digits = datasets::digits();
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 20>::new(Sigmoid))
///     .decoder(Dense::<20, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// Trainer::new(Adam::new(1e-2)?).epochs(10).fit(&mut model, &digits.train)?;
/// let train = (&model.encode(&digits.train)?, &digits.train_labels[..]);
/// let test = (&model.encode(&digits.test)?, &digits.test_labels[..]);
/// assert!(linear_probe(10, train, test)? > 0.8);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// G. Alain, Y. Bengio (2016), Understanding intermediate layers using linear classifier probes.
pub fn linear_probe<T: Scalar, C: Size, L: Label>(
    classes: usize,
    (codes, labels): (&Batch<T, C>, &[L]),
    (test_codes, test_labels): (&Batch<T, C>, &[L]),
) -> Result<f64>
where
    Lbfgs: Method<T>,
{
    checked_labels("linear_probe", classes, test_labels, test_codes.samples())?;
    let (codes, test_codes) = (codes.clone().into_dynamic(), test_codes.clone().into_dynamic());
    let decay = 1.0 / codes.samples().max(1) as f64;
    let mut probe = AutoEncoder::builder()
        .encoder(Elementwise::dynamic(codes.features(), Identity))
        .classes_dynamic(classes)
        .regularizer(WeightDecay::new(decay)?)
        .normalizer(Normalizer::fit(Normalization::Standardize, &codes)?)
        .build::<T>()?;
    Trainer::new(Lbfgs::new()).epochs(1000).fit(&mut probe, (&codes, labels))?;
    probe.accuracy(&test_codes, test_labels)
}
