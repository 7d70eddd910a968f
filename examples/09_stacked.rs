//! Expect: the classifier on a stack that was pretrained without labels is right on more test digits
//! than one on raw pixels and than the same net from random weights.

use autoencoder::activation::Sigmoid;
use autoencoder::corruption::Masking;
use autoencoder::probe::linear_probe;
use autoencoder::{
    Adam, AutoEncoder, Denoising, Dense, Result, Stack, Then, Tied, Trainer, datasets,
};

/// Labels are dear: the stack learns from all training digits, classifiers from the first few.
const LABELLED: usize = 200;

fn main() -> Result<()> {
    let digits = datasets::digits::<f32>();
    let few = digits.train.select(0..LABELLED);
    let (few_labels, test_labels) = (&digits.train_labels[..LABELLED], &digits.test_labels[..]);
    let trainer =
        |rate, epochs| Ok::<_, autoencoder::Error>(Trainer::new(Adam::new(rate)?).epochs(epochs));

    // Layer by layer, each a denoising autoencoder with tied weights; then all layers jointly.
    let masking = || Ok::<_, autoencoder::Error>(Denoising::new(Masking::new(0.2)?));
    let stacked = Stack::new(
        AutoEncoder::builder()
            .encoder(Dense::<64, 100>::new(Sigmoid))
            .decoder(Tied::new(Sigmoid))
            .regularizer(masking()?),
        trainer(5e-3, 60)?,
    )
    .then(
        AutoEncoder::builder()
            .encoder(Dense::<100, 50>::new(Sigmoid))
            .decoder(Tied::new(Sigmoid))
            .regularizer(masking()?),
        trainer(5e-3, 60)?,
    )
    .fine_tune(trainer(1e-3, 40)?)
    .fit(&digits.train)?;
    println!("{}\n", stacked.report);
    let model = stacked.model;

    println!("right on {} test digits, with {LABELLED} labels:", digits.test.samples());
    let print = |what: &str, accuracy: f64| println!("  {what:54} {:5.1} %", 100.0 * accuracy);
    let probe = linear_probe(10, (&few, few_labels), (&digits.test, test_labels))?;
    print("raw pixels, linear classifier", probe);

    let codes = (model.encode(&few)?, model.encode(&digits.test)?);
    let probe = linear_probe(10, (&codes.0, few_labels), (&codes.1, test_labels))?;
    print("code of the stack, linear classifier", probe);

    let mut random = AutoEncoder::builder()
        .encoder(Dense::<64, 100>::new(Sigmoid).then(Dense::<100, 50>::new(Sigmoid)))
        .classes::<10>()
        .build::<f32>()?;
    trainer(5e-3, 100)?.batch_size(20).fit(&mut random, (&few, few_labels))?;
    print(
        "the same net from random weights, trained with labels",
        random.accuracy(&digits.test, test_labels)?,
    );

    let mut tuned = model.classifier::<10>().build::<f32>()?;
    trainer(5e-3, 100)?.batch_size(20).fit(&mut tuned, (&few, few_labels))?;
    print("the stack, all layers trained with labels", tuned.accuracy(&digits.test, test_labels)?);
    println!("\n{}", tuned.confusion(&digits.test, test_labels)?);
    Ok(())
}
