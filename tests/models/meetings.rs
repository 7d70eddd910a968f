//! Images and windows of other sides, but of as many values, where two parts of a model meet, and where a corruption meets
//! the samples. Sizes of the running program are all of one type, and a box has none.

use std::sync::atomic::{AtomicUsize, Ordering};

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::corruption::{Corruption, Crop, Flip, Shift};
use autoencoder::layer::field::Lies;
use autoencoder::layer::{DenseLayer, DualViewMut, Elementwise, Pass, Residual, TangentPass};
use autoencoder::layer::{Unconditioned, range};
use autoencoder::parameters::Layout;
use autoencoder::regularizer::Regularizer;
use autoencoder::size::{DynImage, DynWindow, Image, Shape, Size};
use autoencoder::train::Event;
use autoencoder::*;
use nalgebra::{Const, Dyn};

const TALL: DynImage = DynImage { channels: 3, height: 6, width: 4 };
const WIDE: DynImage = DynImage { channels: 3, height: 4, width: 6 };
const STEPS: DynWindow = DynWindow { channels: 3, steps: 24 };
const VALUES: usize = 72;

fn layer<I: Size, O: Size>(input: I, output: O) -> DenseLayer<I, O, Identity> {
    Dense::between(input, output, Identity)
}

/// Wide images as they are: a layer of one's own, of which only the type of its ends says that they are images.
#[derive(Debug, Clone)]
struct Own;

impl Module for Own {
    fn num_inputs(&self) -> usize {
        VALUES
    }
    fn num_outputs(&self) -> usize {
        VALUES
    }
}
impl Part for Own {
    type Input = DynImage;
    type Output = DynImage;
    type Range = range::Real;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> DynImage {
        WIDE
    }
    fn output(&self) -> DynImage {
        WIDE
    }
}
impl Layer<f64> for Own {
    fn layout(&self, _layout: &mut Layout) {}
    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
    fn forward(
        &self,
        _parameters: &[f64],
        x: BatchView<'_, f64>,
        mut y: BatchViewMut<'_, f64>,
        _tape: &mut [f64],
        _scratch: &mut [f64],
    ) {
        y.as_mut_slice().copy_from_slice(x.as_slice());
    }
    fn backward(
        &self,
        _pass: Pass<'_, f64>,
        dy: BatchViewMut<'_, f64>,
        dx: Option<BatchViewMut<'_, f64>>,
        _gradient: Option<&mut [f64]>,
        _scratch: &mut [f64],
    ) {
        if let Some(mut dx) = dx {
            dx.as_mut_slice().copy_from_slice(dy.as_slice());
        }
    }
    fn tangent(
        &self,
        _pass: Pass<'_, f64>,
        v: BatchView<'_, f64>,
        mut jv: BatchViewMut<'_, f64>,
        _tangent_tape: &mut [f64],
        _scratch: &mut [f64],
    ) {
        jv.as_mut_slice().copy_from_slice(v.as_slice());
    }
    fn tangent_backward(
        &self,
        _pass: Pass<'_, f64>,
        _tangent: TangentPass<'_, f64>,
        d: DualViewMut<'_, f64>,
        d_input: Option<DualViewMut<'_, f64>>,
        _gradient: &mut [f64],
        _scratch: &mut [f64],
    ) {
        if let Some(mut d_input) = d_input {
            d_input.value.as_mut_slice().copy_from_slice(d.value.as_slice());
            d_input.tangent.as_mut_slice().copy_from_slice(d.tangent.as_slice());
        }
    }
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
    // A layer of one's own says it by the types of its ends.
    assert_eq!(of!(Own.then(second()), decoder()), chain);
    assert_eq!(of!(Own.then(through()).then(second()), decoder()), chain);
    assert_eq!(of!(Own.then(through().then(second())), decoder()), chain);
    let code = Gaussian::new(Own, through(), through());
    assert_eq!(of!(code, layer(TALL, WIDE)), Some(rows("the decoder's input")));
    let around = || Residual::new(Own.then(through()));
    assert_eq!(of!(around().then(second()), decoder()), chain);
    // What goes in is added place by place to what a body of plain features makes of it.
    let added = || Residual::new(layer(Dyn(VALUES), Dyn(VALUES)));
    assert_eq!(of!(first().then(added()).then(second()), decoder()), chain);
    assert_eq!(of!(first().then(added().then(second())), decoder()), chain);
    assert_eq!(of!(first().then(added().then(through())).then(second()), decoder()), chain);
    let nested = Residual::new(added().then(through()));
    assert_eq!(of!(first().then(nested).then(second()), decoder()), chain);
    let output = Some(rows("the decoder's output"));
    let last = || layer(WIDE, Dyn(5));
    assert_eq!(of!(added().then(last()), layer(Dyn(5), TALL)), output);
    assert_eq!(of!(last(), layer(Dyn(5), TALL).then(added())), output);
    assert_eq!(of!(first().then(added()).then(last()), decoder()), None);
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

/// Whatever `build` would refuse of a level is refused before a level below is trained.
#[test]
fn levels_are_looked_at_before_the_first_is_trained() {
    let x = Batch::from_iter([[0.5; VALUES]; 4]).with_size(WIDE).unwrap();
    let steps = AtomicUsize::new(0);
    let trainer = || {
        Trainer::new(Sgd::new(0.1).unwrap()).epochs(1).observer(|_: &Event<'_>| {
            steps.fetch_add(1, Ordering::Relaxed);
        })
    };
    let plain = Dyn(VALUES);
    let first = |code| AutoEncoder::builder().encoder(layer(WIDE, code)).decoder(layer(code, WIDE));
    let below = || Stack::new(first(WIDE), trainer());
    let refused = |found: Option<Error>, stage: &str| match found {
        Some(Error::Stage { stage: found, source }) => {
            assert_eq!((found.as_str(), steps.load(Ordering::Relaxed)), (stage, 0));
            *source
        }
        other => panic!("{other:?}"),
    };
    let flip = |size| Denoising::new(Flip::horizontal(size));
    let stage = "level 2: 72 → 72";
    let sides = "rows of a sample, for its images";
    let error = Error::SizeMismatch { place: "Flip", unit: sides, expected: 6, found: 4 };
    let stack = below().then(first(WIDE).regularizer(flip(TALL)), trainer());
    assert_eq!(refused(stack.pretrain(&x).err(), stage), error);
    let stack = below().then(first(WIDE).regularizer(flip(TALL)), trainer()).fine_tune(trainer());
    assert_eq!(refused(stack.fit(&x).err(), stage), error);
    // Of plain features, the codes of the level below are images.
    let second = AutoEncoder::builder().encoder(layer(plain, plain)).decoder(layer(plain, plain));
    let stack = below().then(second.regularizer(flip(TALL)), trainer());
    assert_eq!(refused(stack.pretrain(&x).err(), stage), error);
    // A loss that a decoder in a box is not for.
    let bounded = Dense::between(Dyn(2), WIDE, Sigmoid).boxed::<f64>();
    let second = AutoEncoder::builder().encoder(layer(plain, Dyn(2)).boxed::<f64>());
    let second = second.decoder(bounded).loss(BernoulliCrossEntropy);
    let stack = below().then(second, trainer());
    let error = refused(stack.pretrain(&x).err(), "level 2: 72 → 2");
    assert!(matches!(error, Error::Unfit { part: "the decoder", .. }), "{error}");
    // Decoders that do not go one on the other, though each goes with its encoder.
    let lower = AutoEncoder::builder().encoder(layer(WIDE, plain)).decoder(layer(TALL, WIDE));
    let upper = AutoEncoder::builder().encoder(layer(plain, Dyn(5))).decoder(layer(Dyn(5), WIDE));
    let place = "what the decoder of the level below is given";
    let error = Error::SizeMismatch { place, unit: "rows", expected: 6, found: 4 };
    let stack = Stack::new(lower, trainer()).then(upper, trainer());
    assert_eq!(refused(stack.pretrain(&x).err(), "level 2: 72 → 5"), error);
    // An activation between two levels.
    let through = || Elementwise::dynamic(VALUES, Identity);
    let between = AutoEncoder::builder().encoder(through()).decoder(through());
    let third = AutoEncoder::builder().encoder(layer(TALL, Dyn(5))).decoder(layer(Dyn(5), TALL));
    let stack = below().then(between, trainer()).then(third, trainer());
    let place = "the code of the level below";
    let error = Error::SizeMismatch { place, unit: "rows", expected: 6, found: 4 };
    assert_eq!(refused(stack.pretrain(&x).err(), "level 3: 72 → 5"), error);
    // What is right is trained.
    let stack = below().then(first(WIDE).regularizer(flip(WIDE)), trainer());
    assert_eq!(stack.pretrain(&x).err(), None);
    assert!(steps.load(Ordering::Relaxed) > 0);
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
    // Of one channel both lie alike, so that only rows can differ; and so of one place.
    let (row, series) = (Image::<1, 1, 8>, DynWindow { channels: 1, steps: 8 });
    assert_eq!(boxed(layer(row, plain), layer(plain, series)), None);
    let two = Error::SizeMismatch { place: output, unit: "rows", expected: 2, found: 1 };
    assert_eq!(boxed(layer(Image::<1, 2, 4>, plain), layer(plain, series)), Some(two));
    let (pixel, step) = (Image::<8, 1, 1>, DynWindow { channels: 8, steps: 1 });
    assert_eq!(boxed(layer(pixel, plain), layer(plain, step)), None);
    let channels = Error::SizeMismatch { place: output, unit: "channels", expected: 8, found: 1 };
    assert_eq!(boxed(layer(pixel, plain), layer(plain, series)), Some(channels));
}

/// It has as many values as plain features have, and is none of these.
#[test]
fn an_image_of_one_pixel_is_an_image() {
    let image = |channels, height| DynImage { channels, height, width: 1 };
    let (pixel, column) = (image(6, 1), image(2, 3));
    let channels = |place| Error::SizeMismatch { place, unit: "channels", expected: 6, found: 2 };
    let input = "the decoder's input";
    assert_eq!(of!(layer(WIDE, pixel), layer(column, WIDE)), Some(channels(input)));
    let output = "the decoder's output";
    assert_eq!(of!(layer(pixel, Dyn(5)), layer(Dyn(5), column)), Some(channels(output)));
    assert_eq!(of!(layer(WIDE, pixel), layer(Dyn(6), WIDE)), None);
    assert_eq!(of!(layer(WIDE, Dyn(6)), layer(pixel, WIDE)), None);
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
