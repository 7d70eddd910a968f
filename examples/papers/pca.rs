//! Row 1: the best linear autoencoder spans the principal components, so it leaves exactly their error.
//!
//! The targets come from eigenvalues of the covariance. Data are centred by the mean of the training
//! part, training is L-BFGS on all of it, and test data have no part in any choice.
//!
//! P. Baldi, K. Hornik (1989), Neural networks and principal component analysis.

use autoencoder::activation::Identity;
use autoencoder::nalgebra::Const;
use autoencoder::optimizer::Method;
use autoencoder::{AutoEncoder, Batch, Dense, Lbfgs, Scalar};

use crate::Settings;
use crate::data::{Stop, mnist, optdigits, squared_error};
use crate::report::{Line, Target};

/// A training that is nearer than this share of the error has found the components.
const NEAR: f64 = 1e-3;

pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let all = crate::data::all_digits::<f64>()?;
    let errors = each_seed::<f64, 64, 8>(settings, (&all, &all), 400)?;
    let mut lines = vec![line("digits, k=8", 1.530448, &errors.0, NEAR)];
    match optdigit_lines(settings) {
        Ok(others) => lines.extend(others),
        Err(Stop::NoFolder) => {}
        Err(stop) => return Err(stop),
    }
    Ok(lines)
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let mut lines = optdigit_lines(settings)?;
    let data = mnist::<f32>(settings.data())?;
    let (train, test) = (&data.train, &data.test);
    let errors = each_seed::<f32, 784, 2>(settings, (train, test), 100)?;
    lines.extend(two_lines("MNIST, k=2", (43.8669, 43.6449), &errors));
    let errors = each_seed::<f32, 784, 30>(settings, (train, test), 200)?;
    lines.extend(two_lines("MNIST, k=30", (14.2071, 13.8663), &errors));
    Ok(lines)
}

fn optdigit_lines(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = optdigits::<f64>(settings.data())?;
    let parts = (&data.train, &data.test);
    let eight = each_seed::<f64, 64, 8>(settings, parts, 400)?;
    let sixteen = each_seed::<f64, 64, 16>(settings, parts, 400)?;
    let mut lines = two_lines("optdigits, k=8", (1.526347, 1.608107), &eight);
    lines.extend(two_lines("optdigits, k=16", (0.702819, 0.760163), &sixteen));
    Ok(lines)
}

fn two_lines(what: &str, (train, test): (f64, f64), errors: &(Vec<f64>, Vec<f64>)) -> Vec<Line> {
    let test = line(&format!("{what}, test"), test, &errors.1, 2.0 * NEAR);
    vec![line(&format!("{what}, train"), train, &errors.0, NEAR), test]
}

fn line(what: &str, target: f64, errors: &[f64], near: f64) -> Line {
    let tolerance = (1e6 * near * target).round() / 1e6;
    Line::number(format!("{what}: SSE/img"), Target::Near(target, tolerance), errors, 4)
}

/// The errors on both parts, for each seed.
fn each_seed<T: Scalar, const N: usize, const K: usize>(
    settings: &Settings,
    (train, test): (&Batch<T, Const<N>>, &Batch<T, Const<N>>),
    iterations: usize,
) -> Result<(Vec<f64>, Vec<f64>), Stop>
where
    Lbfgs: Method<T>,
{
    let mean = mean(train);
    let (train, test) = (minus(train, &mean), minus(test, &mean));
    let mut errors = (Vec::new(), Vec::new());
    for seed in settings.seeds() {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<N, K>::new(Identity))
            .decoder(Dense::<K, N>::new(Identity))
            .seed(seed)
            .build::<T>()?;
        settings.trainer(Lbfgs::new(), seed).epochs(iterations).fit(&mut model, &train)?;
        errors.0.push(squared_error(&train, &model.reconstruct(&train)?));
        errors.1.push(squared_error(&test, &model.reconstruct(&test)?));
    }
    Ok(errors)
}

fn mean<T: Scalar, const N: usize>(x: &Batch<T, Const<N>>) -> [f64; N] {
    let mut sums = [0.0; N];
    for sample in x.iter() {
        sums.iter_mut().zip(sample).for_each(|(sum, x)| *sum += x.to_double());
    }
    sums.map(|sum| sum / x.samples() as f64)
}

fn minus<T: Scalar, const N: usize>(x: &Batch<T, Const<N>>, mean: &[f64; N]) -> Batch<T, Const<N>> {
    let centred = |sample: &[T]| std::array::from_fn(|at| T::of(sample[at].to_double() - mean[at]));
    x.iter().map(centred).collect()
}
