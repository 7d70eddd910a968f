//! What normal samples never show: constant columns that change, levels that were never seen, values beyond the
//! domain of a loss. And the samples that a detector has seen before.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{InMemory, Normalization, Normalizer};
use autoencoder::loss::{Categorical, Compared, LossFor, Mixed, WithInput};
use autoencoder::random::seeded;
use autoencoder::*;
use common::sensors::{Layer1, VariationalEncoder};
use nalgebra::Dyn;

type Linear = Layer1<Identity>;
type Model<T> = AutoEncoder<VariationalEncoder, Linear, NoRegularizer, Box<dyn Loss<T>>, T>;
type Boxed<T> = Box<dyn AnomalyScore<T>>;
type Detector<S> =
    AnomalyDetector<VariationalEncoder, Linear, NoRegularizer, Box<dyn Loss<f64>>, S, f64>;

fn build<T: Scalar>(
    features: usize,
    loss: Box<dyn Loss<T>>,
    normalizer: Option<Normalizer>,
) -> Model<T> {
    let encoder = Gaussian::new(
        Dense::dynamic(features, 12, Tanh),
        Dense::dynamic(12, 3, Identity),
        Dense::dynamic(12, 3, Identity).init(init::Zeros),
    );
    let builder = AutoEncoder::builder()
        .encoder(encoder)
        .decoder(Dense::dynamic(3, features, Identity))
        .loss(loss)
        .seed(3);
    match normalizer {
        Some(normalizer) => builder.normalizer(normalizer).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn trained<T: Scalar>(
    rows: &Batch<T, Dyn>,
    loss: Box<dyn Loss<T>>,
    normalizer: Option<Normalizer>,
) -> Model<T> {
    let mut model = build(rows.features(), loss, normalizer);
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(10).fit(&mut model, rows).unwrap();
    model
}

fn scores<T: Float>() -> Vec<Boxed<T>> {
    let drawn = || ReconstructionProbability::new(3, 1).unwrap();
    vec![
        Box::new(SquaredResidual),
        Box::new(ScaledResidual::new()),
        Box::new(NearestReconstruction::new(1).unwrap()),
        Box::new(NearestNeighbours::new(1).unwrap()),
        Box::new(KernelDensity::new()),
        Box::new(CodeDistance::new()),
        Box::new(drawn()),
        Box::new(drawn().by_column()),
        Box::new(Both::new(ScaledResidual::new(), CodeDistance::new())),
    ]
}

/// Eight sensors and between them, as the third column, one that always has this value.
fn with_constant<T: Float>(samples: usize, value: f64) -> Batch<T, Dyn> {
    let rows = datasets::sensors::<f64>(samples, 1).unwrap().normal();
    let all = rows.iter().flat_map(|x| [&x[..2], &[value], &x[2..]].concat());
    Batch::new(Dyn(9), all.map(T::of).collect()).unwrap()
}
const CONSTANT: usize = 2;

fn normalizers<T: Float>(rows: &Batch<T, Dyn>) -> Vec<Option<Normalizer>> {
    let fit = |normalization| Some(Normalizer::fit(normalization, rows).unwrap());
    vec![None, fit(Normalization::Standardize), fit(Normalization::MinMax { low: 0.0, high: 1.0 })]
}

fn moved<T: Float>(row: &[T], column: usize, value: f64) -> Vec<T> {
    let mut row = row.to_vec();
    row[column] = T::of(value);
    row
}

/// The column is 7 of its units, and becomes 8; then 70. Before, the score saw 1 or 0.000001, as the unit was.
fn a_change_is_flagged<T: Scalar>() {
    for unit in [1e-6, 1e-3, 1.0, 1e6] {
        let rows = with_constant::<T>(700, 7.0 * unit);
        for normalizer in normalizers(&rows) {
            let model = trained(&rows.select(0..300), Box::new(SquaredError), normalizer);
            for score in scores() {
                let name = format!("{} at {unit}, {:?}", score.describe(), model.normalizer());
                let reference = rows.select(300..450);
                let mut detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
                assert_eq!(detector.constant_columns(), [CONSTANT], "{name}");
                detector.calibrate(&rows.select(450..600)).unwrap();
                let threshold = detector.set_false_alarm_rate(0.01).unwrap();
                let row = rows.sample(610);
                let mut last = detector.score_one(row).unwrap();
                assert!(!threshold.is_exceeded_by(last), "{name}");
                for value in [7.0001, 8.0, 70.0, 7e6] {
                    let row = moved(row, CONSTANT, value * unit);
                    let why = detector.explain(&row).unwrap();
                    // A code that is far away already hardly moves: tanh holds it.
                    let is_odder = why.score > last || name.starts_with("CodeDistance");
                    assert!(is_odder && why.score.is_finite(), "{name}: {why}");
                    assert!(threshold.is_exceeded_by(why.score), "{name}: {why}");
                    assert_eq!(why.columns[0].feature, CONSTANT, "{name}: {why}");
                    assert!(why.columns.iter().all(|c| c.is_novel == (c.feature == CONSTANT)));
                    let line = why.to_string().lines().nth(3).unwrap().to_owned();
                    assert!(line.ends_with("%  never seen in normal samples"), "{name}: {why}");
                    assert_eq!(why.p_value, Some(1.0 / 151.0), "{name}");
                    last = why.score;
                    // In all calls alike.
                    let batch = Batch::new(Dyn(9), row).unwrap();
                    assert_eq!(detector.scores(&batch).unwrap(), [why.score], "{name}");
                    assert_eq!(detector.detect(&batch).unwrap(), [true], "{name}");
                    let parts = detector.feature_scores(&batch).unwrap();
                    let sum: f64 = parts.as_slice().iter().sum();
                    assert!(sum <= why.score * (1.0 + 1e-9), "{name}");
                }
                // The other way is as odd.
                let row = moved(row, CONSTANT, -7.0 * unit);
                assert!(threshold.is_exceeded_by(detector.score_one(&row).unwrap()), "{name}");
            }
        }
    }
}

#[test]
fn a_change_of_a_constant_column_is_flagged_in_every_unit() {
    a_change_is_flagged::<f64>();
    a_change_is_flagged::<f32>();
}

#[test]
fn a_change_of_a_column_of_zeros_is_flagged() {
    let rows = with_constant::<f64>(400, 0.0);
    for normalizer in normalizers(&rows) {
        let model = trained(&rows.select(0..200), Box::new(SquaredError), normalizer);
        for score in scores() {
            let detector =
                AnomalyDetector::fit(model.clone(), score, &rows.select(200..350)).unwrap();
            let normal = detector.scores(&rows.select(200..350)).unwrap();
            let most = normal.into_iter().fold(0.0, f64::max);
            for value in [1e-9, -1.0, 1e9] {
                let why = detector.explain(&moved(rows.sample(360), CONSTANT, value)[..]).unwrap();
                assert!(why.score > most && why.score.is_finite(), "{why}");
                assert_eq!(why.columns[0].feature, CONSTANT, "{why}");
            }
        }
    }
}

/// 0.1 in single precision is 0.100000001490116, and a constant that is computed may be off by an ulp.
#[test]
fn rounding_of_a_constant_is_no_change() {
    let rows = with_constant::<f64>(400, f64::from(0.1_f32));
    let mut rounded = rows.clone();
    rounded.as_mut_slice()[CONSTANT] = 0.1_f64.next_up();
    for (rows, is_rounded) in [(rows, false), (rounded, true)] {
        for normalizer in normalizers(&rows) {
            let model = trained(&rows.select(0..200), Box::new(SquaredError), normalizer);
            for score in scores() {
                let reference = rows.select(0..350);
                // A row of the reference given again is nearest to itself: there others tell how odd rows can be.
                let is_nearest = ["NearestNeighbours", "KernelDensity"]
                    .iter()
                    .any(|kind| score.describe().starts_with(kind));
                // The deviation of a column that varies by rounding alone is that of the rounding, and distances are
                // in deviations.
                if is_nearest && is_rounded {
                    continue;
                }
                let mut detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
                let mut normal = reference;
                if is_nearest {
                    normal = rows.select(350..rows.samples());
                    detector.calibrate(&normal).unwrap();
                }
                assert_eq!(detector.constant_columns(), [CONSTANT]);
                let row = rows.sample(360);
                let expected = detector.score_one(row).unwrap();
                let of = |value| detector.score_one(&moved(row, CONSTANT, value)[..]).unwrap();
                assert_eq!(of(0.1_f64.next_down()).max(expected), expected.max(of(0.1)));
                let typical = detector.scores(&normal).unwrap().into_iter().fold(0.0, f64::max);
                assert!(of(0.1) < 1.25 * typical && of(0.1001) >= 1.25 * typical);
            }
        }
    }
}

/// Few samples that agree do not make a column constant, if the normalizer has seen it vary or they are too few.
#[test]
fn a_column_is_constant_only_where_that_can_be_told() {
    let rows = with_constant::<f64>(200, 7.0);
    let same = |count: usize| rows.select(std::iter::repeat_n(3, count));
    for (number, normalizer) in normalizers(&rows).into_iter().enumerate() {
        let model = build(9, Box::new(SquaredError), normalizer);
        let of = |reference: Batch<f64, Dyn>| {
            let detector = AnomalyDetector::fit(model.clone(), SquaredResidual, &reference);
            detector.unwrap().constant_columns()
        };
        assert_eq!(of(rows.clone()), [CONSTANT]);
        let all: Vec<usize> = (0..9).collect();
        let expected = [(&all[..], &[][..]), (&[CONSTANT], &[]), (&[CONSTANT], &[CONSTANT])];
        assert_eq!((&of(same(10))[..], &of(same(9))[..]), expected[number]);
    }
    // Of a column that is left as it is, only the samples tell.
    let left = Normalizer::fit(Normalization::MinMax { low: 0.0, high: 1.0 }, &rows);
    let model = build(9, Box::new(SquaredError), Some(left.unwrap().leaving(0..3).unwrap()));
    let detector = AnomalyDetector::fit(model, SquaredResidual, &same(10)).unwrap();
    assert_eq!(detector.constant_columns(), [0, 1, 2]);
}

/// Three measures, then three levels of which each row has one.
fn table(samples: usize) -> Batch<f64, Dyn> {
    let rng = &mut seeded(5);
    let rows = (0..samples).flat_map(|k| {
        let [a, b, c] = [(); 3].map(|()| f64::draw_normal(rng));
        let level = |j: usize| f64::from(u8::from(k % 3 == j));
        [a, 0.5 * a + 0.1 * b, 0.1 * c, level(0), level(1), level(2)]
    });
    Batch::new(Dyn(6), rows.collect()).unwrap()
}

fn mixed() -> Box<dyn Loss<f64>> {
    let categorical = Categorical::new(&[3]).unwrap();
    Box::new(Mixed::new().columns(3, LearnedGaussian::shared()).columns(3, categorical))
}

#[test]
fn a_level_that_was_never_seen_is_refused_in_training_and_odd_in_use() {
    let rows = table(400);
    let model = trained(&rows, mixed(), None);
    let mut unseen = rows.select(0..5);
    unseen.as_mut_slice()[2 * 6 + 3..3 * 6].fill(0.0);
    let refused = |call| Error::NotShares {
        call,
        loss: "mixed",
        first: 3,
        last: 5,
        sample: 2,
        total: Number(0.0),
    };
    let mut untouched = model.clone();
    let fit = |model: &mut Model<f64>, examples: Examples<'_, f64, Dyn, _>| {
        Trainer::new(Adam::new(1e-2).unwrap()).fit(model, examples).unwrap_err()
    };
    assert_eq!(fit(&mut untouched, Examples::of(&unseen)), refused("fit"));
    let held_out = Examples::of(&rows).held_out(&unseen);
    assert_eq!(fit(&mut untouched, held_out), refused("validation"));
    let mut stream = InMemory::from(&unseen);
    let of_stream = Trainer::new(Adam::new(1e-2).unwrap()).fit(&mut untouched, &mut stream);
    assert!(matches!(of_stream, Err(Error::NotShares { first: 3, sample: 2, .. })));
    assert_eq!(untouched.parameters(), model.parameters());
    assert_eq!(model.score(&unseen).unwrap_err(), refused("score"));
    let refused_fit = AnomalyDetector::fit(model.clone(), SquaredResidual, &unseen).unwrap_err();
    assert_eq!(refused_fit, refused("AnomalyDetector::fit"));
    let text = refused_fit.to_string();
    for part in ["features 3 to 5", "sample 2", "add up to 0,", "a feature of its own"] {
        assert!(text.contains(part), "{text}");
    }
    // Codes need no loss, and shares may be rounded.
    assert!(model.encode(&unseen).is_ok() && model.reconstruct(&unseen).is_ok());
    unseen.as_mut_slice()[2 * 6 + 3..3 * 6].copy_from_slice(&[0.333, 0.333, 0.333]);
    assert!(model.score(&unseen).is_ok());

    for score in scores() {
        let name = score.describe();
        let mut detector =
            AnomalyDetector::fit(model.clone(), score, &rows.select(0..200)).unwrap();
        detector.calibrate(&rows.select(200..399)).unwrap();
        let threshold = detector.set_false_alarm_rate(0.01).unwrap();
        let row = rows.sample(399);
        let [mut none, mut two, mut huge] = [(); 3].map(|()| row.to_vec());
        none[3..].fill(0.0);
        two[3..].fill(1.0);
        huge[3..].fill(1e9);
        let [normal, none, two, huge] =
            [row, &none, &two, &huge].map(|row| detector.score_one(row).unwrap());
        assert!(!threshold.is_exceeded_by(normal), "{name}: {normal} {threshold:?}");
        assert!(threshold.is_exceeded_by(none), "{name}: {none} {threshold:?}");
        assert!(two > none && huge > two && huge.is_finite(), "{name}: {none} {two} {huge}");
    }
}

/// Two measures, and five levels of which the last one is in no row.
#[test]
fn a_level_that_was_never_seen_is_blamed_alone() {
    let rng = &mut seeded(5);
    let rows = (0..400).flat_map(|k| {
        let [a, b] = [(); 2].map(|()| f64::draw_normal(rng));
        let level = |j: usize| f64::from(u8::from(k % 4 == j));
        [a, 0.8 * a + 0.1 * b, level(0), level(1), level(2), level(3), 0.0]
    });
    let rows = Batch::new(Dyn(7), rows.collect()).unwrap();
    let loss = || -> Box<dyn Loss<f64>> {
        let categorical = Categorical::new(&[5]).unwrap();
        Box::new(Mixed::new().columns(2, LearnedGaussian::shared()).columns(5, categorical))
    };
    let model = trained(&rows.select(0..200), loss(), None);
    for score in scores() {
        let name = score.describe();
        let mut detector =
            AnomalyDetector::fit(model.clone(), score, &rows.select(0..200)).unwrap();
        assert_eq!(detector.constant_columns(), [6]);
        detector.calibrate(&rows.select(200..399)).unwrap();
        detector.set_false_alarm_rate(0.01).unwrap();
        let of = |levels: [f64; 5]| {
            let why = detector.explain(&[&rows.sample(399)[..2], &levels].concat()[..]).unwrap();
            let mut novel: Vec<_> =
                why.columns.iter().filter(|c| c.is_novel).map(|c| c.feature).collect();
            novel.sort_unstable();
            (why, novel)
        };
        let (why, novel) = of([0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!((why.columns[0].feature, &novel[..]), (6, &[6][..]), "{name}: {why}");
        // The measures have their part of what a score is of a normal row.
        assert!(why.columns[0].share > 0.7, "{name}: {why}");
        let of_levels = why.columns.iter().filter(|c| (2..6).contains(&c.feature));
        assert!(of_levels.map(|c| c.share).sum::<f64>() < 1e-9, "{name}: {why}");
        // Half of it, beside one that is known; and shares that do not add up, of which all are novel.
        assert_eq!(of([0.5, 0.0, 0.0, 0.0, 0.5]).1, [6], "{name}");
        assert_eq!(of([0.0; 5]).1, [2, 3, 4, 5, 6], "{name}");
        assert_eq!(of([1.0, 0.0, 0.0, 0.0, 0.0]).1, [0; 0], "{name}");
    }
}

/// Behind a normalizer to [0, 1], rows beyond the rows of the training are beyond the domain of the loss.
#[test]
fn what_lies_beyond_the_domain_of_a_loss_is_scored() {
    let (rows, normalization) =
        (with_constant::<f64>(700, 7.0), Normalization::MinMax { low: 0.0, high: 1.0 });
    let normalizer = Normalizer::fit(normalization, &rows.select(0..300)).unwrap();
    let losses: [Box<dyn Loss<f64>>; 3] = [
        Box::new(BernoulliCrossEntropy),
        Box::new(ContinuousBernoulli),
        Box::new(Mixed::new().columns(4, ContinuousBernoulli).columns(5, BernoulliCrossEntropy)),
    ];
    for loss in losses {
        let model = trained(&rows.select(0..300), loss, Some(normalizer.clone()));
        // Normal rows are beyond too, a little, and take part.
        let (reference, held_out) = (rows.select(300..450), rows.select(450..600));
        assert!(matches!(model.score(&reference), Err(Error::OutsideDomain { .. })));
        for score in scores() {
            let name = score.describe();
            let mut detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
            detector.calibrate(&held_out).unwrap();
            let threshold = detector.set_false_alarm_rate(0.01).unwrap();
            let row = rows.sample(611);
            let mut last = detector.score_one(row).unwrap();
            assert!(!threshold.is_exceeded_by(last), "{name}");
            for times in [2.0, 5.0, 50.0] {
                let (least, greatest) = (normalizer.parts().0[4], normalizer.parts().1[4]);
                let row = moved(row, 4, greatest + times * (greatest - least));
                let why = detector.explain(&row).unwrap();
                let is_odder = why.score > last && threshold.is_exceeded_by(why.score);
                // A code need not move as far as the row; tanh holds it.
                assert!(
                    is_odder && why.score.is_finite() || name == "CodeDistance",
                    "{name}: {why}"
                );
                assert!(
                    why.columns[0].feature == 4 || name.contains("CodeDistance"),
                    "{name}: {why}"
                );
                last = why.score;
            }
        }
    }
}

/// A squared error of values that are not negative, which does not say what else it takes for one.
#[derive(Debug, Clone)]
struct NotNegative;
impl<D: Part> LossFor<D> for NotNegative {
    type Target = WithInput;
}
impl<T: Float> Loss<T> for NotNegative {
    fn name(&self) -> &'static str {
        "not_negative"
    }
    fn describe(&self) -> String {
        "NotNegative".to_owned()
    }
    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        SquaredError.values(at, values);
    }
    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        SquaredError.gradient(at, weights, dy);
    }
    fn accepts(&self, x: T, _feature: usize) -> bool {
        x >= T::ZERO
    }
    fn domain(&self, _feature: usize) -> &'static str {
        "a value that is not negative"
    }
}

#[test]
fn a_domain_is_asked_for_only_by_scores_that_compare_by_the_loss() {
    let rows = with_constant::<f64>(200, 7.0);
    let model = build(9, Box::new(NotNegative), None);
    let odd = moved(rows.sample(150), 5, -1.0);
    for score in scores() {
        let compares = score.describe().contains("Probability");
        let detector = AnomalyDetector::fit(model.clone(), score, &rows.select(0..100)).unwrap();
        match detector.score_one(&odd[..]) {
            Ok(score) => assert!(!compares && score.is_finite()),
            Err(Error::OutsideDomain { call: "score_one", feature: 5, sample: 0, .. }) => {
                assert!(compares);
            }
            Err(other) => panic!("{other}"),
        }
    }
    // Of the losses of this crate each has such a value.
    fn nearest(loss: &dyn Loss<f64>, x: f64, expected: f64) {
        assert_eq!(loss.nearest_accepted(x, 0), expected, "{loss:?}");
        assert!(loss.accepts(expected, 0) && !loss.accepts(x, 0), "{loss:?}");
    }
    let (one, boxed) = (Categorical::new(&[1]).unwrap(), Box::new(PoissonLikelihood));
    for (x, expected) in [(1.5, 1.0), (-0.5, 0.0)] {
        nearest(&BernoulliCrossEntropy, x, expected);
        nearest(&ContinuousBernoulli, x, expected);
        nearest(&one, x, expected);
        nearest(&Mixed::new().columns(1, BernoulliCrossEntropy), x, expected);
    }
    for (x, expected) in [(1.4, 1.0), (2.6, 3.0), (-3.0, 0.0)] {
        nearest(&*(boxed.clone() as Box<dyn Loss<f64>>), x, expected);
    }
}

fn plain(rows: &Batch<f64, Dyn>) -> Detector<SquaredResidual> {
    let model = build(rows.features(), Box::new(SquaredError), None);
    AnomalyDetector::fit(model, SquaredResidual, rows).unwrap()
}

#[test]
fn calibrating_with_what_the_score_was_fitted_to_is_noticed() {
    let rows = with_constant::<f64>(400, 7.0);
    let mut detector = plain(&rows.select(0..100));
    let refused = |count: f64, found: Error| {
        let Error::InvalidParameter { name, value, .. } = found else { panic!("{found}") };
        assert_eq!(name, "the number of samples of `calibrate` that the score was fitted to");
        assert_eq!(value, Number(count));
    };
    // The same, in another order, and some of them.
    refused(100.0, detector.calibrate(&rows.select(0..100)).unwrap_err());
    refused(100.0, detector.calibrate(&rows.select((0..100).rev())).unwrap_err());
    refused(30.0, detector.calibrate(&rows.select(20..50)).unwrap_err());
    assert!(detector.conformal().is_none());
    // Others, and others with some of them.
    detector.calibrate(&rows.select(100..200)).unwrap();
    assert_eq!(detector.shared_samples(), 0);
    assert!(!detector.to_string().contains("warning"), "{detector}");
    detector.calibrate(&rows.select(90..200)).unwrap();
    assert_eq!(detector.shared_samples(), 10);
    let text = detector.to_string();
    assert!(
        text.ends_with("the score was fitted to 10 of these samples, so p-values are too small"),
        "{text}"
    );

    // A table of few categories has the same rows again and again.
    let few = |count: usize| -> Batch<f64, Dyn> {
        let rows = (0..count).flat_map(|k| [(k % 2) as f64, (k % 3) as f64]);
        Batch::new(Dyn(2), rows.collect()).unwrap()
    };
    let mut detector = plain(&few(60));
    detector.calibrate(&few(20)).unwrap();
    assert_eq!(detector.shared_samples(), 20);
    refused(60.0, detector.calibrate(&few(60)).unwrap_err());
}

/// Held-out rows that are odder than the reference by far, and some in which the constant changes, as if it were none.
#[test]
fn a_change_is_odder_than_the_rows_of_the_calibration() {
    let rows = with_constant::<f64>(400, 7.0);
    let fitted = plain(&rows.select(0..100));
    let mut wild = rows.select(100..200);
    wild.as_mut_slice().iter_mut().skip(4).step_by(9).for_each(|x| *x *= 10.0);
    let change = moved(rows.sample(250), CONSTANT, 7.1);
    let mut detector = fitted.clone();
    detector.calibrate(&wild).unwrap();
    let batch = Batch::new(Dyn(9), change.clone()).unwrap();
    assert_eq!(detector.p_values(&batch).unwrap(), [1.0 / 101.0]);
    let first = detector.conformal().cloned();
    detector.calibrate(&wild).unwrap();
    assert_eq!(detector.conformal().cloned(), first);
    // Another calibration, another measure.
    let of_wild = detector.score_one(&change[..]).unwrap();
    detector.calibrate(&rows.select(200..300)).unwrap();
    assert!(detector.score_one(&change[..]).unwrap() < of_wild);
    assert_eq!(detector.scores(&rows).unwrap(), fitted.scores(&rows).unwrap());
}

/// Where the constant changes in rows of the calibration, as it did not in the reference, it is none.
#[test]
fn a_column_that_changes_in_the_calibration_is_not_constant() {
    let rows = with_constant::<f64>(400, 7.0);
    let mut detector = plain(&rows.select(0..100));
    let mut held_out = rows.select(100..200);
    held_out.as_mut_slice()[CONSTANT] = 7.0_f64.next_up();
    detector.calibrate(&held_out).unwrap();
    assert_eq!(detector.constant_columns(), [CONSTANT]);
    let change = moved(rows.sample(250), CONSTANT, 7.1);
    assert!(detector.explain(&change[..]).unwrap().columns.iter().any(|column| column.is_novel));
    held_out.as_mut_slice().iter_mut().skip(CONSTANT).step_by(9).take(60).for_each(|x| *x = 7.1);
    detector.calibrate(&held_out).unwrap();
    assert_eq!(detector.constant_columns(), [0; 0]);
    assert!(!detector.to_string().contains("constant"), "{detector}");
    let why = detector.explain(&change[..]).unwrap();
    assert!(why.columns.iter().all(|column| !column.is_novel), "{why}");
    // The score is that of the residuals alone, as (x − x̂)² has it, of the calibrating rows too.
    let residual = |x: &[f64]| -> f64 {
        let batch = Batch::new(Dyn(9), x.to_vec()).unwrap();
        let y = detector.model().reconstruct(&batch).unwrap();
        x.iter().zip(y.as_slice()).map(|(x, y)| (x - y) * (x - y)).sum()
    };
    assert!((why.score - residual(&change)).abs() < 1e-9 * why.score, "{why}");
    let mut expected: Vec<f64> = held_out.iter().map(residual).collect();
    expected.sort_by(f64::total_cmp);
    let found = detector.conformal().unwrap().scores();
    assert!(found.iter().zip(&expected).all(|(found, s)| (found - s).abs() < 1e-9 * s));
}

#[test]
fn a_detector_says_what_it_judges_by_and_what_is_missing() {
    let rows = with_constant::<f64>(300, 7.0);
    let mut detector = plain(&rows.select(0..100));
    assert_eq!(
        detector.to_string(),
        "SquaredResidual of 9 columns\nconstant columns, of which any change is odd: [2]\n\
         no threshold yet: see `set_threshold`, `calibrate`"
    );
    assert_eq!(
        detector.detect(&rows).unwrap_err().to_string(),
        "detect needs a threshold: first call `set_threshold`, or `calibrate` and then \
         `set_false_alarm_rate`"
    );
    let missing = "scores of held-out normal samples";
    let not_set = |call| Error::NotSet { call, missing, remedy: "`calibrate`" };
    assert_eq!(detector.p_values(&rows).unwrap_err(), not_set("p_values"));
    assert_eq!(detector.set_false_alarm_rate(0.1).unwrap_err(), not_set("set_false_alarm_rate"));
    detector.calibrate(&rows.select(100..250)).unwrap();
    detector.set_threshold(Threshold::at(3e-7).unwrap());
    assert!(detector.to_string().contains("\nflagged are scores above 3e-7\n"), "{detector}");
    detector.set_threshold(Threshold::at(2.5).unwrap());
    let text = detector.to_string();
    assert!(text.ends_with("flagged are scores above 2.5\ncalibrated with 150 samples"), "{text}");

    let why = detector.explain(rows.sample(0)).unwrap();
    for names in [0, 8, 10] {
        let wrong = why.table(&vec!["name"; names]).unwrap_err();
        let place = "Explanation::table";
        let expected = Error::SizeMismatch { place, unit: "names", expected: 9, found: names };
        assert_eq!(wrong, expected);
    }
    let text = why.table(&["a"; 9]).unwrap();
    let units: Vec<&str> = text.lines().nth(2).unwrap().split_whitespace().collect();
    assert_eq!(units.join(" "), "data's units data's units data's units of score");
}

#[cfg(feature = "safetensors")]
#[test]
fn what_a_detector_knows_of_normal_samples_is_in_its_file() {
    let folder = common::Folder::new("novelties");
    let path = folder.join("detector.safetensors");
    let rows = with_constant::<f64>(400, 7.0);
    for normalizer in normalizers(&rows) {
        let model = || build(9, Box::new(SquaredError), normalizer.clone());
        for (at, score) in scores().into_iter().enumerate() {
            let again = scores().swap_remove(at);
            let mut detector: Detector<Boxed<f64>> =
                AnomalyDetector::fit(model(), score, &rows.select(0..100)).unwrap();
            detector.calibrate(&rows.select(95..200)).unwrap();
            detector.save(&path).unwrap();
            let mut loaded = AnomalyDetector::load(model(), again, &path).unwrap();
            let odd = moved(rows.sample(300), CONSTANT, 7.5);
            assert_eq!(loaded.explain(&odd[..]), detector.explain(&odd[..]));
            assert_eq!(loaded.constant_columns(), [CONSTANT]);
            assert_eq!((loaded.shared_samples(), loaded.to_string()), (5, detector.to_string()));
            assert!(loaded.calibrate(&rows.select(0..100)).is_err());
        }
    }
}

/// What the code made of a score makes room for a change too, so that shares are never more than all.
#[test]
fn shares_of_a_code_make_room_for_a_change() {
    let rows = (0..60).map(|k| [f64::from(k % 7).exp(), f64::from(k % 5), 5.0]);
    let rows: Batch<f64, _> = Batch::from_iter(rows);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<3, 2>::new(Identity))
        .decoder(Dense::<2, 3>::new(Identity))
        .build::<f64>()
        .unwrap();
    // The code is the first two columns, and nothing comes of the third.
    let parameters = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    model.set_parameters(&[&parameters[..], &[0.0; 9]].concat()).unwrap();
    let detector = AnomalyDetector::fit(model, CodeDistance::new(), &rows).unwrap();
    // Both at their medians, which are not their means: no column is to blame for what the code says.
    let why = detector.explain(&[3.0_f64.exp(), 2.0, 5.5]).unwrap();
    assert!(why.code_share > 0.0, "{why:?}");
    let shares: f64 = why.columns.iter().map(|column| column.share).sum();
    assert!(shares + why.code_share <= 1.0 + 1e-12, "{why:?}");
}
