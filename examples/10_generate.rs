//! Expect: ten new digits, none a copy; a 0 that becomes a 1; what one code unit does; and about 24 nats a digit.
//!
//! `--features plot` draws them into target/, or into DIR with `-- --out DIR`.

use autoencoder::activation::{Identity, Relu};
use autoencoder::latent::{interpolate_spherically, nearest_training, traverse_quantiles};
use autoencoder::nalgebra::Const;
use autoencoder::random::seeded;
use autoencoder::train::schedule::{Constant, Warmup};
use autoencoder::{Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Dense, Examples, Gaussian};
use autoencoder::{Result, Then, Trainer, Variational, datasets};

fn main() -> Result<()> {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 128>::new(Relu),
            Dense::<128, 10>::new(Identity), // mean
            Dense::<128, 10>::new(Identity), // log-variance
        ))
        .decoder(Dense::<10, 128>::new(Relu).then(Dense::<128, 64>::new(Identity)))
        .regularizer(Variational::new(1.0)?.schedule(Warmup::epochs(20, Constant)?))
        .loss(BernoulliCrossEntropy)
        .seed(1)
        .build::<f32>()?;
    let trainer = Trainer::new(Adam::new(2e-3)?).epochs(150).batch_size(32);
    let report = { trainer }.fit(&mut model, Examples::of(&digits.train).held_out(&digits.test))?;
    println!("{report}\n");
    let mut rng = seeded(5);
    let drawn = model.sample(10, &mut rng)?;
    show("drawn from the prior", &drawn)?;
    let nearest = nearest_training(&digits.train, &drawn)?;
    println!(
        "the nearest training digit of each, 1.0 as far as training digits are from each other:"
    );
    println!("{}", nearest.ratios().map(|ratio| format!("{ratio:<10.2}")).collect::<String>());
    println!("copies (below 0.1): {}\n", nearest.copies(0.1).len());

    let codes = model.encode(&digits.test)?;
    let first = |digit| digits.test_labels.iter().position(|&label| label == digit).unwrap_or(0);
    let (zero, one) = (codes.sample(first(0)), codes.sample(first(1)));
    let arc = model.decode(&interpolate_spherically(zero, one, 10)?)?;
    show("from a 0 to a 1 on an arc", &arc)?;

    let aggregated = model.aggregated_posterior(&digits.test)?;
    let says = |unit: &usize| aggregated.variances_of_means[*unit];
    let most = (0..10).max_by(|a, b| says(a).total_cmp(&says(b))).unwrap_or(0);
    let along = model.decode(&traverse_quantiles(zero, most, &codes, 10)?)?;
    show(&format!("the 0 as unit {most} goes from end to end"), &along)?;

    let elbo = model.elbo(&digits.test, 50, &mut rng)?;
    let nll = model.negative_log_likelihood(&digits.test, 500, &mut rng)?;
    let nll = nll.iter().sum::<f64>() / nll.len() as f64;
    println!("on test digits, in nats per digit:");
    println!("  reconstruction {:.2} + KL {:.2}", elbo.reconstruction, elbo.kl);
    println!("  = −ELBO {:.2}, an upper bound of −ln p(x) = {nll:.2}", -elbo.value());
    println!("  active units: {} of 10", aggregated.active_units().len());
    assert!(nll < -elbo.value(), "the bound is one");
    assert!(nearest.copies(0.1).is_empty(), "what is drawn is new");
    Ok(())
}

/// Ten images, side by side.
fn show(what: &str, images: &Batch<f32, Const<64>>) -> Result<()> {
    println!("{what}:");
    let shade = |&x: &f32| [' ', '·', '+', '#', '@'][(x * 4.0).round() as usize];
    for row in 0..8 {
        let rows = images.iter().map(|image| image[8 * row..][..8].iter().map(shade).collect());
        println!("{}", rows.collect::<Vec<String>>().join("  "));
    }
    println!();
    #[cfg(feature = "plot")]
    {
        let folder = std::env::args().skip_while(|word| word != "--out").nth(1);
        let file =
            format!("{}/{}.png", folder.as_deref().unwrap_or("target"), what.replace(' ', "-"));
        autoencoder::plot::FeatureGrid::new(images).range(0.0..=1.0).title(what).save(file)?;
    }
    Ok(())
}
