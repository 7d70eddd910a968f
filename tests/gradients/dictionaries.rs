//! Sparse codes: gradients off the kinks by finite differences, what is trained by a kernel against its formula, and
//! auxiliary losses against finite differences with their error held fixed.

use autoencoder::activation::Relu;
use autoencoder::layer::sparse::*;
use autoencoder::rand::RngExt;
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{
    AuxK, DictionaryL1, GateSparsity, JumpReluSparsity, Matryoshka, SuitedTo,
};
use autoencoder::train::schedule::{Constant, Warmup};
use autoencoder::*;
use nalgebra::Const;

const X: usize = 5;
const UNITS: usize = 12;
const SAMPLES: usize = 7;

/// The seed of samples of which no two units are nearly equal where the last one is chosen.
const KINKLESS: u64 = 2;

type Sparse<S, R = NoRegularizer> = AutoEncoder<
    SparseLayer<Const<X>, Const<UNITS>, S>,
    DictionaryLayer<Const<UNITS>, Const<X>>,
    R,
    SquaredError,
    f64,
>;

fn data(seed: u64) -> Batch<f64, Const<X>> {
    let mut rng = seeded(seed);
    (0..SAMPLES).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0))).collect()
}

/// A model whose parameters are all drawn, biases too.
fn model<S, R>(selection: S, dictionary: Dictionary, regularizer: R) -> Sparse<S, R>
where
    S: Selection<f64>,
    R: Regularizer<f64> + SuitedTo<SparseLayer<Const<X>, Const<UNITS>, S>>,
{
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<X, UNITS>::new(selection))
        .decoder(dictionary)
        .regularizer(regularizer)
        .build::<f64>()
        .unwrap();
    let mut rng = seeded(3);
    let thresholds = of(&model, "encoder.0.threshold").is_some();
    let mut parameters = model.parameters().to_vec();
    parameters.iter_mut().for_each(|p| *p += rng.random_range(-0.2..0.2));
    if thresholds {
        let place = of(&model, "encoder.0.threshold").unwrap();
        parameters[place].iter_mut().for_each(|p| *p = rng.random_range(0.1..0.3));
    }
    model.set_parameters(&parameters).unwrap();
    model
}

/// The place of a tensor.
fn of<S, R>(model: &Sparse<S, R>, name: &str) -> Option<std::ops::Range<usize>> {
    let tensors = model.layout().tensors().iter();
    tensors.clone().find(|tensor| tensor.name == name).map(|tensor| tensor.range.clone())
}

fn free() -> Dictionary {
    Dictionary::free(0.7).unwrap()
}

/// Checks a model alone and with weights of the samples.
fn check<S, R>(name: &str, model: &Sparse<S, R>)
where
    S: Selection<f64>,
    R: Regularizer<f64>,
{
    for seed in 1..4 {
        let x = data(seed);
        let weights: Vec<f64> = (0..SAMPLES).map(|sample| 0.5 + sample as f64).collect();
        for found in [
            gradcheck::model(model, &x, seed).unwrap(),
            gradcheck::model(model, Examples::of(&x).weights(&weights), seed).unwrap(),
        ] {
            assert!(found.passes(), "{name}, seed {seed}: {found}");
        }
    }
}

#[test]
fn gradients_off_the_kinks() {
    check("TopK", &model(TopK::new(3).unwrap(), Dictionary::new(), NoRegularizer));
    check("TopK of all", &model(TopK::new(UNITS).unwrap(), Dictionary::new(), NoRegularizer));
    check("AbsTopK", &model(AbsTopK::new(3).unwrap(), Dictionary::new(), NoRegularizer));
    check("BatchTopK", &model(BatchTopK::new(2.5).unwrap(), Dictionary::new(), NoRegularizer));
    check("TopK by norm", &model(TopK::new(3).unwrap().by_norm(), free(), NoRegularizer));
    let by_size = |k| model(AbsTopK::new(k).unwrap().by_norm(), free(), NoRegularizer);
    check("AbsTopK of all by norm", &by_size(UNITS));
    check("AbsTopK by norm", &by_size(2));
    check(
        "BatchTopK by norm",
        &model(BatchTopK::new(2.2).unwrap().by_norm(), free(), NoRegularizer),
    );
    check("Relu", &model(Relu, free(), NoRegularizer));
    let l1 = || DictionaryL1::new(0.3).unwrap();
    check("L1", &model(Relu, free(), l1()));
    check("L1 of signed codes", &model(AbsTopK::new(4).unwrap(), free(), l1()));
    let rising = l1().schedule(Warmup::new(10, Constant).unwrap());
    check("L1 that rises", &model(Relu, Dictionary::new(), rising));
    // Near 0 a power has no derivative: of large values only.
    let power = l1().anneal(0.5, 0.2).unwrap();
    check("L1 with a power", &model(TopK::new(2).unwrap(), free(), power));
    let widths = || Matryoshka::new([3, 7]).unwrap();
    check("Matryoshka", &model(TopK::new(4).unwrap(), Dictionary::new(), widths()));
    check("Matryoshka of a batch", &model(BatchTopK::new(3.0).unwrap(), free(), widths()));
    // What looks at codes with their zeros.
    let others = || (CodeL1::new(0.1).unwrap(), Contractive::new(0.1).unwrap());
    check("with zeros", &model(TopK::new(4).unwrap(), free(), (others(), l1())));
}

#[test]
fn gradients_without_a_pre_bias_and_with_frozen_parts() {
    let x = data(KINKLESS);
    let build = |encoder: SparseLayer<Const<X>, Const<UNITS>, TopK>| {
        let builder = AutoEncoder::builder().encoder(encoder).decoder(Dictionary::new());
        builder.regularizer(DictionaryL1::new(0.2).unwrap()).build::<f64>().unwrap()
    };
    let encoder = || SparseEncoder::<X, UNITS>::new(TopK::new(3).unwrap());
    let plain = build(encoder().without_pre_bias());
    assert_eq!(plain.num_parameters(), 2 * X * UNITS + UNITS + X);
    gradcheck::model(&plain, &x, 1).unwrap().assert();
    gradcheck::model(&build(encoder().frozen()), &x, 1).unwrap().assert();
}

#[test]
fn the_power_of_l1_changes_with_the_training_and_keeps_its_scale() {
    // With one active value v in all samples the mean of active values is v, and m^(1−p) v^p = v for every p.
    let build = |regularizer: DictionaryL1| {
        AutoEncoder::builder()
            .encoder(SparseEncoder::<1, 1>::new(Relu).without_pre_bias())
            .decoder(Dictionary::new())
            .regularizer(regularizer)
            .build::<f64>()
            .unwrap()
    };
    let x = Batch::from_iter([[2.0]; 4]);
    let mut model = build(DictionaryL1::new(0.3).unwrap().anneal(0.25, 0.0).unwrap());
    model.set_parameters(&[1.0, 0.0, 1.0, 0.0]).unwrap();
    let before = model.loss(&x).unwrap();
    // Before any step there is no mean, and 1 stands for it: 0.3 · 2^0.25.
    let found = before.get("dictionary_l1").unwrap();
    assert!((found - 0.3 * 2f64.powf(0.25)).abs() < 1e-14, "{found}");
    Trainer::new(Sgd::new(1e-12).unwrap()).epochs(1).batch_size(4).fit(&mut model, &x).unwrap();
    let found = model.loss(&x).unwrap().get("dictionary_l1").unwrap();
    assert!((found - 0.3 * 2.0).abs() < 1e-9, "{found}");
}

/// Codes, pre-activations and gradients of a JumpReLU model by loops over everything: what the formulas say.
struct Reference {
    loss: f64,
    gradient: Vec<f64>,
}

/// `form`: the sparsity's value and its derivative at the mean L0 of a batch; `tanh`: λ and c.
fn reference(
    model: &Sparse<JumpRelu, JumpReluSparsity>,
    x: &Batch<f64, Const<X>>,
    width: f64,
    form: impl Fn(f64) -> (f64, f64),
    tanh: Option<(f64, f64)>,
) -> Reference {
    let place = |name| of(model, name).unwrap();
    let names = ["encoder.0.weight", "encoder.0.bias", "encoder.0.pre_bias", "encoder.0.threshold"];
    let [weight, bias, pre, threshold] = names.map(place);
    let atoms = place("decoder.0.weight");
    let p = model.parameters();
    let share = 1.0 / SAMPLES as f64;
    let mut gradient = vec![0.0; p.len()];
    let norm =
        |unit: usize| (0..X).map(|i| p[atoms.start + unit * X + i].powi(2)).sum::<f64>().sqrt();
    let near = |z: f64, theta: f64| (z - theta).abs() < width / 2.0;
    let z_of = |x: &[f64], unit: usize| {
        let w = |i: usize| p[weight.start + unit * X + i];
        (0..X).map(|i| w(i) * (x[i] - p[pre.start + i])).sum::<f64>() + p[bias.start + unit]
    };
    let theta = |unit: usize| p[threshold.start + unit];
    let mut count = 0.0;
    for x in x.iter() {
        count += (0..UNITS).filter(|&unit| z_of(x, unit) > theta(unit)).count() as f64 * share;
    }
    let (mut loss, slope) = form(count);
    for x in x.iter() {
        let z: Vec<f64> = (0..UNITS).map(|unit| z_of(x, unit)).collect();
        let f = |unit: usize| if z[unit] > theta(unit) { z[unit] } else { 0.0 };
        let mut y: Vec<f64> = p[pre.clone()].to_vec();
        for unit in 0..UNITS {
            (0..X).for_each(|i| y[i] += f(unit) * p[atoms.start + unit * X + i]);
        }
        let dy: Vec<f64> = (0..X).map(|i| (y[i] - x[i]) * share).collect();
        loss += (0..X).map(|i| 0.5 * share * (y[i] - x[i]).powi(2)).sum::<f64>();
        (0..X).for_each(|i| gradient[pre.start + i] += dy[i]);
        for unit in 0..UNITS {
            let atom = |i: usize| atoms.start + unit * X + i;
            let mut df: f64 = (0..X).map(|i| dy[i] * p[atom(i)]).sum();
            if let Some((lambda, c)) = tanh {
                let height = (c * f(unit) * norm(unit)).tanh();
                loss += lambda * share * height;
                let d = lambda * share * c * (1.0 - height * height);
                df += d * norm(unit);
                for i in 0..X {
                    gradient[atom(i)] += d * f(unit) * p[atom(i)] / norm(unit);
                }
            }
            (0..X).for_each(|i| gradient[atom(i)] += f(unit) * dy[i]);
            if near(z[unit], theta(unit)) {
                // ∂f/∂θ = −(θ/ε) K, ∂1[z > θ]/∂θ = −(1/ε) K
                gradient[threshold.start + unit] -= df * theta(unit) / width;
                gradient[threshold.start + unit] -= slope * share / width;
            }
            if z[unit] > theta(unit) {
                gradient[bias.start + unit] += df;
                for i in 0..X {
                    gradient[weight.start + unit * X + i] += df * (x[i] - p[pre.start + i]);
                    gradient[pre.start + i] -= df * p[weight.start + unit * X + i];
                }
            }
        }
    }
    Reference { loss, gradient }
}

#[test]
fn thresholds_are_trained_by_the_stated_formulas() {
    let width = 0.4;
    let selection = JumpRelu::new(0.1, width).unwrap();
    let is_near = |name: &str,
                   sparsity: JumpReluSparsity,
                   form: &dyn Fn(f64) -> (f64, f64),
                   tanh| {
        let model = model(selection, free(), sparsity);
        for seed in 1..5 {
            let x = data(seed);
            let expected = reference(&model, &x, width, form, tanh);
            let mut gradient = vec![0.0; model.num_parameters()];
            let streams = Some(Streams::new(1, 0, &[]));
            let found = model.objective(&x, streams, Some(&mut gradient)).unwrap().total();
            assert!((found - expected.loss).abs() < 1e-13, "{name}: {found}, {}", expected.loss);
            let moved = of(&model, "encoder.0.threshold").unwrap();
            assert!(expected.gradient[moved].iter().any(|d| d.abs() > 1e-3), "{name}: no kernel");
            for (at, (found, expected)) in gradient.iter().zip(&expected.gradient).enumerate() {
                assert!((found - expected).abs() < 1e-13, "{name}, {at}: {found}, {expected}");
            }
        }
    };
    let step = |mean: f64| (0.05 * mean, 0.05);
    is_near("step", JumpReluSparsity::step(0.05).unwrap(), &step, None);
    let square = |mean: f64| (0.3 * (mean / 2.5 - 1.0).powi(2), 0.6 * (mean / 2.5 - 1.0) / 2.5);
    is_near("quadratic", JumpReluSparsity::quadratic(0.3, 2.5).unwrap(), &square, None);
    let tanh = JumpReluSparsity::tanh(0.2, 4.0).unwrap();
    is_near("tanh", tanh, &|_| (0.0, 0.0), Some((0.2, 4.0)));
}

#[test]
fn dead_units_reconstruct_what_is_left() {
    let aux = AuxK::new(3).unwrap().weight(0.7).unwrap().dead_after(SAMPLES).unwrap();
    let mut model = model(TopK::new(1).unwrap(), free(), aux);
    let x = data(KINKLESS);
    let streams = || Some(Streams::new(1, 0, &[]));
    let before = model.objective(&x, streams(), None).unwrap();
    assert_eq!(before.get("aux_k"), Some(0.0), "none is dead before the first step");
    // One step that moves nothing to speak of: what it has not made active is dead from there on.
    Trainer::new(Sgd::new(1e-13).unwrap())
        .epochs(1)
        .batch_size(SAMPLES)
        .fit(&mut model, &x)
        .unwrap();
    let codes = model.encode(&x).unwrap();
    let alive: Vec<bool> = (0..UNITS).map(|unit| codes.iter().any(|f| f[unit] != 0.0)).collect();
    let dead: Vec<usize> = (0..UNITS).filter(|&unit| !alive[unit]).collect();
    assert!(dead.len() > 3 && dead.len() < UNITS, "{dead:?}");

    // e, as it is.
    let outputs = model.reconstruct(&x).unwrap();
    let left: Vec<f64> = x.as_slice().iter().zip(outputs.as_slice()).map(|(x, y)| x - y).collect();
    let names = ["encoder.0.weight", "encoder.0.bias", "encoder.0.pre_bias", "decoder.0.weight"];
    let [weight, bias, pre, atoms] = names.map(|name| of(&model, name).unwrap());
    let expected = |p: &[f64]| {
        let mut total = 0.0;
        for (x, left) in x.iter().zip(left.chunks(X)) {
            let z = |unit: usize| {
                let terms =
                    (0..X).map(|i| p[weight.start + unit * X + i] * (x[i] - p[pre.start + i]));
                terms.sum::<f64>() + p[bias.start + unit]
            };
            let mut largest: Vec<usize> = dead.clone();
            largest.sort_by(|&a, &b| z(b).total_cmp(&z(a)));
            for i in 0..X {
                let of_unit = |&unit: &usize| z(unit) * p[atoms.start + unit * X + i];
                let sum: f64 = largest[..3].iter().map(of_unit).sum();
                total += 0.7 * 0.5 * (sum - left[i]).powi(2) / SAMPLES as f64;
            }
        }
        total
    };
    let mut with = vec![0.0; model.num_parameters()];
    let found = model.objective(&x, streams(), Some(&mut with)).unwrap().get("aux_k").unwrap();
    let value = expected(model.parameters());
    assert!((found - value).abs() < 1e-12, "{found}, {value}");

    let mut plain = self::model(TopK::new(1).unwrap(), free(), NoRegularizer);
    plain.set_parameters(model.parameters()).unwrap();
    let mut without = vec![0.0; model.num_parameters()];
    plain.objective(&x, streams(), Some(&mut without)).unwrap();
    let difference: Vec<f64> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
    gradcheck::function(model.parameters(), &difference, expected).assert();

    // A second code is of pre-activations: thresholds have no part in it.
    let few = || JumpReluSparsity::step(0.3).unwrap();
    let jump = || JumpRelu::new(0.1, 0.4).unwrap();
    let mut jumping = self::model(jump(), free(), (few(), aux));
    let place = of(&jumping, "encoder.0.threshold").unwrap();
    let mut parameters = jumping.parameters().to_vec();
    parameters[place.start..place.start + 5].fill(50.0);
    jumping.set_parameters(&parameters).unwrap();
    let mut trainer = Trainer::new(Sgd::new(1e-13).unwrap()).epochs(1).batch_size(SAMPLES);
    trainer.fit(&mut jumping, &x).unwrap();
    let mut alone = self::model(jump(), free(), few());
    alone.set_parameters(jumping.parameters()).unwrap();
    let (mut with, mut without) = (vec![0.0; parameters.len()], vec![0.0; parameters.len()]);
    let terms = jumping.objective(&x, streams(), Some(&mut with)).unwrap();
    assert!(terms.get("aux_k").unwrap() > 0.0);
    alone.objective(&x, streams(), Some(&mut without)).unwrap();
    assert_eq!(with[place.clone()], without[place]);
    assert_ne!(with, without);

    // Of fewer dead units than k it counts less.
    let all = AuxK::new(2 * dead.len()).unwrap().weight(0.7).unwrap().dead_after(SAMPLES).unwrap();
    let mut halved = self::model(TopK::new(1).unwrap(), free(), all);
    Trainer::new(Sgd::new(1e-13).unwrap())
        .epochs(1)
        .batch_size(SAMPLES)
        .fit(&mut halved, &x)
        .unwrap();
    let every = |p: &[f64]| {
        let mut total = 0.0;
        for (x, left) in x.iter().zip(left.chunks(X)) {
            for i in 0..X {
                let of_unit = |&unit: &usize| {
                    let terms =
                        (0..X).map(|j| p[weight.start + unit * X + j] * (x[j] - p[pre.start + j]));
                    (terms.sum::<f64>() + p[bias.start + unit]) * p[atoms.start + unit * X + i]
                };
                let sum: f64 = dead.iter().map(of_unit).sum();
                total += 0.5 * 0.7 * 0.5 * (sum - left[i]).powi(2) / SAMPLES as f64;
            }
        }
        total
    };
    let found = halved.objective(&x, streams(), None).unwrap().get("aux_k").unwrap();
    assert!((found - every(halved.parameters())).abs() < 1e-12, "{found}");
}

#[test]
fn dead_units_are_ranked_by_norm_where_others_are() {
    let aux = AuxK::new(3).unwrap().dead_after(SAMPLES).unwrap();
    let mut model = model(TopK::new(1).unwrap().by_norm(), free(), aux);
    let x = data(KINKLESS);
    // One step that moves nothing to speak of: what it has not made active is dead from there on.
    let mut trainer = Trainer::new(Sgd::new(1e-13).unwrap()).epochs(1).batch_size(SAMPLES);
    trainer.fit(&mut model, &x).unwrap();
    let codes = model.encode(&x).unwrap();
    let dead: Vec<usize> =
        (0..UNITS).filter(|&unit| codes.iter().all(|f| f[unit] == 0.0)).collect();
    assert!(dead.len() > 3 && dead.len() < UNITS, "{dead:?}");
    let outputs = model.reconstruct(&x).unwrap();
    let left: Vec<f64> = x.as_slice().iter().zip(outputs.as_slice()).map(|(x, y)| x - y).collect();
    let names = ["encoder.0.weight", "encoder.0.bias", "encoder.0.pre_bias", "decoder.0.weight"];
    let [weight, bias, pre, atoms] = names.map(|name| of(&model, name).unwrap());
    let expected = |p: &[f64], is_by_norm: bool| {
        let atom = |unit: usize| &p[atoms.start + unit * X..][..X];
        let norm = |unit: usize| atom(unit).iter().map(|v| v * v).sum::<f64>().sqrt();
        let mut total = 0.0;
        for (x, left) in x.iter().zip(left.chunks(X)) {
            let z = |unit: usize| {
                let w = &p[weight.start + unit * X..][..X];
                let terms = w.iter().zip(x).zip(&p[pre.clone()]).map(|((w, x), b)| w * (x - b));
                terms.sum::<f64>() + p[bias.start + unit]
            };
            let rank = |unit: usize| z(unit) * if is_by_norm { norm(unit) } else { 1.0 };
            let mut largest = dead.clone();
            largest.sort_by(|&a, &b| rank(b).total_cmp(&rank(a)));
            for (i, left) in left.iter().enumerate() {
                let sum: f64 = largest[..3].iter().map(|&unit| z(unit) * atom(unit)[i]).sum();
                total += 0.5 * (sum - left).powi(2) / SAMPLES as f64;
            }
        }
        total
    };
    let streams = || Some(Streams::new(1, 0, &[]));
    let mut with = vec![0.0; model.num_parameters()];
    let found = model.objective(&x, streams(), Some(&mut with)).unwrap().get("aux_k").unwrap();
    let [by_norm, not] = [true, false].map(|by_norm| expected(model.parameters(), by_norm));
    assert!((found - by_norm).abs() < 1e-12, "{found}, {by_norm}");
    assert!((found - not).abs() > 1e-4, "the rank makes no difference: {found}, {not}");
    let mut plain = self::model(TopK::new(1).unwrap().by_norm(), free(), NoRegularizer);
    plain.set_parameters(model.parameters()).unwrap();
    let mut without = vec![0.0; with.len()];
    plain.objective(&x, streams(), Some(&mut without)).unwrap();
    let difference: Vec<f64> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
    gradcheck::function(model.parameters(), &difference, |p| expected(p, true)).assert();
}

/// Steps of sae-lens 6.54.12 (torch 2.15.0), halved as their loss is twice ours:
///
/// ```python
/// def wave(rows, columns, step):
///     at = torch.arange(rows * columns, dtype=torch.float64)
///     return torch.sin(step * (at + 1)).reshape(rows, columns)
///
/// x, size = wave(7, 5, 1.3), {"d_in": 5, "d_sae": 12, "dtype": "float64", "device": "cpu"}
/// length = 0.2 + 0.3 * torch.arange(12, dtype=torch.float64).remainder(5)
/// for sae, has_dead in [
///     (TopKTrainingSAE(TopKTrainingSAEConfig(k=2, **size)), False),
///     (TopKTrainingSAE(TopKTrainingSAEConfig(k=2, **size)), True),
///     (BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(k=1.5, **size)), False),
/// ]:
///     with torch.no_grad():
///         sae.W_enc.copy_(wave(12, 5, 0.7).T)
///         sae.b_enc.copy_(0.1 * wave(1, 12, 0.9)[0])
///         sae.b_dec.copy_(0.1 * wave(1, 5, 1.1)[0])
///         sae.W_dec.copy_(wave(12, 5, 1.9) * length[:, None])
///     mask = (sae.encode(x) == 0).all(dim=0) if has_dead else None
///     out = sae.training_forward_pass(TrainStepInput(
///         sae_in=x, coefficients={}, dead_neuron_mask=mask, n_training_steps=0, is_logging_step=False))
///     out.loss.backward()
///     print(out.loss.item() / 2)
///     for g in [sae.W_enc.grad.T, sae.b_enc.grad, sae.b_dec.grad, sae.W_dec.grad]:
///         g = g.flatten() / 2
///         print(g.sum().item(), (g * torch.cos(torch.arange(len(g), dtype=torch.float64))).sum().item())
/// print(sae.topk_threshold.item() / 0.01)
/// ```
#[test]
fn a_step_by_norm_is_that_of_sae_lens() {
    fn wave(count: usize, step: f64) -> impl Iterator<Item = f64> {
        (1..=count).map(move |at| (step * at as f64).sin())
    }
    fn check<S: Selection<f64>, R>(
        selection: S,
        regularizer: R,
        loss: f64,
        sums: [[f64; 2]; 4],
    ) -> Sparse<S, R>
    where
        R: Regularizer<f64> + SuitedTo<SparseLayer<Const<X>, Const<UNITS>, S>>,
    {
        let mut model = model(selection, free(), regularizer);
        let names =
            ["encoder.0.weight", "encoder.0.bias", "encoder.0.pre_bias", "decoder.0.weight"];
        let places = names.map(|name| of(&model, name).unwrap());
        let mut parameters = model.parameters().to_vec();
        let scales: [&dyn Fn(usize) -> f64; 4] =
            [&|_| 1.0, &|_| 0.1, &|_| 0.1, &|at| 0.2 + 0.3 * ((at / X) % 5) as f64];
        for ((place, step), scale) in places.iter().zip([0.7, 0.9, 1.1, 1.9]).zip(scales) {
            for (at, value) in wave(place.len(), step).enumerate() {
                parameters[place.start + at] = scale(at) * value;
            }
        }
        if let Some(place) = of(&model, "encoder.0.threshold") {
            parameters[place].fill(-1.0); // none yet
        }
        model.set_parameters(&parameters).unwrap();
        let x = Batch::new(Const::<X>, wave(SAMPLES * X, 1.3).collect()).unwrap();
        // One step that moves nothing to speak of: what it has not made active is dead from there on.
        let mut trainer = Trainer::new(Sgd::new(1e-14).unwrap()).epochs(1).batch_size(SAMPLES);
        trainer.fit(&mut model, &x).unwrap();
        let mut gradient = vec![0.0; parameters.len()];
        let streams = Some(Streams::new(1, 0, &[]));
        let found = model.objective(&x, streams, Some(&mut gradient)).unwrap().total();
        assert!((found - loss).abs() < 1e-11, "{found} and {loss}");
        for ((place, expected), name) in places.into_iter().zip(sums).zip(names) {
            let values = &gradient[place];
            let sum: f64 = values.iter().sum();
            let turned: f64 = values.iter().enumerate().map(|(at, d)| d * (at as f64).cos()).sum();
            let near = |a: f64, b: f64| (a - b).abs() < 1e-11;
            let is_near = near(sum, expected[0]) && near(turned, expected[1]);
            assert!(is_near, "{name}: {sum}, {turned} and {expected:?}");
        }
        model
    }
    let top = || TopK::new(2).unwrap().by_norm();
    let sums = [
        [1.4363502098537126, 7.101861072499847],
        [8.789713095022861, -4.000968408280088],
        [13.081166709445124, -15.355489626342695],
        [-0.14804723469724523, -0.9984632228417263],
    ];
    check(top(), NoRegularizer, 5.996731416661602, sums);
    let sums = [
        [1.6782539614508423, 5.91271919456333],
        [10.100350051224316, -2.027903640978908],
        [21.095853811524563, -15.281704971429015],
        [-0.0040655381955463366, -1.0787808569934443],
    ];
    let aux = AuxK::new(X / 2).unwrap().dead_after(SAMPLES).unwrap();
    check(top(), aux, 13.739888156296104, sums);
    let sums = [
        [1.1286343884559926, 5.96146611832289],
        [6.942910037518878, -3.1361894421764878],
        [9.88511481869328, -12.03960480072212],
        [0.07009486128185416, -1.0852086221751325],
    ];
    let batch = BatchTopK::new(1.5).unwrap().by_norm();
    let model = check(batch, NoRegularizer, 5.357419151106884, sums);
    let threshold = model.parameter("encoder.0.threshold").unwrap()[0];
    assert!((threshold - 1.4003754927771368).abs() < 1e-11, "{threshold}");
}

fn gated(
    regularizer: GateSparsity,
) -> AutoEncoder<
    GatedLayer<Const<X>, Const<UNITS>>,
    DictionaryLayer<Const<UNITS>, Const<X>>,
    GateSparsity,
    SquaredError,
    f64,
> {
    let encoder = GatedEncoder::<X, UNITS>::new();
    let builder = AutoEncoder::builder().encoder(encoder).decoder(free());
    let mut model = builder.regularizer(regularizer).build::<f64>().unwrap();
    let mut rng = seeded(5);
    let parameters = model.parameters().iter().map(|p| p + rng.random_range(-0.2..0.2));
    let parameters: Vec<f64> = parameters.collect();
    model.set_parameters(&parameters).unwrap();
    model
}

#[test]
fn gates() {
    let model = gated(GateSparsity::new(0.3).unwrap());
    let weights: Vec<f64> = (0..SAMPLES).map(|sample| 0.5 + sample as f64).collect();
    for seed in 1..4 {
        let x = data(seed);
        gradcheck::model(&model, &x, seed).unwrap().assert();
        gradcheck::model(&model, Examples::of(&x).weights(&weights), seed).unwrap().assert();
    }
    // What leaves the dictionary alone differs by what the gates' reconstruction says of atoms and bias, and has the same
    // value.
    let x = data(1);
    let of = |regularizer| {
        let (model, mut gradient) = (gated(regularizer), vec![0.0; model.num_parameters()]);
        let streams = Some(Streams::new(1, 0, &[]));
        let terms = model.objective(&x, streams, Some(&mut gradient)).unwrap();
        (terms.total(), gradient)
    };
    let all = of(GateSparsity::new(0.3).unwrap());
    let some = of(GateSparsity::new(0.3).unwrap().leaving_the_dictionary());
    assert_eq!(all.0, some.0);
    let p = model.parameters();
    let tensors = model.layout().tensors();
    let place = |name: &str| tensors.iter().find(|t| t.name == name).unwrap().range.clone();
    let names = ["encoder.0.weight", "encoder.0.bias", "encoder.0.pre_bias", "decoder.0.weight"];
    let [weight, bias, pre, atoms] = names.map(place);
    let of_gates = |at: &[f64]| {
        // Gates as they are; atoms and bias as given.
        let mut total = 0.0;
        for x in x.iter() {
            let mut y = at[..X].to_vec();
            for unit in 0..UNITS {
                let terms =
                    (0..X).map(|i| p[weight.start + unit * X + i] * (x[i] - p[pre.start + i]));
                let gate = (terms.sum::<f64>() + p[bias.start + unit]).max(0.0);
                (0..X).for_each(|i| y[i] += gate * at[X + unit * X + i]);
            }
            let square: f64 = (0..X).map(|i| (y[i] - x[i]).powi(2)).sum();
            total += 0.5 * square / SAMPLES as f64;
        }
        total
    };
    let at = [&p[pre.clone()], &p[atoms.clone()]].concat();
    let difference = |place: std::ops::Range<usize>| {
        all.1[place.clone()].iter().zip(&some.1[place]).map(|(a, b)| a - b).collect::<Vec<_>>()
    };
    gradcheck::function(&at, &[difference(pre.clone()), difference(atoms)].concat(), of_gates)
        .assert();
}

#[test]
fn a_classifier_trains_what_selects() {
    let model = model(TopK::new(3).unwrap(), free(), NoRegularizer);
    let classifier = model.classifier::<3>().build::<f64>().unwrap();
    let x = data(KINKLESS);
    gradcheck::model(&classifier, (&x, &[0, 1, 2, 0, 1, 2, 0]), 1).unwrap().assert();
}
