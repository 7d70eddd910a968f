//! Expect: what the layers of a classifier keep of a digit, less in the later ones, yet more than its class in the end; layers
//! that are trained for it keep more. A narrow variational code loses less by it.
//!
//! `-- --data DIR`: MNIST, DIR/mnist, with the feature `gzip`. `--features plot` draws into target/, or `--out DIR`.

use autoencoder::activation::{Identity, Relu};
use autoencoder::data::{Idx, Source, idx_labels};
use autoencoder::layer::{Any, AnyPart};
use autoencoder::nalgebra::Dyn;
use autoencoder::random::seeded;
use autoencoder::size::DynImage;
use autoencoder::{Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Classifier, Conv2d};
use autoencoder::{ConvTranspose2d, Dense, Gaussian, LayerNorm, Module, Part, Result, Trained};
use autoencoder::{Trainer, Variational, datasets};

type Images = Batch<f32, DynImage>;

/// Three convolutions, and a dense layer to a narrow code.
const DEPTH: usize = 4;
const CODE: usize = 10;

fn main() -> Result<()> {
    let data = Data::read()?;
    let (train, test, image) = (&data.train.0, &data.test.0, data.train.0.size());
    let labels = (&data.train.1, &data.test.1);
    let mut classifier =
        AutoEncoder::builder().encoder(encoder(image, DEPTH)?).classes_dynamic(10).build()?;
    data.trainer()?.fit(&mut classifier, (train, labels.0))?;
    let right = 100.0 * classifier.accuracy(test, labels.1)?;
    println!("the classifier is right about {right:.1} % of test digits\n");

    let of_class = |class: u8| mean(train, |at| labels.0[at] == class);
    let (all, classes) = (mean(train, |_| true), (0..10).map(of_class).collect::<Vec<_>>());
    let of_class = error(test, |at| &classes[usize::from(labels.1[at])]);
    println!("squared error of a test digit: {:.2} of the mean digit,", error(test, |_| &all));
    println!("{of_class:.2} of the mean digit of its class. Of reconstructions from");
    println!("  layers  numbers  a classifier's  drawn  trained for it");
    let shown = data.shown();
    let mut pictures = vec![("test digits".to_owned(), shown.clone())];
    for depth in 1..=DEPTH {
        let mut errors = Vec::new();
        for start in Start::ALL {
            let builder =
                AutoEncoder::builder().encoder(start.encoder(&classifier, image, depth)?);
            let builder = builder.decoder(decoder(image, depth)?).loss(BernoulliCrossEntropy);
            let mut model = builder.seed(2).build::<f32>()?;
            data.trainer()?.fit(&mut model, train)?;
            let back = model.reconstruct(test)?;
            errors.push(error(test, |at| back.sample(at)));
            if start != Start::Drawn && depth >= DEPTH - 1 {
                let name = format!("from {depth} layers, {}", start.name());
                pictures.push((name, model.reconstruct(&shown)?));
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
        for start in Start::ALL {
            let body = start.encoder(&classifier, image, depth)?;
            let numbers = body.num_outputs();
            // The outputs of frozen layers have any scale; the heads need one that they can learn from.
            let body = Any::of([body.boxed(), LayerNorm::dynamic(numbers).boxed()])?;
            let head = || Dense::dynamic(numbers, CODE, Identity);
            let (mean, log_variance) = (head(), head());
            let mut model = AutoEncoder::builder()
                .encoder(Gaussian::new(body, mean, log_variance))
                .decoder(decoder(image, DEPTH)?)
                .regularizer(Variational::new(1.0)?)
                .loss(BernoulliCrossEntropy)
                .seed(3)
                .build::<f32>()?;
            data.trainer()?.fit(&mut model, train)?;
            bounds.push(-model.elbo(test, 10, &mut seeded(4))?.value());
            if start != Start::Drawn && depth >= DEPTH - 1 {
                let name = format!("new, above {depth} layers, {}", start.name());
                pictures.push((name, model.sample(10, &mut seeded(5))?.with_size(image)?));
            }
        }
        let [given, drawn, trained] = bounds[..] else { unreachable!("three starts") };
        println!("  {depth:>6}  {given:>14.2}  {drawn:>6.2}  {trained:>14.2}");
    }
    pictures.iter().try_for_each(|(name, images)| show(name, images))
}

/// The sizes between layers: 8, 8, 4 and 2 rows, or 28, 28, 14 and 7.
fn sizes(image: DynImage) -> [DynImage; 4] {
    let of = |channels, parts| DynImage {
        channels,
        height: image.height / parts,
        width: image.width / parts,
    };
    [image, of(8, 1), of(8, 2), of(16, 4)]
}

/// So many layers, each with less room than the one before.
fn encoder(image: DynImage, depth: usize) -> Result<Any<f32>> {
    let sizes = sizes(image);
    let convolutions = [(0, 1), (1, 2), (2, 2)].map(|(at, stride)| {
        Conv2d::between(sizes[at], sizes[at + 1], 3, Relu).stride(stride).boxed()
    });
    let dense = Dense::between(sizes[3], Dyn(CODE), Identity).boxed();
    Any::of(convolutions.into_iter().chain([dense]).take(depth))
}

/// Back from them, to logits of pixels.
fn decoder(image: DynImage, depth: usize) -> Result<Any<f32>> {
    let sizes = sizes(image);
    let dense = Dense::between(Dyn(CODE), sizes[3], Relu).boxed();
    let [third, second] = [3, 2]
        .map(|at| ConvTranspose2d::between(sizes[at], sizes[at - 1], 3, Relu).stride(2).boxed());
    let first = ConvTranspose2d::between(sizes[1], image, 3, Identity).stride(1).boxed();
    Any::of([dense, third, second, first].into_iter().skip(DEPTH - depth))
}

/// Where the weights of an encoder come from.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// A classifier, and they are frozen.
    Classifier,
    /// Chance, and they are frozen.
    Drawn,
    /// Chance, and they are trained with the decoder.
    Trained,
}

impl Start {
    const ALL: [Self; 3] = [Self::Classifier, Self::Drawn, Self::Trained];

    fn name(self) -> &'static str {
        ["a classifier's", "drawn", "trained for it"][self as usize]
    }

    /// So many layers with their weights.
    fn encoder(
        self,
        classifier: &Classifier<Any<f32>, impl Part>,
        image: DynImage,
        depth: usize,
    ) -> Result<Trained<Any<f32>, f32>> {
        let builder = AutoEncoder::builder().encoder(encoder(image, depth)?).classes_dynamic(10);
        let mut first = builder.seed(1).build::<f32>()?;
        if self == Self::Classifier {
            let same = first.encoder().num_parameters();
            let others = &first.parameters()[same..];
            let parameters = [&classifier.parameters()[..same], others].concat();
            first.set_parameters(&parameters)?;
        }
        let encoder = first.trained_encoder();
        Ok(if self == Self::Trained { encoder } else { encoder.frozen() })
    }
}

/// The squared error of a digit, summed over pixels.
fn error<'a>(digits: &Images, back: impl Fn(usize) -> &'a [f32]) -> f32 {
    let squares = |(x, y): (&f32, &f32)| (x - y) * (x - y);
    let of = |(at, digit): (usize, &[f32])| digit.iter().zip(back(at)).map(squares).sum::<f32>();
    digits.iter().enumerate().map(of).sum::<f32>() / digits.samples() as f32
}

/// The mean of the digits that are chosen.
fn mean(digits: &Images, is_chosen: impl Fn(usize) -> bool) -> Vec<f32> {
    let chosen = digits.select((0..digits.samples()).filter(|&at| is_chosen(at)));
    let sum = |pixel: usize| chosen.iter().map(|digit| digit[pixel]).sum::<f32>();
    (0..digits.features()).map(|pixel| sum(pixel) / chosen.samples() as f32).collect()
}

struct Data {
    train: (Images, Vec<u8>),
    test: (Images, Vec<u8>),
    epochs: usize,
    batch: usize,
}

impl Data {
    fn read() -> Result<Self> {
        let Some(folder) = option("--data") else {
            let digits = datasets::digits();
            let size = DynImage { channels: 1, height: 8, width: 8 };
            let train = (digits.train.with_size(size)?, digits.train_labels);
            let test = (digits.test.with_size(size)?, digits.test_labels);
            return Ok(Self { train, test, epochs: 40, batch: 32 });
        };
        let read = |part: &str| {
            let path = |what| format!("{folder}/mnist/{part}-{what}-ubyte.gz");
            let images = Idx::open(path("images-idx3"))?.scale(1.0 / 255.0)?.load()?;
            Ok::<_, autoencoder::Error>((images, idx_labels(path("labels-idx1"))?))
        };
        Ok(Self { train: read("train")?, test: read("t10k")?, epochs: 3, batch: 128 })
    }

    fn trainer(&self) -> Result<Trainer<'static, Adam>> {
        Ok(Trainer::new(Adam::new(2e-3)?).epochs(self.epochs).batch_size(self.batch))
    }

    /// The first test digit of each class.
    fn shown(&self) -> Images {
        let first = |class| self.test.1.iter().position(|&label| label == class);
        self.test.0.select((0..10).filter_map(first))
    }
}

/// Ten images, side by side; large ones in a picture alone.
fn show(what: &str, images: &Images) -> Result<()> {
    let size = images.size();
    if size.width < 10 {
        println!("\n{what}:");
        let shade = |&x: &f32| [' ', '·', '+', '#', '@'][(x * 4.0).round() as usize];
        for row in 0..size.height {
            let rows = images.iter().map(|image| image[row * size.width..][..size.width].iter());
            println!(
                "{}",
                rows.map(|row| row.map(shade).collect()).collect::<Vec<String>>().join("  ")
            );
        }
    }
    #[cfg(feature = "plot")]
    {
        let folder = option("--out").unwrap_or_else(|| "target".into());
        let words: Vec<_> = what.split(|c: char| !c.is_alphanumeric()).collect();
        let file = format!("{folder}/recognition-{}.png", words.join("-"));
        autoencoder::plot::FeatureGrid::new(images).columns(10).title(what).save(file)?;
    }
    Ok(())
}

/// What follows this word on the command line.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}
