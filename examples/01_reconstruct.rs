//! Expect: a 64-16-64 autoencoder reconstructs unseen digits with less error than PCA of 16 components.

use autoencoder::activation::{Gelu, Identity};
use autoencoder::size::Image;
use autoencoder::train::schedule::Cosine;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Examples, Result, Then, Trainer, datasets};
use nalgebra::DMatrix;

const CODE: usize = 16;

type Digits = Batch<f32, Image<1, 8, 8>>;

fn main() -> Result<()> {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 128>::new(Gelu).then(Dense::<128, CODE>::new(Identity)))
        .decoder(Dense::<CODE, 128>::new(Gelu).then(Dense::<128, 64>::new(Identity)))
        .seed(1)
        .build::<f32>()?;
    println!("{}\n", model.layout());

    let report = Trainer::new(Adam::new(3e-3)?)
        .epochs(150)
        .batch_size(32)
        .schedule(Cosine::new(0.0)?)
        .fit(&mut model, Examples::of(&digits.train).held_out(&digits.test))?;
    println!("{report}\n");

    let reconstructed = model.reconstruct(&digits.test)?;
    for image in [0, 1, 2] {
        print_side_by_side(digits.test.sample(image), reconstructed.sample(image));
    }
    let ours = squared_error(&digits.test, reconstructed.as_slice());
    let pca = pca_error(&digits.train, &digits.test);
    println!("squared error per test digit, code of {CODE}:");
    println!("  PCA          {pca:.4}");
    println!("  autoencoder  {ours:.4}  ({:.0} % less)", 100.0 * (1.0 - ours / pca));
    Ok(())
}

/// Mean over images of the summed squared error.
fn squared_error(x: &Digits, y: &[f32]) -> f32 {
    let errors = x.as_slice().iter().zip(y).map(|(x, y)| (x - y).powi(2));
    errors.sum::<f32>() / x.samples() as f32
}

/// The same for principal components that were fitted to `train`.
fn pca_error(train: &Digits, test: &Digits) -> f32 {
    let mut centred = DMatrix::from(train.clone());
    let mean = centred.column_mean();
    centred.column_iter_mut().for_each(|mut column| column -= &mean);
    let eigen = (&centred * centred.transpose()).symmetric_eigen();
    let mut order: Vec<usize> = (0..64).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let axes = eigen.eigenvectors.select_columns(&order[..CODE]);

    let mut test_centred = DMatrix::from(test.clone());
    test_centred.column_iter_mut().for_each(|mut column| column -= &mean);
    let mut projected = &axes * (axes.transpose() * test_centred);
    projected.column_iter_mut().for_each(|mut column| column += &mean);
    squared_error(test, projected.as_slice())
}

fn print_side_by_side(left: &[f32], right: &[f32]) {
    let draw = |row: &[f32]| -> String {
        let shade =
            |&x: &f32| [' ', '·', '+', '#', '@'][(x.clamp(0.0, 1.0) * 4.0).round() as usize];
        row.iter().map(shade).flat_map(|c| [c, c]).collect()
    };
    for (left, right) in left.chunks(8).zip(right.chunks(8)) {
        println!("{}  |  {}", draw(left), draw(right));
    }
    println!();
}
