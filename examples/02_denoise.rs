//! Expect: on corrupted digits it never saw, the denoising autoencoder errs at least 20 % less than the plain one.

use autoencoder::activation::{Identity, Relu};
use autoencoder::corruption::{Corruption, Masking};
use autoencoder::random::seeded;
use autoencoder::size::Image;
use autoencoder::{
    Adam, AutoEncoder, Batch, Denoising, Dense, NoRegularizer, Regularizer, Result, Trainer,
    datasets,
};

type Images = Batch<f32, Image<1, 8, 8>>;

fn main() -> Result<()> {
    let digits = datasets::digits::<f32>();
    let masking = Masking::new(0.3)?;

    // What is held out is corrupted once, with a seed of its own.
    let mut corrupted = digits.test.clone();
    let mut rng = seeded(99);
    for image in corrupted.as_mut_slice().chunks_exact_mut(64) {
        masking.corrupt(image, &mut rng);
    }

    // Two nets of the same size and seed; only the regularizer differs.
    let mut reconstructions = Vec::new();
    for is_denoising in [false, true] {
        let regularizer: Box<dyn Regularizer<_>> =
            if is_denoising { Box::new(Denoising::new(masking)) } else { Box::new(NoRegularizer) };
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 128>::new(Relu))
            .decoder(Dense::<128, 64>::new(Identity))
            .regularizer(regularizer)
            .seed(1)
            .build::<f32>()?;
        let report = Trainer::new(Adam::new(2e-3)?)
            .epochs(100)
            .batch_size(32)
            .fit(&mut model, &digits.train)?;
        println!("{report}\n");
        reconstructions.push(model.reconstruct(&corrupted)?);
    }
    let [plain, denoising] = [&reconstructions[0], &reconstructions[1]];

    for image in [0, 4] {
        println!("clean, corrupted, plain, denoising:");
        let images = [&digits.test, &corrupted, plain, denoising];
        print_side_by_side(&images.map(|images| images.sample(image)));
    }
    let (before, plain) = (error(&digits.test, &corrupted), error(&digits.test, plain));
    let denoising = error(&digits.test, denoising);
    println!("squared error per corrupted test digit, against the clean one:");
    println!("  left as it is  {before:.3}");
    println!("  plain          {plain:.3}");
    println!("  denoising      {denoising:.3}  ({:.0} % less)", 100.0 * (1.0 - denoising / plain));
    Ok(())
}

fn error(clean: &Images, found: &Images) -> f32 {
    let errors = clean.as_slice().iter().zip(found.as_slice()).map(|(x, y)| (x - y).powi(2));
    errors.sum::<f32>() / clean.samples() as f32
}

fn print_side_by_side(images: &[&[f32]]) {
    for row in 0..8 {
        for image in images {
            for &x in &image[8 * row..][..8] {
                let shade = [" ", "·", "+", "#", "@"][(x.clamp(0.0, 1.0) * 4.0).round() as usize];
                print!("{shade}{shade}");
            }
            print!("  |  ");
        }
        println!();
    }
    println!();
}
