//! Parts: frozen ones stay, trained ones are joined to others.

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::corruption::Masking;
use autoencoder::layer::{
    Activated, Channels, DenseLayer, Detach, DualViewMut, Module, Pass, TangentPass, Unconditioned,
};
use autoencoder::loss::{LossFor, WithInput};
use autoencoder::random::{Streams, seeded};
use autoencoder::*;
use nalgebra::Const;
use rand::{Rng, RngExt};

fn data(seed: u64) -> Batch<f64, Const<6>> {
    let mut rng = seeded(seed);
    (0..40).map(|_| std::array::from_fn::<f64, 6, _>(|_| rng.random())).collect()
}

/// Three layers each way, of which the named ones are frozen.
macro_rules! deep {
    ($first:expr, $second:expr, $decoder:expr, $regularizer:expr) => {
        AutoEncoder::builder()
            .encoder($first(Dense::<6, 5>::new(Tanh)).then($second(Dense::<5, 3>::new(Sigmoid))))
            .decoder($decoder(Dense::<3, 6>::new(Identity)))
            .regularizer($regularizer)
            .seed(3)
            .build::<f64>()
            .unwrap()
    };
}
fn trained<T>(layer: T) -> T {
    layer
}
fn frozen<I, O, A>(layer: DenseLayer<I, O, A>) -> DenseLayer<I, O, A> {
    layer.frozen()
}

/// The gradient of a training step.
fn gradient<E, D, R, L>(model: &AutoEncoder<E, D, R, L, f64>) -> Vec<f64>
where
    E: Part<Input = Const<6>, Condition = Unconditioned>,
    D: Part,
    L: LossFor<D, Target = WithInput>,
{
    let mut gradient = vec![f64::NAN; model.num_parameters()];
    model.objective(&data(1), Some(Streams::new(1, 0, &[])), Some(&mut gradient)).unwrap();
    gradient
}

/// Zeros where layers are frozen, and the bits of the whole gradient elsewhere.
#[test]
fn the_gradient_of_what_is_frozen_is_zero_and_of_the_rest_unchanged() {
    let all = || {
        let masking = Denoising::new(Masking::new(0.3).unwrap());
        let (sparse, decay) = (SparseKl::new(0.1, 0.5).unwrap(), WeightDecay::new(0.1).unwrap());
        (masking, (sparse, (decay, Contractive::new(0.2).unwrap())))
    };
    let whole = gradient(&deep!(trained, trained, trained, all()));
    assert!(whole.iter().all(|g| *g != 0.0));
    let (first, second, decoder) = (0..35, 35..53, 53..77);
    assert_eq!(whole.len(), 77);
    let check = |found: Vec<f64>, frozen: &[&std::ops::Range<usize>]| {
        for (index, (&found, &whole)) in found.iter().zip(&whole).enumerate() {
            let is_frozen = frozen.iter().any(|range| range.contains(&index));
            assert_eq!(found, if is_frozen { 0.0 } else { whole }, "{index} of {frozen:?}");
        }
    };
    check(gradient(&deep!(frozen, trained, trained, all())), &[&first]);
    check(gradient(&deep!(trained, frozen, trained, all())), &[&second]);
    check(gradient(&deep!(trained, trained, frozen, all())), &[&decoder]);
    check(gradient(&deep!(frozen, frozen, trained, all())), &[&first, &second]);
    check(gradient(&deep!(frozen, trained, frozen, all())), &[&first, &decoder]);

    let mut model = deep!(trained, trained, trained, all());
    model.set_encoder_frozen(true);
    check(gradient(&model), &[&first, &second]);
    model.set_decoder_frozen(true);
    check(gradient(&model), &[&first, &second, &decoder]);
    model.set_encoder_frozen(false);
    check(gradient(&model), &[&decoder]);
    model.set_decoder_frozen(false);
    check(gradient(&model), &[]);
}

#[test]
fn a_gaussian_encoder_and_tied_weights_can_be_frozen() {
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<6, 5>::new(Tanh),
            Dense::<5, 2>::new(Identity).frozen(),
            Dense::<5, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 6>::new(Identity))
        .regularizer(Variational::new(1.0).unwrap())
        .build::<f64>()
        .unwrap();
    let zeros = |gradient: &[f64]| gradient.iter().filter(|g| **g == 0.0).count();
    assert_eq!(zeros(&gradient(&model)), 12);
    model.set_encoder_frozen(true);
    assert_eq!(zeros(&gradient(&model)), 35 + 24);

    let mut tied = AutoEncoder::builder()
        .encoder(Dense::<6, 2>::new(Tanh))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    let whole = gradient(&tied);
    tied.set_decoder_frozen(true);
    // The shared weights are the encoder's, and go on learning from both sides.
    assert_eq!(gradient(&tied)[..14], whole[..14]);
    assert_eq!(gradient(&tied)[14..], [0.0; 6]);
    tied.set_decoder_frozen(false);
    tied.set_encoder_frozen(true);
    assert_eq!(gradient(&tied)[..14], [0.0; 14]);
    assert_eq!(gradient(&tied)[14..], whole[14..]);
    tied.set_encoder_frozen(false);
    assert_eq!(gradient(&tied), whole);
}

#[test]
fn no_optimizer_moves_what_is_frozen() {
    fn check<O: Optimizer<f64> + optimizer::Trains>(optimizer: O, clip: Option<f64>) {
        let name = format!("{optimizer:?}");
        let mut model = deep!(frozen, trained, frozen, WeightDecay::new(0.1).unwrap());
        let before = model.parameters().to_vec();
        let mut trainer = Trainer::new(optimizer).epochs(3).batch_size(16);
        if let Some(norm) = clip {
            trainer = trainer.clip_norm(norm);
        }
        trainer.fit(&mut model, &data(2)).unwrap();
        for tensor in model.layout().tensors() {
            let (now, before) =
                (&model.parameters()[tensor.range.clone()], &before[tensor.range.clone()]);
            assert_eq!(now == before, tensor.is_frozen, "{name}: {}", tensor.name);
        }
        assert_eq!(model.layout().num_trained(), 18);
    }
    check(Sgd::new(0.1).unwrap().momentum(0.9).unwrap().weight_decay(0.1).unwrap(), None);
    check(Adam::new(0.1).unwrap(), Some(1e-3));
    check(AdamW::new(0.1, 0.5).unwrap(), None);
}

#[test]
fn the_reported_norm_is_that_of_what_is_trained() {
    let mut model = deep!(frozen, trained, frozen, NoRegularizer);
    let expected: f64 = {
        let mut gradient = vec![0.0; model.num_parameters()];
        model.objective(&data(2), None, Some(&mut gradient)).unwrap();
        gradient[35..53].iter().map(|g| g * g).sum::<f64>().sqrt()
    };
    let mut trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(1).batch_size(40).shuffle(false);
    let report = trainer.fit(&mut model, &data(2)).unwrap();
    assert!((report.epochs[0].gradient_norm / expected - 1.0).abs() < 1e-12);
}

/// A dense layer that must not be asked to go back.
#[derive(Debug, Clone)]
struct OneWay(DenseLayer<Const<6>, Const<5>, Tanh>);
/// A dense layer that does not know of freezing.
#[derive(Debug, Clone)]
struct Plain(DenseLayer<Const<6>, Const<5>, Tanh>);
macro_rules! forward {
    ($layer:ty, $backward:item $(, $is_frozen:item)?) => {
        impl Module for $layer {
            fn num_inputs(&self) -> usize {
                self.0.num_inputs()
            }
            fn num_outputs(&self) -> usize {
                self.0.num_outputs()
            }
            fn num_parameters(&self) -> usize {
                self.0.num_parameters()
            }
            $($is_frozen)?
        }
        impl Part for $layer {
            type Input = Const<6>;
            type Output = Const<5>;
            type Range = range::Symmetric;
            type Posterior = Point;
            type Condition = Unconditioned;
            fn input(&self) -> Const<6> {
                Const
            }
            fn output(&self) -> Const<5> {
                Const
            }
        }
        impl Layer<f64> for $layer {
            fn layout(&self, layout: &mut Layout) {
                Layer::<f64>::layout(&self.0, layout);
            }
            fn draw_parameters(&self, parameters: &mut [f64], rng: &mut dyn Rng) {
                self.0.draw_parameters(parameters, rng);
            }
            fn range(&self) -> (f64, f64) {
                Layer::<f64>::range(&self.0)
            }
            fn tape_len(&self, samples: usize) -> usize {
                Layer::<f64>::tape_len(&self.0, samples)
            }
            fn scratch_len(&self, samples: usize) -> usize {
                Layer::<f64>::scratch_len(&self.0, samples)
            }
            fn forward(
                &self,
                parameters: &[f64],
                x: BatchView<'_, f64>,
                y: BatchViewMut<'_, f64>,
                tape: &mut [f64],
                scratch: &mut [f64],
            ) {
                self.0.forward(parameters, x, y, tape, scratch);
            }
            $backward
            fn tangent_tape_len(&self, samples: usize) -> usize {
                Layer::<f64>::tangent_tape_len(&self.0, samples)
            }
            fn tangent(
                &self,
                pass: Pass<'_, f64>,
                v: BatchView<'_, f64>,
                jv: BatchViewMut<'_, f64>,
                tape: &mut [f64],
                scratch: &mut [f64],
            ) {
                self.0.tangent(pass, v, jv, tape, scratch);
            }
            fn tangent_backward(
                &self,
                pass: Pass<'_, f64>,
                tangent: TangentPass<'_, f64>,
                d: DualViewMut<'_, f64>,
                d_input: Option<DualViewMut<'_, f64>>,
                gradient: &mut [f64],
                scratch: &mut [f64],
            ) {
                self.0.tangent_backward(pass, tangent, d, d_input, gradient, scratch);
            }
        }
    };
}
forward!(
    Plain,
    fn backward(
        &self,
        pass: Pass<'_, f64>,
        dy: BatchViewMut<'_, f64>,
        dx: Option<BatchViewMut<'_, f64>>,
        gradient: Option<&mut [f64]>,
        scratch: &mut [f64],
    ) {
        self.0.backward(pass, dy, dx, gradient, scratch);
    }
);
forward!(
    OneWay,
    fn backward(
        &self,
        _: Pass<'_, f64>,
        _: BatchViewMut<'_, f64>,
        _: Option<BatchViewMut<'_, f64>>,
        _: Option<&mut [f64]>,
        _: &mut [f64],
    ) {
        panic!("what is frozen and comes first is not gone back through");
    },
    fn is_frozen(&self) -> bool {
        true
    }
);
impl Detach<f64> for Plain {
    type Detached = Self;
    fn detach(&self, parameters: &[f64], to: &mut Vec<f64>) -> Self {
        to.extend_from_slice(parameters);
        self.clone()
    }
}

#[test]
fn what_is_frozen_costs_no_pass_back() {
    let one_way = || OneWay(Dense::<6, 5>::new(Tanh));
    let in_chain = AutoEncoder::builder()
        .encoder(one_way().then(Dense::<5, 3>::new(Sigmoid)))
        .decoder(Dense::<3, 6>::new(Identity))
        .build::<f64>()
        .unwrap();
    assert!(gradient(&in_chain)[35..].iter().all(|g| *g != 0.0));
    let mut whole = AutoEncoder::builder()
        .encoder(one_way())
        .decoder(Dense::<5, 6>::new(Identity))
        .build::<f64>()
        .unwrap();
    whole.set_encoder_frozen(true);
    assert!(gradient(&whole)[35..].iter().all(|g| *g != 0.0));
}

/// A frozen layer leaves its part of a gradient alone, as the laws of layers have it.
#[test]
fn a_frozen_layer_does_not_touch_its_gradient() {
    let layer = Dense::<6, 5>::new(Tanh).frozen();
    let (x, parameters) = (data(1), vec![0.1; layer.num_parameters()]);
    let mut y = Batch::zeros(Const::<5>, x.samples());
    layer.forward(&parameters, x.view(), y.view_mut(), &mut [], &mut []);
    let pass = Pass { parameters: &parameters[..], x: x.view(), y: y.view(), tape: &[] };
    let (mut dy, mut dx) = (y.clone(), x.clone());
    let mut gradient = vec![f64::NAN; layer.num_parameters()];
    let wanted = Some(dx.view_mut());
    Layer::backward(&layer, pass, dy.view_mut(), wanted, Some(&mut gradient), &mut []);
    assert!(gradient.iter().all(|g| g.is_nan()));
    assert_ne!(dx, x);
}

/// What a tied decoder would add to the gradient of frozen weights is not computed.
#[test]
fn a_tied_decoder_does_not_touch_the_gradient_of_frozen_weights() {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<6, 5>::new(Tanh).frozen().then(Dense::<5, 3>::new(Sigmoid)))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    let (x, own) = (data(1), model.num_parameters());
    let code = model.encode(&x).unwrap();
    // Which entries of a gradient of ones change.
    let parameters = model.parameters().to_vec();
    let changed = |decoder: &dyn Layer<f64>| {
        let samples = x.samples();
        let mut y = x.clone();
        let mut tape = vec![0.0; decoder.tape_len(samples)];
        let mut scratch = vec![0.0; decoder.scratch_len(samples)];
        decoder.forward(&parameters, code.view(), y.view_mut(), &mut tape, &mut scratch);
        let mut dy = y.clone();
        let pass = Pass { parameters: &parameters[..], x: code.view(), y: y.view(), tape: &tape };
        let mut gradient = vec![1.0; own];
        decoder.backward(pass, dy.view_mut(), None, Some(&mut gradient), &mut scratch);
        gradient.iter().map(|g| *g != 1.0).collect::<Vec<_>>()
    };
    let weights = |first: bool, second: bool| {
        let of = |count: usize, is: bool| std::iter::repeat_n(is, count);
        // weights and biases of the first layer and of the second, the decoder's biases
        let encoder = of(30, first).chain(of(5, false)).chain(of(15, second)).chain(of(3, false));
        encoder.chain(of(11, true)).collect::<Vec<_>>()
    };
    let mut boxed = model.decoder().clone().boxed::<f64>();
    assert_eq!(changed(model.decoder()), weights(false, true));
    for (is_frozen, learns) in [(true, false), (false, true)] {
        model.set_encoder_frozen(is_frozen);
        assert_eq!(changed(model.decoder()), weights(learns, learns));
        // The box is a decoder itself, and passes it on.
        boxed.set_shared_frozen(is_frozen);
        assert_eq!(changed(&boxed), weights(learns, learns));
    }
}

#[test]
fn the_summary_shows_what_is_frozen() {
    let summary = deep!(frozen, trained, trained, NoRegularizer).layout().to_string();
    let lines: Vec<&str> = summary.lines().collect();
    assert!(lines[2].contains("encoder.0.weight") && lines[2].ends_with("frozen"), "{summary}");
    assert!(!lines[4].contains("frozen"), "{summary}");
    assert!(summary.ends_with("77  of which 42 trained"), "{summary}");
}

/// Either half of a model serves with another one, trained with the other half fixed.
#[test]
fn halves_are_joined_to_others() {
    let digits = datasets::digits::<f32>();
    let mut first = AutoEncoder::builder()
        .encoder(Dense::<64, 16>::new(Sigmoid))
        .decoder(Dense::<16, 64>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(10);
    trainer.fit(&mut first, &digits.train).unwrap();

    let mut generative = AutoEncoder::builder()
        .encoder(first.trained_encoder().frozen())
        .decoder(Dense::<16, 30>::new(Relu).then(Dense::<30, 64>::new(Sigmoid)))
        .seed(1)
        .build::<f32>()
        .unwrap();
    let before = generative.loss(&digits.test).unwrap().total();
    trainer.fit(&mut generative, &digits.train).unwrap();
    let after = generative.loss(&digits.test).unwrap().total();
    assert!(after < before / 3.0, "{before} {after}");
    let codes = first.encode(&digits.test).unwrap();
    assert_eq!(generative.encode(&digits.test).unwrap(), codes);

    let mut recognition = AutoEncoder::builder()
        .encoder(Dense::<64, 30>::new(Relu).then(Dense::<30, 16>::new(Sigmoid)))
        .decoder(first.trained_decoder().frozen())
        .seed(2)
        .build::<f32>()
        .unwrap();
    let before = recognition.loss(&digits.test).unwrap().total();
    trainer.fit(&mut recognition, &digits.train).unwrap();
    let after = recognition.loss(&digits.test).unwrap().total();
    assert!(after < before / 2.0, "{before} {after}");
    assert_eq!(recognition.decode(&codes).unwrap(), first.decode(&codes).unwrap());

    // Unfrozen again, all of it is trained.
    let mut free = AutoEncoder::builder()
        .encoder(recognition.trained_encoder())
        .decoder(recognition.trained_decoder().unfrozen())
        .build::<f32>()
        .unwrap();
    assert_eq!(free.parameters(), recognition.parameters());
    trainer.fit(&mut free, &digits.train).unwrap();
    assert_ne!(free.decode(&codes).unwrap(), first.decode(&codes).unwrap());
}

/// A chain of trained parts starts where they ended: a stack, unrolled by hand.
#[test]
fn trained_parts_are_chained() {
    let build = |seed| {
        AutoEncoder::builder()
            .encoder(Dense::<6, 6>::new(Sigmoid))
            .decoder(Dense::<6, 6>::new(Identity))
            .seed(seed)
            .build::<f64>()
            .unwrap()
    };
    let (one, two) = (build(1), build(2));
    let stack = AutoEncoder::builder()
        .encoder(one.trained_encoder().then(two.trained_encoder()))
        .decoder(two.trained_decoder().then(one.trained_decoder()))
        .build::<f64>()
        .unwrap();
    let x = data(1);
    let codes = one.encode(&x).unwrap();
    assert_eq!(stack.encode(&x).unwrap(), two.encode(&codes).unwrap());
    let back = two.reconstruct(&codes).unwrap();
    assert_eq!(stack.reconstruct(&x).unwrap(), one.decode(&back).unwrap());
}

#[cfg(feature = "safetensors")]
#[test]
fn freezing_makes_no_difference_to_files() {
    let folder = common::Folder::new("parts");
    let file = folder.join("frozen.safetensors");
    let saved = deep!(frozen, frozen, trained, NoRegularizer);
    saved.save(&file).unwrap();
    let mut loaded = deep!(trained, trained, trained, NoRegularizer);
    loaded.set_parameters(&[0.0; 77]).unwrap();
    loaded.load(&file).unwrap();
    assert_eq!(loaded.parameters(), saved.parameters());
    assert_eq!(loaded.layout().num_trained(), 77);
}

/// Frozen is frozen, also for a layer that does not know how to leave out the work.
#[test]
fn a_layer_of_ones_own_is_frozen_too() {
    let model = AutoEncoder::builder()
        .encoder(Plain(Dense::<6, 5>::new(Tanh)))
        .decoder(Dense::<5, 6>::new(Identity))
        .build::<f64>()
        .unwrap();
    let mut joined = AutoEncoder::builder()
        .encoder(model.trained_encoder().frozen())
        .decoder(Dense::<5, 6>::new(Identity))
        .seed(9)
        .build::<f64>()
        .unwrap();
    assert_eq!(joined.layout().num_trained(), 36);
    Trainer::new(Adam::new(0.1).unwrap()).epochs(1).fit(&mut joined, &data(3)).unwrap();
    assert_eq!(joined.parameters()[..35], model.parameters()[..35]);
    assert!(gradient(&joined)[..35].iter().all(|g| *g == 0.0));
    // And so it is in a model that is made of this one.
    assert_eq!(joined.classifier::<2>().build::<f64>().unwrap().layout().num_trained(), 12);
    let again = AutoEncoder::builder()
        .encoder(joined.trained_encoder().unfrozen())
        .decoder(joined.trained_decoder())
        .build::<f64>()
        .unwrap();
    assert_eq!(again.layout().num_trained(), 71);
    // A copy of a model's part is as frozen as it is in the model.
    for is_frozen in [true, false] {
        joined.set_encoder_frozen(is_frozen);
        let copied = AutoEncoder::builder().encoder(joined.encoder().clone());
        let copied = copied.decoder(Dense::<5, 6>::new(Identity)).build::<f64>().unwrap();
        assert_eq!(copied.encoder().is_frozen(), is_frozen);
        assert_eq!(copied.layout().num_trained(), if is_frozen { 36 } else { 71 });
    }
}

#[test]
fn a_gradient_check_heeds_what_is_frozen() {
    let model = deep!(frozen, trained, trained, WeightDecay::new(0.1).unwrap());
    gradcheck::model(&model, &data(1), 1).unwrap().assert();
}

#[test]
fn a_boxed_tied_decoder_fits_its_own_encoder_only() {
    use nalgebra::Dyn;
    let tied = AutoEncoder::builder()
        .encoder(Dense::dynamic(6, 3, Tanh))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    let boxed = || -> Any<f64> { tied.decoder().clone().boxed() };
    let same = AutoEncoder::builder().encoder(tied.trained_encoder()).decoder(boxed());
    let same = same.build::<f64>().unwrap();
    let x = Batch::new(Dyn(6), vec![0.3; 12]).unwrap();
    assert_eq!(same.reconstruct(&x).unwrap(), tied.reconstruct(&x).unwrap());
    let other = Dense::dynamic(6, 9, Tanh).then(Dense::dynamic(9, 3, Tanh));
    let error = AutoEncoder::builder().encoder(other).decoder(boxed()).build::<f64>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the encoder that a decoder with tied weights was made for: expected 21 parameters, found 93"
    );
}

#[test]
fn sizes_of_zero_are_refused() {
    use autoencoder::layer::Elementwise;
    let text = |inputs, units| {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(inputs, units, Tanh))
            .decoder(Dense::dynamic(units, inputs, Identity))
            .build::<f64>()
            .unwrap_err()
            .to_string()
    };
    assert_eq!(text(0, 5), "Dense inputs is 0, but must be at least 1");
    assert_eq!(text(5, 0), "Dense outputs is 0, but must be at least 1");
    let nothing = || Elementwise::dynamic(0, Tanh);
    let error = AutoEncoder::builder().encoder(nothing()).decoder(nothing()).build::<f64>();
    let expected = "Elementwise features is 0, but must be at least 1";
    assert_eq!(error.unwrap_err().to_string(), expected);
    let error = AutoEncoder::builder().encoder(nothing()).classes::<3>().build::<f64>();
    assert_eq!(error.unwrap_err().to_string(), expected);
}

/// A resumed training would replace what is frozen by what is in the file.
#[cfg(feature = "safetensors")]
#[test]
fn a_checkpoint_knows_what_was_frozen() {
    use autoencoder::train::Checkpoints;
    let folder = common::Folder::new("frozen");
    let file = folder.join("run");
    let resume = |seed: u64, is_frozen: bool| {
        let encoder = AutoEncoder::builder()
            .encoder(Dense::<6, 3>::new(Tanh))
            .decoder(Dense::<3, 6>::new(Identity))
            .seed(seed)
            .build::<f64>()
            .unwrap();
        let mut model = AutoEncoder::builder()
            .encoder(encoder.trained_encoder())
            .decoder(Dense::<3, 6>::new(Identity))
            .build::<f64>()
            .unwrap();
        model.set_encoder_frozen(is_frozen);
        let checkpoints = Checkpoints::new(&file).resume(true);
        let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(1);
        trainer = trainer.checkpoints(checkpoints);
        trainer.fit(&mut model, &data(1)).map(|_| model.parameters().to_vec())
    };
    let first = resume(1, true).unwrap();
    assert_eq!(resume(1, true).unwrap(), first);
    for (seed, is_frozen) in [(2, true), (1, false)] {
        let error = resume(seed, is_frozen).unwrap_err().to_string();
        assert!(error.contains("frozen encoder.0.weight encoder.0.bias with digest"), "{error}");
    }
}

/// A linear map that says the sizes it is given.
#[derive(Debug)]
struct Says {
    inputs: usize,
    outputs: usize,
    channels: usize,
}
impl Module for Says {
    fn num_inputs(&self) -> usize {
        self.inputs
    }
    fn num_outputs(&self) -> usize {
        self.outputs
    }
    fn num_parameters(&self) -> usize {
        1
    }
}
impl Channels for Says {
    fn channels(&self) -> usize {
        self.channels
    }
    fn input_channels(&self) -> usize {
        1
    }
}

#[test]
fn a_map_has_the_sizes_of_its_layer() {
    let refused = |inputs, outputs, channels| {
        let map = Says { inputs, outputs, channels };
        let layer = Activated::new(map, Tanh, Const::<6>, Const::<4>);
        layer.check_sizes().map_err(|error| error.to_string())
    };
    assert_eq!(refused(6, 4, 2), Ok(()));
    let expected = [
        ((5, 4, 2), "the map of a layer: expected 6 inputs, found 5"),
        ((6, 5, 1), "the map of a layer: expected 4 outputs, found 5"),
        ((6, 4, 0), "the channels of a linear map is 0, but must be at least 1"),
        (
            (6, 4, 3),
            "the channels of a linear map is 3, but must be a divisor of the number of its outputs",
        ),
    ];
    for ((inputs, outputs, channels), text) in expected {
        assert_eq!(refused(inputs, outputs, channels), Err(text.to_owned()));
    }
}
