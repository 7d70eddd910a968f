//! Models that are chosen at run time: built from what a file says, trained in a thread, and refused with a typed
//! error where types no longer tell.

use autoencoder::activation::{Activation, Identity, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ReconstructionProbability};
use autoencoder::corruption::Masking;
use autoencoder::layer::Elementwise;
use autoencoder::loss::{Categorical, LearnedGaussian, Mixed};
use autoencoder::optimizer::Method;
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::seeded;
use autoencoder::regularizer::Regularizer;
use autoencoder::train::schedule::{Constant, Cosine, Warmup};
use autoencoder::*;
use nalgebra::Dyn;

/// As a user would read it from a file.
#[derive(Debug, Clone)]
struct Config {
    features: usize,
    /// Units and activation of each layer of the encoder, and of the decoder but its last.
    encoder: Vec<(usize, &'static str)>,
    decoder: Vec<(usize, &'static str)>,
    last: &'static str,
    loss: &'static str,
    regularizer: &'static str,
    optimizer: &'static str,
    schedule: &'static str,
}

fn config() -> Config {
    Config {
        features: 64,
        encoder: vec![(24, "sigmoid"), (16, "relu"), (6, "tanh")],
        decoder: vec![(16, "tanh"), (24, "relu")],
        last: "identity",
        loss: "huber",
        regularizer: "all",
        optimizer: "adam",
        schedule: "warmup",
    }
}

/// Layers whose types differ, in one list.
fn layer(inputs: usize, units: usize, activation: &str) -> Any<f32> {
    match activation {
        "sigmoid" => Dense::dynamic(inputs, units, Sigmoid).boxed(),
        "tanh" => Dense::dynamic(inputs, units, Tanh).boxed(),
        "relu" => Dense::dynamic(inputs, units, Relu).boxed(),
        "identity" => Dense::dynamic(inputs, units, Identity).boxed(),
        other => panic!("{other}"),
    }
}

fn chain(mut inputs: usize, layers: &[(usize, &str)]) -> Any<f32> {
    let mut list = Vec::new();
    for &(units, activation) in layers {
        list.push(layer(inputs, units, activation));
        inputs = units;
    }
    Any::of(list).unwrap()
}

fn loss(name: &str) -> Box<dyn Loss<f32>> {
    match name {
        "squared" => Box::new(SquaredError),
        "huber" => Box::new(Huber::new(0.3).unwrap()),
        "bernoulli" => Box::new(BernoulliCrossEntropy),
        "learned" => Box::new(LearnedGaussian::per_feature()),
        other => panic!("{other}"),
    }
}

fn regularizer(name: &str) -> Box<dyn Regularizer<f32>> {
    match name {
        "none" => Box::new(NoRegularizer),
        "sparse" => Box::new(SparseKl::new(0.1, 0.1).unwrap()),
        "variational" => Box::new(Variational::default()),
        "all" => Box::new(all()),
        other => panic!("{other}"),
    }
}

fn all() -> (Denoising<Masking>, SparseKl, WeightDecay) {
    (
        Denoising::new(Masking::new(0.2).unwrap()),
        SparseKl::new(0.3, 0.05).unwrap().running(0.9).unwrap(),
        WeightDecay::new(1e-4).unwrap(),
    )
}

fn optimizer(name: &str) -> Box<dyn Method<f32>> {
    match name {
        "adam" => Box::new(Adam::new(3e-3).unwrap()),
        "sgd" => Box::new(Sgd::new(0.1).unwrap().momentum(0.9).unwrap()),
        "lbfgs" => Box::new(Lbfgs::new()),
        other => panic!("{other}"),
    }
}

fn schedule(name: &str) -> Box<dyn Schedule> {
    match name {
        "constant" => Box::new(Constant),
        "warmup" => Box::new(warmup()),
        other => panic!("{other}"),
    }
}

fn warmup() -> Warmup<Cosine> {
    Warmup::new(10, Cosine::new(0.1).unwrap()).unwrap()
}

impl Config {
    fn model(&self) -> Result<AnyAutoEncoder<f32>> {
        let code = self.encoder.last().unwrap().0;
        let decoder = [&self.decoder[..], &[(self.features, self.last)]].concat();
        AutoEncoder::builder()
            .encoder(chain(self.features, &self.encoder))
            .decoder(chain(code, &decoder))
            .loss(loss(self.loss))
            .regularizer(regularizer(self.regularizer))
            .seed(3)
            .build()
    }

    fn trainer(&self) -> Trainer<'static, Box<dyn Method<f32>>> {
        let trainer = Trainer::new(optimizer(self.optimizer)).epochs(4).seed(9);
        if self.optimizer == "lbfgs" { trainer } else { trainer.schedule(schedule(self.schedule)) }
    }
}

fn digits() -> Batch<f32, Dyn> {
    datasets::digits().train.select(0..300).into_dynamic()
}

#[test]
fn a_model_of_a_config_is_stored_cloned_and_trained_in_a_thread() {
    fn is_free<M: Clone + Send + Sync + std::fmt::Debug + 'static>(model: M) -> M {
        model
    }
    /// What a user's program has: models and trainers of any kind in one place.
    struct Program {
        models: Vec<AnyAutoEncoder<f32>>,
        trainer: Trainer<'static, Box<dyn Method<f32>>>,
    }
    let x = digits();
    let other = Config { regularizer: "none", loss: "learned", ..config() };
    let models = vec![config().model().unwrap(), other.model().unwrap()];
    let mut program = Program { models, trainer: config().trainer() };
    let before = program.models.iter().map(|model| model.loss(&x).unwrap().total());
    let before = Vec::from_iter(before);
    let kept = is_free(program.models.clone());
    let samples = x.clone();
    let program = std::thread::spawn(move || {
        for model in &mut program.models {
            program.trainer.fit(model, &samples).unwrap();
        }
        program
    });
    let program = program.join().unwrap();
    for ((model, kept), before) in program.models.iter().zip(&kept).zip(before) {
        let after = model.loss(&x).unwrap().total();
        assert!(after < before, "{before} {after}");
        // What was kept is as it was.
        assert_eq!(kept.loss(&x).unwrap().total(), before);
        assert_eq!(model.encode(&x).unwrap().features(), 6);
    }
    // Shared by threads that use it.
    let shared = std::sync::Arc::new(is_free(program.models[0].clone()));
    let expected = shared.reconstruct(&x).unwrap();
    let threads = [(); 3].map(|()| {
        let (model, x) = (shared.clone(), x.clone());
        std::thread::spawn(move || model.reconstruct(&x).unwrap())
    });
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

/// The bits of the model whose types say the same, in training and use, and its file.
#[test]
fn it_has_the_bits_of_the_model_whose_types_say_the_same() {
    let digits = datasets::digits::<f32>();
    let (images, x) = (digits.train.select(0..300), self::digits());
    let mut any = config().model().unwrap();
    let mut typed = AutoEncoder::builder()
        .encoder(
            Dense::<64, 24>::new(Sigmoid)
                .then(Dense::<24, 16>::new(Relu))
                .then(Dense::<16, 6>::new(Tanh)),
        )
        .decoder(
            Dense::<6, 16>::new(Tanh)
                .then(Dense::<16, 24>::new(Relu))
                .then(Dense::<24, 64>::new(Identity)),
        )
        .loss(Huber::new(0.3).unwrap())
        .regularizer(all())
        .seed(3)
        .build::<f32>()
        .unwrap();
    assert_eq!(any.parameters(), typed.parameters());
    assert_eq!(any.layout(), typed.layout());
    let report = config().trainer().fit(&mut any, &x).unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-3).unwrap()).epochs(4).seed(9).schedule(warmup());
    let expected = trainer.fit(&mut typed, &images).unwrap();
    assert_eq!(any.parameters(), typed.parameters());
    let terms = |report: &Report| Vec::from_iter(report.epochs.iter().map(|e| e.terms.clone()));
    assert_eq!(terms(&report), terms(&expected));
    assert_eq!(any.encode(&x).unwrap().as_slice(), typed.encode(&images).unwrap().as_slice());
    let found = any.reconstruct(&x).unwrap();
    assert_eq!(found.as_slice(), typed.reconstruct(&images).unwrap().as_slice());
    #[cfg(feature = "safetensors")]
    {
        let folder = common::Folder::new("run-time");
        let (one, other) = (folder.join("any"), folder.join("typed"));
        any.save(&one).unwrap();
        typed.save(&other).unwrap();
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&other).unwrap());
        let mut loaded = config().model().unwrap();
        loaded.load(&other).unwrap();
        assert_eq!(loaded.parameters(), typed.parameters());
    }
}

/// One type of activation for layers whose activations differ, and every optimizer and schedule in a box.
#[test]
fn everything_that_is_boxed_trains() {
    let x = digits();
    for name in ["adam", "sgd", "lbfgs"] {
        for schedule in ["constant", "warmup"] {
            let config = Config { optimizer: name, schedule, regularizer: "none", ..config() };
            let mut model = config.model().unwrap();
            let before = model.loss(&x).unwrap().total();
            config.trainer().fit(&mut model, &x).unwrap();
            let after = model.loss(&x).unwrap().total();
            assert!(after < before, "{name} {schedule}: {before} {after}");
        }
    }
    let activations: Vec<Box<dyn Activation<f32>>> =
        vec![Box::new(Sigmoid), Box::new(Tanh), Box::new(Relu)];
    let mut layers: Vec<Any<f32>> = Vec::new();
    for (number, activation) in activations.iter().enumerate() {
        let (inputs, units) = (64 - 16 * number, 48 - 16 * number);
        layers.push(Dense::dynamic(inputs, units, activation.clone()).boxed());
    }
    let encoder = Any::of(layers).unwrap();
    assert_eq!(Layer::<f32>::range(&encoder), (0.0, f64::INFINITY));
    let mut model = AutoEncoder::builder()
        .encoder(encoder)
        .decoder(Dense::dynamic(16, 64, Sigmoid).boxed::<f32>())
        .build::<f32>()
        .unwrap();
    let kinds: Vec<_> = model.layout().tensors().iter().map(|t| t.layer.clone()).collect();
    assert_eq!(
        kinds[..5],
        ["Dense(Sigmoid)", "Dense(Sigmoid)", "Dense(Tanh)", "Dense(Tanh)", "Dense(Relu)"]
    );
    let before = model.loss(&x).unwrap().total();
    Trainer::new(Adam::new(1e-3).unwrap()).epochs(3).fit(&mut model, &x).unwrap();
    assert!(model.loss(&x).unwrap().total() < before);
}

/// Boxed parts can be anything that a model does with its own: frozen, trained again in another, a classifier.
#[test]
fn trained_parts_of_it_make_other_models() {
    let digits = datasets::digits::<f32>();
    let (x, labels) = (self::digits(), &digits.train_labels[..300]);
    let mut model = Config { regularizer: "none", ..config() }.model().unwrap();
    model.set_encoder_frozen(true);
    let codes = model.encode(&x).unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-3).unwrap()).epochs(2);
    trainer.fit(&mut model, &x).unwrap();
    assert_eq!(model.encode(&x).unwrap(), codes);
    let mut again = AutoEncoder::builder()
        .encoder(model.trained_encoder())
        .decoder(model.trained_decoder())
        .build::<f32>()
        .unwrap();
    assert_eq!(again.reconstruct(&x).unwrap(), model.reconstruct(&x).unwrap());
    trainer.fit(&mut again, &x).unwrap();
    assert_eq!(again.encode(&x).unwrap(), codes);
    let mut classifier = model.classifier::<10>().build::<f32>().unwrap();
    assert_eq!(classifier.layout().num_trained(), 70);
    trainer.fit(&mut classifier, (&x, labels)).unwrap();
    assert_eq!(classifier.encode(&x).unwrap(), codes);
}

/// A boxed decoder with tied weights becomes, as a trained part, one with weights of its own, as it does unboxed.
#[test]
fn a_boxed_decoder_with_tied_weights_is_detached() {
    let tied = AutoEncoder::builder()
        .encoder(Dense::dynamic(6, 4, Tanh).then(Dense::dynamic(4, 3, Sigmoid)))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    let boxed = AutoEncoder::builder()
        .encoder(tied.trained_encoder())
        .decoder(tied.decoder().clone().boxed::<f64>())
        .build::<f64>()
        .unwrap();
    let x = Batch::new(Dyn(6), (0..60).map(|k| (f64::from(k) * 0.7).sin()).collect()).unwrap();
    let expected = tied.reconstruct(&x).unwrap();
    assert_eq!(boxed.reconstruct(&x).unwrap(), expected);
    for part in [tied.trained_decoder().boxed::<f64>(), boxed.trained_decoder().boxed::<f64>()] {
        let untied = AutoEncoder::builder()
            .encoder(tied.trained_encoder())
            .decoder(part)
            .build::<f64>()
            .unwrap();
        assert_eq!(untied.num_parameters(), tied.num_parameters() + 6 * 4 + 4 * 3);
        let found = untied.reconstruct(&x).unwrap();
        for (found, expected) in found.as_slice().iter().zip(expected.as_slice()) {
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
        }
    }
}

/// What is true of all models is true of those chosen at run time: of a point code, of one with a spread, of a
/// conditional one and of a classifier.
#[test]
fn the_contract_holds_of_it() {
    use common::kinds::{Data, K, X};
    let data = Data::new(12, 3);
    let (x, c) = (data.x.clone().into_dynamic(), data.conditions.clone().into_dynamic());
    let dense = |inputs: usize, units: usize, activation: Box<dyn Activation<f64>>| -> Any<f64> {
        Dense::dynamic(inputs, units, activation).boxed()
    };
    let encoder = |inputs: usize| {
        let last: Box<dyn Activation<f64>> = Box::new(Sigmoid);
        Any::of([dense(inputs, 4, Box::new(Tanh)), dense(4, 2, last)]).unwrap()
    };
    let decoder = |units: usize| -> Any<f64> {
        Any::of([dense(units, 4, Box::new(Softplus)), dense(4, X, Box::new(Identity))]).unwrap()
    };
    let spread = |inputs: usize| -> Any<f64> {
        let head = || dense(4, 2, Box::new(Identity));
        Gaussian::new(dense(inputs, 4, Box::new(Tanh)), head(), head()).boxed()
    };
    let boxed =
        |regularizer: &dyn Regularizer<f64>| -> Box<dyn Regularizer<f64>> { regularizer.boxed() };
    let loss = || -> Box<dyn Loss<f64>> { Box::new(Huber::new(0.5).unwrap()) };
    let sorts = || {
        let sparse = SparseKl::new(0.2, 0.3).unwrap().running(0.9).unwrap();
        boxed(&(
            Denoising::new(Masking::new(0.3).unwrap()),
            (sparse, Contractive::new(0.1).unwrap()),
        ))
    };
    let point = || -> AnyAutoEncoder<f64> {
        let builder = AutoEncoder::builder().encoder(encoder(X)).decoder(decoder(2));
        builder.regularizer(sorts()).loss(loss()).build().unwrap()
    };
    contract::model(point, &x).assert();
    let gaussian = || -> AnyAutoEncoder<f64> {
        let builder = AutoEncoder::builder().encoder(spread(X)).decoder(decoder(2));
        let regularizer = boxed(&Variational::new(0.3).unwrap());
        builder.regularizer(regularizer).loss(loss()).build().unwrap()
    };
    contract::model(gaussian, &x).assert();
    let conditional = || {
        AutoEncoder::builder()
            .encoder(Conditioned::dynamic(K, encoder(X + K)))
            .decoder(Conditioned::dynamic(K, decoder(2 + K)))
            .regularizer(sorts())
            .loss(loss())
            .build::<f64>()
            .unwrap()
    };
    contract::model(conditional, (&x, &c)).assert();
    let classifier = || {
        let builder = AutoEncoder::builder().encoder(encoder(X)).classes_dynamic(4);
        builder.regularizer(sorts()).build::<f64>().unwrap()
    };
    contract::model(classifier, (&x, &data.labels)).assert();
}

fn text<M>(refused: Result<M>) -> String {
    match refused {
        Ok(_) => "it was built".to_owned(),
        Err(
            error @ (Error::Unfit { .. }
            | Error::InvalidParameter { .. }
            | Error::SizeMismatch { .. }),
        ) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_types_no_longer_tell_is_refused_when_it_is_built() {
    let built = |config: Config| text(config.model());
    // SparseKl on a ReLU code, alone and in a combination; on one of sigmoids it is right.
    let relu = || vec![(24, "sigmoid"), (6, "relu")];
    let expected = "SparseKl needs a code that is bounded on both sides: end the encoder in a sigmoid or tanh, \
                    or use CodeL1";
    assert_eq!(built(Config { encoder: relu(), regularizer: "sparse", ..config() }), expected);
    assert_eq!(built(Config { encoder: relu(), regularizer: "all", ..config() }), expected);
    assert_eq!(built(Config { regularizer: "sparse", ..config() }), "it was built");
    // Variational and its like on a point.
    let found = built(Config { regularizer: "variational", ..config() });
    let expected = "Variational needs an encoder that gives a distribution, and this one gives a point: \
                    describe the encoder as `Gaussian::new(body, mean, log_variance)`";
    assert_eq!(found, expected);
    // Logits of a decoder that ends in a sigmoid.
    let expected = "the decoder gives values in a bounded range, and this loss takes logits: end the decoder \
                    in `Identity`";
    assert_eq!(built(Config { loss: "bernoulli", last: "sigmoid", ..config() }), expected);
    assert_eq!(built(Config { loss: "bernoulli", last: "identity", ..config() }), "it was built");
    let tanh = built(Config { loss: "bernoulli", last: "tanh", ..config() });
    assert!(tanh.contains("and this loss takes logits"), "{tanh}");
    let relu = built(Config { loss: "bernoulli", last: "relu", ..config() });
    assert!(relu.contains("and this loss takes logits"), "{relu}");

    // Sizes.
    let of = |encoder: Any<f32>, decoder: Any<f32>| {
        text(AutoEncoder::builder().encoder(encoder).decoder(decoder).build::<f32>())
    };
    let code = of(chain(9, &[(5, "tanh")]), chain(4, &[(9, "tanh")]));
    assert_eq!(code, "the decoder's input: expected 5 code units, found 4");
    let output = of(chain(9, &[(5, "tanh")]), chain(5, &[(8, "tanh")]));
    assert_eq!(output, "the decoder's output: expected 9 features, found 8");
    let neighbours = Any::of([layer(9, 5, "relu"), layer(6, 3, "tanh")]).unwrap();
    let expected = "inputs of the next layer of a chain: expected 5 units, found 6";
    assert_eq!(of(neighbours.clone(), chain(3, &[(9, "tanh")])), expected);
    assert_eq!(of(chain(9, &[(9, "tanh")]), neighbours), expected);
    assert_eq!(text(Any::<f32>::of([])), "the number of layers is 0, but must be at least 1");
    let head =
        AutoEncoder::builder().encoder(chain(9, &[(5, "tanh")])).head(layer(4, 3, "identity"));
    assert_eq!(text(head.build::<f32>()), "the decoder's input: expected 5 code units, found 4");
    let head =
        AutoEncoder::builder().encoder(chain(9, &[(5, "tanh")])).head(layer(5, 3, "sigmoid"));
    assert!(text(head.build::<f32>()).contains("this loss takes logits"));

    // A Gaussian encoder is no decoder and no layer of a chain.
    let gaussian = |inputs: usize, units: usize| -> Any<f32> {
        let head = || Dense::dynamic(7, units, Identity);
        Gaussian::new(Dense::dynamic(inputs, 7, Tanh), head(), head()).boxed()
    };
    let found = of(chain(9, &[(5, "tanh")]), gaussian(5, 9));
    assert!(found.contains("gives a distribution, where a layer"), "{found}");
    for at in [0, 1] {
        let mut layers = vec![layer(9, 9, "tanh")];
        layers.insert(at, gaussian(9, 9));
        let found = of(Any::of(layers).unwrap(), chain(9, &[(9, "tanh")]));
        assert!(found.contains("gives a distribution, where a layer"), "{at}: {found}");
    }
    assert_eq!(of(gaussian(9, 5), chain(5, &[(9, "tanh")])), "it was built");
}

/// Each regularizer, prior and loss that asks something of the model, in a box.
#[test]
fn every_plugin_refuses_what_it_is_not_for() {
    let point = |regularizer: Box<dyn Regularizer<f32>>| {
        let builder = AutoEncoder::builder()
            .encoder(chain(6, &[(5, "relu"), (3, "tanh")]))
            .decoder(chain(3, &[(6, "identity")]));
        text(builder.regularizer(regularizer).build::<f32>())
    };
    let iw = || ImportanceWeighted::new(2).unwrap();
    let needs_spread: [(Box<dyn Regularizer<f32>>, &str); 6] = [
        (Box::new(Variational::default()), "Variational"),
        (Box::new(iw()), "ImportanceWeighted"),
        (Box::new(TotalCorrelation::new(1.0, 10).unwrap()), "TotalCorrelation"),
        (Box::new((CodeL1::new(0.1).unwrap(), Variational::default())), "Variational"),
        (Box::new(vec![Box::new(iw()) as Box<dyn Regularizer<f32>>]), "ImportanceWeighted"),
        (Box::new(Variational::default().prior(GaussianMixture::new(2).unwrap())), "Variational"),
    ];
    for (regularizer, name) in needs_spread {
        let found = point(regularizer);
        let expected = format!("{name} needs an encoder that gives a distribution");
        assert!(found.starts_with(&expected), "{found}");
    }
    assert_eq!(point(Box::new(Mmd::new(1.0).unwrap())), "it was built");
    assert_eq!(point(Box::new(Contractive::new(1.0).unwrap())), "it was built");

    let of_loss = |loss: Box<dyn Loss<f32>>, last: &str| {
        let builder = AutoEncoder::builder()
            .encoder(chain(6, &[(3, "tanh")]))
            .decoder(chain(3, &[(6, last)]));
        text(builder.loss(loss).build::<f32>())
    };
    let categorical = |groups: &[usize]| Categorical::new(groups).unwrap();
    let mixed = || Mixed::new().columns(3, SquaredError).columns(3, categorical(&[3]));
    let logits: Vec<Box<dyn Loss<f32>>> =
        vec![Box::new(BernoulliCrossEntropy), Box::new(ContinuousBernoulli)];
    for loss in logits {
        assert!(of_loss(loss.clone(), "sigmoid").contains("this loss takes logits"));
        assert_eq!(of_loss(loss, "identity"), "it was built");
    }
    assert!(of_loss(Box::new(categorical(&[3, 3])), "tanh").contains("this loss takes logits"));
    assert!(of_loss(Box::new(mixed()), "tanh").contains("this loss takes logits"));
    assert_eq!(of_loss(Box::new(mixed()), "identity"), "it was built");
    let found = of_loss(Box::new(categorical(&[3, 2])), "identity");
    assert!(found.contains("groups of Categorical"), "{found}");
    // A loss that compares with classes is none for a decoder.
    let found = of_loss(Box::new(CrossEntropy), "identity");
    assert!(found.contains("compare"), "{found}");
}

/// What only a model with a prior can do is refused where the code has no spread.
#[test]
fn calls_that_need_a_spread_are_refused_without_one() {
    let x = digits();
    let model = config().model().unwrap();
    let rng = || seeded(1);
    let expected = |found: String, call: &str| {
        assert!(
            found.contains("needs an encoder that gives a distribution") && found.contains(call),
            "{found}"
        );
    };
    expected(text(model.elbo(&x, 2, &mut rng())), "elbo");
    expected(text(model.negative_log_likelihood(&x, 2, &mut rng())), "negative_log_likelihood");
    expected(text(model.aggregated_posterior(&x)), "aggregated_posterior");
    expected(text(model.sample(3, &mut rng())), "sample");
    expected(text(model.sample_codes(3, &mut rng())), "sample_codes");
    let head = || Dense::dynamic(7, 3, Identity);
    let gaussian = AutoEncoder::builder()
        .encoder(Gaussian::new(Dense::dynamic(64, 7, Tanh), head(), head()).boxed::<f32>())
        .decoder(chain(3, &[(64, "identity")]))
        .regularizer(regularizer("variational"))
        .loss(loss("bernoulli"))
        .build::<f32>()
        .unwrap();
    assert!(gaussian.elbo(&x, 2, &mut rng()).unwrap().value().is_finite());
    assert_eq!(gaussian.sample(3, &mut rng()).unwrap().samples(), 3);
    assert_eq!(gaussian.aggregated_posterior(&x).unwrap().kl.len(), 3);
    // And so are scores of anomalies that draw.
    let draws = || ReconstructionProbability::new(3, 1).unwrap();
    let refused = text(AnomalyDetector::fit(model, draws(), &x));
    assert!(refused.contains("needs an encoder that gives a distribution"), "{refused}");
    let detector = AnomalyDetector::fit(gaussian, draws(), &x).unwrap();
    assert!(detector.scores(&x).unwrap().iter().all(|score| score.is_finite()));
}

/// Sizes beyond all memory are refused: they neither wrap around nor end the program.
#[test]
fn sizes_beyond_all_memory_are_refused() {
    let text = |inputs: usize, units: usize| {
        let builder = AutoEncoder::builder()
            .encoder(Dense::dynamic(inputs, units, Tanh))
            .decoder(Dense::dynamic(units, inputs, Identity));
        let found = text(builder.build::<f32>());
        let tied = AutoEncoder::builder()
            .encoder(Dense::dynamic(inputs, units, Tanh))
            .decoder(Tied::new(Identity));
        assert_eq!(self::text(tied.build::<f64>()), found);
        let classifier =
            AutoEncoder::builder().encoder(Dense::dynamic(inputs, units, Tanh)).classes::<2>();
        assert_eq!(self::text(classifier.build::<f64>()), found);
        let conditional = AutoEncoder::builder()
            .encoder(Conditioned::dynamic(1, Dense::dynamic(inputs, units, Tanh)))
            .decoder(Conditioned::dynamic(1, Dense::dynamic(units, inputs, Identity)));
        assert_eq!(self::text(conditional.build::<f32>()), found);
        let boxed = AutoEncoder::builder()
            .encoder(Dense::dynamic(inputs, units, Tanh).boxed::<f32>())
            .decoder(Dense::dynamic(units, inputs, Identity).boxed::<f32>());
        assert_eq!(self::text(boxed.build::<f32>()), found);
        found
    };
    let weights = "the weights of a Dense layer (inputs × outputs)";
    for (inputs, units) in [
        (usize::MAX, 2),
        (2, usize::MAX),
        (usize::MAX, usize::MAX),
        (1 << 32, 1 << 32),
        (1 << 63, 2),
        (1 << 33, 1 << 31),
        ((1 << 32) + 1, 1 << 32),
    ] {
        let found = text(inputs, units);
        assert!(found.starts_with(weights), "{inputs} × {units}: {found}");
    }
    let many = AutoEncoder::builder().encoder(Dense::dynamic(9, 3, Tanh));
    let found = self::text(many.classes_dynamic(usize::MAX).build::<f32>());
    assert!(found.starts_with(weights), "{found}");
    // Each layer may have so many weights, but there is no memory for them; nor do sums wrap around.
    let large = || Dense::dynamic(1 << 24, 1 << 24, Tanh);
    let found = self::text(AutoEncoder::builder().encoder(large()).decoder(large()).build::<f32>());
    assert!(found.starts_with("the number of parameters is"), "{found}");
    let head = || Dense::dynamic(2, usize::MAX, Identity);
    let gaussian = Gaussian::new(Dense::dynamic(2, 2, Tanh), head(), head());
    let builder =
        AutoEncoder::builder().encoder(gaussian).decoder(Dense::dynamic(usize::MAX, 2, Tanh));
    let found = self::text(builder.build::<f32>());
    assert!(found.starts_with(weights), "{found}");

    // What losses, priors and regularizers would have of their own.
    let wide = || Elementwise::dynamic(1 << 46, Softplus);
    let builder = || AutoEncoder::builder().encoder(wide()).decoder(wide());
    let found = self::text(builder().loss(LearnedGaussian::per_feature()).build::<f64>());
    assert!(found.starts_with("the number of parameters is"), "{found}");
    let small = |prior: Box<dyn prior::Prior<f64>>| {
        let head = || Dense::dynamic(4, 2, Identity);
        let gaussian = Gaussian::new(Dense::dynamic(3, 4, Tanh), head(), head());
        let builder = AutoEncoder::builder().encoder(gaussian).decoder(Dense::dynamic(2, 3, Tanh));
        self::text(builder.regularizer(Variational::default().prior(prior)).build::<f64>())
    };
    for count in [usize::MAX, 1 << 62, 1 << 45] {
        let found = small(Box::new(VampPrior::new(count).unwrap()));
        assert!(found.starts_with("the number of parameters is"), "{count}: {found}");
        let found = small(Box::new(GaussianMixture::new(count).unwrap()));
        assert!(found.starts_with("the number of parameters is"), "{count}: {found}");
    }
}

/// As many inputs of the decoder together, of which another share is the condition.
#[test]
fn both_halves_are_told_conditions_of_one_size() {
    let model = AutoEncoder::builder()
        .encoder(Conditioned::dynamic(3, Dense::dynamic(8, 5, Tanh)))
        .decoder(Conditioned::dynamic(5, Dense::dynamic(8, 5, Identity)));
    let expected = "the decoder's condition: expected 3 numbers, found 5";
    assert_eq!(text(model.build::<f64>()), expected);
}

#[test]
fn no_one_draws_that_many_codes() {
    for draws in [0, 1_048_577] {
        let expected = format!("Variational draws is {draws}, but must be from 1 to 2²⁰");
        assert_eq!(text(Variational::new(1.0).unwrap().draws(draws)), expected);
        let expected = format!("ImportanceWeighted draws is {draws}, but must be from 1 to 2²⁰");
        assert_eq!(text(ImportanceWeighted::new(draws)), expected);
    }
    assert!(Variational::new(1.0).unwrap().draws(usize::MAX).is_err());
    assert!(Variational::new(1.0).unwrap().draws(1_048_576).is_ok());
}
