//! Measures of sparse dictionaries: of their codes and reconstructions, of their atoms, and against a dictionary that is
//! known.
//!
//! | measure | answers |
//! |---|---|
//! | [`Fidelity`] | how sparse the codes are and what a reconstruction keeps: L0, explained variance, bias, shrinkage, cosine |
//! | [`Densities`] | how often each unit fires: dead ones, those that always do, the histogram of log₁₀ densities |
//! | [`coherence`] | how much atoms are alike |
//! | [`Matching`] | which atoms of a known dictionary were found, split or missed: MMCS, MCC, uniqueness |
//! | [`Detection`] | how well each unit tells when its feature is on: precision, recall, F1 |
//! | [`loss_recovered`] | which share of a network's loss a reconstruction keeps, from three losses |
//! | [`assignment`] | the one-to-one assignment of least cost, which MCC is made of |
//!
//! A unit fires on a sample where its code is not 0. A feature of a known dictionary is on where its value is not 0.
//! [`datasets::SyntheticFeatures`](crate::datasets::SyntheticFeatures) makes data whose dictionary and codes are known.
//!
//! # Example
//! ```
//! use autoencoder::metrics::dictionary::{Fidelity, Matching};
//! use autoencoder::{Batch, SparseBatch};
//!
//! let x = Batch::from_iter([[2.0, 0.0], [0.0, 2.0], [-2.0, -2.0]]);
//! let codes = SparseBatch::new(4, [(vec![0], vec![1.0]), (vec![1], vec![1.0]), (vec![1, 2], vec![1.0, 1.0])])?;
//! let reconstruction = Batch::from_iter([[1.0, 0.0], [0.0, 2.0], [-2.0, -2.0]]);
//! let mut fidelity = Fidelity::new(2, 4)?;
//! fidelity.add(x.view(), &codes, reconstruction.view())?;
//! assert_eq!(fidelity.l0()?, 4.0 / 3.0);
//! assert_eq!(fidelity.explained_variance()?, 1.0 - 1.0 / 16.0); // ‖x − x̂‖² is 1 once, and x varies by 16
//! assert_eq!(fidelity.densities()?.dead(), [3]);
//!
//! let known = Batch::from_iter([[1.0, 0.0], [0.0, 1.0]]);
//! let learned = Batch::from_iter([[0.0, 3.0], [0.8, 0.6]]);
//! let matching = Matching::new(known.view(), learned.view())?;
//! assert!((matching.mean_correlation() - 0.9).abs() < 1e-15); // 0.8 of the first, 1 of the second
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod assignment;
mod atoms;
mod densities;
mod detection;
mod fidelity;
mod matching;
mod recovered;

pub use assignment::assignment;
pub use atoms::{Coherence, coherence};
pub(crate) use atoms::{Twin, coherence_and_twins};
pub use densities::{Densities, DensityCounts};
pub use detection::{Detection, UnitDetection};
pub use fidelity::Fidelity;
pub use matching::{Findings, Match, Matching};
pub use recovered::loss_recovered;

use crate::batch::BatchView;
use crate::batch::sparse::SparseBatch;
use crate::error::{Error, Number, Result, require, require_size};
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, all_finite};

/// The largest value that is squared and summed without fear of infinity.
const LARGEST: f64 = 1e100;

/// Refuses values whose squares might not be finite; `name` says what they are of.
fn require_moderate<T: Float>(name: &'static str, x: BatchView<'_, T>) -> Result<()> {
    // Those of single precision never are.
    let found = if T::of(LARGEST).is_finite() { first_large(x.as_slice()) } else { None };
    let requirement = "given values from −1e100 to 1e100";
    found.map_or(Ok(()), |x| require(false, name, x, requirement))
}

once! {
    fn first_large(values: &'a [T]) -> Option<f64> = first_large_generic;
    /// The sample, the place and the value of the first that is not finite.
    fn first_not_finite(codes: &'a SparseBatch<T>) -> Option<(usize, usize, f64)> = first_not_finite_generic;
}

fn first_large_generic<T: Float>(values: &[T]) -> Option<f64> {
    values.iter().map(|x| x.to_double()).find(|x| x.abs() > LARGEST)
}

fn first_not_finite_generic<T: Float>(codes: &SparseBatch<T>) -> Option<(usize, usize, f64)> {
    let samples = codes.iter().enumerate();
    let mut all = samples.flat_map(|(sample, code)| code.iter().map(move |of| (sample, of)));
    let found = all.find(|(_, (_, value))| !value.is_finite());
    found.map(|(sample, (feature, value))| (sample, feature, value.to_double()))
}

/// Refuses codes of another number of units or samples, or with a value that is not finite.
fn check_codes<T: Float>(
    call: &'static str,
    units: &'static str,
    (expected, samples): (usize, usize),
    codes: &SparseBatch<T>,
) -> Result<()> {
    require_size(call, units, expected, codes.features())?;
    require_size(call, "samples", samples, codes.samples())?;
    if all_finite(codes.values()) {
        return Ok(());
    }
    match first_not_finite(codes) {
        None => Ok(()),
        Some((sample, feature, value)) => {
            Err(Error::NotFinite { call, feature, sample, value: Number(value) })
        }
    }
}
