//! What a user reads: a table of bad inputs, each with the exact text of its refusal. `refusals` has
//! the same refusals as data, over whole ranges of values.

use std::path::{Path, PathBuf};

use autoencoder::activation::{Elu, Identity, LeakyRelu, Relu, Tanh};
use autoencoder::corruption::{Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::data::{
    Csv, CsvOptions, Idx, InMemory, Normalization, Normalized, Npy, idx_labels,
};
use autoencoder::layer::AnyPart;
use autoencoder::random::seeded;
use autoencoder::train::SamplesAlone;
use autoencoder::train::schedule::{Constant, Cosine, StepDecay, Warmup};
use autoencoder::*;
use nalgebra::{Const, DMatrix, Dyn};

type Layer<A> = layer::DenseLayer<Dyn, Dyn, A>;
type Model = AutoEncoder<Layer<Tanh>, Layer<Identity>, NoRegularizer, BernoulliCrossEntropy, f64>;

fn model() -> Model {
    AutoEncoder::builder()
        .encoder(Dense::dynamic(4, 3, Tanh))
        .decoder(Dense::dynamic(3, 4, Identity))
        .loss(BernoulliCrossEntropy)
        .build()
        .unwrap()
}

fn batch(features: usize, samples: usize) -> Batch<f64, Dyn> {
    Batch::new(Dyn(features), vec![0.5; features * samples]).unwrap()
}

/// Good data with one value replaced.
fn with(row: usize, column: usize, value: f64) -> Batch<f64, Dyn> {
    let mut batch = batch(4, 3);
    batch.as_mut_slice()[4 * column + row] = value;
    batch
}

fn trainer<'a>() -> Trainer<'a, Sgd> {
    Trainer::new(Sgd::new(0.1).unwrap())
}

fn fit(trainer: Trainer<'_, Sgd>) -> Result<()> {
    fit_on(trainer, &batch(4, 3))
}

fn fit_on(trainer: Trainer<'_, Sgd>, x: &Batch<f64, Dyn>) -> Result<()> {
    fit_examples(trainer, Examples::of(x))
}

fn fit_weighted(trainer: Trainer<'_, Sgd>, weights: &[f64]) -> Result<()> {
    fit_examples(trainer, Examples::of(&batch(4, 3)).weights(weights))
}

/// A refusal leaves the model as it was.
fn fit_examples(
    mut trainer: Trainer<'_, Sgd>,
    examples: Examples<'_, f64, Dyn, SamplesAlone>,
) -> Result<()> {
    let mut model = model();
    let before = model.parameters().to_vec();
    let refused = trainer.fit(&mut model, examples).map(drop);
    assert_eq!(model.parameters(), before);
    refused
}

fn csv(text: &str) -> Result<Batch<f64, Dyn>> {
    Csv::from_bytes(text)?.load()
}

fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{header}\n");
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn load_npy(bytes: Vec<u8>) -> Result<()> {
    let npy: Npy<f64, Dyn> = Npy::from_bytes(bytes)?;
    { npy }.load().map(drop)
}

fn load_idx(bytes: &[u8]) -> Result<()> {
    let idx: Idx<f64, Dyn> = Idx::from_bytes(bytes)?;
    { idx }.load().map(drop)
}

/// What stands in the place of a text where all is well.
const NOTHING: &str = "nothing was refused";

/// Compares each refusal's text, and shows all that differ at once.
fn assert_texts(table: Vec<(Result<()>, &str)>) {
    assert_texts_in(Path::new("folder"), table);
}

/// The same, with this folder called `folder` in the texts.
fn assert_texts_in(folder: &Path, table: Vec<(Result<()>, &str)>) {
    let mut wrong = String::new();
    for (refused, expected) in &table {
        let found = match refused {
            Ok(()) => NOTHING.to_owned(),
            Err(error) => error.to_string().replace(&folder.display().to_string(), "folder"),
        };
        if found != *expected {
            wrong.push_str(&format!("expected {expected}\nfound    {found}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// A folder of a test for files, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("autoencoder-bad-inputs-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn plugins() {
    let nan = f64::NAN;
    let infinity = f64::INFINITY;
    assert_texts(vec![
        (SparseKl::new(1.0, 0.1).map(drop), "SparseKl target is 1, but must be in (0, 1)"),
        (SparseKl::new(5.0, 0.1).map(drop), "SparseKl target is 5, but must be in (0, 1)"),
        (
            SparseKl::new(0.1, -0.5).map(drop),
            "SparseKl weight is -0.5, but must be finite and not negative",
        ),
        (
            SparseKl::new(0.1, 0.1).unwrap().running(1.0).map(drop),
            "SparseKl running decay is 1, but must be in [0, 1)",
        ),
        (
            Contractive::new(nan).map(drop),
            "Contractive weight is NaN, but must be finite and not negative",
        ),
        (
            Contractive::new(0.1).unwrap().hutchinson(0).map(drop),
            "Contractive directions is 0, but must be at least 1",
        ),
        (
            CodeL1::new(-1e-9).map(drop),
            "CodeL1 weight is -1e-9, but must be finite and not negative",
        ),
        (
            WeightDecay::new(infinity).map(drop),
            "WeightDecay weight is inf, but must be finite and not negative",
        ),
        (
            Variational::new(-2.0).map(drop),
            "Variational beta is -2.0, but must be finite and not negative",
        ),
        (
            GaussianNoise::new(0.0).map(drop),
            "Gaussian corruption sd is 0, but must be finite and greater than 0",
        ),
        (Masking::new(30.0).map(drop), "Masking fraction is 30, but must be in [0, 1]"),
        (
            SaltAndPepper::new(-0.1).map(drop),
            "SaltAndPepper fraction is -0.1, but must be in [0, 1]",
        ),
        (
            SaltAndPepper::new(0.1).unwrap().values(1.0, 0.0).map(drop),
            "SaltAndPepper high is 0, but must be finite and greater than the low value",
        ),
        (Huber::new(0.0).map(drop), "Huber delta is 0, but must be finite and greater than 0"),
        (LeakyRelu::new(1.5).map(drop), "LeakyRelu slope is 1.5, but must be in (0, 1)"),
        (Elu::new(-1.0).map(drop), "Elu scale is -1.0, but must be finite and greater than 0"),
        (
            Gaussian::new(
                Dense::<4, 5>::new(Relu),
                Dense::<5, 2>::new(Identity),
                Dense::<5, 2>::new(Identity),
            )
            .clamp(3.0, -3.0)
            .map(drop),
            "Gaussian clamp high is -3.0, but must be in [-80, 80] and greater than the low end",
        ),
        (Sgd::new(-0.1).map(drop), "Sgd rate is -0.1, but must be finite and greater than 0"),
        (
            Sgd::new(0.1).unwrap().momentum(1.0).map(drop),
            "Sgd momentum is 1, but must be in [0, 1)",
        ),
        (
            Sgd::new(0.1).unwrap().weight_decay(nan).map(drop),
            "Sgd weight_decay is NaN, but must be finite and not negative",
        ),
        (
            Sgd::new(0.1).unwrap().nesterov_schedule(1.0).map(drop),
            "Sgd momentum is 1, but must be in [0, 1)",
        ),
        (
            Sgd::new(0.1).unwrap().at_most_from(10, 1.0).map(drop),
            "Sgd late momentum is 1, but must be in [0, 1)",
        ),
        (
            RmsProp::new(0.1).unwrap().decay(1.0).map(drop),
            "RmsProp decay is 1, but must be in [0, 1)",
        ),
        (init::Sparse::new(0).map(drop), "Sparse inputs is 0, but must be at least 1"),
        (Adam::new(0.0).map(drop), "Adam rate is 0, but must be finite and greater than 0"),
        (
            Adam::new(0.1).unwrap().betas(0.9, 1.0).map(drop),
            "Adam beta2 is 1, but must be in [0, 1)",
        ),
        (
            Adam::new(0.1).unwrap().epsilon(0.0).map(drop),
            "Adam epsilon is 0, but must be finite and greater than 0",
        ),
        (
            AdamW::new(0.1, -0.01).map(drop),
            "AdamW decay is -0.01, but must be finite and not negative",
        ),
        (StepDecay::new(0, 0.5).map(drop), "StepDecay epochs is 0, but must be at least 1"),
        (StepDecay::new(5, 2.0).map(drop), "StepDecay factor is 2, but must be in (0, 1]"),
        (Cosine::new(1.5).map(drop), "Cosine floor is 1.5, but must be in [0, 1]"),
        (Warmup::new(0, Constant).map(drop), "Warmup steps is 0, but must be at least 1"),
        (EarlyStopping::new(0).map(drop), "EarlyStopping patience is 0, but must be at least 1"),
        (
            EarlyStopping::new(3).unwrap().min_delta(-1.0).map(drop),
            "EarlyStopping min_delta is -1.0, but must be finite and not negative",
        ),
    ]);
}

#[test]
fn builders() {
    let build = |encoder: (usize, usize), decoder: (usize, usize)| {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(encoder.0, encoder.1, Tanh))
            .decoder(Dense::dynamic(decoder.0, decoder.1, Identity))
            .build::<f64>()
            .map(drop)
    };
    let head = |inputs, outputs| Dense::dynamic(inputs, outputs, Identity);
    let gaussian = |mean, log_variance| {
        AutoEncoder::builder()
            .encoder(Gaussian::new(Dense::dynamic(4, 6, Relu), mean, log_variance))
            .decoder(Dense::dynamic(3, 4, Identity))
            .build::<f64>()
            .map(drop)
    };
    let normalizer = Normalizer::fit(Normalization::Standardize, &batch(5, 2)).unwrap();
    assert_texts(vec![
        (build((0, 3), (3, 0)), "Dense inputs is 0, but must be at least 1"),
        (build((4, 0), (0, 4)), "Dense outputs is 0, but must be at least 1"),
        (build((4, 3), (2, 4)), "the decoder's input: expected 3 code units, found 2"),
        (build((4, 3), (3, 5)), "the decoder's output: expected 4 features, found 5"),
        (
            AutoEncoder::builder()
                .encoder(head(4, 6).then(head(5, 3)))
                .decoder(head(3, 4))
                .build::<f64>()
                .map(drop),
            "inputs of the next layer of a chain: expected 6 units, found 5",
        ),
        (
            gaussian(head(5, 3), head(6, 3)),
            "inputs of the Gaussian's mean head: expected 6 units, found 5",
        ),
        (
            gaussian(head(6, 3), head(6, 2)),
            "outputs of the Gaussian's log-variance head: expected 3 code units, found 2",
        ),
        (
            AutoEncoder::builder()
                .encoder(head(4, 3))
                .decoder(head(3, 4))
                .normalizer(normalizer)
                .build::<f64>()
                .map(drop),
            "the normalizer: expected 4 features, found 5",
        ),
        (
            Batch::new(Dyn(3), vec![0.0; 7]).map(drop),
            "Batch::new: expected 6 values (a whole number of samples), found 7",
        ),
        (
            Batch::from_samples(Const::<2>, [vec![1.0, 2.0], vec![3.0]]).map(drop),
            "Batch::from_samples: expected 2 features, found 1",
        ),
        (
            Batch::<f64, Const<4>>::try_from(DMatrix::zeros(3, 2)).map(drop),
            "Batch::with_features: expected 4 features, found 3",
        ),
    ]);
}

/// What the compiler refuses where it knows the types is refused here where it does not.
#[test]
fn chosen_at_run_time() {
    type Part = layer::Any<f64>;
    let dense = |inputs, outputs| Dense::dynamic(inputs, outputs, Identity).boxed::<f64>();
    let bounded = |inputs, outputs| Dense::dynamic(inputs, outputs, Tanh).boxed::<f64>();
    let gaussian = || Gaussian::new(dense(4, 6), dense(6, 3), dense(6, 3)).boxed::<f64>();
    let build = |encoder: Part, decoder: Part| {
        AutoEncoder::builder().encoder(encoder).decoder(decoder).build::<f64>().map(drop)
    };
    let regularized = |encoder: Part, regularizer: Box<dyn Regularizer<f64>>| {
        let builder = AutoEncoder::builder().encoder(encoder).decoder(dense(3, 4));
        builder.regularizer(regularizer).build::<f64>().map(drop)
    };
    let compared = |decoder: Part, loss: Box<dyn Loss<f64>>| {
        let builder = AutoEncoder::builder().encoder(dense(4, 3)).decoder(decoder);
        builder.loss(loss).build::<f64>().map(drop)
    };
    let headed = |head: Part| {
        AutoEncoder::builder().encoder(dense(4, 3)).head(head).build::<f64>().map(drop)
    };
    let variational = Variational::default;
    let tied_to = |inputs| {
        let encoder = Dense::dynamic(4, inputs, Identity);
        let tied = AutoEncoder::builder().encoder(encoder).decoder(Tied::new(Identity));
        tied.build::<f64>().unwrap().decoder().clone()
    };
    let gives_two = |part| {
        format!(
            "{part} gives a distribution, where a layer that gives a value for each unit is needed: a \
             `Gaussian`, which gives a mean and a log-variance, can only be a whole encoder"
        )
    };
    let (in_a_chain, in_a_gaussian) =
        (&*gives_two("a layer of a chain"), &*gives_two("a part of a `Gaussian`"));
    let as_a_decoder = &*gives_two("the decoder");
    let no_spread = "Variational needs an encoder that gives a distribution, and this one gives a point: \
                     describe the encoder as `Gaussian::new(body, mean, log_variance)`";
    let logits = "the decoder gives values in a bounded range, and this loss takes logits: end the decoder \
                  in `Identity`";
    assert_texts(vec![
        (build(gaussian(), dense(3, 4)), NOTHING),
        (build(dense(4, 3), dense(2, 4)), "the decoder's input: expected 3 code units, found 2"),
        (build(dense(4, 3), dense(3, 5)), "the decoder's output: expected 4 features, found 5"),
        (layer::Any::<f64>::of([]).map(drop), "the number of layers is 0, but must be at least 1"),
        (
            build(layer::Any::of([dense(4, 5), dense(6, 3)]).unwrap(), dense(3, 4)),
            "inputs of the next layer of a chain: expected 5 units, found 6",
        ),
        // Means and log-variances of a batch are not columns of values.
        (build(layer::Any::of([gaussian(), dense(6, 3)]).unwrap(), dense(3, 4)), in_a_chain),
        (build(layer::Any::of([dense(4, 4), gaussian()]).unwrap(), dense(6, 4)), in_a_chain),
        (
            build(Gaussian::new(gaussian(), dense(6, 3), dense(6, 3)).boxed(), dense(3, 4)),
            in_a_gaussian,
        ),
        (
            build(Gaussian::new(dense(4, 4), gaussian(), dense(4, 6)).boxed(), dense(6, 4)),
            in_a_gaussian,
        ),
        (
            build(Gaussian::new(dense(4, 4), dense(4, 6), gaussian()).boxed(), dense(6, 4)),
            in_a_gaussian,
        ),
        (build(dense(4, 4), gaussian()), as_a_decoder),
        (
            AutoEncoder::builder()
                .encoder(Dense::dynamic(4, 2, Identity))
                .decoder(tied_to(3))
                .build::<f64>()
                .map(drop),
            "the encoder that a decoder with tied weights was made for: expected 15 parameters, found \
             10",
        ),
        (regularized(dense(4, 3), Box::new(variational())), no_spread),
        (regularized(dense(4, 3), Box::new((CodeL1::new(0.1).unwrap(), variational()))), no_spread),
        (
            regularized(dense(4, 3), Box::new(SparseKl::new(0.1, 0.1).unwrap())),
            "SparseKl needs a code that is bounded on both sides: end the encoder in a sigmoid or tanh, \
             or use CodeL1",
        ),
        (regularized(bounded(4, 3), Box::new(SparseKl::new(0.1, 0.1).unwrap())), NOTHING),
        (compared(bounded(3, 4), Box::new(BernoulliCrossEntropy)), logits),
        (compared(dense(3, 4), Box::new(BernoulliCrossEntropy)), NOTHING),
        (headed(bounded(3, 2)), logits),
        (headed(dense(3, 1)), "Classifier classes is 1, but must be at least 2"),
    ]);
}

/// Calls that would leave out weights and held-out samples refuse them.
#[test]
fn examples_of_a_call_that_does_not_train() {
    let (mut model, x) = (model(), batch(4, 3));
    let weighted = || Examples::of(&x).weights(&[1.0, 2.0, 0.5]);
    let held_out = || Examples::of(&x).held_out(&x);
    let weights =
        "Examples::weights are not for this call, in which all samples count alike: leave them out";
    let others = "Examples::held_out is not for this call, which does not validate: leave it out";
    let codes = model.encode(&x).unwrap();
    let weighted_codes = Examples::of(&codes).weights(&[1.0; 3]);
    assert_texts(vec![
        (model.encode(weighted()).map(drop), weights),
        (model.encode(held_out()).map(drop), others),
        (model.decode(weighted_codes).map(drop), weights),
        (model.reconstruct(weighted()).map(drop), weights),
        (model.score(weighted()).map(drop), weights),
        (model.score(held_out()).map(drop), others),
        (model.squared_jacobian(weighted()).map(drop), weights),
        (model.loss(held_out()).map(drop), others),
        (model.objective(held_out(), None, None).map(drop), others),
        (gradcheck::model(&model, held_out(), 1).map(drop), others),
        (health::Checkup::of(&model, weighted()).map(drop), weights),
        (health::kl_per_unit(&model, weighted()).map(drop), weights),
    ]);
    let squared = anomaly::SquaredResidual;
    let mut detector = anomaly::AnomalyDetector::fit(model.clone(), squared, &x).unwrap();
    assert_texts(vec![
        (anomaly::AnomalyDetector::fit(model.clone(), squared, weighted()).map(drop), weights),
        (detector.scores(weighted()).map(drop), weights),
        (detector.feature_scores(held_out()).map(drop), others),
        (detector.calibrate(weighted()).map(drop), weights),
    ]);
    let plain = model.loss(&x).unwrap();
    assert_eq!(model.loss(Examples::of(&x).weights(&[1.0; 3])).unwrap(), plain);
    trainer().fit(&mut model, held_out()).unwrap();

    let classifier =
        AutoEncoder::builder().encoder(Dense::dynamic(4, 3, Tanh)).classes::<3>().build::<f64>();
    let classifier = classifier.unwrap();
    let accuracy = "accuracy: this call takes samples in memory, and no stream (`Source::load` reads a stream into \
                    memory)";
    let cross_entropy = accuracy.replace("accuracy", "cross_entropy");
    assert_texts(vec![
        (classifier.predict(weighted()).map(drop), weights),
        (classifier.accuracy(held_out(), &[0, 1, 2]).map(drop), others),
        (classifier.accuracy(&mut InMemory::from(&x), &[0, 1, 2]).map(drop), accuracy),
        (classifier.cross_entropy(&mut InMemory::from(&x), &[0, 1, 2]).map(drop), &cross_entropy),
    ]);
}

/// As many values, in another order: what the compiler cannot tell apart of images and windows of run-time sizes.
#[test]
fn shapes() {
    use autoencoder::size::{DynImage, DynWindow, Size};
    fn of<S: Size>(size: S) -> Batch<f64, S> {
        Batch::new(size, vec![0.5; 24]).unwrap()
    }
    let image = |channels, height, width| DynImage { channels, height, width };
    let window = |channels, steps| DynWindow { channels, steps };
    let (right, turned) = (image(2, 3, 4), image(2, 4, 3));
    let mut model = AutoEncoder::builder()
        .encoder(Dense::between(right, Dyn(2), Tanh))
        .decoder(Dense::between(Dyn(2), right, Identity))
        .build::<f64>()
        .unwrap();
    let of_windows = AutoEncoder::builder()
        .encoder(Dense::between(window(4, 6), Dyn(2), Tanh))
        .decoder(Dense::between(Dyn(2), window(4, 6), Identity))
        .build::<f64>()
        .unwrap();
    let (mut into, mut workspace) = (of(turned), model.workspace());
    let into = model.reconstruct_into(&of(right), &mut into, &mut workspace);
    let (images, plain, others) = (of(right), of(Dyn(24)), of(turned));
    let beside_images = Examples::of(&images).held_out(&others);
    let beside_images = trainer().fit(&mut model, beside_images).map(drop);
    let beside_plain = Examples::of(&plain).held_out(&others);
    let beside_plain = trainer().fit(&mut model, beside_plain).map(drop);
    assert_texts(vec![
        (model.encode(&of(turned)).map(drop), "encode: expected 3 rows, found 4"),
        (model.score(&of(image(4, 3, 2))).map(drop), "score: expected 2 channels, found 4"),
        (into, "the outputs of reconstruct_into: expected 3 rows, found 4"),
        (model.loss(&of(turned)).map(drop), "loss: expected 3 rows, found 4"),
        (trainer().fit(&mut model, &of(turned)).map(drop), "fit: expected 3 rows, found 4"),
        (beside_images, "validation: expected 3 rows, found 4"),
        (beside_plain, "validation: expected 3 rows, found 4"),
        (of_windows.encode(&of(window(6, 4))).map(drop), "encode: expected 4 channels, found 6"),
    ]);
    // Plain features have no shape.
    assert_eq!(model.encode(&of(Dyn(24))).unwrap(), model.encode(&of(right)).unwrap());
    trainer().fit(&mut model, &of(right)).unwrap();
}

/// What is given beside each sample, and streams where a batch is wanted.
#[test]
fn examples() {
    let x = batch(4, 3);
    let (c, few) = (batch(2, 3), batch(2, 2));
    let mut conditional = AutoEncoder::builder()
        .encoder(Conditioned::dynamic(2, Dense::dynamic(6, 3, Tanh)))
        .decoder(Conditioned::dynamic(2, Dense::dynamic(5, 4, Identity)))
        .build::<f64>()
        .unwrap();
    let mut classifier = AutoEncoder::builder()
        .encoder(Dense::dynamic(4, 3, Tanh))
        .classes::<3>()
        .build::<f64>()
        .unwrap();
    let mut nan = c.clone();
    nan.as_mut_slice()[3] = f64::NAN;
    let labels = |numbers: &[f64]| Batch::new(Dyn(1), numbers.to_vec()).unwrap();
    let nested = Examples::of(&x).held_out(Examples::of(&x).weights(&[1.0; 3]));
    let nested = trainer().fit(&mut model(), nested).map(drop);
    let mut stream = InMemory::from(&x);
    let weighted = Examples::of(&mut stream).weights(&[1.0; 3]);
    let weighted = trainer().fit(&mut model(), weighted).map(drop);
    let classes = labels(&[0.0, 3.0, 1.0]);
    let mut streams = (InMemory::from(&x), InMemory::from(&classes));
    let no_class = trainer().fit(&mut classifier, (&mut streams.0, &mut streams.1)).map(drop);
    let classes = labels(&[0.0, 1.0]);
    let mut streams = (InMemory::from(&x), InMemory::from(&classes));
    let few_classes = trainer().fit(&mut classifier, (&mut streams.0, &mut streams.1)).map(drop);
    let mut streams = (InMemory::from(&x), InMemory::from(&few));
    let few_beside = trainer().fit(&mut conditional, (&mut streams.0, &mut streams.1)).map(drop);
    assert_texts(vec![
        (
            nested,
            "Examples::held_out takes samples alone, which all count alike: leave out their weights, and \
             samples held out from them",
        ),
        (
            weighted,
            "Examples::weights are not for a stream, whose samples count alike: leave them out, or read \
             the stream into memory (`Source::load`)",
        ),
        (
            model().reconstruct(&mut InMemory::from(&x)).map(drop),
            "reconstruct: this call takes samples in memory, and no stream (`Source::load` reads a stream \
             into memory)",
        ),
        (
            no_class,
            "fit: the label of sample 1 (counted from 0) is 3, but must be one of 3 \
                    classes, a whole number from 0 to 2",
        ),
        (few_classes, "fit: expected 3 labels, found 2"),
        (few_beside, "the conditions of fit: expected 3 conditions, found 2"),
        (
            conditional.encode((&x, &few)).map(drop),
            "the conditions of encode: expected 3 conditions, found 2",
        ),
        (
            conditional.score((&x, &nan)).map(drop),
            "the conditions of score: feature 1 of sample 1 is NaN, but must be finite (features \
             and samples are counted from 0)",
        ),
        (
            conditional.reconstruct((&x, &x)).map(drop),
            "the conditions of reconstruct: expected 2 features, found 4",
        ),
        (
            trainer().fit(&mut conditional, (&x, &nan)).map(drop),
            "the conditions of fit: feature 1 of sample 1 is NaN, but must be finite (features \
             and samples are counted from 0)",
        ),
        (classifier.loss((&x, &[0, 1])).map(drop), "loss: expected 3 labels, found 2"),
        (
            trainer().fit(&mut classifier, (&x, &[0, -1, 2])).map(drop),
            "fit: the label of sample 1 (counted from 0) is -1, but must be one of 3 classes, a \
             whole number from 0 to 2",
        ),
    ]);
}

#[test]
fn calls() {
    let model = model();
    let wide = batch(5, 2);
    let none = batch(4, 0);
    let mut codes = batch(2, 1);
    let mut outputs = batch(3, 1);
    let mut workspace = model.workspace();
    let mut other = AutoEncoder::builder()
        .encoder(Dense::dynamic(4, 2, Tanh))
        .decoder(Dense::dynamic(2, 4, Identity))
        .build::<f64>()
        .unwrap()
        .workspace();
    let mut short = vec![0.0; 3];
    let mut parameters = model.parameters().to_vec();
    parameters[5] = f64::NAN;
    assert_texts(vec![
        (
            model.encode(&with(2, 1, f64::NAN)).map(drop),
            "encode: feature 2 of sample 1 is NaN, but must be finite (features and samples are \
             counted from 0); where NaN stands for a missing value, fit the model's \
             normalizer by `Normalizer::fit_with_missing`",
        ),
        (
            model.score(&with(0, 2, f64::NEG_INFINITY)).map(drop),
            "score: feature 0 of sample 2 is -inf, but must be finite (features and samples are \
             counted from 0)",
        ),
        (
            model.loss(&with(3, 0, 255.0)).map(drop),
            "loss: feature 3 of sample 0 is 255, but bernoulli_cross_entropy needs a value in \
             [0, 1]: scale the data, or take another loss (features and samples are counted from 0)",
        ),
        (model.encode(&wide).map(drop), "encode: expected 4 features, found 5"),
        (model.decode(&wide).map(drop), "decode: expected 3 features, found 5"),
        (model.encode(&none).map(drop), "encode: there are no samples, but at least one is needed"),
        (model.encode_one(&[0.5; 3][..]).map(drop), "encode_one: expected 4 features, found 3"),
        (
            model.encode_into(&batch(4, 2), &mut codes, &mut workspace),
            "the codes of encode_into: expected 3 features, found 2",
        ),
        (
            model.decode_into(&batch(3, 2), &mut outputs, &mut workspace),
            "the outputs of decode_into: expected 4 features, found 3",
        ),
        (
            model.reconstruct_into(&batch(4, 2), &mut outputs, &mut workspace),
            "the outputs of reconstruct_into: expected 4 features, found 3",
        ),
        (
            model.encode_one_into(&[0.5; 4][..], &mut [0.0; 2], &mut workspace),
            "the code of encode_one_into: expected 3 code units, found 2",
        ),
        (
            model.encode_into(&batch(4, 2), &mut batch(3, 1), &mut other),
            "the workspace, which another model made: expected 3 code units, found 2",
        ),
        (
            model.objective(&batch(4, 2), None, Some(&mut short)).map(drop),
            "objective: expected 31 gradients, found 3",
        ),
        (
            model.objective_at(&short, &batch(4, 2), None).map(drop),
            "objective_at: expected 31 parameters, found 3",
        ),
        (model.clone().set_parameters(&short), "set_parameters: expected 31 parameters, found 3"),
        (
            model.clone().set_parameters(&parameters),
            "set_parameters: parameter 5 (counted from 0) is NaN, but must be finite",
        ),
        (
            model.objective(Examples::of(&batch(4, 2)).weights(&[1.0, -1.0]), None, None).map(drop),
            "objective: the weight of sample 1 (counted from 0) is -1.0, but must be finite and not negative",
        ),
    ]);
    let variational = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<4, 5>::new(Relu),
            Dense::<5, 2>::new(Identity),
            Dense::<5, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 4>::new(Identity))
        .build::<f64>()
        .unwrap();
    let rng = &mut seeded(1);
    let one = Batch::from_iter([[0.5; 4]]);
    assert_texts(vec![
        (
            variational.sample(0, rng).map(drop),
            "number of samples to draw is 0, but must be at least 1",
        ),
        (variational.elbo(&one, 0, rng).map(drop), "elbo draws is 0, but must be at least 1"),
    ]);
}

#[test]
fn trainer_settings() {
    let x = batch(4, 3);
    let mut streams = trainer().validation_split(0.5);
    let stream = streams.fit(&mut model(), &mut InMemory::from(&x)).map(drop);
    let twice =
        trainer().validation_split(0.5).fit(&mut model(), Examples::of(&x).held_out(&x)).map(drop);
    assert_texts(vec![
        (fit(trainer().epochs(0)), "Trainer epochs is 0, but must be at least 1"),
        (fit(trainer().batch_size(0)), "Trainer batch_size is 0, but must be at least 1"),
        (fit(trainer().shuffle_buffer(0)), "Trainer shuffle_buffer is 0, but must be at least 1"),
        (
            fit(trainer().clip_norm(0.0)),
            "Trainer clip_norm is 0, but must be finite and greater than 0",
        ),
        (
            fit(trainer().validation_split(1.0)),
            "Trainer validation_split is 1, but must be in (0, 1)",
        ),
        (
            fit_on(trainer().validation_split(0.5), &batch(4, 1)),
            "samples to split is 1, but must be at least 2",
        ),
        (
            stream,
            "Trainer validation_split is 0.5, but must be left unset for a stream, such as a file or a folder, which has no \
             end to hold out: give other samples to validate on, by `Examples::of(&mut stream).held_out(&others)`, or read \
             the stream into memory (`Source::load`), of which the last samples are held out",
        ),
        (
            twice,
            "Trainer validation_split is 0.5, but must be left unset where validation samples are \
             given",
        ),
        (
            fit(trainer().on_divergence(OnDivergence::SkipBatch { limit: 0 })),
            "OnDivergence::SkipBatch limit is 0, but must be at least 1",
        ),
        (
            fit(trainer().on_divergence(OnDivergence::RestoreBest { limit: 0 })),
            "OnDivergence::RestoreBest limit is 0, but must be at least 1",
        ),
        (
            fit_weighted(trainer(), &[1.0, 2.0]),
            "the weights of the examples: expected 3 weights (one a sample), found 2",
        ),
        (
            fit_weighted(trainer(), &[1.0, f64::NAN, 1.0]),
            "the weights of the examples: the weight of sample 1 (counted from 0) is NaN, but must be finite and not \
             negative",
        ),
        (
            fit_weighted(trainer(), &[0.0; 3]),
            "the sum of all sample weights is 0, but must be finite and greater than 0: at least \
             one sample must count",
        ),
        (
            fit_on(trainer(), &with(1, 2, f64::INFINITY)),
            "fit: feature 1 of sample 2 is inf, but must be finite (features and samples are counted from 0)",
        ),
        (
            trainer().fit(&mut model(), Examples::of(&x).held_out(&with(0, 0, -1.0))).map(drop),
            "validation: feature 0 of sample 0 is -1.0, but bernoulli_cross_entropy needs a \
             value in [0, 1]: scale the data, or take another loss (features and samples are counted from 0)",
        ),
    ]);
    let (quantity, outlier) = ("the gradient".to_owned(), None);
    let diverged = Error::Diverged { epoch: 3, batch: 7, quantity, outlier };
    assert_eq!(
        diverged.to_string(),
        "training diverged in epoch 3, batch 7: the gradient is not finite; the model holds the last \
         finite parameters (try a smaller learning rate or `clip_norm`)"
    );
}

#[test]
fn normalizers() {
    let standardize = Normalization::Standardize;
    let min_max = |low, high| Normalization::MinMax { low, high };
    let from_parts = |normalization, first: Vec<f64>, second: Vec<f64>| {
        Normalizer::from_parts(normalization, first, second).map(drop)
    };
    let fitted = Normalizer::fit(standardize, &batch(4, 2)).unwrap();
    assert_texts(vec![
        (
            Normalizer::fit(standardize, &batch(4, 0)).map(drop),
            "Normalizer::fit: there are no samples, but at least one is needed",
        ),
        (
            Normalizer::fit(standardize, &with(3, 1, f64::NAN)).map(drop),
            "Normalizer::fit: feature 3 of sample 1 is NaN, but must be finite (features and \
             samples are counted from 0); where NaN stands for a missing value, fit the model's \
             normalizer by `Normalizer::fit_with_missing`",
        ),
        (
            Normalizer::fit(min_max(1.0, 1.0), &batch(4, 2)).map(drop),
            "MinMax high is 1, but must be finite and greater than low",
        ),
        (
            Normalizer::fit(min_max(f64::NAN, 1.0), &batch(4, 2)).map(drop),
            "MinMax low is NaN, but must be finite",
        ),
        (fitted.apply(batch(5, 2).view_mut()), "Normalizer::apply: expected 4 features, found 5"),
        (
            fitted.undo(with(0, 1, f64::NAN).view_mut()),
            "Normalizer::undo: feature 0 of sample 1 is NaN, but must be finite (features and \
             samples are counted from 0)",
        ),
        (
            from_parts(standardize, vec![0.0; 2], vec![1.0; 3]),
            "Normalizer::from_parts: expected 2 values in the second part, found 3",
        ),
        (
            from_parts(standardize, vec![f64::NAN], vec![1.0]),
            "Normalizer mean or least value is NaN, but must be finite",
        ),
        (
            from_parts(standardize, vec![0.0], vec![0.0]),
            "Normalizer standard deviation is 0, but must be finite and greater than 0",
        ),
        (
            from_parts(min_max(0.0, 1.0), vec![2.0], vec![1.0]),
            "Normalizer greatest value is 1, but must be finite and not less than the least value",
        ),
        (
            from_parts(Normalization::None, vec![1.0], vec![1.0]),
            "Normalizer::from_parts: expected 0 values, found 1",
        ),
        (
            Normalized::new(InMemory::from(&batch(5, 2)), fitted).map(drop),
            "Normalized::new: expected 4 features, found 5",
        ),
    ]);
}

#[test]
fn sources_in_memory() {
    let x = batch(4, 3);
    assert_texts(vec![
        (
            csv("").map(drop),
            "<memory>: found an empty file, expected a table in text in UTF-8 (unpack, export or convert \
             the file first)",
        ),
        (
            csv("a,b\n1,2\n3\n").map(drop),
            "<memory>, line 3 (counted from 1): expected 2 cells, found 1",
        ),
        (
            csv("a,b\n1,two\n").map(drop),
            "<memory>, line 2, column 2 (`b`; counted from 1): found \"two\", expected a finite number \
             (`CsvOptions::columns` chooses the columns that are features, `label` leaves one out, and \
             `missing_marks` takes a text for a missing value)",
        ),
        (
            csv("a,b\n1,\n").map(drop),
            "<memory>, line 2, column 2 (`b`; counted from 1): found an empty cell, a missing value, expected a \
             finite number (`CsvOptions::missing` says what becomes of missing values: \
             `Missing::DropRow`, `Missing::Value` or `Missing::NotANumber`)",
        ),
        (
            csv("a,b\n1,NaN\n").map(drop),
            "<memory>, line 2, column 2 (`b`; counted from 1): found a missing value (\"NaN\"), expected a \
             finite number (`CsvOptions::missing` says what becomes of missing values: \
             `Missing::DropRow`, `Missing::Value` or `Missing::NotANumber`)",
        ),
        (
            csv("a,b\n1,\"2\n").map(drop),
            "<memory>, line 2, column 2 (`b`; counted from 1): found the end of the file, expected a closing \
             quote (`CsvOptions::quote(None)` if quotes mean nothing here)",
        ),
        (
            CsvOptions::new().columns(["c"]).from_bytes::<f64, Dyn>("a,b\n1,2\n").map(drop),
            "<memory>, `c`: found only the columns `a`, `b`, expected a name in the header",
        ),
        (
            CsvOptions::new().columns([7]).from_bytes::<f64, Dyn>("a,b\n1,2\n").map(drop),
            "<memory>: expected 8 columns or more (`Column::Index` counts from 0), found 2",
        ),
        (
            CsvOptions::new().delimiter(b'"').map(drop),
            "CsvOptions delimiter is `b'\"'`, but must be ASCII, and neither a quote nor a line end",
        ),
        (
            Csv::<f64, Const<3>>::from_bytes("a,b\n1,2\n").map(drop),
            "<memory>: expected 3 features, found 2",
        ),
        (InMemory::from(&x).skip(4), "Source::skip: expected 4 samples left, found 3"),
        (
            InMemory::from(&x).read(batch(5, 1).view_mut()).map(drop),
            "Source::read: expected 4 features, found 5",
        ),
        (
            Npy::<f64, Dyn>::from_bytes(*b"no array").map(drop),
            "<memory>: found a text, expected an NPY file (`Npz` opens archives of arrays, `Csv` texts)",
        ),
        (
            load_npy(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", &[0; 31])),
            "<memory>: expected 102 bytes, found 101",
        ),
        (
            load_npy(npy("{'descr': '<c16', 'fortran_order': False, 'shape': (1, 1), }", &[0; 16])),
            "<memory>, byte 20 (counted from 0): found complex numbers (\"<c16\"), expected real numbers: save \
             `array.real` and `array.imag`, or `abs(array)`",
        ),
        (
            load_npy(npy(
                "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }",
                &f64::NAN.to_le_bytes(),
            )),
            "<memory>, sample 0, feature 0 (counted from 0): found NaN, expected a finite number",
        ),
        (
            Npy::<f64, Dyn>::from_bytes(npy(
                "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }",
                &[0; 8],
            ))
            .and_then(|npy| npy.scale(0.0))
            .map(drop),
            "Npy scale is 0, but must be finite and not 0",
        ),
        (
            load_idx(&[0, 0, 8]),
            "<memory>, byte 3 (counted from 0): found the end of the file, expected more bytes",
        ),
        (
            load_idx(&[0, 0, 7, 1, 0, 0, 0, 1, 0]),
            "<memory>, byte 2 (counted from 0): found 7, expected a number type of IDX: 8 or 9 (bytes), 11 (16 \
             bits), 12 (32 bits), 13 (single precision) or 14 (double)",
        ),
        (load_idx(&[0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), "<memory>: expected 11 bytes, found 10"),
        (
            load_idx(&[0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 2]),
            "<memory>, byte 12 (counted from 0): found no samples, expected at least one sample",
        ),
        (
            Idx::<f64, Dyn>::from_bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5])
                .and_then(|idx| idx.scale(f64::NAN))
                .map(drop),
            "Idx scale is NaN, but must be finite and not 0",
        ),
    ]);
}

#[test]
fn files() {
    let folder = Folder::new("files");
    let missing = folder.0.join("missing.csv");
    let labels = folder.file("floats.idx", &[0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    let images = folder.file("images.idx", &[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5]);
    let text = folder.file("bad.csv", b"length,width\n1,2\n3,x\n");
    assert_texts_in(
        &folder.0,
        vec![
            (
                Csv::<f64, Dyn>::open(&missing).map(drop),
                "folder/missing.csv: cannot open: there is no such file or folder",
            ),
            (
                Csv::<f64, Dyn>::open(&folder.0).map(drop),
                "folder: cannot open: it is a folder, and a file is needed",
            ),
            (
                idx_labels(&labels).map(drop),
                "folder/floats.idx, byte 2 (counted from 0): found another number type, expected \
                 bytes without sign (8)",
            ),
            (
                idx_labels(&images).map(drop),
                "folder/images.idx, byte 3 (counted from 0): found more than one dimension, \
                 expected one dimension",
            ),
            (
                Csv::<f64, Dyn>::open(&text).and_then(|mut csv| csv.load()).map(drop),
                "folder/bad.csv, line 3, column 2 (`width`; counted from 1): found \"x\", expected a finite \
                 number (`CsvOptions::columns` chooses the columns that are features, `label` leaves one out, and \
                 `missing_marks` takes a text for a missing value)",
            ),
        ],
    );
}

#[cfg(not(feature = "gzip"))]
#[test]
fn packed_files_need_a_feature() {
    let folder = Folder::new("packed");
    let packed = folder.file("packed.idx", &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0]);
    assert_texts_in(
        &folder.0,
        vec![(
            Idx::<f64, Dyn>::open(&packed).map(drop),
            "folder/packed.idx is a gzip file, which is read with the crate's feature `gzip`",
        )],
    );
}

#[cfg(feature = "npz")]
#[test]
fn archives() {
    use autoencoder::data::Npz;
    let stored = common::fixture("stored.npz");
    let archive = Npz::open(&stored).unwrap();
    assert_texts_in(
        stored.parent().unwrap(),
        vec![
            (
                Npz::from_bytes(*b"no archive").and_then(|npz| npz.names()).map(drop),
                "<memory>: found a text, expected an archive of arrays (NPZ)",
            ),
            (
                archive.array::<f64, Dyn>("nothing").map(drop),
                "folder/stored.npz, `nothing.npy`: found no such member, expected the name of a member",
            ),
        ],
    );
}

#[cfg(feature = "parallel")]
#[test]
fn threads() {
    assert_texts(vec![
        (Threads::new(0).map(drop), "Threads count is 0, but must be at least 1"),
        (fit(trainer().threads(0)), "Trainer threads is 0, but must be at least 1"),
    ]);
}

#[cfg(feature = "safetensors")]
#[test]
fn model_files_and_checkpoints() {
    let folder = Folder::new("models");
    use autoencoder::train::Checkpoints;
    let path = folder.0.join("model.safetensors");
    model().save(&path).unwrap();
    let narrow = || {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(4, 2, Tanh))
            .decoder(Dense::dynamic(2, 4, Identity))
            .loss(BernoulliCrossEntropy)
    };
    let squares = || {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(4, 3, Tanh))
            .decoder(Dense::dynamic(3, 4, Identity))
    };
    let mut torn = std::fs::read(&path).unwrap();
    torn.pop();
    let torn = folder.file("torn.safetensors", &torn);
    let empty = folder.file("empty.safetensors", &[]);
    let missing = folder.0.join("missing.safetensors");
    let nowhere = folder.0.join("no").join("model.safetensors");
    let checkpoint = folder.0.join("run.safetensors");
    let checkpoints = || Checkpoints::new(&checkpoint);
    let mut other = model();
    trainer().checkpoints(checkpoints()).fit(&mut other, &batch(4, 3)).unwrap();
    assert_texts_in(
        &folder.0,
        vec![
            (
                model().load(&missing),
                "folder/missing.safetensors: cannot read the file: there is no such file or folder",
            ),
            (
                model().load(&empty),
                "folder/empty.safetensors: this is an empty file and no model file: give the path of \
                 one that `save` has written",
            ),
            (
                model().load(&torn),
                "folder/torn.safetensors: the file has 943 bytes and should have 944: it was cut \
                 off, by a broken copy or download; fetch it again",
            ),
            (
                narrow().build::<f64>().unwrap().load(&path),
                "folder/model.safetensors: the architecture: the file has encoder.0.weight  \
                 Dense(Tanh)  3×4, but encoder.0.weight  Dense(Tanh)  2×4 is needed",
            ),
            (
                squares().build::<f64>().unwrap().load(&path),
                "folder/model.safetensors: the loss: the file has BernoulliCrossEntropy, but \
                 SquaredError is needed; `load_encoder` takes the encoder alone, whatever the loss",
            ),
            (
                model().save(&nowhere),
                "folder/no/model.safetensors: cannot create a temporary file beside the file: \
                 there is no such file or folder",
            ),
            (
                inspect(&torn).map(drop),
                "folder/torn.safetensors: the file has 943 bytes and should have 944: it was cut \
                 off, by a broken copy or download; fetch it again",
            ),
            (
                fit(trainer().checkpoints(checkpoints().every_epochs(0))),
                "Checkpoints every_epochs is 0, but must be at least 1",
            ),
            (
                fit(trainer().checkpoints(checkpoints().every_steps(0))),
                "Checkpoints every_steps is 0, but must be at least 1",
            ),
            (
                fit(trainer().seed(5).checkpoints(checkpoints().resume(true))),
                "folder/run.safetensors: the training (which goes on only with the settings that it was \
                 stopped with): the file has seed 0, but seed 5 is needed",
            ),
            (
                fit_weighted(trainer().checkpoints(checkpoints().resume(true)), &[1.0, 2.0, 3.0]),
                "folder/run.safetensors: the training (which goes on only with the settings that it was \
                 stopped with): the file has nothing in its place, but 3 sample weights with digest \
                 a68de4b5e96a60c8 is needed",
            ),
        ],
    );
}
