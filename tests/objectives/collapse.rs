//! A posterior that has collapsed to the prior is noticed.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::layer::DenseLayer;
use autoencoder::nalgebra::Const;
use autoencoder::prior::GaussianMixture;
use autoencoder::regularizer::SuitedTo;
use autoencoder::*;

type Layer1<const I: usize, const O: usize, A> = DenseLayer<Const<I>, Const<O>, A>;
type Encoder = Gaussian<Layer1<64, 20, Tanh>, Layer1<20, 5, Identity>, Layer1<20, 5, Identity>>;

/// Trains a variational model with this weight of the divergence on the digits.
fn trained<R>(regularizer: R) -> Report
where
    R: Regularizer<f32> + SuitedTo<Encoder>,
{
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 20>::new(Tanh),
            Dense::<20, 5>::new(Identity),
            Dense::<20, 5>::new(Identity),
        ))
        .decoder(Dense::<5, 64>::new(Identity))
        .regularizer(regularizer)
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(12);
    trainer.fit(&mut model, Examples::of(&digits.train).held_out(&digits.test)).unwrap()
}

#[test]
fn a_weight_that_outweighs_the_images_leaves_no_unit() {
    // Far above what the images can pay for: every unit falls to the prior.
    let report = trained(Variational::new(100.0).unwrap());
    assert_eq!(report.collapsed_units, [0, 1, 2, 3, 4]);
    let text = report.to_string();
    let said = "code units 0, 1, 2, 3, 4 tell less than 0.01 nats: the posterior has collapsed to the prior";
    assert!(text.contains(said), "{text}");
    assert!(text.contains("free bits"), "{text}");
}

#[test]
fn a_weight_that_leaves_room_collapses_nothing() {
    for report in [
        trained(Variational::new(0.1).unwrap()),
        trained(Variational::new(100.0).unwrap().free_bits(1.0).unwrap()),
        // Compared with a mixture, N(0, 1) says nothing.
        trained(Variational::new(100.0).unwrap().prior(GaussianMixture::new(2).unwrap())),
    ] {
        assert_eq!(report.collapsed_units, [0; 0]);
        assert!(!report.to_string().contains("collapsed"), "{report}");
    }
}

#[test]
fn a_combination_says_what_its_parts_say() {
    let report = trained((Mmd::new(0.0).unwrap(), Variational::new(100.0).unwrap()));
    assert_eq!(report.collapsed_units.len(), 5);
    let report = trained(ImportanceWeighted::new(1).unwrap());
    assert_eq!(report.collapsed_units, [0; 0]);
}
