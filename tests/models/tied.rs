//! Decoders with tied weights: gradients, what they share, files.

use std::fmt::Debug;

use autoencoder::activation::{Gelu, Identity, Ranged, Sigmoid, Softplus, Tanh};
use autoencoder::corruption::Gaussian as GaussianNoise;
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::layer::{DenseLayer, DualViewMut, Pass, Shareable, TangentPass, Unconditioned};
use autoencoder::loss::{LossFor, WithInput};
use autoencoder::random::{StreamRng, seeded};
use autoencoder::regularizer::SuitedTo;
use autoencoder::*;
use nalgebra::{Const, Dyn};
use rand::{Rng, RngExt};

/// A smooth activation by number.
#[derive(Debug, Clone, Copy)]
struct Any(usize);

macro_rules! each {
    ($number:expr, $activation:ident => $value:expr) => {
        match $number % 5 {
            0 => {
                let $activation = Sigmoid;
                $value
            }
            1 => {
                let $activation = Tanh;
                $value
            }
            2 => {
                let $activation = Identity;
                $value
            }
            3 => {
                let $activation = Gelu;
                $value
            }
            _ => {
                let $activation = Softplus;
                $value
            }
        }
    };
}
impl Ranged for Any {
    type Range = range::Real;
}
impl Activation<f64> for Any {
    fn describe(&self) -> String {
        "any".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
    fn value(&self, z: f64) -> f64 {
        each!(self.0, s => s.value(z))
    }
    fn derivative(&self, z: f64, h: f64) -> f64 {
        each!(self.0, s => s.derivative(z, h))
    }
    fn second_derivative(&self, z: f64, h: f64) -> f64 {
        each!(self.0, s => s.second_derivative(z, h))
    }
    fn reads_preactivation(&self) -> bool {
        each!(self.0, s => Activation::<f64>::reads_preactivation(&s))
    }
}

fn size(rng: &mut StreamRng) -> usize {
    rng.random_range(1..=9)
}

fn dense<A>(inputs: usize, outputs: usize, activation: A) -> DenseLayer<Dyn, Dyn, A> {
    Dense::dynamic(inputs, outputs, activation)
}

fn data(features: usize, samples: usize, rng: &mut StreamRng) -> Batch<f64, Dyn> {
    let mut data = Batch::zeros(Dyn(features), samples);
    data.as_mut_slice().fill_with(|| rng.random::<f64>());
    data
}

/// Gives every parameter, biases too, a value of its own.
fn stir<E, D, R, L>(model: &mut AutoEncoder<E, D, R, L, f64>, rng: &mut StreamRng) {
    let parameters: Vec<f64> =
        model.parameters().iter().map(|p| p + 0.6 * rng.random::<f64>() - 0.3).collect();
    model.set_parameters(&parameters).unwrap();
}

fn check<E, R, L>(encoder: E, last: usize, regularizer: R, loss: L, rng: &mut StreamRng)
where
    E: Shareable<Input = Dyn, Output = Dyn, Condition = Unconditioned> + Layer<f64>,
    E::Mirror<Any>: Layer<f64>,
    R: Regularizer<f64> + SuitedTo<E>,
    L: Loss<f64> + LossFor<E::Mirror<Any>, Target = WithInput>,
{
    let what = format!("{encoder:?} tied with {last}, {regularizer:?}, {loss:?}");
    let mut model = AutoEncoder::builder()
        .encoder(encoder)
        .decoder(Tied::new(Any(last)))
        .regularizer(regularizer)
        .loss(loss)
        .seed(rng.random())
        .build::<f64>()
        .unwrap();
    stir(&mut model, rng);
    let x = data(model.encoder().input().0, size(rng), rng);
    let weights: Vec<f64> = (0..x.samples()).map(|_| rng.random_range(0.1..3.0)).collect();
    let checks = [
        gradcheck::model(&model, &x, 5).unwrap(),
        gradcheck::model(&model, Examples::of(&x).weights(&weights), 6).unwrap(),
    ];
    for check in checks {
        assert!(check.passes(), "{what}: {check}");
    }
}

/// One case: an encoder of this depth with the regularizer of this number.
fn case(number: usize, rng: &mut StreamRng) {
    macro_rules! with_encoder {
        ($encoder:expr) => {{
            let (encoder, last) = ($encoder, number / 3);
            let contractive = || Contractive::new(0.3).unwrap();
            let decay = || WeightDecay::new(0.2).unwrap();
            let noise = || Denoising::new(GaussianNoise::new(0.3).unwrap());
            match number % 6 {
                0 => check(encoder, last, NoRegularizer, SquaredError, rng),
                1 => check(encoder, last, contractive(), SquaredError, rng),
                2 => check(encoder, last, decay(), BernoulliCrossEntropy, rng),
                3 => check(encoder, last, noise(), SquaredError, rng),
                4 => check(encoder, last, (noise(), decay()), BernoulliCrossEntropy, rng),
                _ => check(encoder, last, (decay(), noise(), contractive()), SquaredError, rng),
            }
        }};
    }
    let [a, b, c, d] = std::array::from_fn(|_| size(rng));
    let [s, t, u] = [Any(number), Any(number / 2), Any(number / 5)];
    match number % 4 {
        0 => with_encoder!(dense(a, b, s)),
        1 => with_encoder!(dense(a, b, s).then(dense(b, c, t))),
        2 => with_encoder!(dense(a, b, s).then(dense(b, c, t)).then(dense(c, d, u))),
        _ => with_encoder!(dense(a, b, s).then(dense(b, c, t).then(dense(c, d, u)))),
    }
}

#[test]
fn gradients_add_up() {
    let mut rng = seeded(2006);
    (0..240).for_each(|number| case(number, &mut rng));
}

#[test]
fn sparse_codes_with_tied_weights() {
    let mut rng = seeded(7);
    for number in 0..40 {
        let (a, b) = (size(&mut rng), size(&mut rng));
        let sparse = SparseKl::new(0.1, 0.7).unwrap();
        check(dense(a, b, Sigmoid), number, sparse, SquaredError, &mut rng);
    }
}

/// Forgets that it has a say about the encoder's weights: its part of their gradient is missing.
#[derive(Debug, Clone)]
struct Forgetful<D>(D);
impl<D: Module> Module for Forgetful<D> {
    fn num_inputs(&self) -> usize {
        self.0.num_inputs()
    }
    fn num_outputs(&self) -> usize {
        self.0.num_outputs()
    }
    fn num_parameters(&self) -> usize {
        self.0.num_parameters()
    }
    fn num_shared(&self) -> usize {
        self.0.num_shared()
    }
}
impl<D: Part> Part for Forgetful<D> {
    type Input = D::Input;
    type Output = D::Output;
    type Range = D::Range;
    type Posterior = D::Posterior;
    type Condition = D::Condition;
    fn input(&self) -> D::Input {
        self.0.input()
    }
    fn output(&self) -> D::Output {
        self.0.output()
    }
}
impl<D: Layer<f64> + Clone + 'static> Layer<f64> for Forgetful<D> {
    fn layout(&self, layout: &mut Layout) {
        self.0.layout(layout);
    }
    fn draw_parameters(&self, parameters: &mut [f64], rng: &mut dyn Rng) {
        self.0.draw_parameters(parameters, rng);
    }
    fn range(&self) -> (f64, f64) {
        self.0.range()
    }
    fn tape_len(&self, samples: usize) -> usize {
        self.0.tape_len(samples)
    }
    fn scratch_len(&self, samples: usize) -> usize {
        self.0.scratch_len(samples)
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
    fn backward(
        &self,
        pass: Pass<'_, f64>,
        dy: BatchViewMut<'_, f64>,
        dx: Option<BatchViewMut<'_, f64>>,
        gradient: Option<&mut [f64]>,
        scratch: &mut [f64],
    ) {
        let mut forgotten = gradient.as_ref().map(|gradient| gradient.to_vec());
        self.0.backward(pass, dy, dx, forgotten.as_deref_mut(), scratch);
        if let (Some(gradient), Some(forgotten)) = (gradient, forgotten) {
            let own = self.num_shared();
            gradient[own..].copy_from_slice(&forgotten[own..]);
        }
    }
    fn tangent(
        &self,
        pass: Pass<'_, f64>,
        v: BatchView<'_, f64>,
        jv: BatchViewMut<'_, f64>,
        tangent_tape: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.0.tangent(pass, v, jv, tangent_tape, scratch);
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

#[test]
fn a_gradient_of_the_encoder_alone_is_caught() {
    let mut rng = seeded(3);
    let x = data(5, 6, &mut rng);
    let tied = AutoEncoder::builder()
        .encoder(dense(5, 3, Tanh))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    assert!(gradcheck::model(&tied, &x, 0).unwrap().passes());
    let forgetful = AutoEncoder::builder()
        .encoder(dense(5, 3, Tanh))
        .decoder(Forgetful(tied.decoder().clone()))
        .build::<f64>()
        .unwrap();
    let check: GradientCheck = gradcheck::model(&forgetful, &x, 0).unwrap();
    assert!(!check.passes(), "{check}");
}

/// An independent way to the gradient: that of the shared weights is the encoder's plus the
/// transpose of the decoder's in the untied model.
#[test]
fn the_untied_model_is_the_same_map() {
    let mut rng = seeded(11);
    let mut tied = AutoEncoder::builder()
        .encoder(Dense::<7, 5>::new(Tanh).then(Dense::<5, 3>::new(Sigmoid)))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    stir(&mut tied, &mut rng);
    let untied = AutoEncoder::builder()
        .encoder(tied.trained_encoder())
        .decoder(tied.trained_decoder())
        .build::<f64>()
        .unwrap();
    let x: Batch<f64, Const<7>> =
        (0..20).map(|_| std::array::from_fn::<f64, 7, _>(|_| rng.random())).collect();
    let (a, b) = (tied.reconstruct(&x).unwrap(), untied.reconstruct(&x).unwrap());
    for (a, b) in a.as_slice().iter().zip(b.as_slice()) {
        assert!((a - b).abs() < 1e-14, "{a} {b}");
    }

    let mut shared = vec![0.0; tied.num_parameters()];
    let mut apart = vec![0.0; untied.num_parameters()];
    tied.objective(&x, None, Some(&mut shared)).unwrap();
    untied.objective(&x, None, Some(&mut apart)).unwrap();
    let at = |name: &str| untied.layout().get(name).unwrap().range.clone();
    for (layer, mirror) in [(0, 1), (1, 0)] {
        let tensor = tied.layout().get(&format!("encoder.{layer}.weight")).unwrap();
        let (rows, columns) = tensor.shape;
        let encoder = &apart[at(&format!("encoder.{layer}.weight"))];
        let decoder = &apart[at(&format!("decoder.{mirror}.weight"))];
        for row in 0..rows {
            for column in 0..columns {
                let expected = encoder[column * rows + row] + decoder[row * columns + column];
                let found = shared[tensor.range.clone()][column * rows + row];
                assert!((expected - found).abs() < 1e-13, "{expected} {found}");
            }
        }
        let bias = format!("decoder.{mirror}.bias");
        let found = &shared[tied.layout().get(&bias).unwrap().range.clone()];
        for (expected, found) in apart[at(&bias)].iter().zip(found) {
            assert!((expected - found).abs() < 1e-13);
        }
    }
}

#[test]
fn it_has_the_biases_only() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 20>::new(Sigmoid).then(Dense::<20, 5>::new(Identity)))
        .decoder(Tied::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let names: Vec<_> =
        model.layout().tensors().iter().map(|t| (t.name.as_str(), t.range.len())).collect();
    let expected = [
        ("encoder.0.weight", 1280),
        ("encoder.0.bias", 20),
        ("encoder.1.weight", 100),
        ("encoder.1.bias", 5),
        ("decoder.0.bias", 20),
        ("decoder.1.bias", 64),
    ];
    assert_eq!(names, expected);
    // The activation inside is the encoder's.
    assert_eq!(model.layout().tensors()[4].layer, "Tied(Sigmoid)");
}

#[test]
fn a_size_known_at_run_time_follows_the_encoder() {
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(6, 4, Tanh))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    assert_eq!((model.decoder().input(), model.decoder().output()), (Dyn(4), Dyn(6)));
}

#[test]
fn training_moves_the_shared_weights_and_learns() {
    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 16>::new(Sigmoid))
        .decoder(Tied::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let before = model.loss(&digits.test).unwrap().total();
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(20).fit(&mut model, &digits.train).unwrap();
    let after = model.loss(&digits.test).unwrap().total();
    // What the mean image alone would leave of each test digit.
    let mean = |pixel: usize| {
        digits.train.iter().map(|image| image[pixel]).sum::<f32>() / digits.train.samples() as f32
    };
    let mean: [f32; 64] = std::array::from_fn(mean);
    let squares = digits
        .test
        .iter()
        .map(|image| -> f32 { image.iter().zip(&mean).map(|(x, mean)| (x - mean).powi(2)).sum() });
    let of_mean = f64::from(squares.sum::<f32>()) / 2.0 / digits.test.samples() as f64;
    assert!(after < of_mean / 2.0 && after < before / 4.0, "{before} {of_mean} {after}");
}

#[cfg(feature = "safetensors")]
#[test]
fn files_hold_shared_weights_once() {
    let folder = common::Folder::new("tied");
    let build = |seed| {
        AutoEncoder::builder()
            .encoder(Dense::<64, 100>::new(Sigmoid))
            .decoder(Tied::new(Sigmoid))
            .seed(seed)
            .build::<f32>()
            .unwrap()
    };
    let (tied, file) = (build(1), folder.join("tied.safetensors"));
    tied.save(&file).unwrap();
    let untied = AutoEncoder::builder()
        .encoder(tied.trained_encoder())
        .decoder(tied.trained_decoder())
        .build::<f32>()
        .unwrap();
    let other = folder.join("untied.safetensors");
    untied.save(&other).unwrap();
    let length = |file| std::fs::metadata(file).unwrap().len();
    // Apart from the description, one matrix of 64 × 100 numbers of 4 bytes.
    let saved = length(&other) - length(&file);
    assert!((4 * 6400..4 * 6400 + 300).contains(&saved), "{saved}");

    let mut whole = build(2);
    whole.load(&file).unwrap();
    assert_eq!(whole.parameters(), tied.parameters());
    let mut decoder = build(3);
    decoder.load_decoder(&file).unwrap();
    let code = tied.encode(&datasets::digits().test).unwrap();
    assert_eq!(decoder.decode(&code).unwrap(), tied.decode(&code).unwrap());
    let mut mismatched = untied;
    let error = mismatched.load(&file).unwrap_err().to_string();
    assert!(error.contains("Tied(Sigmoid)"), "{error}");
}

#[cfg(feature = "safetensors")]
#[test]
fn a_resumed_training_has_the_same_bits() {
    use autoencoder::train::Checkpoints;
    let folder = common::Folder::new("tied-resume");
    let digits = datasets::digits::<f32>();
    let run = |epochs, resume: Option<bool>| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 20>::new(Sigmoid).frozen().then(Dense::<20, 8>::new(Tanh)))
            .decoder(Tied::new(Sigmoid))
            .build::<f32>()
            .unwrap();
        let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(epochs);
        if let Some(resume) = resume {
            let checkpoints = Checkpoints::new(folder.join("run")).every_epochs(usize::MAX);
            trainer = trainer.checkpoints(checkpoints.every_steps(17).resume(resume));
        }
        trainer.fit(&mut model, &digits.train).unwrap();
        model.parameters().to_vec()
    };
    run(1, Some(false));
    assert_eq!(run(3, Some(true)), run(3, None));
}

/// A decoder with tied weights is a part like any other, and has only its biases: as an encoder, in a chain with
/// parameters of another kind, or in a `Gaussian`, it would read what is not its own.
#[test]
fn what_shares_weights_is_a_decoder_and_nothing_else() {
    let text = |refused: Result<()>| refused.unwrap_err().to_string();
    let tied = AutoEncoder::builder()
        .encoder(Dense::<6, 4>::new(Tanh))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    let mirror = || tied.decoder().clone();

    let encoder = AutoEncoder::builder().encoder(mirror()).decoder(Dense::<6, 4>::new(Identity));
    assert_eq!(
        text(encoder.build::<f64>().map(drop)),
        "the encoder has tied weights: a part with tied weights can only be a decoder"
    );
    let chained = "a layer of a chain shares other weights with an encoder than the next: tie all layers of a \
                   chain to one encoder, or none";
    // As many parameters as the encoder that the mirror was made for.
    let decoder = AutoEncoder::builder()
        .encoder(Dense::<6, 4>::new(Tanh))
        .decoder(mirror().then(Dense::<6, 6>::new(Identity)));
    assert_eq!(text(decoder.build::<f64>().map(drop)), chained);
    let boxes = [mirror().boxed::<f64>(), Dense::dynamic(6, 6, Identity).boxed()];
    let decoder = AutoEncoder::builder()
        .encoder(Dense::dynamic(6, 4, Tanh))
        .decoder(autoencoder::Any::of(boxes).unwrap());
    assert_eq!(text(decoder.build::<f64>().map(drop)), chained);
    let gaussian =
        Gaussian::new(mirror(), Dense::<6, 2>::new(Identity), Dense::<6, 2>::new(Identity));
    let gaussian = AutoEncoder::builder().encoder(gaussian).decoder(Dense::<2, 4>::new(Identity));
    assert_eq!(
        text(gaussian.build::<f64>().map(drop)),
        "a part of a `Gaussian` has tied weights: only a decoder can have them"
    );
}
