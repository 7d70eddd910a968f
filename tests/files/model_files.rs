//! Model files: a model comes back bit for bit, a file that does not fit is refused by name, and others
//! can read the file.
//!
//! Every version's files load for ever. Those of a version are written by it:
//! `AUTOENCODER_WRITE_GOLDEN=1 cargo test -p autoencoder-tests --features safetensors --test files of_every`,
//! after its number was added to [`VERSIONS`]; files that are there stay as they are. (More of them, of other
//! kinds, are in `versions.rs`.) What they must give is computed by numpy 2:
//! ```python
//! import numpy as np
//! def tensor(rows, columns, start):
//!     k = np.arange(start, start + rows * columns)
//!     return (0.5 * np.sin(k + 1)).reshape(columns, rows).T   # column by column
//! X = 0.25 + 0.5 * np.abs(np.cos(np.arange(12))).reshape(4, 3).T   # a sample is a column
//! W1, b1, W2, b2 = tensor(2, 3, 0), tensor(2, 1, 6), tensor(3, 2, 8), tensor(3, 1, 14)
//! def show(codes): print(np.round(codes, 9).T.ravel().tolist())
//! show(np.tanh(W1 @ (2 * X - 1) + b1))   # the model, which takes [0, 1] to [-1, 1]
//! v = [0.0] * 4; p = [W1, b1, W2, b2]
//! for epoch in (1, 2):   # the checkpoint's training
//!     W1, b1, W2, b2 = p
//!     H = np.tanh(W1 @ X + b1); Y = W2 @ H + b2; m = X.shape[1]
//!     dY = (Y - X) / m; dZ = (W2.T @ dY) * (1 - H**2)
//!     g = [dZ @ X.T, dZ.sum(1, keepdims=True), dY @ H.T, dY.sum(1, keepdims=True)]
//!     v = [0.9 * v + g for v, g in zip(v, g)]
//!     p = [p - 0.5 * v for p, v in zip(p, v)]
//!     show(np.tanh(p[0] @ X + p[1]))
//! ```

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

use autoencoder::activation::*;
use autoencoder::corruption::Masking;
use autoencoder::data::Normalization;
use autoencoder::loss::{Categorical, LearnedGaussian, Mixed};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::seeded;
use autoencoder::train::Checkpoints;
use autoencoder::*;
use common::{Folder, fixture};
use nalgebra::{Const, Dyn};
use size::Size;

/// Single precision against double, of numbers of size 1.
const SINGLE: f64 = 1e-6;
/// The versions whose files must load.
pub const VERSIONS: [&str; 1] = ["0.1.0"];

const NORMALIZATIONS: [Option<Normalization>; 6] = [
    None,
    Some(Normalization::None),
    Some(Normalization::Standardize),
    Some(Normalization::MinMax { low: 0.1, high: 0.9 }),
    Some(Normalization::Truncate { centre_samples: false }),
    Some(Normalization::Truncate { centre_samples: true }),
];

fn data<T: Scalar, R: Size>(size: R, samples: usize) -> Batch<T, R> {
    let rng = &mut seeded(5);
    let values = (0..size.value() * samples).map(|_| T::draw_uniform(rng)).collect();
    Batch::new(size, values).unwrap()
}

fn bits<T: Scalar>(values: &[T]) -> Vec<u64> {
    // Without loss, and one to one.
    values.iter().map(|value| value.to_double().to_bits()).collect()
}

/// A model's file, which has all of its numbers.
fn file_of<E, D, R, L, T: Scalar>(model: &AutoEncoder<E, D, R, L, T>, folder: &Folder) -> Vec<u8> {
    let path = folder.join("all-numbers.safetensors");
    model.save(&path).unwrap();
    fs::read(path).unwrap()
}

/// What a model says: the name of each call, and the bits of what it gives.
type Said = Vec<(&'static str, Vec<u64>)>;

fn terms(terms: Terms) -> Vec<u64> {
    terms.iter().map(|(_, value)| value.to_bits()).collect()
}

/// Trains a model by the first closure, saves it, loads it into another one and compares all that the two say,
/// which the second closure asks.
fn comes_back<E: Part, D, R: Regularizer<T>, L: Loss<T>, T: Scalar>(
    (name, kind): (&str, &str),
    normalization: Option<Normalization>,
    build: impl Fn(u64, Option<Normalizer>) -> AutoEncoder<E, D, R, L, T>,
    fit: impl Fn(&mut Trainer<'_, Adam>, &mut AutoEncoder<E, D, R, L, T>, &Batch<T, E::Input>),
    says: impl Fn(&AutoEncoder<E, D, R, L, T>, &Batch<T, E::Input>) -> Said,
) {
    let folder = Folder::new("files-back");
    let path = folder.join("model.safetensors");
    let mut fresh = build(2, None);
    let x = data(fresh.encoder().input(), 20);
    let fitted = normalization.map(|normalization| Normalizer::fit(normalization, &x).unwrap());
    let mut model = build(1, fitted);
    let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(2).batch_size(8);
    fit(&mut trainer, &mut model, &x);
    model.save(&path).unwrap();

    assert_ne!(bits(model.parameters()), bits(fresh.parameters()), "{name}");
    assert_ne!(says(&model, &x), says(&fresh, &x), "{name}");
    fresh.load(&path).unwrap();
    assert_eq!(bits(model.parameters()), bits(fresh.parameters()), "{name}");
    assert_eq!(model.normalizer(), fresh.normalizer(), "{name}");
    for (one, other) in says(&model, &x).into_iter().zip(says(&fresh, &x)) {
        assert_eq!(one, other, "{name}");
    }
    assert!(fs::read(&path).unwrap() == file_of(&fresh, &folder), "{name}: the same file again");
    // And the two go on alike.
    let [one, two] = [&mut model, &mut fresh].map(|model| {
        fit(&mut trainer, model, &x);
        bits(model.parameters())
    });
    assert_eq!(one, two, "{name}");

    // What the file says of itself.
    let description = inspect(&path).unwrap();
    assert_eq!(description.library, format!("autoencoder {}", env!("CARGO_PKG_VERSION")));
    let scalar = if size_of::<T>() == 4 { "F32" } else { "F64" };
    assert_eq!((&description.kind[..], &description.scalar[..]), (kind, scalar), "{name}");
    let layout = model.layout();
    let lines = layout.tensors().iter().map(|tensor| {
        let (rows, columns) = tensor.shape;
        format!("{}  {}  {rows}×{columns}", tensor.name, tensor.layer)
    });
    let lines: Vec<String> = lines.chain(layout.settings().iter().cloned()).collect();
    assert_eq!(description.architecture, lines, "{name}");
    if kind == "model" {
        assert_eq!(description.loss, format!("{:?}", model.loss_function()));
    }
    assert_eq!(description.loss, model.loss_function().describe());
    assert_eq!(description.regularizer, format!("{:?}", model.regularizer()));
    assert_eq!(description.regularizer, model.regularizer().describe());
    let words = normalization.map(|normalization| match normalization {
        Normalization::Standardize => "standardize",
        Normalization::MinMax { .. } => "least and greatest",
        Normalization::Truncate { centre_samples: false } => "truncate",
        Normalization::Truncate { centre_samples: true } => "truncate, samples centred",
        _ => "none",
    });
    assert_eq!(description.normalizer.as_deref(), words, "{name}");
}

/// [`comes_back`] of a model that is compared with its input; of a conditional one with what belongs to 20 samples.
macro_rules! comes_back {
    ($name:expr, $normalization:expr, $build:expr $(,)?) => {
        comes_back!($name, $normalization, $build, |x| x, |codes| codes)
    };
    ($name:expr, $normalization:expr, $build:expr, |$x:ident| $given:expr, |$z:ident| $codes:expr) => {
        comes_back(
            ($name, "model"),
            $normalization,
            $build,
            |trainer, model, $x| drop(trainer.fit(model, $given).unwrap()),
            |model, $x| {
                let codes = model.encode($given).unwrap();
                let $z = &codes;
                vec![
                    ("encode", bits(codes.as_slice())),
                    ("reconstruct", bits(model.reconstruct($given).unwrap().as_slice())),
                    ("decode", bits(model.decode($codes).unwrap().as_slice())),
                    ("score", bits(&model.score($given).unwrap())),
                    // Its terms depend on the regularizer's state.
                    ("loss", terms(model.loss($given).unwrap())),
                ]
            },
        )
    };
}

/// A model of these parts, with or without a normalizer.
macro_rules! build {
    ($scalar:ty, $encoder:expr, $decoder:expr, $regularizer:expr, $loss:expr) => {
        |seed: u64, normalizer: Option<Normalizer>| {
            let builder = AutoEncoder::builder().encoder($encoder).decoder($decoder);
            let builder = builder.regularizer($regularizer).loss($loss).seed(seed);
            match normalizer {
                Some(normalizer) => builder.normalizer(normalizer).build::<$scalar>().unwrap(),
                None => builder.build::<$scalar>().unwrap(),
            }
        }
    };
}

fn running() -> SparseKl {
    SparseKl::new(0.2, 0.5).unwrap().running(0.9).unwrap()
}

#[test]
fn a_model_comes_back_bit_for_bit() {
    for normalization in NORMALIZATIONS {
        comes_back!(
            "dense, sizes at run time",
            normalization,
            build!(
                f32,
                Dense::dynamic(6, 4, Sigmoid),
                Dense::dynamic(4, 6, Identity),
                (running(), WeightDecay::new(0.01).unwrap(), running()),
                SquaredError
            ),
        );
        comes_back!(
            "dense, sizes as types",
            normalization,
            build!(
                f64,
                Dense::<6, 4>::new(LeakyRelu::new(0.3).unwrap()),
                Dense::<4, 6>::new(Identity),
                Contractive::new(0.1).unwrap(),
                Huber::new(0.4).unwrap()
            ),
        );
    }
    comes_back!(
        "chains",
        Some(Normalization::Standardize),
        build!(
            f64,
            Dense::<6, 5>::new(Gelu).then(Dense::<5, 3>::new(Tanh)),
            Dense::<3, 5>::new(Softplus).then(Dense::<5, 6>::new(Identity)),
            (running(), Denoising::new(Masking::new(0.2).unwrap())),
            SquaredError
        ),
    );
    comes_back!(
        "Gaussian",
        Some(Normalization::MinMax { low: 0.0, high: 1.0 }),
        build!(
            f32,
            Gaussian::new(
                Dense::<6, 5>::new(Elu::new(0.7).unwrap()),
                Dense::<5, 2>::new(Identity),
                Dense::<5, 2>::new(Identity),
            )
            .clamp(-4.0, 2.0)
            .unwrap(),
            Dense::<2, 6>::new(Identity),
            Variational::new(0.5).unwrap(),
            BernoulliCrossEntropy
        ),
    );
    macro_rules! boxed {
        ($scalar:ty) => {
            comes_back!(
                "boxes",
                None,
                build!(
                    $scalar,
                    Dense::<6, 4>::new(Tanh).boxed_as::<$scalar>(),
                    Dense::<4, 6>::new(Identity).boxed_as::<$scalar>(),
                    {
                        let regularizer: Box<dyn Regularizer<_>> = Box::new(vec![running()]);
                        regularizer
                    },
                    {
                        let loss: Box<dyn Loss<_>> = Box::new(SquaredError);
                        loss
                    }
                ),
            );
        };
    }
    boxed!(f32);
    boxed!(f64);
}

/// Those that are told something beside each sample, those of classes, and those of which no type is known.
#[test]
fn models_of_every_kind_come_back_bit_for_bit() {
    let conditions = data::<f32, _>(Const::<2>, 20);
    let labels: Vec<u16> = (0..20).map(|k| k % 3).collect();
    for normalization in [None, Some(Normalization::Standardize)] {
        comes_back!(
            "conditional",
            normalization,
            build!(
                f32,
                Conditioned::<6, 2, _>::new(Dense::<8, 4>::new(Sigmoid)),
                Conditioned::<4, 2, _>::new(Dense::<6, 6>::new(Identity)),
                (running(), WeightDecay::new(0.01).unwrap()),
                LearnedGaussian::per_feature()
            ),
            |x| (x, &conditions),
            |codes| (codes, &conditions)
        );
        comes_back(
            ("classifier", "classifier"),
            normalization,
            |seed, normalizer| {
                let builder = AutoEncoder::builder().encoder(Dense::<6, 4>::new(Sigmoid));
                let builder = builder.classes::<3>().regularizer(vec![running()]).seed(seed);
                let builder = normalizer.into_iter().fold(builder, |b, n| b.normalizer(n));
                builder.build::<f64>().unwrap()
            },
            |trainer, model, x| drop(trainer.fit(model, (x, &labels)).unwrap()),
            |model, x| {
                let classes = model.predict(x).unwrap();
                vec![
                    ("encode", bits(model.encode(x).unwrap().as_slice())),
                    ("probabilities", bits(model.probabilities(x).unwrap().as_slice())),
                    ("predict", classes.into_iter().map(|class| class as u64).collect()),
                    ("score", bits(&model.score((x, &labels)).unwrap())),
                    ("loss", terms(model.loss((x, &labels)).unwrap())),
                ]
            },
        );
        comes_back!(
            "tied",
            normalization,
            build!(
                f64,
                Dense::<6, 5>::new(Gelu).then(Dense::<5, 4>::new(Tanh)),
                Tied::new(Identity),
                Contractive::new(0.1).unwrap(),
                SquaredError
            )
        );
        comes_back!("without types", normalization, |seed, normalizer| {
            let regularizer: Box<dyn Regularizer<f32>> = Box::new((running(), Binarize));
            let loss: Box<dyn Loss<f32>> = Box::new(LearnedGaussian::shared());
            let encoder = Dense::dynamic(6, 4, Tanh).boxed();
            let decoder = Dense::dynamic(4, 6, Identity).boxed();
            let model: AnyAutoEncoder =
                build!(f32, encoder, decoder, regularizer, loss)(seed, normalizer);
            model
        });
    }
}

/// An encoder with a Gaussian posterior of two units.
macro_rules! gaussian {
    () => {{
        let head = || Dense::<5, 2>::new(Identity);
        Gaussian::new(Dense::<6, 5>::new(Tanh), head(), head())
    }};
}

#[test]
fn parameters_of_losses_and_regularizers_come_back_too() {
    let decoder = || Dense::<2, 6>::new(Identity);
    let vamp = || VampPrior::from_samples(&data::<f64, _>(Dyn(6), 3)).unwrap();
    let mixture = || GaussianMixture::new(3).unwrap();
    let iw = || ImportanceWeighted::new(3).unwrap();
    for normalization in [None, Some(Normalization::Standardize)] {
        comes_back!(
            "learned variance, VampPrior",
            normalization,
            build!(f32, gaussian!(), decoder(), iw().prior(vamp()), LearnedGaussian::per_feature()),
        );
        comes_back!(
            "mixture among others, with state",
            normalization,
            build!(
                f64,
                Gaussian::new(
                    Dense::<6, 5>::new(Tanh),
                    Dense::<5, 2>::new(Sigmoid),
                    Dense::<5, 2>::new(Identity),
                ),
                decoder(),
                (running(), Variational::default().prior(mixture()), Mmd::new(0.1).unwrap()),
                LearnedGaussian::shared()
            ),
        );
    }
    let mixed = || {
        let mixed = Mixed::new().columns(2, LearnedGaussian::per_feature());
        mixed.columns(3, Categorical::new(&[3]).unwrap()).columns(1, LearnedGaussian::shared())
    };
    comes_back!(
        "mixed",
        None,
        build!(
            f32,
            gaussian!(),
            decoder(),
            vec![
                Box::new(TotalCorrelation::new(0.1, 20).unwrap()) as Box<dyn Regularizer<_>>,
                Box::new(Variational::default().draws(2).unwrap().prior(vamp())),
                Box::new(Binarize),
            ],
            mixed()
        ),
        |x| &common::with_shares(&mixed(), x),
        |codes| codes
    );
}

#[test]
fn files_of_other_objectives_priors_and_likelihoods_are_refused() {
    let folder = Folder::new("files-objectives");
    let model = |regularizer: Box<dyn Regularizer<f64>>, loss: Box<dyn Loss<f64>>| {
        let decoder = Dense::<2, 6>::new(Identity);
        build!(f64, gaussian!(), decoder, regularizer, loss)(1, None)
    };
    let mixture = |count| GaussianMixture::new(count).unwrap();
    let vamp = |count| Variational::default().prior(VampPrior::new(count).unwrap());
    let own = |count| Box::new(Variational::default().prior(mixture(count)));
    let path = folder.join("mixture.safetensors");
    model(own(3), Box::new(LearnedGaussian::shared())).save(&path).unwrap();
    let refusal = |regularizer: Box<dyn Regularizer<f64>>, loss: Box<dyn Loss<f64>>| {
        refusal(model(regularizer, loss), &path, &folder, |model, path| model.load(path))
    };
    let shared = || Box::new(LearnedGaussian::shared());
    assert_eq!(refusal(own(3), shared()), "fits");
    // β may be another.
    let other = Variational::new(4.0).unwrap().prior(mixture(3));
    assert_eq!(refusal(Box::new(other), shared()), "fits");
    assert_eq!(
        refusal(own(4), shared()),
        "the architecture: the file has regularizer.logits  GaussianMixture  3×1, but \
         regularizer.logits  GaussianMixture  4×1 is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    assert_eq!(
        refusal(Box::new(vamp(3)), shared()),
        "the architecture: the file has regularizer.logits  GaussianMixture  3×1, but \
         regularizer.pseudo_inputs  VampPrior  6×3 is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    assert_eq!(
        refusal(Box::<Variational>::default(), shared()),
        "the architecture: the file has regularizer.logits  GaussianMixture  3×1, but \
         nothing more is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    assert_eq!(
        refusal(Box::new(ImportanceWeighted::new(2).unwrap().prior(mixture(3))), shared()),
        "the kind of regularizer: the file has Variational { beta: …, prior: GaussianMixture \
         { components: … } }, but ImportanceWeighted { draws: …, prior: GaussianMixture \
         { components: … } } is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    assert_eq!(
        refusal(own(3), Box::new(LearnedGaussian::per_feature())),
        "the architecture: the file has loss.log_variance  LearnedGaussian  1×1, but \
         loss.log_variance  LearnedGaussian  6×1 is needed; \
         `load_encoder` takes the encoder alone, whatever the loss"
    );
    assert_eq!(
        refusal(own(3), Box::new(SquaredError)),
        "the architecture: the file has loss.log_variance  LearnedGaussian  1×1, but \
         regularizer.logits  GaussianMixture  3×1 is needed; \
         `load_encoder` takes the encoder alone, whatever the loss"
    );
    // The halves alone fit whatever stands beside them; of the decoder the loss must fit.
    let mut plain = model(Box::new(NoRegularizer), Box::new(SquaredError));
    plain.load_encoder(&path).unwrap();
    let mut vamp = model(Box::new(vamp(2)), shared());
    vamp.load_decoder(&path).unwrap();

    // No sample is in a file by way of what a prior began with.
    let secret = VampPrior::from_samples(&Batch::from_iter([[0.123_456_789; 6]])).unwrap();
    model(Box::new(Variational::default().prior(secret)), shared()).save(&path).unwrap();
    let description = inspect(&path).unwrap();
    let text = "Variational { beta: 1.0, prior: VampPrior { pseudo_inputs: 1 } }";
    assert_eq!(description.regularizer, text);
}

#[test]
fn a_description_is_printed() {
    let folder = Folder::new("files-inspect");
    let path = folder.join("model.safetensors");
    let normalizer = Normalizer::fit(Normalization::Standardize, &data::<f32, _>(Dyn(6), 9));
    let encoder = Gaussian::new(
        Dense::dynamic(6, 5, LeakyRelu::default()),
        Dense::dynamic(5, 2, Identity),
        Dense::dynamic(5, 2, Identity),
    );
    let decoder = Dense::dynamic(2, 6, Identity);
    let parts = build!(f32, encoder, decoder, Variational::default(), Huber::default());
    parts(1, Some(normalizer.unwrap())).save(&path).unwrap();
    let expected = "\
model of F32 by autoencoder 0.1.0
  encoder.body.0.weight  Dense(LeakyRelu { slope: 0.01 })  5×6
  encoder.body.0.bias  Dense(LeakyRelu { slope: 0.01 })  5×1
  encoder.mean.0.weight  Dense(Identity)  2×5
  encoder.mean.0.bias  Dense(Identity)  2×1
  encoder.log_variance.0.weight  Dense(Identity)  2×5
  encoder.log_variance.0.bias  Dense(Identity)  2×1
  decoder.0.weight  Dense(Identity)  6×2
  decoder.0.bias  Dense(Identity)  6×1
  encoder: log-variance held in [-30, 20]
loss: Huber { delta: 1.0 }
regularizer: Variational { beta: 1.0 }
normalizer: standardize";
    let expected = expected.replace("0.1.0", env!("CARGO_PKG_VERSION"));
    assert_eq!(inspect(&path).unwrap().to_string(), expected);
}

/// The text of the refusal, without the path; the model must be as it was.
fn refusal<E, D, R, L, T: Scalar>(
    mut model: AutoEncoder<E, D, R, L, T>,
    path: &Path,
    folder: &Folder,
    load: impl Fn(&mut AutoEncoder<E, D, R, L, T>, &Path) -> Result<()>,
) -> String {
    let before = file_of(&model, folder);
    let Err(error) = load(&mut model, path) else { return "fits".to_owned() };
    assert!(file_of(&model, folder) == before, "{error}");
    let text = error.to_string();
    text.strip_prefix(&format!("{}: ", path.display())).expect("the path").to_owned()
}

#[test]
fn a_file_that_does_not_fit_is_refused_and_the_model_stays() {
    let folder = Folder::new("files-refused");
    let save = |name: &str, save: &dyn Fn(&Path) -> Result<()>| {
        let path = folder.join(name);
        save(&path).unwrap();
        path
    };
    // Each model is saved with another seed than that of the model that is to take it.
    macro_rules! model {
        ($scalar:ty, $encoder:expr, $decoder:expr, $regularizer:expr, $loss:expr; $seed:expr) => {
            build!($scalar, $encoder, $decoder, $regularizer, $loss)($seed, None)
        };
    }
    let huber = || Huber::new(0.5).unwrap();
    let kl = || SparseKl::new(0.1, 0.5).unwrap();
    let tanh = || Dense::dynamic(6, 4, Tanh);
    let out = || Dense::dynamic(4, 6, Identity);
    let tanh_file = save("tanh", &|path| model!(f32, tanh(), out(), kl(), huber(); 1).save(path));
    let slope = |slope| Dense::dynamic(6, 4, LeakyRelu::new(slope).unwrap());
    let leaky = |encoder| model!(f32, encoder, out(), NoRegularizer, SquaredError; 2);
    let leaky_file = save("leaky", &|path| leaky(slope(0.2)).save(path));
    let clamped = |low, high| {
        let head = || Dense::dynamic(5, 4, Identity);
        let encoder = Gaussian::new(Dense::dynamic(6, 5, Tanh), head(), head());
        let encoder = encoder.clamp(low, high).unwrap();
        model!(f32, encoder, out(), Variational::default(), SquaredError; 2)
    };
    let gaussian_file = save("gaussian", &|path| clamped(-8.0, 4.0).save(path));

    macro_rules! case {
        ($file:expr, $load:ident, $model:expr, $expected:expr) => {
            assert_eq!(refusal($model, &$file, &folder, |m, path| m.$load(path)), $expected);
        };
    }
    macro_rules! of_tanh {
        ($load:ident, $scalar:ty, $encoder:expr, $decoder:expr, $regularizer:expr, $loss:expr, $expected:expr) => {
            case!(
                tanh_file,
                $load,
                model!($scalar, $encoder, $decoder, $regularizer, $loss; 2),
                $expected
            );
        };
    }
    // The same, and what may differ: the regularizer's weights.
    of_tanh!(load, f32, tanh(), out(), kl(), huber(), "fits");
    of_tanh!(load, f32, tanh(), out(), SparseKl::new(1e-3, 12.0).unwrap(), huber(), "fits");
    of_tanh!(
        load,
        f32,
        Dense::dynamic(6, 5, Tanh),
        Dense::dynamic(5, 6, Identity),
        kl(),
        huber(),
        "the architecture: the file has encoder.0.weight  Dense(Tanh)  4×6, but \
         encoder.0.weight  Dense(Tanh)  5×6 is needed"
    );
    of_tanh!(
        load,
        f32,
        Dense::dynamic(7, 4, Tanh),
        Dense::dynamic(4, 7, Identity),
        kl(),
        huber(),
        "the architecture: the file has encoder.0.weight  Dense(Tanh)  4×6, but \
         encoder.0.weight  Dense(Tanh)  4×7 is needed"
    );
    of_tanh!(
        load,
        f32,
        tanh().then(Dense::dynamic(4, 4, Tanh)),
        out(),
        kl(),
        huber(),
        "the architecture: the file has decoder.0.weight  Dense(Identity)  6×4, but \
         encoder.1.weight  Dense(Tanh)  4×4 is needed"
    );
    of_tanh!(
        load,
        f32,
        tanh(),
        out().then(Dense::dynamic(6, 6, Identity)),
        kl(),
        huber(),
        "the architecture: the file has nothing more, but decoder.1.weight  Dense(Identity)  6×6 \
         is needed"
    );
    of_tanh!(
        load,
        f32,
        Dense::dynamic(6, 4, Sigmoid),
        out(),
        kl(),
        huber(),
        "the architecture: the file has encoder.0.weight  Dense(Tanh)  4×6, but \
         encoder.0.weight  Dense(Sigmoid)  4×6 is needed"
    );
    of_tanh!(
        load,
        f32,
        tanh(),
        Dense::dynamic(4, 6, Relu),
        kl(),
        huber(),
        "the architecture: the file has decoder.0.weight  Dense(Identity)  6×4, but \
         decoder.0.weight  Dense(Relu)  6×4 is needed"
    );
    of_tanh!(
        load,
        f32,
        tanh(),
        out(),
        kl(),
        SquaredError,
        "the loss: the file has Huber { delta: 0.5 }, but SquaredError is needed; \
         `load_encoder` takes the encoder alone, whatever the loss"
    );
    of_tanh!(
        load,
        f32,
        tanh(),
        out(),
        kl(),
        Huber::new(0.25).unwrap(),
        "the loss: the file has Huber { delta: 0.5 }, but Huber { delta: 0.25 } is needed; \
         `load_encoder` takes the encoder alone, whatever the loss"
    );
    of_tanh!(
        load,
        f32,
        tanh(),
        out(),
        WeightDecay::new(0.1).unwrap(),
        huber(),
        "the kind of regularizer: the file has SparseKl { target: …, weight: …, decay: … }, but \
         WeightDecay { weight: … } is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    of_tanh!(
        load,
        f32,
        tanh(),
        out(),
        (kl(), kl()),
        huber(),
        "the kind of regularizer: the file has SparseKl { target: …, weight: …, decay: … }, but \
         (SparseKl { target: …, weight: …, decay: … }, SparseKl { target: …, weight: …, decay: … }) \
         is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    of_tanh!(
        load,
        f32,
        tanh(),
        out(),
        running(),
        huber(),
        "the tensor `regularizer.state`: the file has none, but one of shape [5] is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    of_tanh!(
        load,
        f64,
        tanh(),
        out(),
        kl(),
        huber(),
        "the number type: the file has F32, but F64 is needed"
    );
    let slopes = "the architecture: the file has encoder.0.weight  Dense(LeakyRelu { slope: 0.2 })  4×6, \
                  but encoder.0.weight  Dense(LeakyRelu { slope: 0.21 })  4×6 is needed";
    case!(leaky_file, load, leaky(slope(0.21)), slopes);
    case!(leaky_file, load_encoder, leaky(slope(0.21)), slopes);
    case!(leaky_file, load_decoder, leaky(slope(0.21)), "fits");
    let clamps = "the architecture: the file has encoder: log-variance held in [-8, 4], but \
                  encoder: log-variance held in [-8, 5] is needed";
    case!(gaussian_file, load, clamped(-8.0, 5.0), clamps);
    case!(gaussian_file, load_encoder, clamped(-8.0, 5.0), clamps);
    case!(gaussian_file, load_decoder, clamped(-8.0, 5.0), "fits");
    case!(gaussian_file, load_encoder, clamped(-8.0, 4.0), "fits");

    // One part alone asks for that part alone.
    of_tanh!(
        load_encoder,
        f32,
        tanh(),
        Dense::dynamic(4, 6, Relu),
        NoRegularizer,
        SquaredError,
        "fits"
    );
    of_tanh!(
        load_encoder,
        f32,
        Dense::dynamic(6, 4, Relu),
        out(),
        NoRegularizer,
        huber(),
        "the architecture: the file has encoder.0.weight  Dense(Tanh)  4×6, but \
         encoder.0.weight  Dense(Relu)  4×6 is needed"
    );
    of_tanh!(
        load_encoder,
        f32,
        Dense::dynamic(6, 4, Tanh).then(Dense::dynamic(4, 4, Tanh)),
        out(),
        kl(),
        huber(),
        "the architecture: the file has nothing more, but encoder.1.weight  Dense(Tanh)  4×4 \
         is needed"
    );
    of_tanh!(
        load_encoder,
        f64,
        tanh(),
        out(),
        kl(),
        huber(),
        "the number type: the file has F32, but F64 is needed"
    );
    of_tanh!(load_decoder, f32, Dense::dynamic(6, 4, Relu), out(), NoRegularizer, huber(), "fits");
    of_tanh!(
        load_decoder,
        f32,
        tanh(),
        Dense::dynamic(4, 6, Tanh),
        kl(),
        huber(),
        "the architecture: the file has decoder.0.weight  Dense(Identity)  6×4, but \
         decoder.0.weight  Dense(Tanh)  6×4 is needed"
    );
    of_tanh!(
        load_decoder,
        f32,
        tanh(),
        out(),
        kl(),
        SquaredError,
        "the loss: the file has Huber { delta: 0.5 }, but SquaredError is needed; \
         `load_encoder` takes the encoder alone, whatever the loss"
    );
}

#[test]
fn a_part_that_is_loaded_leaves_the_other_one_alone() {
    let folder = Folder::new("files-part");
    let path = folder.join("model.safetensors");
    let parts = build!(
        f32,
        Dense::dynamic(6, 5, Tanh).then(Dense::dynamic(5, 4, Sigmoid)),
        Dense::dynamic(4, 6, Identity),
        running(),
        SquaredError
    );
    let x = data(Dyn(6), 12);
    let fitted = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    let saved = parts(1, Some(fitted.clone()));
    saved.save(&path).unwrap();
    for is_encoder in [true, false] {
        let mut model = parts(2, None);
        Trainer::new(Adam::new(0.01).unwrap()).fit(&mut model, &x).unwrap();
        let before = model.clone();
        let terms =
            |model: &AutoEncoder<_, _, _, _, _>| model.loss(&x).unwrap().get("sparse_kl").unwrap();
        if is_encoder { model.load_encoder(&path) } else { model.load_decoder(&path) }.unwrap();
        for tensor in model.layout().tensors() {
            let comes = tensor.name.starts_with("encoder") == is_encoder;
            let expected = if comes { &saved } else { &before };
            assert_eq!(model.parameter(&tensor.name), expected.parameter(&tensor.name));
        }
        assert_eq!(model.normalizer(), Some(&fitted));
        if is_encoder {
            assert_eq!(model.encode(&x), saved.encode(&x));
        } else {
            let codes = data(Dyn(4), 3);
            assert_eq!(model.decode(&codes), saved.decode(&codes));
        }
        // The state is the model's own: that of a model which has not been trained would be empty.
        assert_ne!(terms(&model), terms(&saved));
    }
    // Without a normalizer in the file, the model has none either.
    parts(3, None).save(&path).unwrap();
    let mut model = parts(1, Some(fitted));
    model.load_encoder(&path).unwrap();
    assert_eq!(model.normalizer(), None);
}

#[test]
fn files_that_are_not_there_or_not_ours() {
    let folder = Folder::new("files-missing");
    let parts = build!(
        f32,
        Dense::dynamic(6, 4, Tanh),
        Dense::dynamic(4, 6, Identity),
        NoRegularizer,
        SquaredError
    );
    let mut model = parts(1, None);
    let before = model.parameters().to_vec();
    let path = folder.join("missing/model.safetensors");
    let action = "create a temporary file beside the file";
    let not_found =
        |action| Error::File { path: path.clone(), action, reason: ErrorKind::NotFound };
    assert_eq!(model.save(&path), Err(not_found(action)));
    assert_eq!(model.load(&path), Err(not_found("read the file")));
    assert_eq!(model.load_encoder(&path), Err(not_found("read the file")));
    assert_eq!(model.load_decoder(&path), Err(not_found("read the file")));
    assert_eq!(inspect(&path), Err(not_found("read the file")));
    let folder_error = |action| {
        let path = folder.path().to_owned();
        Error::File { path, action, reason: ErrorKind::IsADirectory }
    };
    assert_eq!(model.save(folder.path()), Err(folder_error("replace the file")));
    assert_eq!(model.load(folder.path()), Err(folder_error("read the file")));

    let path = folder.join("model.safetensors");
    let damaged = |problem| Err(Error::Damaged { path: path.clone(), problem });
    model.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    let length = bytes.len() as u64;
    let cut = Problem::Truncated { expected: length, found: length - 4 };
    assert_eq!(model.load(&path), damaged(cut));
    fs::write(&path, "").unwrap();
    assert_eq!(model.load(&path), damaged(Problem::AnotherKind { kind: "an empty file" }));
    #[cfg(unix)]
    {
        let text = model.load("/dev/null").unwrap_err().to_string();
        let expected = "/dev/null: cannot read the file: it is a device or a pipe, or the system cannot do \
                        this; a plain file is needed";
        assert_eq!(text, expected);
    }
    // Another program's safetensors file: one tensor, no metadata.
    let header = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  "#;
    let foreign =
        [&(header.len() as u64).to_le_bytes()[..], header, &1.0_f32.to_le_bytes()].concat();
    fs::write(&path, foreign).unwrap();
    assert_eq!(model.load(&path), damaged(Problem::MissingMetadata { key: "digest" }));
    assert_eq!(model.parameters(), before);
    // A number that is not finite is not saved: only a normalizer or a state could have one, and
    // parameters are refused earlier.
    assert!(model.set_parameters(&[f32::NAN; 58]).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary is left");
}

/// The bytes of a tensor and its shape, by a reader of its own.
fn raw(file: &[u8], name: &str) -> (Vec<usize>, Vec<u8>) {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
    let list = |key: &str| -> Vec<usize> {
        header[name][key].as_array().unwrap().iter().map(number).collect()
    };
    let place = list("data_offsets");
    (list("shape"), file[8 + length..][place[0]..place[1]].to_vec())
}

#[test]
fn weights_lie_row_by_row_outputs_times_inputs() {
    let folder = Folder::new("files-raw");
    let path = folder.join("model.safetensors");
    let model = build!(
        f32,
        Dense::dynamic(6, 4, Sigmoid),
        Dense::dynamic(4, 6, Identity),
        NoRegularizer,
        SquaredError
    )(1, None);
    let mut parameters = model.parameters().to_vec();
    let biases = model.layout().get("encoder.0.bias").unwrap().range.clone();
    for (k, bias) in parameters[biases].iter_mut().enumerate() {
        *bias = 0.1 * k as f32; // a fresh model has none
    }
    let mut model = model;
    model.set_parameters(&parameters).unwrap();
    model.save(&path).unwrap();
    let file = fs::read(&path).unwrap();
    let singles = |bytes: &[u8]| -> Vec<f32> {
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (shape, weight) = raw(&file, "encoder.0.weight");
    let weight = singles(&weight);
    assert_eq!((shape, weight.len()), (vec![4, 6], 24));
    let (shape, bias) = raw(&file, "encoder.0.bias");
    assert_eq!(shape, [4]);
    let x = data::<f32, _>(Dyn(6), 1);
    let code = model.encode(&x).unwrap();
    for (unit, (row, bias)) in weight.chunks(6).zip(singles(&bias)).enumerate() {
        let terms = row.iter().zip(x.sample(0)).map(|(w, x)| f64::from(*w) * f64::from(*x));
        let z = terms.sum::<f64>() + f64::from(bias);
        let h = 1.0 / (1.0 + (-z).exp());
        assert!((h - f64::from(code.sample(0)[unit])).abs() <= SINGLE, "unit {unit}");
    }
    assert_eq!(raw(&file, "decoder.0.weight").0, [6, 4]);
}

/// The Python that `AUTOENCODER_PYTHON` names, or `python3`, if it has what the script needs. Where it
/// has not, says so.
fn python() -> Option<Command> {
    let python = std::env::var_os("AUTOENCODER_PYTHON").unwrap_or("python3".into());
    let needs = ["-c", "import numpy, safetensors"];
    let found = Command::new(&python).args(needs).output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(Command::new(python));
    }
    // Straight to the stream, because the test harness hides what tests print.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: {} has no numpy and safetensors (name one that has in AUTOENCODER_PYTHON)",
        python.display()
    );
    None
}

#[test]
fn the_script_in_the_documentation_encodes_as_we_do() {
    let Some(mut python) = python() else { return };
    let folder = Folder::new("files-python");
    let (path, input, output) =
        (folder.join("model.safetensors"), folder.join("input"), folder.join("output"));
    let x = data::<f64, _>(Dyn(6), 7);
    let bytes =
        |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|x| x.to_le_bytes()).collect() };
    fs::write(&input, bytes(x.as_slice())).unwrap();
    // As it stands in the documentation, and a call.
    let script = concat!(
        include_str!("../../src/model/encode.py"),
        "\nimport sys\n\
         x = np.fromfile(sys.argv[2], '<f8').reshape(-1, 6)\n\
         encode(sys.argv[1], x).astype('<f8').tofile(sys.argv[3])\n"
    );
    let mut compare = |codes: Vec<f64>| {
        python.args(["-c", script]);
        let done = python.arg(&path).arg(&input).arg(&output).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let found = fs::read(&output).unwrap();
        let found = found.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));
        let found: Vec<f64> = found.collect();
        assert_eq!(found.len(), codes.len());
        for (found, code) in found.iter().zip(codes) {
            assert!((found - code).abs() <= SINGLE, "{found} {code}");
        }
    };
    let deep = build!(
        f32,
        Dense::dynamic(6, 5, Relu)
            .then(Dense::dynamic(5, 8, Sigmoid))
            .then(Dense::dynamic(8, 3, Tanh))
            .then(Dense::dynamic(3, 4, Identity)),
        Dense::dynamic(4, 6, Identity),
        NoRegularizer,
        SquaredError
    )(1, None);
    deep.save(&path).unwrap();
    let single = x.as_slice().iter().map(|&x| x as f32).collect();
    let codes = deep.encode(&Batch::new(Dyn(6), single).unwrap()).unwrap();
    compare(codes.as_slice().iter().map(|&h| f64::from(h)).collect());
}

/// The parameters of the script: ½ sin(k + 1).
fn formula<T: Scalar>(count: usize) -> Vec<T> {
    (0..count).map(|k| T::of(0.5 * ((k + 1) as f64).sin())).collect()
}

#[test]
fn files_of_every_version_load() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(VERSIONS.contains(&version), "version {version} has no files yet: see above");
    let golden_model = || {
        let (least, greatest) = ([0.0; 3], [1.0; 3]);
        let range = Normalization::MinMax { low: -1.0, high: 1.0 };
        let normalizer = Normalizer::from_parts(range, least, greatest).unwrap();
        build!(f32, Dense::<3, 2>::new(Tanh), Dense::<2, 3>::new(Identity), running(), SquaredError)(
            1,
            Some(normalizer),
        )
    };
    let golden_net = || {
        let mut net = build!(
            f64,
            Dense::<3, 2>::new(Tanh),
            Dense::<2, 3>::new(Identity),
            NoRegularizer,
            SquaredError
        )(1, None);
        net.set_parameters(&formula(17)).unwrap();
        net
    };
    let trainer = |epochs| {
        let momentum = Sgd::new(0.5).unwrap().momentum(0.9).unwrap();
        let stopping = EarlyStopping::new(2).unwrap();
        Trainer::new(momentum).epochs(epochs).shuffle(false).early_stopping(stopping)
    };
    let x: Batch<f64, Const<3>> = (0..4)
        .map(|k| std::array::from_fn(|i| 0.25 + 0.5 * ((3 * k + i) as f64).cos().abs()))
        .collect();
    let single: Batch<f32, Const<3>> = x.iter().map(|x| [0, 1, 2].map(|i| x[i] as f32)).collect();

    let model_file = |version| fixture(&format!("model-{version}.safetensors"));
    let checkpoint_file = |version| fixture(&format!("checkpoint-{version}.safetensors"));
    if std::env::var_os("AUTOENCODER_WRITE_GOLDEN").is_some() && !model_file(version).exists() {
        let mut model = golden_model();
        model.set_parameters(&formula(17)).unwrap();
        model.save(model_file(version)).unwrap();
        let checkpoints = Checkpoints::new(checkpoint_file(version));
        trainer(1).checkpoints(checkpoints).fit(&mut golden_net(), &x).unwrap();
    }

    fn check<T: Scalar>(codes: &Batch<T, Const<2>>, expected: [f64; 8]) {
        for (code, expected) in codes.as_slice().iter().zip(expected) {
            assert!((code.to_double() - expected).abs() <= SINGLE, "{code} {expected}");
        }
    }
    for version in VERSIONS {
        let mut model = golden_model();
        model.load(model_file(version)).unwrap();
        check(&model.encode(&single).unwrap(), MODEL);
        let mut net = golden_net();
        net.set_parameters(&[0.0; 17]).unwrap();
        net.load(checkpoint_file(version)).unwrap();
        check(&net.encode(&x).unwrap(), EPOCHS[0]);
        // It goes on, in a copy, to the end of the second epoch.
        let folder = Folder::new("files-golden");
        let path = folder.join("run.safetensors");
        fs::copy(checkpoint_file(version), &path).unwrap();
        let mut resumed = golden_net();
        resumed.set_parameters(&[0.0; 17]).unwrap();
        let mut trainer = trainer(2).checkpoints(Checkpoints::new(path).resume(true));
        let report = trainer.fit(&mut resumed, &x).unwrap();
        assert_eq!((report.epochs.len(), report.kept_epoch), (2, 2));
        check(&resumed.encode(&x).unwrap(), EPOCHS[1]);
        let library = inspect(model_file(version)).unwrap().library;
        assert_eq!(library, format!("autoencoder {version}"));
        let kind = inspect(checkpoint_file(version)).unwrap().kind;
        assert_eq!(kind, "checkpoint");
    }
}

/// What the script prints.
const MODEL: [f64; 8] = [
    0.524051686,
    0.615959434,
    0.571142902,
    0.59768558,
    0.610669262,
    0.576593418,
    0.642843204,
    0.552886722,
];
const EPOCHS: [[f64; 8]; 2] = [
    [
        0.044474722,
        0.723168267,
        0.076710752,
        0.716739061,
        0.108034526,
        0.708359025,
        0.137777957,
        0.698068511,
    ],
    [
        -0.236418169,
        0.83347293,
        -0.206468132,
        0.829635815,
        -0.17519954,
        0.82399531,
        -0.143273234,
        0.816515222,
    ],
];
