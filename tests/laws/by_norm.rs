//! Selections that rank units by pre-activation times the norm of their atom: which are chosen, and that the encoder's norms
//! are those of the atoms, whatever has changed these.

use autoencoder::activation::Relu;
use autoencoder::layer::sparse::*;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::regularizer::{AuxK, Resampling, SuitedTo};
use autoencoder::*;
use nalgebra::Const;

const X: usize = 6;
const UNITS: usize = 20;

fn data<T: Float>(samples: usize, seed: u64) -> Batch<T, Const<X>> {
    let mut rng = seeded(seed);
    let mut x = Batch::zeros(Const, samples);
    x.as_mut_slice().iter_mut().for_each(|x| *x = T::of(rng.random_range(-1.0..1.0)));
    x
}

type Sparse<S, R = NoRegularizer, const N: usize = UNITS> = AutoEncoder<
    SparseLayer<Const<X>, Const<N>, S>,
    DictionaryLayer<Const<N>, Const<X>>,
    R,
    SquaredError,
    f64,
>;

fn free() -> Dictionary {
    Dictionary::free(0.5).unwrap()
}

fn build<S, R>(selection: S, regularizer: R) -> Sparse<S, R>
where
    S: Selection<f64>,
    R: Regularizer<f64> + SuitedTo<SparseLayer<Const<X>, Const<UNITS>, S>>,
{
    AutoEncoder::builder()
        .encoder(SparseEncoder::<X, UNITS>::new(selection))
        .decoder(free())
        .regularizer(regularizer)
        .build()
        .unwrap()
}

/// With atoms whose lengths differ by up to 8 times, the last one of length 0, and biases.
fn uneven<S: Selection<f64>, const N: usize>(selection: S) -> Sparse<S, NoRegularizer, N> {
    let mut model: Sparse<S, NoRegularizer, N> = AutoEncoder::builder()
        .encoder(SparseEncoder::<X, N>::new(selection))
        .decoder(free())
        .build()
        .unwrap();
    let mut rng = seeded(9);
    let layout = model.layout().clone();
    let place = |name: &str| layout.get(name).unwrap().range.clone();
    let mut parameters = model.parameters().to_vec();
    parameters[place("encoder.0.bias")]
        .iter_mut()
        .for_each(|bias| *bias = rng.random_range(-0.3..0.3));
    let atoms = &mut parameters[place("decoder.0.weight")];
    for (unit, atom) in atoms.chunks_mut(X).enumerate() {
        let factor = if unit + 1 == N { 0.0 } else { rng.random_range(0.25..2.0) };
        atom.iter_mut().for_each(|value| *value *= factor);
    }
    model.set_parameters(&parameters).unwrap();
    model
}

fn lengths<S: Selection<f64>, R, const N: usize>(model: &Sparse<S, R, N>) -> Vec<f64> {
    let norm = |atom: &[f64]| atom.iter().map(|value| value * value).sum::<f64>().sqrt();
    model.atoms().unwrap().iter().map(norm).collect()
}

fn assert_kept<S: Selection<f64>, R, const N: usize>(model: &Sparse<S, R, N>, when: &str) {
    let kept = model.parameter("encoder.0.norm").unwrap();
    for (unit, (kept, length)) in kept.iter().zip(lengths(model)).enumerate() {
        assert!((kept - length).abs() <= 1e-15, "{when}, unit {unit}: {kept} and {length}");
    }
}

/// The pre-activations of each sample, by loops.
fn preactivations<S: Selection<f64>, const N: usize>(
    model: &Sparse<S, NoRegularizer, N>,
    x: &Batch<f64, Const<X>>,
) -> Vec<Vec<f64>> {
    let [weights, biases, pre_bias] = ["weight", "bias", "pre_bias"]
        .map(|name| model.parameter(&format!("encoder.0.{name}")).unwrap());
    let of = |x: &[f64]| {
        let units = weights.chunks(X).zip(biases);
        let z = units.map(|(weights, bias)| {
            let terms = weights.iter().zip(x).zip(pre_bias).map(|((w, x), b)| w * (x - b));
            terms.sum::<f64>() + bias
        });
        z.collect()
    };
    x.iter().map(of).collect()
}

/// The units of the greatest ranks that are above 0, so many of them.
fn greatest(ranks: &[f64], count: usize) -> Vec<usize> {
    let mut units: Vec<usize> = (0..ranks.len()).filter(|&unit| ranks[unit] > 0.0).collect();
    units.sort_by(|&a, &b| ranks[b].total_cmp(&ranks[a]));
    units.truncate(count);
    units.sort_unstable();
    units
}

fn indices(codes: &SparseBatch<f64>) -> Vec<&[u32]> {
    codes.iter().map(|code| code.indices()).collect()
}

fn check_ranks<S: Selection<f64>, const N: usize>(by_norm: S, plain: S, rank: fn(f64) -> f64) {
    let (model, plain) = (uneven::<S, N>(by_norm), uneven::<S, N>(plain));
    let x = data::<f64>(40, 3);
    let lengths = lengths(&model);
    let codes = model.encode_sparse(&x).unwrap();
    let of_plain = plain.encode_sparse(&x).unwrap();
    let mut differs = 0;
    for ((code, plain), z) in codes.iter().zip(of_plain.iter()).zip(preactivations(&model, &x)) {
        let ranks: Vec<f64> = z.iter().zip(&lengths).map(|(&z, length)| rank(z) * length).collect();
        let found: Vec<usize> = code.indices().iter().map(|&unit| unit as usize).collect();
        assert_eq!(found, greatest(&ranks, 4), "{N} units");
        for (unit, value) in code.iter() {
            assert!((value - z[unit]).abs() < 1e-13, "{value} and {}", z[unit]);
        }
        let ranks: Vec<f64> = z.iter().map(|&z| rank(z)).collect();
        let without: Vec<usize> = plain.indices().iter().map(|&unit| unit as usize).collect();
        assert_eq!(without, greatest(&ranks, 4), "{N} units, not by norm");
        differs += usize::from(found != without);
    }
    assert!(differs > 20, "{differs} of 40 samples have other units by norm");
    assert_eq!(codes.to_dense().as_slice(), model.encode(&x).unwrap().as_slice());
}

#[test]
fn units_are_ranked_by_what_they_add() {
    let top = || TopK::new(4).unwrap();
    check_ranks::<_, UNITS>(top().by_norm(), top(), |z| z);
    // Of several tiles of units.
    check_ranks::<_, 1203>(top().by_norm(), top(), |z| z);
    let of_size = || AbsTopK::new(4).unwrap();
    check_ranks::<_, UNITS>(of_size().by_norm(), of_size(), f64::abs);
    check_ranks::<_, 1203>(of_size().by_norm(), of_size(), f64::abs);
}

#[test]
fn a_batch_is_ranked_by_norm_and_so_is_its_threshold() {
    let x = data::<f64>(40, 4);
    let mut model = uneven::<_, UNITS>(BatchTopK::new(2.5).unwrap().by_norm());
    let lengths = lengths(&model);
    let ranks = |z: &[Vec<f64>]| -> Vec<f64> {
        z.iter().flat_map(|z| z.iter().zip(&lengths).map(|(z, length)| z * length)).collect()
    };
    let of_batch = ranks(&preactivations(&model, &x));
    let mut sorted = of_batch.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let least = sorted[99]; // ⌊2.5 · 40⌋ are kept
    let mut trainer = Trainer::new(Sgd::new(1e-12).unwrap()).epochs(1).batch_size(40);
    trainer.fit(&mut model, &x).unwrap();
    let threshold = model.parameter("encoder.0.threshold").unwrap()[0];
    assert!((threshold - least).abs() < 1e-9, "{threshold} and {least}");
    // In use what is above it, of samples that were not trained on, too.
    let x = data::<f64>(300, 5);
    let of_others = ranks(&preactivations(&model, &x));
    let codes = model.encode_sparse(&x).unwrap().to_dense();
    let mut active = 0;
    for (rank, &f) in of_others.iter().zip(codes.as_slice()) {
        if (rank - threshold).abs() > 1e-9 {
            assert_eq!(*rank > threshold, f != 0.0, "{rank} and {threshold}");
        }
        active += usize::from(f != 0.0);
    }
    assert!(active > 300, "{active}");
}

/// Trains a step at a time, and looks at the norms behind each.
fn check_steps<S: Selection<f64>, R: Regularizer<f64>>(mut model: Sparse<S, R>, name: &str) {
    assert_kept(&model, &format!("{name} at first"));
    let x = data::<f64>(40, 5);
    let first = lengths(&model);
    let mut trainer = Trainer::new(AdamW::new(0.02, 0.1).unwrap());
    trainer = trainer.epochs(1).batch_size(40);
    for step in 1..6 {
        trainer.fit(&mut model, &x).unwrap();
        assert_kept(&model, &format!("{name} after {step} steps"));
    }
    let moved = |(a, b): (&f64, f64)| (a - b).abs() > 1e-3;
    assert!(first.iter().zip(lengths(&model)).any(moved), "{name}: no atom has another length");
}

#[test]
fn norms_are_the_atoms_after_every_step() {
    check_steps(build(TopK::new(3).unwrap().by_norm(), NoRegularizer), "TopK");
    check_steps(build(AbsTopK::new(3).unwrap().by_norm(), NoRegularizer), "AbsTopK");
    check_steps(build(BatchTopK::new(3.0).unwrap().by_norm(), NoRegularizer), "BatchTopK");
    let aux = AuxK::new(3).unwrap().dead_after(40).unwrap();
    check_steps(build(TopK::new(1).unwrap().by_norm(), aux), "AuxK");
    let anew = Resampling::new(2, 80).unwrap();
    check_steps(build(TopK::new(1).unwrap().by_norm(), anew), "Resampling");
    let encoder = || SparseEncoder::<X, UNITS>::new(TopK::new(3).unwrap().by_norm());
    let frozen = AutoEncoder::builder().encoder(encoder().frozen()).decoder(free());
    check_steps(frozen.build().unwrap(), "a frozen encoder");
    // Only where both stay as they are do the norms.
    let mut model = build(TopK::new(3).unwrap().by_norm(), NoRegularizer);
    let first = model.parameter("encoder.0.norm").unwrap().to_vec();
    model.set_decoder_frozen(true);
    let mut trainer = Trainer::new(Adam::new(0.02).unwrap()).epochs(3);
    trainer.fit(&mut model, &data::<f64>(40, 5)).unwrap();
    assert_eq!(model.parameter("encoder.0.norm").unwrap(), first, "a frozen dictionary");
}

#[test]
fn other_selections_have_no_norms() {
    let has = |model: &Sparse<TopK>| model.layout().get("encoder.0.norm").is_some();
    assert!(!has(&build(TopK::new(3).unwrap(), NoRegularizer)));
    assert!(has(&build(TopK::new(3).unwrap().by_norm(), NoRegularizer)));
    let model = build(Relu, NoRegularizer);
    assert!(model.layout().get("encoder.0.norm").is_none());
}

#[test]
fn an_encoder_takes_the_norms_of_the_dictionary_it_is_joined_to() {
    let x = data::<f64>(30, 6);
    let model = uneven::<_, UNITS>(TopK::new(3).unwrap().by_norm());
    let both = AutoEncoder::builder()
        .encoder(model.trained_encoder().frozen())
        .decoder(model.trained_decoder())
        .build::<f64>()
        .unwrap();
    assert_eq!(both.encode(&x).unwrap(), model.encode(&x).unwrap());
    // Atoms of one length rank as pre-activations do.
    let fresh = AutoEncoder::builder()
        .encoder(model.trained_encoder())
        .decoder(free())
        .build::<f64>()
        .unwrap();
    let norms = fresh.parameter("encoder.0.norm").unwrap();
    assert!(norms.iter().all(|norm| (norm - 0.5).abs() < 1e-15), "{norms:?}");
    let plain = uneven::<_, UNITS>(TopK::new(3).unwrap());
    let of_fresh = fresh.encode_sparse(&x).unwrap();
    assert_eq!(indices(&of_fresh), indices(&plain.encode_sparse(&x).unwrap()));
    // A classifier has no dictionary: the norms stay.
    let mut classifier = model.classifier::<3>().build::<f64>().unwrap();
    let labels: Vec<usize> = (0..30).map(|sample| sample % 3).collect();
    let mut trainer = Trainer::new(AdamW::new(0.02, 0.1).unwrap()).epochs(2);
    trainer.fit(&mut classifier, (&x, &labels)).unwrap();
    assert_eq!(classifier.parameter("encoder.0.norm"), model.parameter("encoder.0.norm"));
}

#[test]
fn a_line_search_is_refused_while_norms_move() {
    let x = data::<f64>(9, 7);
    let mut model = build(TopK::new(3).unwrap().by_norm(), NoRegularizer);
    let refused = Trainer::new(Lbfgs::new()).fit(&mut model, &x);
    assert!(matches!(refused, Err(Error::Unfit { .. })), "{refused:?}");
    model.set_encoder_frozen(true);
    assert!(Trainer::new(Lbfgs::new()).fit(&mut model, &x).is_err());
    model.set_encoder_frozen(false);
    model.set_decoder_frozen(true);
    assert!(Trainer::new(Lbfgs::new()).fit(&mut model, &x).is_ok());
}

#[test]
fn plain_weights_have_the_lengths_folded_in() {
    fn check<S: Selection<f64>>(model: &Sparse<S>) {
        let x = data::<f64>(60, 8);
        let plain = model.sparse_dictionary().unwrap();
        let norms = model.parameter("encoder.0.norm").unwrap();
        let codes = model.encode_sparse(&x).unwrap();
        let of_plain = plain.encode(x.view()).unwrap();
        assert!(codes.count() > 60);
        assert_eq!(indices(&codes), indices(&of_plain));
        for (ours, plains) in codes.iter().zip(of_plain.iter()) {
            for ((unit, ours), (_, plains)) in ours.iter().zip(plains.iter()) {
                assert!((ours * norms[unit] - plains).abs() < 1e-14, "{ours} and {plains}");
            }
        }
        let (ours, plains) = (model.reconstruct(&x).unwrap(), plain.reconstruct(x.view()).unwrap());
        for (a, b) in ours.as_slice().iter().zip(plains.as_slice()) {
            assert!((a - b).abs() < 1e-13, "{a} and {b}");
        }
    }
    check(&uneven(TopK::new(3).unwrap().by_norm()));
    check(&uneven(AbsTopK::new(3).unwrap().by_norm()));
    let mut model = uneven(BatchTopK::new(3.0).unwrap().by_norm());
    let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(3).batch_size(20);
    trainer.fit(&mut model, &data::<f64>(60, 8)).unwrap();
    check(&model);
}

/// Files, checkpoints, and parts of files.
#[cfg(feature = "safetensors")]
#[test]
fn files_keep_the_norms_with_the_atoms() {
    use autoencoder::train::Checkpoints;
    let folder = common::Folder::new("by-norm");
    let x = data::<f64>(40, 5);
    let model = || build(BatchTopK::new(3.0).unwrap().by_norm(), NoRegularizer);
    let trainer = |epochs| Trainer::new(Adam::new(0.02).unwrap()).epochs(epochs).batch_size(10);
    let mut trained = model();
    trainer(3).fit(&mut trained, &x).unwrap();
    let file = folder.join("model.safetensors");
    trained.save(&file).unwrap();
    let mut again = model();
    again.load(&file).unwrap();
    assert_eq!(again.parameters(), trained.parameters());
    assert_eq!(again.encode(&x).unwrap(), trained.encode(&x).unwrap());
    // Half a file brings the norms of the atoms that are there then.
    let mut half = model();
    half.load_encoder(&file).unwrap();
    assert_kept(&half, "another's encoder");
    assert_ne!(half.parameter("encoder.0.norm"), trained.parameter("encoder.0.norm"));
    let mut half = model();
    half.load_decoder(&file).unwrap();
    assert_kept(&half, "another's dictionary");
    assert_eq!(half.parameter("encoder.0.norm"), trained.parameter("encoder.0.norm"));
    // Ranking otherwise is another model.
    let refused = build(BatchTopK::new(3.0).unwrap(), NoRegularizer).load(&file);
    assert!(matches!(refused, Err(Error::DoesNotFit { .. })), "{refused:?}");
    // As SAELens has it: with the lengths folded in, and of BatchTopK the threshold.
    let (plain, to) = (trained.sparse_dictionary().unwrap(), folder.join("sae"));
    plain.save_sae_lens(&to).unwrap();
    let loaded = SparseDictionary::<f64>::load(&to).unwrap();
    assert_eq!(loaded.encode(x.view()).unwrap(), plain.encode(x.view()).unwrap());
    let codes = trained.encode_sparse(&x).unwrap();
    assert_eq!(indices(&loaded.encode(x.view()).unwrap()), indices(&codes));
    // Also where the encoder is frozen, whose norms move all the same.
    for is_frozen in [false, true] {
        let path = folder.join(format!("run-{is_frozen}.safetensors"));
        let model = || {
            let mut model = model();
            model.set_encoder_frozen(is_frozen);
            model
        };
        let (mut at_once, mut first, mut resumed) = (model(), model(), model());
        trainer(5).fit(&mut at_once, &x).unwrap();
        let checkpoints = || Checkpoints::new(&path).resume(true);
        trainer(2).checkpoints(checkpoints()).fit(&mut first, &x).unwrap();
        trainer(5).checkpoints(checkpoints()).fit(&mut resumed, &x).unwrap();
        assert_eq!(resumed.parameters(), at_once.parameters(), "frozen: {is_frozen}");
        assert_kept(&resumed, "a training that was taken up again");
    }
}
