//! Models of sparse codes: the contract, what is the same in training and in use, and what a step leaves behind.

use autoencoder::activation::{Identity, Relu};
use autoencoder::layer::sparse::*;
use autoencoder::layer::{Any, AnyPart};
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::regularizer::{
    AuxK, DictionaryL1, GateSparsity, JumpReluSparsity, Matryoshka, Resampling, SuitedTo,
};
use autoencoder::train::schedule::{Progress, Schedule};
use autoencoder::*;
use nalgebra::{Const, Dyn};

const X: usize = 6;
const UNITS: usize = 20;

fn data<T: Float>(samples: usize, seed: u64) -> Batch<T, Const<X>> {
    let mut rng = seeded(seed);
    let mut x = Batch::zeros(Const, samples);
    x.as_mut_slice().iter_mut().for_each(|x| *x = T::of(rng.random_range(-1.0..1.0)));
    x
}

type Sparse<S, R, T = f64> = AutoEncoder<
    SparseLayer<Const<X>, Const<UNITS>, S>,
    DictionaryLayer<Const<UNITS>, Const<X>>,
    R,
    SquaredError,
    T,
>;

fn build<T: Scalar, S, R>(selection: S, dictionary: Dictionary, regularizer: R) -> Sparse<S, R, T>
where
    S: Selection<T>,
    R: Regularizer<T> + SuitedTo<SparseLayer<Const<X>, Const<UNITS>, S>>,
{
    AutoEncoder::builder()
        .encoder(SparseEncoder::<X, UNITS>::new(selection))
        .decoder(dictionary)
        .regularizer(regularizer)
        .build()
        .unwrap()
}

fn free() -> Dictionary {
    Dictionary::free(0.5).unwrap()
}

#[test]
fn the_contract_holds() {
    let x = data::<f64>(12, 1);
    let top = || TopK::new(4).unwrap();
    contract::model(|| build(top(), Dictionary::new(), NoRegularizer), &x).assert();
    contract::model(|| build(top(), free(), NoRegularizer), &x).assert();
    contract::model(|| build(AbsTopK::new(4).unwrap(), free(), NoRegularizer), &x).assert();
    contract::model(|| build(top().by_norm(), free(), NoRegularizer), &x).assert();
    let of_size = || AbsTopK::new(4).unwrap().by_norm();
    contract::model(|| build(of_size(), free(), NoRegularizer), &x).assert();
    let l1 = || DictionaryL1::new(0.05).unwrap();
    contract::model(|| build(Relu, free(), l1()), &x).assert();
    let widths = || Matryoshka::new([5, 10]).unwrap();
    contract::model(|| build(top(), Dictionary::new(), widths()), &x).assert();
    contract::model(gated::<f64>, &x).assert();
}

type Gated<T> = AutoEncoder<
    GatedLayer<Const<X>, Const<UNITS>>,
    DictionaryLayer<Const<UNITS>, Const<X>>,
    GateSparsity,
    SquaredError,
    T,
>;

fn gated<T: Scalar>() -> Gated<T> {
    AutoEncoder::builder()
        .encoder(GatedEncoder::<X, UNITS>::new())
        .decoder(Dictionary::new())
        .regularizer(GateSparsity::new(0.05).unwrap())
        .build()
        .unwrap()
}

#[test]
fn gates_open_in_pairs_as_in_dense_codes() {
    let mut model = gated::<f32>();
    let x = data::<f32>(300, 2);
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(2).fit(&mut model, &x).unwrap();
    let (dense, sparse) = (model.encode(&x).unwrap(), model.encode_sparse(&x).unwrap());
    assert_eq!(sparse.to_dense().as_slice(), dense.as_slice());
    assert!(dense.as_slice().iter().any(|&f| f > 0.0));
}

#[test]
fn gates_that_nothing_trains_are_warned_of() {
    let x = data::<f64>(40, 2);
    let warned = |report: Report| {
        report.warnings.iter().any(|warning| matches!(warning, train::Warning::UntrainedGates))
    };
    let trainer = || Trainer::new(Adam::new(1e-2).unwrap()).epochs(2);
    assert!(!warned(trainer().fit(&mut gated::<f64>(), &x).unwrap()));
    let builder = AutoEncoder::builder().encoder(GatedEncoder::<X, UNITS>::new());
    let mut alone = builder.decoder(Dictionary::new()).build::<f64>().unwrap();
    assert!(warned(trainer().fit(&mut alone, &x).unwrap()));
    let frozen = AutoEncoder::builder().encoder(GatedEncoder::<X, UNITS>::new().frozen());
    let mut frozen = frozen.decoder(Dictionary::new()).build::<f64>().unwrap();
    assert!(!warned(trainer().fit(&mut frozen, &x).unwrap()), "it is not meant to be trained");
    // A head has no gates to train, and AuxK moves those of dead units alone.
    let labels: Vec<usize> = (0..40).map(|at| at % 3).collect();
    let mut classifier = alone.classifier::<3>().build::<f64>().unwrap();
    assert!(!warned(trainer().fit(&mut classifier, (&x, &labels)).unwrap()));
    let builder = AutoEncoder::builder().encoder(GatedEncoder::<X, UNITS>::new());
    let aux = AuxK::new(2).unwrap().dead_after(10).unwrap();
    let mut other = builder.decoder(Dictionary::new()).regularizer(aux).build::<f64>().unwrap();
    assert!(warned(trainer().fit(&mut other, &x).unwrap()));
}

/// What the contract says of what cannot hold: a sample among others may have another code in training, a threshold has no
/// derivative, and a unit may die.
#[test]
fn the_contract_holds_but_for_what_cannot() {
    let x = data::<f64>(12, 1);
    let check = |outcome: contract::Outcome, cannot: &[&str]| {
        let failed: Vec<_> = outcome.failures().map(|check| check.name).collect();
        let others: Vec<_> = failed.iter().filter(|name| !cannot.contains(name)).collect();
        assert!(others.is_empty(), "{outcome}");
    };
    let batch = || build(BatchTopK::new(4.0).unwrap(), Dictionary::new(), NoRegularizer);
    check(contract::model(batch, &x), &["sample_weights_equal_repetition"]);
    let batch = || build(BatchTopK::new(4.0).unwrap().by_norm(), free(), NoRegularizer);
    check(contract::model(batch, &x), &["sample_weights_equal_repetition"]);
    let sparsity = || JumpReluSparsity::step(0.01).unwrap();
    let jump = || build(JumpRelu::default(), Dictionary::new(), sparsity());
    let no_derivative = ["gradient", "weighted_gradient"];
    check(contract::model(jump, &x), &no_derivative);
    let aux = || AuxK::new(3).unwrap().dead_after(5).unwrap();
    let dying = || build(TopK::new(2).unwrap(), Dictionary::new(), aux());
    check(contract::model(dying, &x), &["gradient", "weighted_gradient"]);
}

#[test]
fn pairs_are_the_code_to_the_bit() {
    fn check<S: Selection<f32>>(selection: S) {
        of_units::<S, UNITS>(selection.clone());
        // Of more than one tile of units, the last one full or of a single unit.
        of_units::<S, 1203>(selection.clone());
        of_units::<S, 513>(selection);
    }
    fn of_units<S: Selection<f32>, const N: usize>(selection: S) {
        let name = format!("{selection:?} of {N}");
        let mut model = AutoEncoder::builder()
            .encoder(SparseEncoder::<X, N>::new(selection))
            .decoder(free())
            .build::<f32>()
            .unwrap();
        let x = data::<f32>(700, 2);
        Trainer::new(Adam::new(1e-2).unwrap()).epochs(1).fit(&mut model, &x).unwrap();
        let (dense, sparse) = (model.encode(&x).unwrap(), model.encode_sparse(&x).unwrap());
        assert_eq!(sparse.to_dense().as_slice(), dense.as_slice(), "{name}");
        assert!(dense.as_slice().iter().any(|&f| f != 0.0), "{name}");
        let mut stream = autoencoder::data::InMemory::from(&x);
        assert_eq!(model.encode_sparse(&mut stream).unwrap(), sparse, "{name}");
        let (one, other) = (model.decode_sparse(&sparse).unwrap(), model.decode(&dense).unwrap());
        for (a, b) in one.as_slice().iter().zip(other.as_slice()) {
            assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{name}: {a}, {b}");
        }
    }
    check(TopK::new(3).unwrap());
    check(AbsTopK::new(3).unwrap());
    check(BatchTopK::new(3.5).unwrap());
    check(TopK::new(3).unwrap().by_norm());
    check(AbsTopK::new(3).unwrap().by_norm());
    check(BatchTopK::new(3.5).unwrap().by_norm());
    check(JumpRelu::default());
    check(Relu);
}

#[test]
fn the_largest_are_what_sorting_finds() {
    let x = data::<f64>(50, 3);
    let of = |model: &Sparse<Relu, NoRegularizer>| model.encode(&x).unwrap();
    let all = of(&build(Relu, Dictionary::new(), NoRegularizer));
    for k in [1, 4, UNITS] {
        let model = build::<f64, _, _>(TopK::new(k).unwrap(), Dictionary::new(), NoRegularizer);
        let codes = model.encode(&x).unwrap();
        for (code, all) in codes.iter().zip(all.iter()) {
            let mut sorted = all.to_vec();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let least = sorted[k - 1];
            for (f, &z) in code.iter().zip(all) {
                assert_eq!(*f, if z >= least { z } else { 0.0 }, "k {k}");
            }
        }
    }
}

#[test]
fn a_batch_keeps_its_largest_and_their_least_becomes_the_threshold() {
    let x = data::<f64>(40, 4);
    let mut model = build(BatchTopK::new(2.5).unwrap(), Dictionary::new(), NoRegularizer);
    let all = build::<f64, _, _>(Relu, Dictionary::new(), NoRegularizer).encode(&x).unwrap();
    let mut sorted = all.as_slice().to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let least = sorted[99]; // ⌊2.5 · 40⌋ are kept
    let before = model.encode_sparse(&x).unwrap();
    assert!(
        before.iter().all(|code| code.count() <= 3),
        "before training, the 2.5 largest, rounded"
    );
    let threshold = |model: &Sparse<BatchTopK, NoRegularizer>| {
        let tensors = model.layout().tensors().iter();
        let place =
            tensors.clone().find(|t| t.name == "encoder.0.threshold").unwrap().range.clone();
        model.parameters()[place.start]
    };
    assert!(threshold(&model) < 0.0, "none yet");
    let mut trainer = Trainer::new(Sgd::new(1e-12).unwrap()).epochs(1).batch_size(40);
    trainer.fit(&mut model, &x).unwrap();
    assert!((threshold(&model) - least).abs() < 1e-9, "{} and {least}", threshold(&model));
    // In use what is above it: 99, as the threshold itself is not.
    let codes = model.encode_sparse(&x).unwrap();
    assert!((99..=100).contains(&codes.count()), "{}", codes.count());
    // A hundredth of the way to another batch's.
    let other = Batch::new(Const::<X>, x.as_slice().iter().map(|x| 2.0 * x).collect()).unwrap();
    trainer.fit(&mut model, &other).unwrap();
    let expected = least + 0.01 * (2.0 * least - least);
    assert!((threshold(&model) - expected).abs() < 1e-8, "{} and {expected}", threshold(&model));
}

#[test]
fn atoms_stay_at_length_one_unless_they_are_free() {
    let x = data::<f64>(40, 5);
    let norms = |dictionary: Dictionary| {
        let mut model = build(TopK::new(3).unwrap(), dictionary, NoRegularizer);
        Trainer::new(Adam::new(0.05).unwrap())
            .epochs(3)
            .batch_size(10)
            .fit(&mut model, &x)
            .unwrap();
        let place = model.layout().tensors().last().unwrap().range.clone();
        let atoms = model.parameters()[place]
            .chunks(X)
            .map(|d| d.iter().map(|v| v * v).sum::<f64>().sqrt());
        atoms.collect::<Vec<_>>()
    };
    assert!(norms(Dictionary::new()).iter().all(|norm| (norm - 1.0).abs() < 1e-14));
    assert!(norms(free()).iter().any(|norm| (norm - 0.5).abs() > 1e-3));
    // At first they are the encoder's directions, of the length that is asked for.
    let model = build::<f64, _, _>(TopK::new(3).unwrap(), free(), NoRegularizer);
    let (weights, atoms) =
        (&model.parameters()[..X * UNITS], &model.parameters()[X * UNITS + UNITS + X..]);
    assert!(weights.iter().zip(atoms).all(|(w, d)| (0.5 * w - d).abs() < 1e-15));
}

#[test]
fn dead_units_begin_anew_as_samples_that_are_reconstructed_badly() {
    let x = data::<f64>(40, 5);
    let every = || Resampling::new(2, 80).unwrap();
    let mut model = build(TopK::new(1).unwrap(), free(), every());
    let first = model.parameters().to_vec();
    let train = |model: &mut Sparse<TopK, Resampling>, epochs| {
        let mut trainer = Trainer::new(Sgd::new(1e-14).unwrap()).epochs(epochs).batch_size(40);
        trainer.fit(model, &x).unwrap();
    };
    train(&mut model, 1);
    let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-11);
    assert!(near(model.parameters(), &first), "too early");
    let codes = model.encode(&x).unwrap();
    let dead: Vec<usize> =
        (0..UNITS).filter(|&unit| codes.iter().all(|f| f[unit] == 0.0)).collect();
    assert!(!dead.is_empty() && dead.len() < UNITS, "{dead:?}");
    // 80 samples and two steps.
    let mut model = build(TopK::new(1).unwrap(), free(), every());
    train(&mut model, 2);
    let (weights, rest) = model.parameters().split_at(X * UNITS);
    let atoms = &rest[UNITS + X..];
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    for (unit, &bias) in rest[..UNITS].iter().enumerate() {
        let place = unit * X..(unit + 1) * X;
        let (weights, atom) = (&weights[place.clone()], &atoms[place.clone()]);
        if !dead.contains(&unit) {
            assert!(near(weights, &first[place]), "{unit} is not dead");
            continue;
        }
        // All encoder's weights have norm 1 at first, and free atoms 0.5.
        assert!((norm(weights) - 0.2).abs() < 1e-9 && (norm(atom) - 0.5).abs() < 1e-9, "{unit}");
        let is_sample = |x: &[f64]| {
            let direction: Vec<f64> = x.iter().map(|v| v / norm(x)).collect();
            let of = |v: &[f64]| v.iter().map(|value| value / norm(v)).collect::<Vec<_>>();
            near(&direction, &of(weights)) && near(&direction, &of(atom))
        };
        assert!(x.iter().any(is_sample), "{unit} is no sample");
        assert_eq!(bias, 0.0, "the bias of {unit}");
    }
    let often = || Resampling::new(2, 5).unwrap();
    let dying = || build(TopK::new(2).unwrap(), Dictionary::new(), often());
    contract::model(dying, &data::<f64>(12, 1)).assert();
    assert!(Resampling::new(0, 1).is_err() && Resampling::new(1, 0).is_err());
    assert!(Resampling::new(1, (1 << 24) + 1).is_err());
}

#[test]
fn no_two_units_begin_anew_as_one() {
    let mut rng = seeded(11);
    let x: Batch<f64, Const<X>> =
        (0..30).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0))).collect();
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<X, 60>::new(TopK::new(1).unwrap()))
        .decoder(Dictionary::new())
        .regularizer(Resampling::new(1, 30).unwrap())
        .build::<f64>()
        .unwrap();
    let first = model.parameters().to_vec();
    let trainer = || Trainer::new(Sgd::new(1e-14).unwrap()).epochs(1).batch_size(30);
    trainer().fit(&mut model, &x).unwrap();
    let atoms =
        |p: &[f64]| p[p.len() - 60 * X..].chunks(X).map(<[f64]>::to_vec).collect::<Vec<_>>();
    let (before, after) = (atoms(&first), atoms(model.parameters()));
    let is_near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
    let is_new: Vec<bool> = before.iter().zip(&after).map(|(a, b)| !is_near(a, b)).collect();
    // More than 30 are dead, and there are 30 samples: each was taken once.
    assert_eq!(is_new.iter().filter(|&&is_new| is_new).count(), 30);
    for i in 0..60 {
        for j in 0..i {
            assert!(!is_near(&after[i], &after[j]), "{i} and {j} are one");
        }
    }
    // What stays dead is still counted, and named again; another seed draws other samples.
    trainer().seed(1).fit(&mut model, &x).unwrap();
    let later = atoms(model.parameters());
    let moved = after.iter().zip(&later).filter(|(a, b)| !is_near(a, b)).count();
    assert!(moved > 0, "{:?}", model.encode_sparse(&x).unwrap());
    // Samples without a direction, and frozen halves.
    let zeros = Batch::zeros(Const::<X>, 30);
    trainer().fit(&mut model, &zeros).unwrap();
    assert!(model.parameters().iter().all(|p| p.is_finite()));
    model.set_encoder_frozen(true);
    assert!(matches!(trainer().fit(&mut model, &x), Err(Error::Unfit { part: "Resampling", .. })));
}

#[test]
fn a_threshold_of_a_unit_that_begins_anew_is_the_first() {
    let sparsity = || (JumpReluSparsity::step(0.0).unwrap(), Resampling::new(1, 40).unwrap());
    let mut model = build(JumpRelu::default(), Dictionary::new(), sparsity());
    let place = |name: &str, model: &Sparse<JumpRelu, (JumpReluSparsity, Resampling)>| {
        let tensors = model.layout().tensors().iter();
        tensors.clone().find(|t| t.name == name).unwrap().range.clone()
    };
    let mut parameters = model.parameters().to_vec();
    parameters[place("encoder.0.threshold", &model)].fill(100.0);
    model.set_parameters(&parameters).unwrap();
    let x = data::<f64>(40, 5);
    let mut trainer = Trainer::new(Sgd::new(1e-14).unwrap()).epochs(1).batch_size(40);
    trainer.fit(&mut model, &x).unwrap();
    let thresholds = &model.parameters()[place("encoder.0.threshold", &model)];
    assert!(thresholds.iter().all(|&threshold| (threshold - 0.01).abs() < 1e-9), "{thresholds:?}");
}

#[test]
fn trained_halves_are_halves_of_another_model() {
    let x = data::<f32>(40, 5);
    let mut model = build::<f32, _, _>(TopK::new(3).unwrap(), free(), NoRegularizer);
    Trainer::new(Adam::new(0.05).unwrap()).epochs(2).fit(&mut model, &x).unwrap();
    let again = AutoEncoder::builder()
        .encoder(model.trained_encoder())
        .decoder(model.trained_decoder())
        .regularizer(DictionaryL1::new(0.1).unwrap())
        .build::<f32>()
        .unwrap();
    let (one, other) = (model.reconstruct(&x).unwrap(), again.reconstruct(&x).unwrap());
    for (a, b) in one.as_slice().iter().zip(other.as_slice()) {
        assert!((a - b).abs() < 1e-6);
    }
    assert_eq!(model.atoms().unwrap(), again.atoms().unwrap());
}

#[test]
fn k_follows_a_schedule_in_training_and_not_in_use() {
    /// From four times as many to as many.
    #[derive(Debug, Clone)]
    struct Falling;
    impl Schedule for Falling {
        fn describe(&self) -> String {
            "Falling".to_owned()
        }
        fn factor(&self, progress: &Progress) -> f64 {
            4.0 - 3.0 * progress.fraction()
        }
    }
    let model = |k: TopK| build::<f64, _, _>(k, Dictionary::new(), NoRegularizer);
    let (x, streams) = (data::<f64>(9, 6), random::Streams::new(1, 0, &[]));
    let at = |model: &Sparse<TopK, NoRegularizer>, step| {
        let streams = streams.with_progress(Progress::new(step, 10, 100));
        model.objective(&x, Some(streams), None).unwrap().total()
    };
    let falling = model(TopK::new(3).unwrap().schedule(Falling));
    assert_eq!(at(&falling, 0), at(&model(TopK::new(12).unwrap()), 0));
    assert_eq!(at(&falling, 50), at(&model(TopK::new(8).unwrap()), 50)); // 7.5
    assert_eq!(falling.encode(&x).unwrap(), model(TopK::new(3).unwrap()).encode(&x).unwrap());
    assert_ne!(at(&falling, 0), at(&falling, 50));
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(TopK::new(0).is_err() && AbsTopK::new(0).is_err() && BatchTopK::new(0.5).is_err());
    assert!(
        BatchTopK::new(f64::NAN).is_err()
            && BatchTopK::new(2.0).unwrap().threshold_rate(0.0).is_err()
    );
    assert!(JumpRelu::new(-0.1, 0.1).is_err() && JumpRelu::new(0.1, 0.0).is_err());
    assert!(
        Dictionary::free(0.0).is_err()
            && AuxK::new(0).is_err()
            && AuxK::new(1).unwrap().dead_after(0).is_err()
    );
    assert!(
        Matryoshka::new([3, 3]).is_err()
            && Matryoshka::new([0]).is_err()
            && Matryoshka::new([]).is_err()
    );
    assert!(
        DictionaryL1::new(-1.0).is_err()
            && DictionaryL1::new(1.0).unwrap().anneal(0.0, 0.1).is_err()
    );
    let builder =
        |k| AutoEncoder::builder().encoder(SparseEncoder::<X, UNITS>::new(TopK::new(k).unwrap()));
    let refused = builder(UNITS + 1).decoder(Dictionary::new()).build::<f32>();
    assert!(matches!(refused, Err(Error::InvalidParameter { name: "TopK k", .. })), "{refused:?}");
    let wide = Matryoshka::new([UNITS]).unwrap();
    let refused = builder(3).decoder(Dictionary::new()).regularizer(wide).build::<f32>();
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{refused:?}");
    let short = SparseEncoder::<X, UNITS>::new(TopK::new(3).unwrap()).pre_bias(vec![0.0; X - 1]);
    let refused = AutoEncoder::builder().encoder(short).decoder(Dictionary::new()).build::<f32>();
    assert!(matches!(refused, Err(Error::SizeMismatch { .. })), "{refused:?}");
    let twice = (AuxK::new(2).unwrap(), AuxK::new(3).unwrap());
    let refused = builder(3).decoder(Dictionary::new()).regularizer(twice).build::<f32>();
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{refused:?}");
    // What boxes hide.
    let sparse = || SparseEncoder::<X, UNITS>::new(TopK::new(3).unwrap()).boxed::<f32>();
    let dense = || Dense::<X, UNITS>::new(Relu).boxed::<f32>();
    let decoder = Dense::<UNITS, X>::new(Identity).boxed::<f32>();
    let refused = AutoEncoder::builder().encoder(sparse()).decoder(decoder).build::<f32>();
    assert!(matches!(refused, Err(Error::Unfit { part: "the decoder", .. })), "{refused:?}");
    let with = |encoder: Any<f32>, regularizer: Box<dyn Regularizer<f32>>| {
        let builder = AutoEncoder::builder().encoder(encoder).decoder(Dictionary::new());
        builder.regularizer(regularizer).build::<f32>()
    };
    assert!(with(sparse(), Box::new(AuxK::new(2).unwrap())).is_ok());
    for regularizer in [
        Box::new(AuxK::new(2).unwrap()) as Box<dyn Regularizer<f32>>,
        Box::new(DictionaryL1::new(0.1).unwrap()),
        Box::new(Matryoshka::new([3]).unwrap()),
        Box::new(JumpReluSparsity::step(0.1).unwrap()),
        Box::new(GateSparsity::new(0.1).unwrap()),
    ] {
        let refused = with(dense(), regularizer);
        assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    }
    let refused = with(sparse(), Box::new(JumpReluSparsity::step(0.1).unwrap()));
    assert!(matches!(refused, Err(Error::Unfit { part: "JumpReluSparsity", .. })), "{refused:?}");
    // A classifier trains neither thresholds nor gates.
    let refused = AutoEncoder::builder()
        .encoder(SparseEncoder::<X, UNITS>::new(JumpRelu::default()))
        .classes::<3>()
        .regularizer(JumpReluSparsity::step(0.1).unwrap())
        .build::<f32>();
    assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    // What reconstructs by itself does so by squared differences.
    let refused = builder(3)
        .decoder(Dictionary::new())
        .regularizer(Matryoshka::new([3]).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f32>();
    assert!(matches!(refused, Err(Error::Unfit { part: "Matryoshka", .. })), "{refused:?}");
    // No link of a chain.
    let chain = [Dense::<X, X>::new(Relu).boxed::<f32>(), sparse()];
    let refused = AutoEncoder::builder()
        .encoder(Any::of(chain).unwrap())
        .decoder(Dictionary::new())
        .build::<f32>();
    assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    let infinite = SparseEncoder::<X, UNITS>::new(TopK::new(3).unwrap()).pre_bias([f64::NAN; X]);
    let refused =
        AutoEncoder::builder().encoder(infinite).decoder(Dictionary::new()).build::<f32>();
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{refused:?}");
    // A line search does not end where atoms have length 1.
    let x = data::<f32>(9, 7);
    let mut model = builder(3).decoder(Dictionary::new()).build::<f32>().unwrap();
    let refused = Trainer::new(Lbfgs::new()).fit(&mut model, &x);
    assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    let mut model = builder(3).decoder(free()).build::<f32>().unwrap();
    assert!(Trainer::new(Lbfgs::new()).fit(&mut model, &x).is_ok());
    // Codes that are not the model's.
    let other = SparseBatch::new(UNITS + 1, [([1], [1.0])]).unwrap();
    assert!(matches!(model.decode_sparse(&other), Err(Error::SizeMismatch { .. })));
    let infinite = SparseBatch::new(UNITS, [([1], [f32::INFINITY])]).unwrap();
    assert!(matches!(model.decode_sparse(&infinite), Err(Error::NotFinite { .. })));
}

#[test]
fn a_dense_encoder_may_have_a_dictionary() {
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<X, UNITS>::new(Relu))
            .decoder(Dictionary::new())
            .regularizer(CodeL1::new(0.01).unwrap())
            .build::<f64>()
            .unwrap()
    };
    let x = data::<f64>(12, 8);
    contract::model(build, &x).assert();
    let mut model = build();
    Trainer::new(Adam::new(0.05).unwrap()).epochs(3).batch_size(6).fit(&mut model, &x).unwrap();
    let place = model
        .layout()
        .tensors()
        .iter()
        .find(|t| t.name == "decoder.0.weight")
        .unwrap()
        .range
        .clone();
    for atom in model.parameters()[place].chunks(X) {
        assert!((atom.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-14);
    }
}

#[test]
fn a_classifier_stands_on_a_sparse_code() {
    let digits = datasets::digits();
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<64, 128>::new(TopK::new(16).unwrap()))
        .decoder(Dictionary::new())
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(3e-3).unwrap()).epochs(10);
    trainer.fit(&mut model, &digits.train).unwrap();
    let mut classifier = model.classifier::<10>().build::<f32>().unwrap();
    let mut trainer = trainer.epochs(100);
    trainer.fit(&mut classifier, (&digits.train, &digits.train_labels)).unwrap();
    let accuracy = classifier.accuracy(&digits.test, &digits.test_labels).unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn sizes_known_at_run_time_only() {
    let x = data::<f32>(9, 9).into_dynamic();
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::dynamic(X, UNITS, TopK::new(3).unwrap()))
        .decoder(Dictionary::new())
        .build::<f32>()
        .unwrap();
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(1).fit(&mut model, &x).unwrap();
    let codes: SparseBatch<f32> = model.encode_sparse(&x).unwrap();
    let outputs: Batch<f32, Dyn> = model.decode_sparse(&codes).unwrap();
    assert_eq!((outputs.features(), outputs.samples()), (X, 9));
}
