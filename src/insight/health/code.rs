use nalgebra::DMatrix;

use super::CodeRange;
use super::units::greatest;
use crate::batch::size::{SameSize, Size};
use crate::batch::{Batch, check_finite};
use crate::error::Result;
use crate::layer::Part;
use crate::model::blocks::BLOCK;
use crate::model::inference::InMemory;
use crate::model::network::Network;
use crate::model::{AutoEncoder, Unlabelled};
use crate::numbers::scalar::Float;
use crate::train::examples::{IntoExamples, Rows};

/// In how many directions a code varies: the participation ratio of its covariance. It is k for a code
/// that varies alike in k orthogonal directions, near 1 where one direction outweighs all others, and 0
/// if the code does not vary at all.
///
/// # Formula
/// (Σ λᵢ)² / Σ λᵢ², where λᵢ are the eigenvalues of the codes' covariance; that is (tr C)² / Σ Cᵢⱼ².
///
/// # Errors
/// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::NotFinite`](crate::Error::NotFinite).
///
/// # Example
/// ```
/// use autoencoder::{Batch, health::effective_dimension};
/// // Three units, but the third is the sum of the others: two directions, one with three times the
/// // variance of the other.
/// let codes = Batch::from_iter([[1.0, 0.0, 1.0], [-1.0, 0.0, -1.0], [0.0, 1.0, 1.0], [0.0, -1.0, -1.0]]);
/// assert_eq!(effective_dimension(&codes)?, 1.6); // (3 + 1)² / (3² + 1²)
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// P. Gao and others (2017), A theory of multineuronal dimensionality, dynamics and measurement, where
/// it is the dimensionality of neural activity.
pub fn effective_dimension<T: Float, C: Size>(codes: &Batch<T, C>) -> Result<f64> {
    check_finite("effective_dimension", codes.features(), codes.view())?;
    let scale = greatest(codes);
    let is_zero = scale <= 0.0;
    if is_zero {
        return Ok(0.0);
    }
    let centred = centred(codes, scale);
    // Both products have the same eigenvalues but for zeros.
    let is_wide = centred.nrows() > centred.ncols();
    let transposed = centred.transpose();
    let product = if is_wide { &transposed * &centred } else { &centred * &transposed };
    let (trace, squares) = (product.trace(), product.norm_squared());
    Ok(if squares > 0.0 { trace * trace / squares } else { 0.0 })
}

/// The codes divided by a scale, minus their mean: `units × samples`. It is taken from the first sample
/// on, so that what does not vary becomes exactly 0.
pub(crate) fn centred<T: Float, C: Size>(codes: &Batch<T, C>, scale: f64) -> DMatrix<f64> {
    let (units, samples) = (codes.features(), codes.samples());
    let first: Vec<f64> = codes.sample(0).iter().map(|h| h.to_double() / scale).collect();
    let mut centred = DMatrix::from_fn(units, samples, |unit, sample| {
        codes.sample(sample)[unit].to_double() / scale - first[unit]
    });
    let mean = centred.column_mean();
    centred.column_iter_mut().for_each(|mut column| column -= &mean);
    centred
}

/// How sparse codes are.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Sparsity {
    /// The mean share of units that are active in a sample's code, as
    /// [`UnitActivity::active`](super::UnitActivity::active) has it.
    pub active: f64,
    /// Hoyer's measure, the mean over samples: 0 if all units have the same magnitude, 1 if a single
    /// one is not 0. None for a code of one unit, or if all codes are 0; samples with such a code are
    /// left out.
    ///
    /// # Formula
    /// (√k − Σ|h| / √Σh²) / (√k − 1) for k units.
    pub hoyer: Option<f64>,
}

/// How sparse these codes are.
///
/// # Errors
/// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::NotFinite`](crate::Error::NotFinite).
///
/// # Example
/// ```
/// use autoencoder::{Batch, health::{CodeRange, sparsity}};
/// let one_of_four = sparsity(&Batch::from_iter([[0.0, 7.0, 0.0, 0.0]]), CodeRange::FromZero)?;
/// assert_eq!((one_of_four.active, one_of_four.hoyer), (0.25, Some(1.0)));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// P. O. Hoyer (2004), Non-negative matrix factorization with sparseness constraints.
pub fn sparsity<T: Float, C: Size>(codes: &Batch<T, C>, range: CodeRange) -> Result<Sparsity> {
    check_finite("sparsity", codes.features(), codes.view())?;
    let greatest = greatest(codes);
    let values = codes.as_slice().iter().map(|h| h.to_double());
    let active = values.filter(|&h| range.is_active(h, greatest)).count();
    let active = active as f64 / codes.as_slice().len() as f64;

    let root = (codes.features() as f64).sqrt();
    let measures = codes.iter().filter_map(|code| {
        let scale = code.iter().fold(0.0, |scale: f64, h| scale.max(h.to_double().abs()));
        let magnitudes = || code.iter().map(|h| h.to_double().abs() / scale);
        let norm = magnitudes().map(|h| h * h).sum::<f64>().sqrt();
        let hoyer = (root - magnitudes().sum::<f64>() / norm) / (root - 1.0);
        (scale > 0.0 && root > 1.0).then(|| hoyer.clamp(0.0, 1.0))
    });
    let (count, sum) = measures.fold((0, 0.0), |(count, sum), hoyer| (count + 1, sum + hoyer));
    Ok(Sparsity { active, hoyer: (count > 0).then(|| sum / f64::from(count)) })
}

/// What each unit of a Gaussian code tells about a sample, in nats: the mean over samples of its share of
/// KL(q(z|x) ‖ N(0, 1)). A unit near 0 has collapsed to the prior: it is noise, and the decoder has
/// learned to do without. None if the encoder's posterior is a point.
///
/// # Formula
/// ½ mean (μ² + e^lv − 1 − lv), at most the greatest number there is.
///
/// # Errors
/// See [`AutoEncoder`].
pub fn kl_per_unit<'a, E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    x: X,
) -> Result<Option<Vec<f64>>>
where
    E: Part,
    T: Float,
    X: IntoExamples<'a, T>,
    X::Input: SameSize<E::Input>,
    X::Given: Unlabelled<E::Condition>,
{
    const { <X::Input as SameSize<E::Input>>::FITS };
    let (call, mut buffer) = ("kl_per_unit", Vec::new());
    let network = model.network();
    let given = InMemory::unweighted(call, network.inputs(), x.into_examples())?;
    let rows = given.taken(network, call, &mut buffer)?;
    Ok(kl_of_rows(network, rows))
}

/// See [`kl_per_unit`].
pub(super) fn kl_of_rows<T: Float>(network: &Network<T>, rows: Rows<'_, T>) -> Option<Vec<f64>> {
    let mut workspace = network.workspace();
    let samples = rows.x.samples() as f64;
    let mut sums = vec![0.0_f64; network.facts.units];
    let mut rest = rows;
    while rest.x.samples() > 0 {
        let (block, behind) = rest.split_at(rest.x.samples().min(BLOCK));
        rest = behind;
        network.infer(&mut workspace, block);
        let posterior = &workspace.encoding.posterior;
        let log_variance = posterior.spread()?;
        for (mean, log_variance) in posterior.mean().iter().zip(log_variance.iter()) {
            for (sum, (mu, lv)) in sums.iter_mut().zip(mean.iter().zip(log_variance)) {
                let (mu, lv) = (mu.to_double(), lv.to_double());
                *sum += 0.5 * (mu * mu + (lv.exp_m1() - lv)) / samples;
            }
        }
    }
    sums.iter_mut().for_each(|sum| *sum = sum.min(f64::MAX));
    Some(sums)
}
