//! Expect: what the layers of a classifier keep of a digit, less in the later ones, yet more than its class in the end; layers
//! that are trained for it keep more. A narrow variational code loses less by it.
//!
//! `-- --data DIR`: MNIST, DIR/mnist, with the feature `gzip`. `--features plot` draws into target/, or `--out DIR`.

mod digits;
mod layers;

use autoencoder::activation::Identity;
use autoencoder::layer::{Any, AnyPart};
use autoencoder::{Adam, AutoEncoder, BernoulliCrossEntropy, Classifier, Dense, Error, Gaussian};
use autoencoder::{LayerNorm, Module, Part, Result, Trained, Trainer, Variational};
use autoencoder::{random::seeded, size::DynImage};

use digits::{error, mean, read, show};
use layers::{CODE, DEPTH, decoder, encoder};

/// Where the weights of an encoder come from: whether from the classifier and not from chance, and whether they are frozen.
const STARTS: [(&str, (bool, bool)); 3] = [
    ("a classifier's", (true, true)),
    ("drawn", (false, true)),
    ("trained for it", (false, false)),
];

fn main() -> Result<()> {
    let ((train, labels), (test, test_labels), epochs, batch) = read()?;
    let image = train.size();
    let trainer =
        || Ok::<_, Error>(Trainer::new(Adam::new(2e-3)?).epochs(epochs).batch_size(batch));
    let builder = AutoEncoder::builder().encoder(encoder(image, DEPTH)?);
    let mut classifier = builder.classes_dynamic(10).build()?;
    trainer()?.fit(&mut classifier, (&train, &labels))?;
    let right = 100.0 * classifier.accuracy(&test, &test_labels)?;
    println!("the classifier is right about {right:.1} % of test digits\n");

    let of_class = |class: u8| mean(&train, |at| labels[at] == class);
    let (all, classes) = (mean(&train, |_| true), (0..10).map(of_class).collect::<Vec<_>>());
    let of_class = error(&test, |at| &classes[usize::from(test_labels[at])]);
    println!("squared error of a test digit: {:.2} of the mean digit,", error(&test, |_| &all));
    println!("{of_class:.2} of the mean digit of its class. Of reconstructions from");
    println!("  layers  numbers  a classifier's  drawn  trained for it");
    let first = |class| test_labels.iter().position(|&label| label == class);
    let shown = test.select((0..10).filter_map(first));
    let mut pictures = vec![("test digits".to_owned(), shown.clone())];
    for depth in 1..=DEPTH {
        let mut errors = Vec::new();
        for (name, start) in STARTS {
            let body = cut(&classifier, image, depth, start)?;
            let builder = AutoEncoder::builder().encoder(body).decoder(decoder(image, depth)?);
            let mut model = builder.loss(BernoulliCrossEntropy).seed(2).build::<f32>()?;
            trainer()?.fit(&mut model, &train)?;
            let back = model.reconstruct(&test)?;
            errors.push(error(&test, |at| back.sample(at)));
            if name != "drawn" && depth >= DEPTH - 1 {
                pictures.push((format!("from {depth} layers, {name}"), model.reconstruct(&shown)?));
            }
        }
        let numbers = encoder(image, depth)?.num_outputs();
        let [given, drawn, trained] = errors[..] else { unreachable!("three starts") };
        println!("  {depth:>6}  {numbers:>7}  {given:>14.2}  {drawn:>5.2}  {trained:>14.2}");
    }

    println!("\n−ELBO of a test digit in nats, with a code of {CODE} numbers above");
    println!("  layers  a classifier's   drawn  trained for it");
    for depth in 1..=DEPTH {
        let mut bounds = Vec::new();
        for (name, start) in STARTS {
            let body = cut(&classifier, image, depth, start)?;
            let numbers = body.num_outputs();
            // The outputs of frozen layers have any scale; the heads need one that they can learn from.
            let body = Any::of([body.boxed(), LayerNorm::dynamic(numbers).boxed()])?;
            let head = || Dense::dynamic(numbers, CODE, Identity);
            let builder = AutoEncoder::builder().encoder(Gaussian::new(body, head(), head()));
            let builder = builder.decoder(decoder(image, DEPTH)?).loss(BernoulliCrossEntropy);
            let builder = builder.regularizer(Variational::new(1.0)?).seed(3);
            let mut model = builder.build::<f32>()?;
            trainer()?.fit(&mut model, &train)?;
            bounds.push(-model.elbo(&test, 10, &mut seeded(4))?.value());
            if name != "drawn" && depth >= DEPTH - 1 {
                let new = model.sample(10, &mut seeded(5))?.with_size(image)?;
                pictures.push((format!("new, above {depth} layers, {name}"), new));
            }
        }
        let [given, drawn, trained] = bounds[..] else { unreachable!("three starts") };
        println!("  {depth:>6}  {given:>14.2}  {drawn:>6.2}  {trained:>14.2}");
    }
    pictures.iter().try_for_each(|(what, images)| show(what, images))
}

/// So many layers with weights of a classifier, or of chance.
fn cut(
    classifier: &Classifier<Any<f32>, impl Part>,
    image: DynImage,
    depth: usize,
    (is_given, is_frozen): (bool, bool),
) -> Result<Trained<Any<f32>, f32>> {
    let builder = AutoEncoder::builder().encoder(encoder(image, depth)?).classes_dynamic(10);
    let mut first = builder.seed(1).build::<f32>()?;
    if is_given {
        let mut parameters = first.parameters().to_vec();
        let same = first.encoder().num_parameters();
        parameters[..same].copy_from_slice(&classifier.parameters()[..same]);
        first.set_parameters(&parameters)?;
    }
    let encoder = first.trained_encoder();
    Ok(if is_frozen { encoder.frozen() } else { encoder })
}
