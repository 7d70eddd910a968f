//! Images and windows of other sides, but of as many values, where two parts of a model meet, and where a corruption meets
//! the samples. Sizes of the running program are all of one type, and a box has none.

use autoencoder::activation::Identity;
use autoencoder::corruption::{Corruption, Crop, Flip, Shift};
use autoencoder::layer::field::Lies;
use autoencoder::layer::{DenseLayer, Elementwise, Residual};
use autoencoder::regularizer::Regularizer;
use autoencoder::size::{DynImage, DynWindow, Image, Shape, Size};
use autoencoder::*;
use nalgebra::{Const, Dyn};

const TALL: DynImage = DynImage { channels: 3, height: 6, width: 4 };
const WIDE: DynImage = DynImage { channels: 3, height: 4, width: 6 };
const STEPS: DynWindow = DynWindow { channels: 3, steps: 24 };
const VALUES: usize = 72;

fn layer<I: Size, O: Size>(input: I, output: O) -> DenseLayer<I, O, Identity> {
    Dense::between(input, output, Identity)
}

/// Rows of a tall image where those of a wide one are needed.
fn rows(place: &'static str) -> Error {
    Error::SizeMismatch { place, unit: "rows", expected: 4, found: 6 }
}

fn unlike(part: &'static str) -> Error {
    Error::Unfit {
        part,
        fault: "cannot be an image on one side and a window on the other: an image lies channel by channel, a window \
                step by step",
        remedy: "make both images, or both windows",
    }
}

/// Why a model of such halves is refused, which is the same when they are in boxes; nothing if it is built.
macro_rules! of {
    ($encoder:expr, $decoder:expr) => {{
        let (encoder, decoder) = ($encoder, $decoder);
        let typed = AutoEncoder::builder().encoder(encoder.clone()).decoder(decoder.clone());
        let typed = typed.build::<f64>().err();
        assert_eq!(boxed(encoder, decoder), typed);
        typed
    }};
}

fn boxed<E, D>(encoder: E, decoder: D) -> Option<Error>
where
    E: AnyPart + Layer<f64> + Clone + 'static,
    D: AnyPart + Layer<f64> + Clone + 'static,
{
    let (encoder, decoder) = (encoder.boxed::<f64>(), decoder.boxed::<f64>());
    AutoEncoder::builder().encoder(encoder).decoder(decoder).build::<f64>().err()
}

#[test]
fn halves_of_other_images_are_refused() {
    let (input, output) = ("the decoder's input", "the decoder's output");
    assert_eq!(of!(layer(WIDE, WIDE), layer(TALL, WIDE)), Some(rows(input)));
    assert_eq!(of!(layer(WIDE, Dyn(5)), layer(Dyn(5), TALL)), Some(rows(output)));
    // Of windows, channels for steps.
    let turned = DynWindow { channels: 24, steps: 3 };
    let channels = |place| Error::SizeMismatch { place, unit: "channels", expected: 3, found: 24 };
    assert_eq!(of!(layer(STEPS, STEPS), layer(turned, STEPS)), Some(channels(input)));
    assert_eq!(of!(layer(STEPS, Dyn(5)), layer(Dyn(5), turned)), Some(channels(output)));
    // A head; the outputs of a classifier are not compared with its inputs.
    let head = AutoEncoder::builder().encoder(layer(WIDE, WIDE)).head(layer(TALL, Dyn(3)));
    assert_eq!(head.build::<f64>().unwrap_err(), rows(input));
    let thirds = AutoEncoder::builder().encoder(layer(WIDE, Dyn(2))).head(layer(Dyn(2), TALL));
    assert!(thirds.build::<f64>().is_ok());
    // Told a condition.
    let planes = DynImage { channels: 4, ..WIDE };
    let told = AutoEncoder::builder()
        .encoder(ConditionPlanes::dynamic(1, layer(planes, Dyn(5))))
        .decoder(Conditioned::dynamic(1, layer(Dyn(6), TALL)));
    assert_eq!(told.build::<f64>().unwrap_err(), rows(output));
    // Trained parts.
    let build = |code| {
        let builder = AutoEncoder::builder().encoder(layer(WIDE, code));
        builder.decoder(layer(code, WIDE)).build::<f64>().unwrap()
    };
    let encoder = build(WIDE).trained_encoder();
    assert_eq!(of!(encoder.clone(), layer(TALL, WIDE)), Some(rows(input)));
    let next = build(WIDE).trained_decoder();
    let decoder = layer(WIDE, WIDE).then(build(TALL).trained_decoder());
    assert_eq!(of!(encoder.then(next), decoder), Some(rows("inputs of the next layer of a chain")));
}

#[test]
fn neighbours_of_other_images_are_refused() {
    let chain = Some(rows("inputs of the next layer of a chain"));
    let decoder = || layer(Dyn(5), WIDE);
    let (first, second) = (|| layer(WIDE, WIDE), || layer(TALL, Dyn(5)));
    assert_eq!(of!(first().then(second()), decoder()), chain);
    assert_eq!(of!(layer(WIDE, Dyn(5)), layer(Dyn(5), WIDE).then(layer(TALL, WIDE))), chain);
    // What looks at each value in its place leaves an image what it is, on either side of a joint.
    let through = || Elementwise::dynamic(VALUES, Identity);
    assert_eq!(of!(first().then(through()).then(second()), decoder()), chain);
    assert_eq!(of!(first().then(through().then(second())), decoder()), chain);
    let listed = Any::of([first().boxed::<f64>(), through().boxed(), second().boxed()]).unwrap();
    assert_eq!(of!(listed, decoder()), chain);
    // A chain in a chain, and in a box that has kept its sizes.
    assert_eq!(of!(first().then(first().then(second())), decoder()), chain);
    assert_eq!(of!(first().boxed_as::<f64>().then(second().boxed_as::<f64>()), decoder()), chain);

    let residual = Some(rows("the body of a residual layer"));
    let around = |body| Residual::new(body).then(layer(TALL, Dyn(5)));
    assert_eq!(of!(around(layer(WIDE, TALL)), decoder()), residual);
    let in_a_box = Residual::new(layer(WIDE, TALL).boxed::<f64>()).then(layer(Dyn(VALUES), Dyn(5)));
    assert_eq!(of!(in_a_box, decoder()), residual);

    // The heads of a Gaussian, each part in a box too.
    macro_rules! gaussian {
        ($body:expr, $mean:expr, $log_variance:expr) => {{
            let (body, mean, log_variance) = ($body, $mean, $log_variance);
            let boxes = Gaussian::new(
                body.clone().boxed(),
                mean.clone().boxed(),
                log_variance.clone().boxed(),
            );
            let found = of!(Gaussian::new(body, mean, log_variance), layer(WIDE, WIDE));
            assert_eq!(of!(boxes, layer(WIDE, WIDE)), found);
            found
        }};
    }
    let body = || layer(WIDE, WIDE);
    let found = gaussian!(body(), layer(TALL, WIDE), layer(WIDE, WIDE));
    assert_eq!(found, Some(rows("inputs of the Gaussian's mean head")));
    let found = gaussian!(body(), layer(WIDE, WIDE), layer(TALL, WIDE));
    assert_eq!(found, Some(rows("inputs of the Gaussian's log-variance head")));
    let found = gaussian!(body(), layer(WIDE, WIDE), layer(WIDE, TALL));
    assert_eq!(found, Some(rows("outputs of the Gaussian's log-variance head")));
    let code = Gaussian::new(body(), layer(WIDE, WIDE), layer(WIDE, WIDE));
    assert_eq!(of!(code, layer(TALL, WIDE)), Some(rows("the decoder's input")));
}

#[test]
fn levels_of_other_images_are_refused() {
    let x = Batch::from_iter([[0.5; VALUES]; 4]).with_size(WIDE).unwrap();
    let trainer = || Trainer::new(Sgd::new(0.1).unwrap()).epochs(1);
    let level = |from, to| AutoEncoder::builder().encoder(layer(from, to)).decoder(layer(to, from));
    let refused = |source, stage: &str| {
        Some(Error::Stage { stage: stage.to_owned(), source: Box::new(source) })
    };
    let stack = |from| Stack::new(level(WIDE, WIDE), trainer()).then(level(from, WIDE), trainer());
    let place = "the code of the level below";
    let error = Error::SizeMismatch { place, unit: "rows", expected: 6, found: 4 };
    assert_eq!(stack(TALL).pretrain(&x).err(), refused(error, "level 2: 72 → 72"));
    assert_eq!(stack(WIDE).pretrain(&x).err(), None);
    let halves = |input, output| {
        let builder =
            AutoEncoder::builder().encoder(layer(WIDE, WIDE)).decoder(layer(input, output));
        Stack::new(builder, trainer()).pretrain(&x).err()
    };
    let stage = "level 1: 72 → 72";
    assert_eq!(halves(TALL, WIDE), refused(rows("the decoder's input"), stage));
    assert_eq!(halves(WIDE, TALL), refused(rows("the decoder's output"), stage));
}

/// Types do not let an image meet a window; boxes would.
#[test]
fn an_image_beside_a_window_is_refused() {
    let (input, output) = ("the decoder's input", "the decoder's output");
    let plain = Dyn(5);
    assert_eq!(boxed(layer(WIDE, WIDE), layer(STEPS, WIDE)), Some(unlike(input)));
    assert_eq!(boxed(layer(STEPS, plain), layer(plain, WIDE)), Some(unlike(output)));
    let chain = Any::of([layer(WIDE, STEPS).boxed::<f64>(), layer(WIDE, plain).boxed()]).unwrap();
    let expected = Some(unlike("inputs of the next layer of a chain"));
    assert_eq!(boxed(chain, layer(plain, WIDE)), expected);
    let around = Residual::new(layer(WIDE, STEPS).boxed::<f64>());
    assert_eq!(boxed(around, layer(WIDE, WIDE)), Some(unlike("the body of a residual layer")));
    // Of one channel both lie alike.
    let (row, series) = (Image::<1, 1, 8>, DynWindow { channels: 1, steps: 8 });
    assert_eq!(boxed(layer(row, plain), layer(plain, series)), None);
}

#[test]
fn plain_features_stand_beside_any_image() {
    let plain = Dyn(VALUES);
    assert_eq!(of!(layer(WIDE, plain), layer(TALL, WIDE)), None);
    assert_eq!(of!(layer(WIDE, WIDE), layer(plain, plain)), None);
    assert_eq!(of!(layer(plain, plain).then(layer(TALL, WIDE)), layer(WIDE, plain)), None);
    assert_eq!(of!(layer(WIDE, plain).then(layer(plain, WIDE)), layer(WIDE, WIDE)), None);
    // Tied halves, and a residual layer, of the right images.
    let tied = AutoEncoder::builder().encoder(layer(WIDE, TALL).then(layer(TALL, Dyn(5))));
    assert!(tied.decoder(Tied::new(Identity)).build::<f64>().is_ok());
    let around = || Residual::new(layer(WIDE, TALL).then(layer(TALL, WIDE)));
    assert_eq!(of!(around(), around()), None);
}

/// Each for tall images, in every way in which it can stand in a model.
#[test]
fn corruptions_of_other_images_are_refused() {
    type Way = fn(Box<dyn Corruption<f64>>) -> Box<dyn Regularizer<f64>>;
    type Build = fn(Box<dyn Regularizer<f64>>) -> Result<Option<Lies>>;
    macro_rules! model {
        ($input:expr, $output:expr) => {
            model!(@ layer($input, Dyn(2)), layer(Dyn(2), $output))
        };
        (@ $encoder:expr, $decoder:expr) => {
            |regularizer| {
                let builder = AutoEncoder::builder().encoder($encoder).decoder($decoder);
                Ok(builder.regularizer(regularizer).build::<f64>()?.facts().lies)
            }
        };
    }
    let corruptions = || -> [(&str, Box<dyn Corruption<f64>>); 4] {
        [
            ("Flip", Box::new(Flip::horizontal(TALL))),
            ("Flip", Box::new(Flip::vertical(TALL))),
            ("Shift", Box::new(Shift::new(TALL, 1, 1).unwrap())),
            ("Crop", Box::new(Crop::new(TALL, 2, 2).unwrap())),
        ]
    };
    let ways: [Way; 4] = [
        |corruption| Box::new(Augment::new(corruption)),
        |corruption| Box::new(Denoising::new(corruption)),
        |corruption| {
            Box::new(Denoising::new((corruption::Gaussian::new(0.1).unwrap(), corruption)))
        },
        |corruption| Box::new((CodeL1::new(0.1).unwrap(), Augment::new(vec![corruption]))),
    ];
    let lies = |is_interleaved, channels, height, width| {
        Some(Lies { shape: Shape { channels, height, width }, is_interleaved })
    };
    let wide = lies(false, 3, 4, 6);
    let cases: [(Build, Option<Lies>); 9] = [
        (model!(WIDE, WIDE), wide),
        (model!(Image::<3, 4, 6>, Image::<3, 4, 6>), wide),
        (model!(@ layer(WIDE, Dyn(2)).boxed::<f64>(), layer(Dyn(2), WIDE).boxed::<f64>()), wide),
        // Plain features of which a decoder makes images.
        (model!(Dyn(VALUES), WIDE), wide),
        (model!(STEPS, STEPS), lies(true, 3, 1, 24)),
        (
            model!(@ layer(STEPS, Dyn(2)).boxed::<f64>(), layer(Dyn(2), STEPS).boxed::<f64>()),
            lies(true, 3, 1, 24),
        ),
        (model!(TALL, TALL), lies(false, 3, 6, 4)),
        (model!(Const::<VALUES>, Const::<VALUES>), None),
        (model!(Dyn(VALUES), Dyn(VALUES)), None),
    ];
    let sides = "rows of a sample, for its images";
    for (build, expected) in cases {
        assert_eq!(build(Box::new(NoRegularizer)).unwrap(), expected);
        for way in ways {
            for (name, corruption) in corruptions() {
                let found = build(way(corruption));
                let refused = match expected {
                    Some(Lies { is_interleaved: true, .. }) => Error::Unfit {
                        part: name,
                        fault: "is made for images, and the samples of this model are windows, whose values lie step \
                                by step",
                        remedy: "leave it out, or let the model take an `Image` or a `DynImage`, which lies channel by \
                                 channel",
                    },
                    Some(Lies { shape, .. }) if shape.height == 4 => {
                        Error::SizeMismatch { place: name, unit: sides, expected: 6, found: 4 }
                    }
                    _ => {
                        assert_eq!(found.unwrap(), expected);
                        continue;
                    }
                };
                assert_eq!(found.unwrap_err(), refused);
            }
        }
    }
    let error = Error::SizeMismatch { place: "Flip", unit: sides, expected: 6, found: 4 };
    let text = "Flip: expected 6 rows of a sample, for its images, found 4";
    assert_eq!(error.to_string(), text);
}
