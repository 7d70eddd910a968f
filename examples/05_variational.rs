//! Expect: about 24 nats per test digit (−ELBO), and new digits drawn from the prior that look like digits.

use autoencoder::activation::{Identity, Relu};
use autoencoder::random::seeded;
use autoencoder::{
    Adam, AutoEncoder, BernoulliCrossEntropy, Dense, Examples, Gaussian, Result, Then, Trainer,
    Variational, datasets,
};

fn main() -> Result<()> {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 128>::new(Relu),
            Dense::<128, 6>::new(Identity), // mean
            Dense::<128, 6>::new(Identity), // log-variance
        ))
        .decoder(Dense::<6, 128>::new(Relu).then(Dense::<128, 64>::new(Identity)))
        .regularizer(Variational::new(1.0)?)
        .loss(BernoulliCrossEntropy)
        .seed(1)
        .build::<f32>()?;
    let examples = Examples::of(&digits.train).held_out(&digits.test);
    let report =
        Trainer::new(Adam::new(2e-3)?).epochs(150).batch_size(32).fit(&mut model, examples)?;
    println!("{report}\n");

    let mut rng = seeded(5);
    println!("ten digits drawn from the prior:");
    let drawn = model.sample(10, &mut rng)?;
    for row in 0..8 {
        for image in drawn.iter() {
            for &x in &image[8 * row..][..8] {
                print!("{}", [' ', '·', '+', '#', '@'][(x * 4.0).round() as usize]);
            }
            print!("  ");
        }
        println!();
    }

    let elbo = model.elbo(&digits.test, 50, &mut rng)?;
    println!("\non test digits, in nats per digit, with 50 drawn codes each:");
    println!(
        "  reconstruction {:.3} + KL {:.3} = −ELBO {:.3}",
        elbo.reconstruction,
        elbo.kl,
        -elbo.value()
    );
    Ok(())
}
