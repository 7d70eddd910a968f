//! Missing values, NaN: they count in no loss, whatever stands for them, and every gradient is that of what is there.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::contract::{self, Verdict};
use autoencoder::corruption::{Absences, Gaussian as Noise, Masking, SwapNoise};
use autoencoder::data::Normalization;
use autoencoder::layer::DenseLayer;
use autoencoder::loss::{Categorical, Compared, LearnedGaussian, LossFor, Mixed, WithInput};
use autoencoder::prior::VampPrior;
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::Const;
use rand::RngExt;

const FEATURES: usize = 6;
const NAN: f64 = f64::NAN;

type Likelihood = Box<dyn Loss<f64>>;

/// All losses over inputs; and the groups of features that are missing together, which are categories.
#[allow(clippy::single_range_in_vec_init)] // cells, and not their features
fn losses() -> Vec<(Likelihood, &'static [std::ops::Range<usize>])> {
    const NO_GROUPS: &[std::ops::Range<usize>] = &[];
    const ONE_GROUP: [std::ops::Range<usize>; 1] = [std::ops::Range { start: 2, end: 5 }];
    let mixed = Mixed::new()
        .columns(2, LearnedGaussian::per_feature())
        .columns(3, Categorical::new(&[3]).unwrap())
        .columns(1, BernoulliCrossEntropy);
    vec![
        (Box::new(SquaredError), NO_GROUPS),
        (Box::new(BernoulliCrossEntropy), NO_GROUPS),
        (Box::new(ContinuousBernoulli), NO_GROUPS),
        (Box::new(GaussianLikelihood::new(0.7).unwrap()), NO_GROUPS),
        (Box::new(LaplaceLikelihood::new(0.7).unwrap()), NO_GROUPS),
        (Box::new(PoissonLikelihood), NO_GROUPS),
        (Box::new(Huber::new(0.3).unwrap()), NO_GROUPS),
        (Box::new(LearnedGaussian::shared().starting_at(0.8).unwrap()), NO_GROUPS),
        (Box::new(LearnedGaussian::per_feature().starting_at(0.8).unwrap()), NO_GROUPS),
        (Box::new(Categorical::new(&[2, 3, 1]).unwrap()), &[0..2, 2..5, 5..6]),
        (Box::new(mixed), &ONE_GROUP),
    ]
}

/// Rows that every loss takes, of which this share of the cells is missing.
fn rows(
    loss: &Likelihood,
    groups: &[std::ops::Range<usize>],
    (samples, share): (usize, f64),
    seed: u64,
) -> Batch<f64, Const<FEATURES>> {
    let mut rng = seeded(seed);
    let is_count = loss.name() == "poisson_likelihood";
    let mut value =
        |_| if is_count { rng.random_range(0..4) as f64 } else { rng.random_range(0.05..0.95) };
    let rows = (0..samples).map(|_| std::array::from_fn(&mut value));
    let mut rows = common::with_shares(&**loss, &rows.collect::<Batch<f64, Const<FEATURES>>>());
    for x in rows.as_mut_slice().chunks_exact_mut(FEATURES) {
        let mut at = 0;
        while at < FEATURES {
            let cell = groups.iter().find(|group| group.start == at).cloned().unwrap_or(at..at + 1);
            at = cell.end;
            if rng.random::<f64>() < share {
                x[cell].fill(NAN);
            }
        }
    }
    rows
}

/// The value, the gradient at the outputs and that of the loss's own parameters, of one sample that counts this much.
fn of_one(
    loss: &dyn Loss<f64>,
    x: &[f64],
    y: &[f64],
    parameters: &[f64],
    weight: f64,
) -> [Vec<f64>; 3] {
    let columns = x.len();
    let at = Compared { x: BatchView::new(x, columns), y: BatchView::new(y, columns), parameters };
    let (mut value, mut together) = ([7.0], [7.0]);
    let (mut dy, mut of_both) = (vec![7.0; columns], vec![7.0; columns]);
    let mut own = vec![0.0; parameters.len()];
    loss.values(at, &mut value);
    loss.gradient(at, &[weight], BatchViewMut::new(&mut dy, columns));
    let both = BatchViewMut::new(&mut of_both, columns);
    loss.values_and_gradient(at, &[weight], &mut together, both);
    assert_eq!((value, &dy), (together, &of_both), "{loss:?}");
    loss.parameter_gradient(at, &[weight], &mut own);
    [value.to_vec(), dy, own]
}

/// One feature, or group, after the other: what is missing adds exactly nothing, and what is there adds what it adds alone.
#[test]
fn a_loss_is_the_sum_over_what_is_there() {
    let mut rng = seeded(3);
    for (loss, groups) in losses() {
        assert!(loss.skips_missing(), "{loss:?}");
        for seed in 0..40 {
            let rows = rows(&loss, groups, (1, 0.4), seed);
            let x = rows.sample(0);
            let y: [f64; FEATURES] = std::array::from_fn(|_| rng.random_range(-1.5..1.5));
            let own: Vec<f64> =
                (0..loss.num_parameters(FEATURES)).map(|_| rng.random_range(-1.0..1.0)).collect();
            let [value, dy, of_own] = of_one(&*loss, x, &y, &own, 0.3);
            // The same with other numbers where something is missing, less what these add alone.
            let mut filled = x.to_vec();
            let full = self::rows(&loss, groups, (1, 0.0), seed + 100);
            for feature in 0..FEATURES {
                if x[feature].is_nan() {
                    filled[feature] = full.sample(0)[feature];
                    assert_eq!(dy[feature], 0.0, "{loss:?}");
                }
            }
            let [with, dy_with, own_with] = of_one(&*loss, &filled, &y, &own, 0.3);
            let mut only = filled.clone();
            for feature in 0..FEATURES {
                if !x[feature].is_nan() {
                    only[feature] = NAN;
                    assert_eq!(dy[feature], dy_with[feature], "{loss:?}");
                }
            }
            let [rest, _, own_rest] = of_one(&*loss, &only, &y, &own, 0.3);
            assert!((value[0] + rest[0] - with[0]).abs() < 1e-13, "{loss:?} {x:?}");
            for (own, (with, rest)) in of_own.iter().zip(own_with.iter().zip(&own_rest)) {
                assert!((own + rest - with).abs() < 1e-13, "{loss:?} {x:?}");
            }
        }
        let [value, dy, own] = of_one(
            &*loss,
            &[NAN; FEATURES],
            &[0.4; FEATURES],
            &vec![0.2; loss.num_parameters(FEATURES)],
            1.0,
        );
        assert_eq!((value[0], dy), (0.0, vec![0.0; FEATURES]), "{loss:?}");
        assert!(own.iter().all(|&own| own == 0.0), "{loss:?}");
    }
}

/// By hand, with the features 1 and 2 missing: ½ (0.5 − 0.2)² and, of one, its likelihood with all constants.
#[test]
fn values_by_hand() {
    let x = [0.5, NAN, NAN];
    let y = [0.2, 5.0, -5.0];
    let value = |loss: &dyn Loss<f64>, own: &[f64]| of_one(loss, &x, &y, own, 1.0)[0][0];
    let ln_tau = std::f64::consts::TAU.ln();
    let near =
        |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15, "{found} {expected}");
    near(value(&SquaredError, &[]), 0.045);
    near(
        value(&GaussianLikelihood::new(2.0).unwrap(), &[]),
        0.045 / 4.0 + 2f64.ln() + 0.5 * ln_tau,
    );
    near(value(&LaplaceLikelihood::new(2.0).unwrap(), &[]), 0.15 + 4f64.ln());
    near(value(&LearnedGaussian::shared(), &[0.0]), 0.045 + 0.5 * ln_tau);
    near(value(&LearnedGaussian::per_feature(), &[0.0, 3.0, -3.0]), 0.045 + 0.5 * ln_tau);
    // e^a − a x + ln x! at a = 0.2, x = 2, and ln 2! = ln 2.
    let counts = of_one(&PoissonLikelihood, &[2.0, NAN], &[0.2, 9.0], &[], 1.0)[0][0];
    near(counts, 0.2f64.exp() - 0.4 + 2f64.ln());
    // Of two categories the first is missing; the second is its level 1 of two, with logits 0 and ln 3: −ln ¾.
    let categorical = Categorical::new(&[2, 2]).unwrap();
    let [value, dy, _] =
        of_one(&categorical, &[NAN, NAN, 0.0, 1.0], &[4.0, -4.0, 0.0, 3f64.ln()], &[], 1.0);
    near(value[0], (4f64 / 3.0).ln());
    assert!(dy[..2] == [0.0, 0.0] && (dy[2] - 0.25).abs() < 1e-15 && (dy[3] + 0.25).abs() < 1e-15);
}

/// Values stay as they are, and what is missing is seen as a number of its own in each column.
fn filled() -> Normalizer {
    let none = Normalizer::from_parts(Normalization::None, [], []).unwrap();
    none.with_fills([0.3, 0.1, 0.5, 0.2, 0.4, 0.7]).unwrap()
}

type Point = DenseLayer<Const<FEATURES>, Const<4>, Tanh>;
type Out = DenseLayer<Const<4>, Const<FEATURES>, Identity>;

fn point<R, L>(regularizer: R, loss: L) -> AutoEncoder<Point, Out, R, L, f64>
where
    R: Regularizer<f64> + autoencoder::regularizer::SuitedTo<Point>,
    L: Loss<f64> + LossFor<Out, Target = WithInput>,
{
    AutoEncoder::builder()
        .encoder(Dense::<FEATURES, 4>::new(Tanh))
        .decoder(Dense::<4, FEATURES>::new(Identity))
        .regularizer(regularizer)
        .loss(loss)
        .normalizer(filled())
        .seed(3)
        .build::<f64>()
        .unwrap()
}

/// Every element of every gradient, by finite differences.
#[test]
fn gradients_with_missing_values() {
    for (loss, groups) in losses() {
        for share in [0.0, 0.3, 0.7] {
            let rows = rows(&loss, groups, (9, 0.2), 12);
            let swaps = SwapNoise::new(0.3, &rows).unwrap();
            let noise = (Noise::new(0.1).unwrap(), Absences::new(0.3).unwrap(), swaps);
            let denoising = Denoising::new(noise);
            let check = |model: &dyn Fn(u64) -> gradcheck::GradientCheck| {
                // Where a loss has a kink, a step may cross it: with other streams or data it does not.
                let has_kink = ["huber", "laplace_likelihood"].contains(&loss.name());
                let found = (11..if has_kink { 31 } else { 12 }).map(model);
                let found = Vec::from_iter(found);
                let first = found.iter().find(|check| check.passes()).unwrap_or(&found[0]);
                first.assert();
            };
            let x = |seed| self::rows(&loss, groups, (7, share), seed);
            let model = point(NoRegularizer, loss.clone());
            check(&|seed| gradcheck::model(&model, &x(seed), 5).unwrap());
            let model = point(denoising, loss.clone());
            check(&|seed| gradcheck::model(&model, &x(seed), 5).unwrap());
            let weights = [1.0, 2.0, 0.5, 3.0, 1.0, 0.1, 1.0];
            let model = point(Contractive::new(0.2).unwrap(), loss.clone());
            check(&|seed| {
                let x = x(seed);
                gradcheck::model(&model, Examples::of(&x).weights(&weights), 5).unwrap()
            });
            let variational = AutoEncoder::builder()
                .encoder(Gaussian::new(
                    Dense::<FEATURES, 5>::new(Tanh),
                    Dense::<5, 2>::new(Identity),
                    Dense::<5, 2>::new(Identity),
                ))
                .decoder(Dense::<2, FEATURES>::new(Identity))
                .regularizer(Variational::new(0.7).unwrap().prior(VampPrior::new(3).unwrap()))
                .loss(loss.clone())
                .normalizer(filled())
                .build::<f64>()
                .unwrap();
            check(&|seed| gradcheck::model(&variational, &x(seed), 5).unwrap());
        }
    }
}

/// What others do: the gradient goes on as if what stands for a missing value had been the value.
#[derive(Debug, Clone)]
struct Planted {
    pulls_to_fill: bool,
}
impl<D: autoencoder::layer::Part> LossFor<D> for Planted {
    type Target = WithInput;
}
impl Loss<f64> for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }
    fn describe(&self) -> String {
        format!("{self:?}")
    }
    fn skips_missing(&self) -> bool {
        true
    }
    fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
        SquaredError.values(at, values);
    }
    fn gradient(&self, at: Compared<'_, f64>, weights: &[f64], mut dy: BatchViewMut<'_, f64>) {
        SquaredError.gradient(at, weights, dy.reborrow());
        if self.pulls_to_fill {
            let features = at.x.features();
            let pairs = at.x.as_slice().iter().zip(at.y.as_slice()).enumerate();
            for (dy, (place, (x, y))) in dy.as_mut_slice().iter_mut().zip(pairs) {
                *dy = if x.is_nan() { weights[place / features] * (y - 0.3) } else { *dy };
            }
        }
    }
}

#[test]
fn a_gradient_that_pulls_to_what_stands_for_the_missing_is_caught() {
    let squared: Likelihood = Box::new(SquaredError);
    let check = |pulls_to_fill, share| {
        let x = rows(&squared, &[], (7, share), 11);
        gradcheck::model(&point(NoRegularizer, Planted { pulls_to_fill }), &x, 5).unwrap()
    };
    check(false, 0.3).assert();
    check(true, 0.0).assert();
    assert!(!check(true, 0.3).passes());
}

/// The encoder sees the fill, and so every call gives to the bit what it gives of a row that has it; but for the loss.
#[test]
fn the_encoder_sees_what_stands_for_the_missing() {
    let squared: Likelihood = Box::new(SquaredError);
    let model = point(NoRegularizer, SquaredError);
    let x = rows(&squared, &[], (9, 0.4), 21);
    let mut complete = x.clone();
    for row in complete.as_mut_slice().chunks_exact_mut(FEATURES) {
        for (x, &fill) in row.iter_mut().zip(filled().fills().unwrap()) {
            *x = if x.is_nan() { fill } else { *x };
        }
    }
    assert_eq!(model.encode(&x).unwrap(), model.encode(&complete).unwrap());
    assert_eq!(model.squared_jacobian(&x).unwrap(), model.squared_jacobian(&complete).unwrap());
    let outputs = model.reconstruct(&complete).unwrap();
    assert_eq!(model.reconstruct(&x).unwrap(), outputs);
    assert_eq!(model.reconstruct_one(x.sample(2)).unwrap(), outputs.sample(2));
    assert_eq!(model.encode_one(x.sample(2)).unwrap(), model.encode(&complete).unwrap().sample(2));
    let by_hand: Vec<f64> = x
        .iter()
        .zip(outputs.iter())
        .map(|(x, y)| {
            let there = x.iter().zip(y).filter(|(x, _)| !x.is_nan());
            0.5 * there.map(|(x, y)| (x - y).powi(2)).sum::<f64>()
        })
        .collect();
    let scores = model.score(&x).unwrap();
    assert!(scores.iter().zip(&by_hand).all(|(a, b)| (a - b).abs() < 1e-15));
    assert_eq!(model.score_one(x.sample(3)).unwrap(), scores[3]);
    let mean = by_hand.iter().sum::<f64>() / 9.0;
    assert!((model.loss(&x).unwrap().total() - mean).abs() < 1e-15);
    // What is imputed is there, and all else is as it was.
    let imputed = model.impute(&x).unwrap();
    let places = x.as_slice().iter().zip(outputs.as_slice());
    for (found, (x, expected)) in imputed.as_slice().iter().zip(places) {
        assert_eq!(found, if x.is_nan() { expected } else { x });
    }
    assert_eq!(model.impute(&complete).unwrap(), complete);
}

/// Codes are those of the row with what stands for the missing, and a likelihood is one of what is there.
#[test]
fn bounds_are_of_what_is_there() {
    let squared: Likelihood = Box::new(SquaredError);
    let model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<FEATURES, 5>::new(Tanh),
            Dense::<5, 2>::new(Identity),
            Dense::<5, 2>::new(Identity),
        ))
        .decoder(Dense::<2, FEATURES>::new(Identity))
        .regularizer(Variational::default())
        .loss(GaussianLikelihood::new(0.5).unwrap())
        .normalizer(filled())
        .build::<f64>()
        .unwrap();
    let mut x = rows(&squared, &[], (6, 0.4), 51);
    let mut complete = x.clone();
    for row in complete.as_mut_slice().chunks_exact_mut(FEATURES) {
        for (x, &fill) in row.iter_mut().zip(filled().fills().unwrap()) {
            *x = if x.is_nan() { fill } else { *x };
        }
    }
    let bound = |x: &Batch<f64, Const<FEATURES>>| model.elbo(x, 20, &mut seeded(4)).unwrap();
    assert_eq!(bound(&x).kl, bound(&complete).kl);
    assert_ne!(bound(&x).reconstruction, bound(&complete).reconstruction);
    let of = |x: &Batch<f64, Const<FEATURES>>| {
        model.negative_log_likelihood(x, 50, &mut seeded(4)).unwrap()
    };
    assert!(of(&x).iter().all(|value| value.is_finite()));
    // Of nothing there is nothing to tell: p = 1, estimated by weights p(z)/q(z|x), and so but for the draws.
    x.as_mut_slice().fill(NAN);
    assert_eq!(bound(&x).reconstruction, 0.0);
}

/// A squared error over what is not marked, as one would write it by hand: 0.25 marks what does not count.
#[derive(Debug, Clone)]
struct Marked;
impl<D: autoencoder::layer::Part> LossFor<D> for Marked {
    type Target = WithInput;
}
impl Loss<f64> for Marked {
    fn name(&self) -> &'static str {
        "marked"
    }
    fn describe(&self) -> String {
        "Marked".to_owned()
    }
    fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
        for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(values) {
            let there = x.iter().zip(y).filter(|(x, _)| **x != 0.25);
            *value = 0.5 * there.map(|(x, y)| (x - y).powi(2)).sum::<f64>();
        }
    }
    fn gradient(&self, at: Compared<'_, f64>, weights: &[f64], mut dy: BatchViewMut<'_, f64>) {
        let features = at.x.features();
        let pairs = at.x.as_slice().iter().zip(at.y.as_slice()).enumerate();
        for (dy, (place, (&x, y))) in dy.as_mut_slice().iter_mut().zip(pairs) {
            *dy = if x == 0.25 { 0.0 } else { weights[place / features] * (y - x) };
        }
    }
}

/// Training with missing values is training a loss that was told which ones not to count.
#[test]
fn a_training_is_that_of_a_loss_told_what_is_missing() {
    let squared: Likelihood = Box::new(SquaredError);
    let mut x = rows(&squared, &[], (40, 0.3), 31);
    // A column that is there in one row alone, too.
    x.as_mut_slice().iter_mut().skip(3 + FEATURES).step_by(FEATURES).for_each(|x| *x = NAN);
    let mut marked = x.clone();
    marked.as_mut_slice().iter_mut().for_each(|x| *x = if x.is_nan() { 0.25 } else { *x });
    let builder = || {
        AutoEncoder::builder()
            .encoder(Dense::<FEATURES, 3>::new(Tanh))
            .decoder(Dense::<3, FEATURES>::new(Identity))
    };
    let none = Normalizer::from_parts(Normalization::None, [], []).unwrap();
    let fills = none.with_fills([0.25; FEATURES]).unwrap();
    let mut model = builder().normalizer(fills).build::<f64>().unwrap();
    let mut expected = builder().loss(Marked).build::<f64>().unwrap();
    let trainer = || Trainer::new(Sgd::new(0.1).unwrap()).epochs(5).batch_size(8).seed(2);
    trainer().fit(&mut model, Examples::of(&x).held_out(&x)).unwrap();
    trainer().fit(&mut expected, Examples::of(&marked).held_out(&marked)).unwrap();
    for (found, expected) in model.parameters().iter().zip(expected.parameters()) {
        assert!((found - expected).abs() < 1e-12);
    }
}

/// The same bits on threads, from streams, taken up again; and all else that holds for any model.
#[test]
fn the_contract_holds_with_missing_values() {
    let squared: Likelihood = Box::new(SquaredError);
    let x = rows(&squared, &[], (24, 0.3), 41);
    for normalization in [Normalization::Standardize, Normalization::MinMax { low: 0.0, high: 1.0 }]
    {
        let normalizer = Normalizer::fit_with_missing(normalization, &x).unwrap();
        let build = || {
            let swaps = SwapNoise::new(0.2, &x).unwrap().normalized_by(&normalizer).unwrap();
            let noise = (Masking::new(0.1).unwrap(), Absences::new(0.2).unwrap(), swaps);
            AutoEncoder::builder()
                .encoder(Dense::<FEATURES, 4>::new(Tanh))
                .decoder(Dense::<4, FEATURES>::new(Identity))
                .regularizer(Denoising::new(noise))
                .loss(LearnedGaussian::per_feature())
                .normalizer(normalizer.clone())
                .build::<f64>()
                .unwrap()
        };
        let outcome = contract::model(build, &x);
        outcome.assert();
        assert!(matches!(outcome.verdict("nan_is_refused"), Some(Verdict::NotApplicable { .. })));
        assert_eq!(outcome.verdict("gradient"), Some(&Verdict::Passed));
        assert_eq!(outcome.verdict("stream_equals_memory"), Some(&Verdict::Passed));
    }
    let labels: Vec<usize> = (0..24).map(|row| row % 3).collect();
    let normalizer = Normalizer::fit_with_missing(Normalization::Standardize, &x).unwrap();
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<FEATURES, 4>::new(Tanh))
            .classes::<3>()
            .normalizer(normalizer.clone())
            .build::<f64>()
            .unwrap()
    };
    contract::model(build, (&x, &labels)).assert();
}

fn text<M>(refused: Result<M>) -> String {
    refused.map(drop).unwrap_err().to_string()
}

#[test]
fn what_does_not_go_together_is_refused() {
    #[derive(Debug, Clone)]
    struct Own;
    impl<D: autoencoder::layer::Part> LossFor<D> for Own {
        type Target = WithInput;
    }
    impl Loss<f64> for Own {
        fn name(&self) -> &'static str {
            "own"
        }
        fn describe(&self) -> String {
            "Own".to_owned()
        }
        fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
            SquaredError.values(at, values);
        }
        fn gradient(&self, at: Compared<'_, f64>, weights: &[f64], dy: BatchViewMut<'_, f64>) {
            SquaredError.gradient(at, weights, dy);
        }
    }
    let builder = || {
        AutoEncoder::builder()
            .encoder(Dense::<FEATURES, 3>::new(Tanh))
            .decoder(Dense::<3, FEATURES>::new(Identity))
    };
    let skips = "the loss does not skip missing values, which the normalizer takes: give it `Loss::skips_missing`, take a \
                 loss of this crate, or fit the normalizer by `Normalizer::fit`";
    assert_eq!(text(builder().loss(Own).normalizer(filled()).build::<f64>()), skips);
    let mixed = Mixed::new().columns(5, SquaredError).columns(1, Own);
    assert_eq!(text(builder().loss(mixed).normalizer(filled()).build::<f64>()), skips);
    assert!(builder().loss(Own).build::<f64>().is_ok());
    let absences = || Denoising::new((Noise::new(0.1).unwrap(), vec![Absences::new(0.1).unwrap()]));
    assert_eq!(
        text(builder().regularizer(absences()).build::<f64>()),
        "the corruption makes values missing, and the model takes none: give it a normalizer of \
         `Normalizer::fit_with_missing`, also where none are missing"
    );
    assert!(builder().regularizer(absences()).normalizer(filled()).build::<f64>().is_ok());
    let augment = Augment::new(Masking::new(0.1).unwrap());
    assert_eq!(
        text(builder().regularizer(augment).normalizer(filled()).build::<f64>()),
        "the regularizer changes what samples are compared with, and so could make values of those that are missing: take \
         `Denoising`, or fit the normalizer by `Normalizer::fit`"
    );
    // A category is missing as a whole or not at all.
    let groups = Categorical::new(&[2, 4]).unwrap();
    let model = builder().loss(groups).normalizer(filled()).build::<f64>().unwrap();
    let partly = Batch::from_iter([[0.0, 1.0, NAN, NAN, NAN, NAN], [0.0, 1.0, NAN, NAN, 1.0, NAN]]);
    let (first, last, sample) = (2, 5, 1);
    let refusal = |call| Error::PartlyMissing { call, loss: "categorical", first, last, sample };
    assert_eq!(model.loss(&partly).unwrap_err(), refusal("loss"));
    assert_eq!(model.impute(&partly).unwrap_err(), refusal("impute"));
    assert_eq!(
        refusal("loss").to_string(),
        "loss: features 2 to 5 of sample 1 are one category to the loss categorical, and some of them are NaN: give all of \
         them where it is known, and NaN in each where it is missing (features and samples are counted from 0)"
    );
    assert!(model.loss(&partly.select([0])).is_ok());
    // Infinity is no missing value, and NaN is none where the normalizer takes none.
    let infinite = Batch::from_iter([[f64::INFINITY; FEATURES]]);
    let place =
        |call, value| Error::NotFinite { call, feature: 0, sample: 0, value: Number(value) };
    assert_eq!(model.encode(&infinite).unwrap_err(), place("encode", f64::INFINITY));
    let plain = builder().build::<f64>().unwrap();
    let nothing = Batch::from_iter([[NAN; FEATURES]]);
    assert_eq!(plain.impute(&nothing).unwrap_err(), place("impute", NAN));
    assert!(text(plain.impute(&nothing)).ends_with("`Normalizer::fit_with_missing`"));
    assert!(model.encode(&nothing).is_ok() && model.loss(&nothing).unwrap().total() == 0.0);
}
