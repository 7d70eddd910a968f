//! Expect: of 100 units, each is active about 5 % of the time, as asked, though 64 would be enough to copy the input.

use autoencoder::activation::Sigmoid;
use autoencoder::{
    Adam, AutoEncoder, Batch, Dense, NoRegularizer, Regularizer, Result, SparseKl, Trainer,
    datasets,
};
use nalgebra::Const;

const TARGET: f64 = 0.05;

fn main() -> Result<()> {
    let digits = datasets::digits::<f32>();
    println!(
        "mean activation of 100 units on test digits (target {TARGET}), and squared error per digit:"
    );
    println!("{:<12} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "min", "median", "mean", "max", "error");
    for is_sparse in [false, true] {
        let regularizer: Box<dyn Regularizer<_>> =
            if is_sparse { Box::new(SparseKl::new(TARGET, 0.1)?) } else { Box::new(NoRegularizer) };
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 100>::new(Sigmoid))
            .decoder(Dense::<100, 64>::new(Sigmoid))
            .regularizer(regularizer)
            .seed(7)
            .build::<f32>()?;
        Trainer::new(Adam::new(3e-3)?).epochs(200).batch_size(64).fit(&mut model, &digits.train)?;

        let activations = mean_activations(&model.encode(&digits.test)?);
        let mean = activations.iter().sum::<f32>() / 100.0;
        // The squared-error loss is half the squared error.
        let error = 2.0 * model.loss(&digits.test)?.reconstruction();
        println!(
            "{:<12} {:>8.4} {:>8.4} {mean:>8.4} {:>8.4} {error:>8.4}",
            if is_sparse { "sparse" } else { "plain" },
            activations[0],
            activations[50],
            activations[99],
        );
    }
    Ok(())
}

/// The mean of each unit over all samples, from the least active unit to the most active.
fn mean_activations(code: &Batch<f32, Const<100>>) -> Vec<f32> {
    let mut means = vec![0.0; code.features()];
    for sample in code.iter() {
        for (mean, h) in means.iter_mut().zip(sample) {
            *mean += h / code.samples() as f32;
        }
    }
    means.sort_by(f32::total_cmp);
    means
}
