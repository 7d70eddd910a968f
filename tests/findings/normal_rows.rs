//! What normal samples are and how far from them others may be: columns that vary little, thresholds that other samples
//! chose, values beyond all numbers, and references that are not normal.

use allocation_counter::measure;
use autoencoder::activation::{Identity, Ranged, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::loss::Categorical;
use autoencoder::random::seeded;
use autoencoder::*;
use common::sensors::Layer1;
use nalgebra::Dyn;

type Model<T, A = Tanh> = AutoEncoder<Layer1<A>, Layer1<Identity>, NoRegularizer, SquaredError, T>;

fn build<T: Scalar, A: Activation<T> + Ranged + Clone + 'static>(
    activation: A,
    (features, units): (usize, usize),
    normalizer: Option<Normalizer>,
) -> Model<T, A> {
    let builder = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, units, activation))
        .decoder(Dense::dynamic(units, features, Identity))
        .seed(3);
    match normalizer {
        Some(normalizer) => builder.normalizer(normalizer).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn trained<T: Scalar>(rows: &Batch<T, Dyn>, normalization: Normalization) -> Model<T> {
    let normalizer = Normalizer::fit(normalization, rows).unwrap();
    let mut model = build(Tanh, (rows.features(), 2), Some(normalizer));
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(20).fit(&mut model, rows).unwrap();
    model
}

/// Four measures that two numbers are behind, and a fifth column.
fn with_column<T: Float>(
    samples: usize,
    mut fifth: impl FnMut(usize, f64) -> f64,
) -> Batch<T, Dyn> {
    let rng = &mut seeded(7);
    let rows = (0..samples).flat_map(|k| {
        let [a, b, c, d] = [(); 4].map(|()| f64::draw_normal(rng));
        [a, b, a + b + 0.1 * c, a - b + 0.1 * d, fifth(k, f64::draw_normal(rng))].map(T::of)
    });
    Batch::new(Dyn(5), rows.collect()).unwrap()
}
const FIFTH: usize = 4;
const UNIT_RANGE: Normalization = Normalization::MinMax { low: 0.0, high: 1.0 };

fn moved<T: Float>(row: &[T], column: usize, value: f64) -> Vec<T> {
    let mut row = row.to_vec();
    row[column] = T::of(value);
    row
}

fn one<T: Float>(row: &[T]) -> Batch<T, Dyn> {
    Batch::new(Dyn(row.len()), row.to_vec()).unwrap()
}

/// A normalized column is the same whatever is added to all its values, but for rounding: ε · 1e7 of 0.1, about 2e-8.
#[test]
fn a_column_that_varies_little_is_none_that_never_changes() {
    for normalization in [Normalization::Standardize, UNIT_RANGE] {
        let of = |offset: f64| {
            let rows = with_column::<f64>(600, |_, noise| offset + 0.1 * noise);
            let model = trained(&rows.select(0..300), normalization);
            let reference = rows.select(300..500);
            let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &reference).unwrap();
            assert_eq!(detector.constant_columns(), [0; 0]);
            let deviations = [3.0, 9.0, 30.0, 100.0];
            deviations.map(|times| {
                let row = moved(rows.sample(510), FIFTH, offset + 0.1 * times);
                detector.score_one(&row[..]).unwrap()
            })
        };
        let (near, far) = (of(0.0), of(1e7));
        for (near, far) in near.iter().zip(far) {
            assert!((near / far - 1.0).abs() < 1e-4, "{normalization:?}: {near} {far}");
        }
        assert!(far.is_sorted() && far[3] > 100.0 * far[0], "{far:?}");
    }
    // Seconds since 1970, of ten minutes.
    let rows = with_column::<f64>(600, |k, _| 1.7e9 + k as f64);
    let model = trained(&rows, Normalization::Standardize);
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &rows).unwrap();
    assert_eq!(detector.constant_columns(), [0; 0]);
    let [last, later, day] = [599.0, 1800.0, 86400.0].map(|seconds| {
        detector.score_one(&moved(rows.sample(510), FIFTH, 1.7e9 + seconds)[..]).unwrap()
    });
    assert!(later > 2.0 * last && day > 100.0 * later, "{last} {later} {day}");
}

/// A model in single precision is given 0.1 as it has it, from wherever; one in double precision knows what was single.
#[test]
fn a_constant_that_is_read_in_another_precision_has_not_changed() {
    fn check<T: Scalar>(constant: f64, again: f64) {
        let rows = with_column::<T>(300, |_, _| constant);
        let model = trained(&rows.select(0..150), Normalization::Standardize);
        let detector =
            AnomalyDetector::fit(model, SquaredResidual, &rows.select(150..300)).unwrap();
        assert_eq!(detector.constant_columns(), [FIFTH]);
        let row = rows.sample(200);
        let of = |value| detector.score_one(&moved(row, FIFTH, value)[..]).unwrap();
        assert_eq!(of(again).to_bits(), of(constant).to_bits(), "{constant} {again}");
        assert!(of(again * (1.0 + 1e-6)) > of(constant), "{constant} {again}");
    }
    check::<f32>(0.1, f64::from(0.1_f32));
    check::<f64>(f64::from(0.1_f32), 0.1);
    check::<f64>(f64::from(0.1_f32), f64::from(0.1_f32).next_up());
}

/// The threshold is chosen by other samples than those that the score was fitted to, which happen to be less odd.
#[test]
fn a_change_is_flagged_by_a_threshold_of_any_origin() {
    for constant in [7.0, 1e-3, 0.0] {
        let mut rows = with_column::<f64>(900, |_, _| constant);
        // What is held out is odder.
        rows.as_mut_slice()[5 * 340..]
            .iter_mut()
            .filter(|x| **x != constant)
            .for_each(|x| *x *= 3.0);
        let model = trained(&rows.select(0..300), Normalization::Standardize);
        let fitted = AnomalyDetector::fit(model, SquaredResidual, &rows.select(300..340)).unwrap();
        let held_out = rows.select(340..840);
        let scores = fitted.scores(&held_out).unwrap();
        let thresholds = [
            Threshold::quantile(&scores, 0.99).unwrap(),
            Threshold::contamination(&scores, 0.01).unwrap(),
            Threshold::at(1e9).unwrap(),
            Threshold::at(-1.0).unwrap(),
        ];
        let change = moved(rows.sample(320), FIFTH, constant * 1.2 + 1e-6);
        // Without that the reference's luck decides.
        assert!(!thresholds[0].is_exceeded_by(fitted.score_one(&change[..]).unwrap()));
        for threshold in thresholds {
            let mut detector = fitted.clone();
            detector.set_threshold(threshold);
            let check = |detector: &AnomalyDetector<_, _, _, _, SquaredResidual, f64>| {
                assert_eq!(detector.detect(&one(&change)).unwrap(), [true], "{threshold:?}");
                let why = detector.explain(&change[..]).unwrap();
                assert!(threshold.is_exceeded_by(why.score), "{why}");
                assert_eq!(why.columns[0].feature, FIFTH, "{why}");
                assert_eq!(detector.score_one(&change[..]).unwrap(), why.score);
            };
            check(&detector);
            // Those in which nothing changes keep every bit.
            assert_eq!(detector.scores(&held_out).unwrap(), scores);
            detector.calibrate(&held_out).unwrap();
            check(&detector);
            #[cfg(feature = "safetensors")]
            {
                let folder = common::Folder::new("threshold-of-any-origin");
                let path = folder.join("detector.safetensors");
                detector.save(&path).unwrap();
                let model = trained(&rows.select(0..300), Normalization::Standardize);
                check(&AnomalyDetector::load(model, SquaredResidual, &path).unwrap());
            }
        }
    }
}

/// The falls of a score by the documented exchange, computed from public calls: of a column that takes what ten passes
/// expect of it, and of one that takes its median.
#[test]
fn an_explanation_of_many_columns_is_the_same_in_blocks() {
    let (features, samples) = (600, 24);
    let rng = &mut seeded(2);
    let values = (0..features * samples).map(|_| f64::draw_normal(rng)).collect();
    let rows = Batch::new(Dyn(features), values).unwrap();
    let model = build::<f64, _>(Tanh, (features, 2), None);
    let detector = AnomalyDetector::fit(model, SquaredResidual, &rows).unwrap();
    // In the first block, at the edges of the second, in both of the last ones, and the last.
    for column in [0, 255, 256, 400, 511, 512, 599] {
        let row = moved(rows.sample(3), column, 60.0);
        let score = detector.score_one(&row[..]).unwrap();
        let fall = |of: usize| {
            let mut exchanged = row.clone();
            for _ in 0..10 {
                let expected = detector.model().reconstruct(&one(&exchanged)).unwrap();
                exchanged[of] = expected.sample(0)[of];
            }
            let mut sorted: Vec<f64> = rows.iter().map(|x| x[of]).collect();
            sorted.sort_by(f64::total_cmp);
            let median = (sorted[samples / 2 - 1] + sorted[samples / 2]) / 2.0;
            let falls = [exchanged[of], median].map(|value| {
                (score - detector.score_one(&moved(&row, of, value)[..]).unwrap()).max(0.0)
            });
            falls[0] + falls[1]
        };
        let why = detector.explain(&row[..]).unwrap();
        assert_eq!(why.columns[0].feature, column, "{why}");
        let of_odd = (why.columns[0].contribution, fall(column));
        for at in [1, 2, 100, 400] {
            let other = why.columns[at];
            let expected = of_odd.0 * fall(other.feature) / of_odd.1;
            assert!((other.contribution - expected).abs() < 1e-9 * score, "{column} {other:?}");
        }
    }
}

#[test]
fn an_explanation_of_many_columns_takes_little_memory() {
    let features = 2000;
    let rows: Vec<f64> = (0..4 * features).map(|k| (k as f64).sin()).collect();
    let rows = Batch::new(Dyn(features), rows).unwrap();
    let model = build::<f64, _>(Tanh, (features, 1), None);
    let detector = AnomalyDetector::fit(model, SquaredResidual, &rows).unwrap();
    let taken = measure(|| assert!(detector.explain(rows.sample(0)).is_ok()));
    // Of all columns at once one copy alone takes 32 MB, and there were two.
    assert!(taken.bytes_max < 8 * 2000 * 2000, "{taken:?}");
}

#[test]
fn calibrating_with_half_of_what_the_score_was_fitted_to_is_refused() {
    let rows = with_column::<f64>(400, |_, noise| noise);
    let mut reference = rows.select(0..200);
    let first = reference.sample(0).to_vec();
    reference.as_mut_slice()[5 * 199..].copy_from_slice(&first);
    let model = build::<f64, _>(Tanh, (5, 2), None);
    let mut detector = AnomalyDetector::fit(model, SquaredResidual, &reference).unwrap();
    let mut refused = |first: usize, last: usize, count: f64| match detector
        .calibrate(&rows.select(first..last))
        .unwrap_err()
    {
        Error::InvalidParameter { name, value, requirement } => {
            assert_eq!(name, "the number of samples of `calibrate` that the score was fitted to");
            assert_eq!(value, Number(count));
            assert!(requirement.starts_with("less than half of them"), "{requirement}");
        }
        other => panic!("{other}"),
    };
    // One of the 199 is in the reference twice; then half, of which none is.
    refused(0, 199, 199.0);
    refused(99, 299, 100.0);
    assert!(detector.conformal().is_none());
    detector.calibrate(&rows.select(100..300)).unwrap();
    assert_eq!(detector.shared_samples(), 99);
    assert!(detector.to_string().contains("fitted to 99 of these samples"), "{detector}");
}

/// A value so far away that it has no number once it is normalized.
fn beyond_all_numbers<T: Scalar>(unit: f64, far: f64) {
    let rows = with_column::<T>(400, |_, noise| unit * noise);
    fn check<T: Scalar, A: Activation<T> + Ranged + Clone + 'static>(
        rows: &Batch<T, Dyn>,
        model: &Model<T, A>,
        far: f64,
    ) {
        let (reference, held_out) = (rows.select(200..300), rows.select(300..390));
        let scores: [Box<dyn AnomalyScore<T>>; 5] = [
            Box::new(SquaredResidual),
            Box::new(ScaledResidual::new()),
            Box::new(NearestReconstruction::new(1).unwrap()),
            Box::new(NearestNeighbours::new(1).unwrap()),
            Box::new(KernelDensity::new()),
        ];
        for score in scores {
            let name = score.describe();
            let mut detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
            detector.calibrate(&held_out).unwrap();
            detector.set_false_alarm_rate(0.05).unwrap();
            for value in [far, -far] {
                let row = moved(rows.sample(395), FIFTH, value);
                let both = Batch::new(Dyn(5), [rows.sample(395), &row[..]].concat()).unwrap();
                let flags = detector.detect(&both).unwrap();
                assert!(flags[1], "{name} {value}");
                let parts = detector.feature_scores(&both).unwrap();
                assert!(parts.as_slice().iter().all(|part| *part >= 0.0), "{name} {parts:?}");
                let why = detector.explain(&row[..]).unwrap();
                assert_eq!(why.columns[0].feature, FIFTH, "{name} {value}: {why}");
                assert!(why.columns[0].share > 0.9, "{name} {value}: {why}");
                assert!(why.columns.iter().all(|c| c.reconstruction.is_finite()));
                assert_eq!(detector.p_values(&both).unwrap()[1], 1.0 / 91.0);
            }
        }
        // Of those that must be normal it is refused, as the model does.
        let mut zeros = reference.clone();
        zeros.as_mut_slice().iter_mut().skip(FIFTH).step_by(5).for_each(|x| *x = T::ZERO);
        // Two of them: one alone would be refused as an outlier.
        [7, 9].into_iter().for_each(|k| zeros.as_mut_slice()[5 * k + FIFTH] = T::of(far));
        let refused = AnomalyDetector::fit(model.clone(), SquaredResidual, &zeros).unwrap_err();
        let call = "AnomalyDetector::fit";
        let value = Number(f64::INFINITY);
        assert_eq!(refused, Error::NotFinite { call, feature: FIFTH, sample: 7, value });
    }
    for normalization in [Normalization::Standardize, UNIT_RANGE] {
        let normalizer = Normalizer::fit(normalization, &rows).unwrap();
        check(&rows, &build(Identity, (5, 2), Some(normalizer.clone())), far);
        check(&rows, &trained(&rows.select(0..200), normalization), far);
    }
}

#[test]
fn a_value_beyond_all_numbers_is_flagged() {
    beyond_all_numbers::<f32>(1e-6, 1e35);
    beyond_all_numbers::<f64>(1e-20, 1e300);
}

#[test]
fn shares_may_be_rounded_to_three_places() {
    let check = |shares: &[f64]| {
        let features = shares.len();
        let model = AutoEncoder::builder()
            .encoder(Dense::dynamic(features, 1, Tanh))
            .decoder(Dense::dynamic(1, features, Identity))
            .loss(Categorical::new(&[features]).unwrap());
        model.build::<f64>().unwrap().score(&one(shares))
    };
    // A sixth, a sixth and two thirds; two halves of 0.0005; sevenths.
    for shares in [&[0.167, 0.167, 0.667][..], &[0.501, 0.5], &[0.143; 7], &[0.333; 3], &[1.0]] {
        assert!(check(shares).is_ok(), "{shares:?}");
    }
    // More than rounding; and none or two of very many levels.
    let (none, mut two) = (vec![0.0; 3000], vec![0.0; 3000]);
    two[..2].fill(1.0);
    for shares in [&[0.167, 0.167, 0.668][..], &[0.502, 0.5], &[0.999], &none, &two] {
        let total = Number(shares.iter().sum());
        let found = check(shares).unwrap_err();
        assert!(matches!(found, Error::NotShares { total: found, .. } if found == total));
    }
}

/// By a value of 1e20 the deviation of all residuals was 1e18, and every score 0.
#[test]
fn a_reference_with_a_value_that_cannot_be_normal_is_refused() {
    let rows = with_column::<f64>(300, |_, noise| noise);
    let model = trained(&rows, Normalization::Standardize);
    let column = rows.iter().enumerate().filter(|(k, _)| *k != 33).map(|(_, x)| x[2] * x[2]);
    let typical = (column.sum::<f64>() / 299.0).sqrt();
    for value in [1e20, -1.01e6 * typical] {
        let mut with = rows.clone();
        with.as_mut_slice()[5 * 33 + 2] = value;
        let refused =
            AnomalyDetector::fit(model.clone(), ScaledResidual::new(), &with).unwrap_err();
        let text = refused.to_string();
        let Error::Outlier { call, outlier } = refused else { panic!("{text}") };
        assert_eq!((call, outlier.feature, outlier.sample), ("AnomalyDetector::fit", 2, 33));
        assert_eq!(outlier.value, Number(value));
        assert!((outlier.typical.0 / typical - 1.0).abs() < 1e-12);
        assert!(text.contains("feature 2 of sample 33") && text.contains("leave it out"), "{text}");
    }
    let mut with = rows.clone();
    with.as_mut_slice()[5 * 33 + 2] = 0.99e6 * typical;
    assert!(AnomalyDetector::fit(model, ScaledResidual::new(), &with).is_ok());
    // Of a column that is 0 but for one sample, as that of a rare level is, nothing tells.
    let rare = with_column::<f64>(300, |k, _| f64::from(u8::from(k == 5)));
    let model = trained(&rare, Normalization::Standardize);
    assert!(AnomalyDetector::fit(model, ScaledResidual::new(), &rare).is_ok());
}
