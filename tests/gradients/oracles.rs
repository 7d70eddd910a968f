//! Whole trainings against results that are known by other means.

use autoencoder::activation::Identity;
use autoencoder::train::{Event, schedule::Cosine};
use autoencoder::*;
use nalgebra::{Const, DMatrix};

const CODE: usize = 8;
/// The squared error per image that PCA of 8 components leaves on all 1,797 digits; no linear
/// autoencoder of 8 units can be better. By numpy, with `d` of 1797 × 64 values in [0, 1]:
/// ```python
/// x = d - d.mean(0)
/// print(np.linalg.eigvalsh(x.T @ x / 1797)[:-8].sum())
/// ```
const PCA_ERROR: f64 = 1.530448;
/// How near the training must come to it.
const NEAR: f64 = 0.005;
/// Half a unit of the last digit of [`PCA_ERROR`], relative.
const PRINTED: f64 = 4e-7;

#[test]
fn a_linear_autoencoder_reaches_the_error_of_pca_and_never_goes_below() {
    let mut x = DMatrix::from(datasets::digits::<f64>().all());
    let mean = x.column_mean();
    x.column_iter_mut().for_each(|mut column| column -= &mean);

    // A second, independent number: the variance along all but the first 8 principal axes.
    let mut variances: Vec<f64> =
        (&x * x.transpose() / x.ncols() as f64).symmetric_eigenvalues().iter().copied().collect();
    variances.sort_by(f64::total_cmp);
    let residual: f64 = variances[..64 - CODE].iter().sum();
    assert!((residual - PCA_ERROR).abs() <= PRINTED * PCA_ERROR, "{residual}");

    let x: Batch<f64, Const<64>> = Batch::try_from(x).unwrap();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, CODE>::new(Identity))
        .decoder(Dense::<CODE, 64>::new(Identity))
        .seed(1)
        .build::<f64>()
        .unwrap();
    // The loss is half the squared error. Full batches, so that what an epoch reports is the error
    // of one set of parameters on all digits.
    let mut lowest = f64::INFINITY;
    let report = Trainer::new(Adam::new(0.02).unwrap())
        .epochs(500)
        .batch_size(1797)
        .schedule(Cosine::new(0.0).unwrap())
        .observer(|event: &Event<'_>| {
            if let Event::Epoch(epoch) = event {
                lowest = f64::min(lowest, 2.0 * epoch.terms.total());
            }
        })
        .fit(&mut model, &x)
        .unwrap();
    assert_eq!(report.epochs.len(), 500);
    let error = 2.0 * model.loss(&x).unwrap().total();
    assert!(error <= PCA_ERROR * (1.0 + NEAR), "{error} is not near {PCA_ERROR}");
    assert!(lowest.min(error) >= residual * (1.0 - 1e-12), "{lowest} is below {residual}");
}
