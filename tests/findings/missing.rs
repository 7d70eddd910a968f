//! Scores of rows with missing values: they contribute nothing, and sums over features are scaled to the row's width.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::Normalization;
use autoencoder::layer::{DenseLayer, Part};
use autoencoder::loss::Categorical;
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::Const;
use rand::RngExt;

const NAN: f64 = f64::NAN;
const WIDTH: usize = 8;

type Rows = Batch<f64, Const<WIDTH>>;
type Net = Gaussian<
    DenseLayer<Const<WIDTH>, Const<6>, Tanh>,
    DenseLayer<Const<6>, Const<3>, Identity>,
    DenseLayer<Const<6>, Const<3>, Identity>,
>;
type Model<L = GaussianLikelihood> =
    AutoEncoder<Net, DenseLayer<Const<3>, Const<WIDTH>, Identity>, Variational, L, f64>;
type Boxed = Box<dyn AnomalyScore<f64>>;

/// Rows of sensors, with this share of the cells missing, and the last channel always where it is asked for.
fn rows(share: f64, lacks_last: bool) -> Rows {
    let mut rows = datasets::sensors::<f64>(300, 3).unwrap().normal().select(0..200);
    let mut rng = seeded(7);
    for row in rows.as_mut_slice().chunks_exact_mut(WIDTH) {
        row.iter_mut().for_each(|x| *x = if rng.random::<f64>() < share { NAN } else { *x });
        row[7] = if lacks_last { NAN } else { row[7] };
        row[0] = if row.iter().all(|x| x.is_nan()) { 20.0 } else { row[0] };
    }
    rows
}

fn model() -> Model {
    AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<WIDTH, 6>::new(Tanh),
            Dense::<6, 3>::new(Identity),
            Dense::<6, 3>::new(Identity),
        ))
        .decoder(Dense::<3, WIDTH>::new(Identity))
        .loss(GaussianLikelihood::new(0.3).unwrap())
        .regularizer(Variational::default())
        .normalizer(
            Normalizer::fit_with_missing(Normalization::Standardize, &rows(0.2, false)).unwrap(),
        )
        .build::<f64>()
        .unwrap()
}

fn scores() -> Vec<Boxed> {
    let drawn = || ReconstructionProbability::new(3, 1).unwrap();
    vec![
        Box::new(SquaredResidual),
        Box::new(ScaledResidual::new()),
        Box::new(ScaledResidual::new().by_deviation()),
        Box::new(NearestReconstruction::new(2).unwrap()),
        Box::new(CodeDistance::new()),
        Box::new(drawn()),
        Box::new(drawn().by_column()),
        Box::new(Both::new(ScaledResidual::new(), CodeDistance::new())),
    ]
}

fn near(found: f64, expected: f64, what: &str) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{what}: {found} {expected}"
    );
}

/// Normalized rows and their reconstructions.
fn residuals(rows: &Rows) -> Vec<[f64; WIDTH]> {
    let model = model();
    let (mut x, mut y) = (rows.clone(), model.reconstruct(rows).unwrap());
    let normalizer = model.normalizer().unwrap();
    normalizer.apply(x.view_mut()).unwrap();
    normalizer.apply(y.view_mut()).unwrap();
    x.iter().zip(y.iter()).map(|(x, y)| std::array::from_fn(|at| x[at] - y[at])).collect()
}

fn there(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|x| !x.is_nan()).collect()
}

/// Of a row its present features are as many as it has.
fn scale(row: &[f64]) -> f64 {
    WIDTH as f64 / there(row).len() as f64
}

#[test]
fn what_is_missing_contributes_nothing_to_any_score() {
    for reference in [rows(0.0, false), rows(0.3, false), rows(0.3, true)] {
        for score in scores() {
            let name = score.describe();
            let mut detector =
                AnomalyDetector::fit(model(), score, &reference.select(0..90)).unwrap();
            detector.calibrate(&reference.select(100..160)).unwrap();
            let rows = rows(0.4, false).select(160..200);
            let (scores, features) =
                (detector.scores(&rows).unwrap(), detector.feature_scores(&rows).unwrap());
            for (number, row) in rows.iter().enumerate() {
                assert!(scores[number].is_finite(), "{name}");
                assert_eq!(detector.score_one(row).unwrap(), scores[number]);
                let parts = features.sample(number);
                assert!(
                    row.iter().zip(parts).all(|(x, &part)| !x.is_nan() || part == 0.0),
                    "{name}"
                );
                let sum: f64 = parts.iter().sum();
                assert!(
                    sum <= scores[number].max(0.0) * (1.0 + 1e-12),
                    "{name}: {sum} {}",
                    scores[number]
                );
            }
            assert!(detector.p_values(&rows).unwrap().iter().all(|p| (0.0..=1.0).contains(p)));
            let why = detector.explain(rows.sample(3)).unwrap();
            for column in &why.columns {
                let is_missing = rows.sample(3)[column.feature].is_nan();
                assert_eq!(column.is_missing, is_missing);
                assert!(column.reconstruction.is_finite() && column.contribution.is_finite());
                assert!(
                    !is_missing
                        || column.contribution == 0.0 && column.value.is_nan() && !column.is_novel
                );
            }
        }
    }
}

#[test]
fn residuals_are_scaled_to_the_width_of_the_row() {
    let (reference, rows) = (rows(0.3, true).select(0..90), rows(0.4, false).select(160..200));
    let squared =
        AnomalyDetector::fit(model(), SquaredResidual, &reference).unwrap().scores(&rows).unwrap();
    for (found, residuals) in squared.iter().zip(residuals(&rows)) {
        let sum: f64 = there(&residuals).iter().map(|r| r * r).sum();
        near(*found, scale(&residuals) * sum, "squared");
    }
    // Mean and deviation of the residuals that are there; the column without any has the least spread.
    let of_reference = residuals(&reference);
    let column = |at: usize| there(&of_reference.iter().map(|row| row[at]).collect::<Vec<_>>());
    let mean = |values: &[f64], of: &dyn Fn(f64) -> f64| {
        values.iter().map(|&x| of(x)).sum::<f64>() / values.len().max(1) as f64
    };
    let squares: f64 = (0..WIDTH).map(|at| mean(&column(at), &|r| r * r)).sum();
    let least = 0.05 * (squares / WIDTH as f64).sqrt();
    let fitted: Vec<(f64, f64)> = (0..WIDTH)
        .map(|at| {
            let centre = mean(&column(at), &|r| r);
            (centre, mean(&column(at), &|r| (r - centre).powi(2)).sqrt().max(least))
        })
        .collect();
    let score = ScaledResidual::new().by_deviation();
    let scaled = AnomalyDetector::fit(model(), score, &reference).unwrap();
    assert!((scaled.score_function().spread()[7] - least).abs() < 1e-12);
    for (found, residuals) in scaled.scores(&rows).unwrap().iter().zip(residuals(&rows)) {
        let parts = residuals.iter().zip(&fitted).filter(|(r, _)| !r.is_nan());
        let sum: f64 = parts.map(|(r, (centre, spread))| ((r - centre) / spread).powi(2)).sum();
        near(*found, scale(&residuals) * sum, "scaled");
    }
}

#[test]
fn distances_are_over_what_is_there() {
    let (reference, rows) = (rows(0.3, false).select(0..90), rows(0.4, false).select(160..200));
    let model_ = model();
    let normalizer = model_.normalizer().unwrap();
    let normalized = |rows: &Rows| {
        let mut rows = rows.clone();
        normalizer.apply(rows.view_mut()).unwrap();
        rows
    };
    let (x, y) = (normalized(&rows), normalized(&model_.reconstruct(&reference).unwrap()));
    let nearest = NearestReconstruction::new(1).unwrap();
    let found = AnomalyDetector::fit(model(), nearest, &reference).unwrap().scores(&rows).unwrap();
    for (found, x) in found.iter().zip(x.iter()) {
        let distance = |y: &[f64]| {
            let pairs = x.iter().zip(y).filter(|(x, _)| !x.is_nan());
            pairs.map(|(x, y)| (x - y).powi(2)).sum::<f64>()
        };
        let least = y.iter().map(distance).fold(f64::INFINITY, f64::min);
        near(*found, scale(x) * least, "nearest");
    }
    // The code is one of the whole row, in which the mean stands for what is missing: nothing is scaled.
    let of_code = AnomalyDetector::fit(model(), CodeDistance::new(), &reference).unwrap();
    let mut filled = rows.clone();
    for row in filled.as_mut_slice().chunks_exact_mut(WIDTH) {
        let means = row.iter_mut().zip(normalizer.parts().0);
        means.for_each(|(x, &mean)| *x = if x.is_nan() { mean } else { *x });
    }
    assert_eq!(of_code.scores(&rows).unwrap(), of_code.scores(&filled).unwrap());
    // The loss of a likelihood, with its constant, is of what is there; drawn codes are the same for a filled row.
    let drawn =
        AnomalyDetector::fit(model(), ReconstructionProbability::new(4, 9).unwrap(), &reference)
            .unwrap();
    let mut one = rows.sample(0).to_vec();
    one[2..].fill(NAN);
    (one[0], one[1]) = (20.0, normalizer.parts().0[1]);
    let both = drawn.score_one(&one).unwrap();
    let parts =
        drawn.feature_scores(&Batch::from_samples(Const::<WIDTH>, [&one]).unwrap()).unwrap();
    // ln σ + ½ ln 2π for each of two features, and half of their squares over σ², which are divided among the columns.
    near(parts.as_slice()[..2].iter().sum(), both.max(0.0), "drawn");
    let mut first = one.clone();
    first[1] = NAN;
    let constant = 0.3f64.ln() + 0.5 * std::f64::consts::TAU.ln();
    let single = drawn.score_one(&first).unwrap();
    // The code is the same, as the mean stands for the second; it adds its own square to half of the sum.
    assert!(single / 8.0 > constant && both / 4.0 > single / 8.0 + constant);
}

#[test]
fn a_fault_is_named_beside_what_is_missing() {
    let mut model = model();
    let all = rows(0.1, false);
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(60).fit(&mut model, &all.select(0..100)).unwrap();
    let detector =
        AnomalyDetector::fit(model, ScaledResidual::new(), &all.select(100..200)).unwrap();
    let mut row = rows(0.0, false).sample(150).to_vec();
    row[2] += 40.0;
    [0, 5, 6, 7].iter().for_each(|&column| row[column] = NAN);
    let why = detector.explain(&row).unwrap();
    assert_eq!(why.columns[0].feature, 2);
    let missing = why.columns.iter().find(|column| column.feature == 5).unwrap();
    assert!(missing.is_missing && missing.share == 0.0 && missing.residual().is_nan());
    // Four are there, so that the table's fifth is one that is missing: its value is, and what is left of it.
    assert_eq!(why.to_string().matches("missing").count(), 2, "{why}");
    assert!(!why.columns[0].is_missing);
}

#[test]
fn a_constant_column_may_be_missing_and_must_not_change() {
    let mut rows = rows(0.2, false);
    rows.as_mut_slice()
        .iter_mut()
        .skip(4)
        .step_by(WIDTH)
        .for_each(|x| *x = if x.is_nan() { NAN } else { 7.0 });
    let normalizer = Normalizer::fit_with_missing(Normalization::Standardize, &rows).unwrap();
    let model = AutoEncoder::builder()
        .encoder(Dense::<WIDTH, 3>::new(Tanh))
        .decoder(Dense::<3, WIDTH>::new(Identity))
        .normalizer(normalizer)
        .build::<f64>()
        .unwrap();
    let detector = AnomalyDetector::fit(model, SquaredResidual, &rows.select(0..100)).unwrap();
    assert_eq!(detector.constant_columns(), [4]);
    let greatest = detector.scores(&rows.select(0..100)).unwrap().into_iter().fold(0.0, f64::max);
    let mut row: Vec<f64> =
        rows.sample(120).iter().map(|x| if x.is_nan() { 20.0 } else { *x }).collect();
    let score = |row: &[f64]| detector.score_one(row).unwrap();
    row[4] = NAN;
    assert!(!detector.explain(&row).unwrap().columns.iter().any(|column| column.is_novel));
    let without = score(&row);
    row[4] = 7.0;
    assert!(score(&row) <= without);
    row[4] = 7.1;
    assert!(score(&row) >= 1.25 * greatest);
}

/// The largest residual, by one who has not thought of missing values.
#[derive(Debug, Clone)]
struct Largest;
impl<E: Part, M: Reconstructs> ScoreFor<E, M> for Largest {}
impl AnomalyScore<f64> for Largest {
    fn describe(&self) -> String {
        "Largest".to_owned()
    }
    fn score(&self, seen: &Seen<'_, f64>, features: &mut [f64], _: &mut [f64]) -> f64 {
        features.fill(0.0);
        let pairs = seen.x.iter().zip(seen.reconstruction);
        pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
    }
}

#[test]
fn refusals() {
    let rows = rows(0.3, false);
    let mut nothing = rows.clone();
    nothing.as_mut_slice()[130 * WIDTH..131 * WIDTH].fill(NAN);
    let detector = || AnomalyDetector::fit(model(), SquaredResidual, &rows).unwrap();
    let refused = |call| Error::EmptySample { call, sample: 130 };
    assert_eq!(detector().scores(&nothing).unwrap_err(), refused("scores"));
    let of_fit = AnomalyDetector::fit(model(), SquaredResidual, &nothing).unwrap_err();
    assert_eq!(of_fit, refused("AnomalyDetector::fit"));
    assert_eq!(
        refused("scores").to_string(),
        "scores: all features of sample 130 (counted from 0) are missing, so that there is nothing to judge it by: leave it \
         out"
    );
    assert!(detector().score_one(&[f64::INFINITY; WIDTH]).is_err());
    let complete = self::rows(0.0, false);
    let own = AnomalyDetector::fit(model(), Largest, &complete).unwrap();
    assert_eq!(
        own.scores(&rows).unwrap_err().to_string(),
        "the score does not skip missing values, and samples have some: give it `AnomalyScore::skips_missing`, or take a \
         score of this crate"
    );
    assert!(own.scores(&complete).is_ok());
    // A model that takes none.
    let plain = AutoEncoder::builder()
        .encoder(Dense::<WIDTH, 3>::new(Tanh))
        .decoder(Dense::<3, WIDTH>::new(Identity))
        .build::<f64>()
        .unwrap();
    let plain = AnomalyDetector::fit(plain, SquaredResidual, &complete).unwrap();
    let refused = plain.scores(&rows).unwrap_err();
    assert!(matches!(refused, Error::NotFinite { call: "scores", .. }));
    assert!(refused.to_string().ends_with("`Normalizer::fit_with_missing`"), "{refused}");
    // A category of which only a part is missing.
    let levels =
        Batch::from_iter([[1.0, 0.0, NAN], [0.0, 1.0, 0.5], [1.0, 0.0, 0.1], [0.0, 1.0, 0.3]]);
    let none = Normalizer::fit_with_missing(Normalization::None, &levels).unwrap();
    let model = AutoEncoder::builder()
        .encoder(Dense::<3, 2>::new(Tanh))
        .decoder(Dense::<2, 3>::new(Identity))
        .loss(
            loss::Mixed::new().columns(2, Categorical::new(&[2]).unwrap()).columns(1, SquaredError),
        )
        .normalizer(none)
        .build::<f64>()
        .unwrap();
    let detector = AnomalyDetector::fit(model, SquaredResidual, &levels).unwrap();
    let (call, loss, first, last, sample) = ("score_one", "mixed", 0, 1, 0);
    let refused = detector.score_one(&[NAN, 1.0, 0.2]).unwrap_err();
    assert_eq!(refused, Error::PartlyMissing { call, loss, first, last, sample });
    let score = detector.score_one(&[NAN, NAN, 0.2]).unwrap();
    assert!(score.is_finite());
}

#[cfg(feature = "safetensors")]
#[test]
fn a_detector_with_missing_values_comes_back() {
    let (rows, folder) = (rows(0.3, false), common::Folder::new("missing"));
    let file = folder.join("detector.safetensors");
    for score in scores() {
        let mut detector =
            AnomalyDetector::fit(model(), score.clone(), &rows.select(0..90)).unwrap();
        detector.calibrate(&rows.select(100..190)).unwrap();
        detector.save(&file).unwrap();
        let again = AnomalyDetector::load(model(), score, &file).unwrap();
        assert_eq!(again.scores(&rows).unwrap(), detector.scores(&rows).unwrap());
        assert_eq!(again.p_values(&rows).unwrap(), detector.p_values(&rows).unwrap());
    }
}

/// 1 − Σ (x − y)² / Σ (x − mean)², over what is there.
#[test]
fn a_checkup_counts_what_is_there() {
    let (rows, model) = (rows(0.3, false), model());
    let checkup = health::Checkup::of(&model, &rows).unwrap();
    let outputs = model.reconstruct(&rows).unwrap();
    let (mut missed, mut all) = (0.0, 0.0);
    for feature in 0..WIDTH {
        let column: Vec<f64> = rows.iter().map(|row| row[feature]).collect();
        let values = there(&column);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        all += values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let pairs = column.iter().zip(outputs.iter()).filter(|(x, _)| !x.is_nan());
        missed += pairs.map(|(x, y)| (x - y[feature]).powi(2)).sum::<f64>();
    }
    near(checkup.explained_variance.unwrap(), 1.0 - missed / all, "explained variance");
    assert!(checkup.jacobian.is_some_and(f64::is_finite));
}

/// Of a sample with a missing value the squares of the others are scaled up, as `sklearn.metrics.nan_euclidean_distances`
/// does it; of the reference a missing value is its column's mean.
#[test]
fn nearest_neighbours_by_hand() {
    let rows = [[0.0, 0.0], [4.0, 0.0], [0.0, 9.0], [8.0, NAN]];
    let normal: Batch<f64, _> = Batch::from_iter(rows);
    let model = || {
        AutoEncoder::builder()
            .encoder(Dense::<2, 1>::new(Identity))
            .decoder(Dense::<1, 2>::new(Identity))
            .normalizer(Normalizer::fit_with_missing(Normalization::None, &normal).unwrap())
            .build::<f64>()
            .unwrap()
    };
    let score = NearestNeighbours::new(2).unwrap();
    let detector = AnomalyDetector::fit(model(), score.clone(), &normal).unwrap();
    // √(2 · 2²) from (4, 0) and from (8, 3).
    let found = detector.score_one(&[6.0, NAN]).unwrap();
    assert!((found - 8.0_f64.sqrt()).abs() < 1e-14, "{found}");
    // 0 from (8, 3), 5 from (4, 0).
    assert_eq!(detector.score_one(&[8.0, 3.0]).unwrap(), 2.5);
    let detector = AnomalyDetector::fit(model(), score.by_sizes(), &normal).unwrap();
    assert_eq!(detector.score_one(&[6.0, NAN]).unwrap(), 4.0);
    assert_eq!(detector.score_one(&[8.0, 3.0]).unwrap(), 3.5);
}

/// As of the marginal distribution of what is there, with squared distances scaled up.
#[test]
fn a_density_of_what_is_there() {
    let rows: Batch<f64, _> =
        Batch::from_iter((0..40).map(|k| [(f64::from(k) * 0.7).sin(), (f64::from(k) * 0.7).sin()]));
    let model = AutoEncoder::builder()
        .encoder(Dense::<2, 1>::new(Identity))
        .decoder(Dense::<1, 2>::new(Identity))
        .normalizer(Normalizer::fit_with_missing(Normalization::None, &rows).unwrap())
        .build::<f64>()
        .unwrap();
    let score = KernelDensity::new().residual_weight(0.0).unwrap();
    let detector = AnomalyDetector::fit(model, score, &rows).unwrap();
    // Both columns are alike, so that twice the square of one is the square of both.
    for x in [0.1, 0.6, 1.7] {
        let both = detector.score_one(&[x, x]).unwrap();
        for one in [[x, NAN], [NAN, x]] {
            assert!((detector.score_one(&one).unwrap() - both).abs() < 1e-12 * both.max(1.0));
        }
    }
}

/// A missing value of the reference is the mean of its column there.
#[test]
fn a_density_of_a_reference_with_gaps() {
    let rows = [[0.0, 1.0, 5.0], [2.0, NAN, 5.0], [4.0, 3.0, NAN], [1.0, 0.5, 5.0]];
    let filled = [[0.0, 1.0, 5.0], [2.0, 1.5, 5.0], [4.0, 3.0, 5.0], [1.0, 0.5, 5.0]];
    let fitted = |rows: [[f64; 3]; 4]| {
        let rows: Batch<f64, _> = Batch::from_iter(rows);
        let model = AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Identity))
            .decoder(Dense::<2, 3>::new(Identity))
            .normalizer(Normalizer::fit_with_missing(Normalization::None, &rows).unwrap())
            .build::<f64>()
            .unwrap();
        let columns = KernelDensity::new().residual_weight(0.0).unwrap();
        AnomalyDetector::fit(model, columns, &rows).unwrap()
    };
    let (with_gaps, without) = (fitted(rows), fitted(filled));
    for x in [[0.5, 1.0, 5.0], [3.0, 3.0, 5.0]] {
        assert_eq!(with_gaps.score_one(&x).unwrap(), without.score_one(&x).unwrap());
    }
    // With residuals, which a missing value has none of.
    let rows: Batch<f64, _> = Batch::from_iter(rows);
    let normalizer = Normalizer::fit_with_missing(Normalization::Standardize, &rows).unwrap();
    let model = AutoEncoder::builder()
        .encoder(Dense::<3, 2>::new(Tanh))
        .decoder(Dense::<2, 3>::new(Identity))
        .normalizer(normalizer)
        .build::<f64>()
        .unwrap();
    let detector = AnomalyDetector::fit(model, KernelDensity::new(), &rows).unwrap();
    assert!(detector.scores(&rows).unwrap().iter().all(|score| score.is_finite()));
}

/// From a column that the reference has nothing of there is no distance: 0 would be any value. Residuals have one, to
/// what the model makes of the rest.
#[test]
fn distances_need_a_value_of_each_column() {
    let reference = rows(0.3, true);
    let refused = Error::EmptyFeature { call: "AnomalyDetector::fit", feature: 7 };
    let scores: [Boxed; 4] = [
        Box::new(NearestNeighbours::new(1).unwrap()),
        Box::new(KernelDensity::new()),
        Box::new(KernelDensity::new().residual_weight(0.0).unwrap()),
        Box::new(Both::new(SquaredResidual, NearestNeighbours::new(3).unwrap().by_sizes())),
    ];
    for score in scores {
        assert_eq!(AnomalyDetector::fit(model(), score, &reference).unwrap_err(), refused);
    }
    AnomalyDetector::fit(model(), SquaredResidual, &reference).unwrap();
    // Of a table it is a column with a name.
    #[cfg(feature = "table")]
    {
        use autoencoder::data::{Schema, Source};
        let text = "a,size,b\n1,S,2\n2,L,4\n5,M,3\n";
        let schema = Schema::infer_bytes(text).unwrap().ordinal("size", ["S", "M", "L"]).unwrap();
        let samples = schema.from_bytes::<f64>(text).unwrap().load().unwrap();
        let model = AutoEncoder::builder()
            .encoder(Dense::dynamic(schema.features(), 2, Tanh))
            .decoder(Dense::dynamic(2, schema.features(), Identity))
            .loss(schema.loss().unwrap())
            .normalizer(schema.normalizer(&samples).unwrap())
            .build::<f64>()
            .unwrap();
        let gaps = schema.batch::<f64>([["1", "", "2"], ["2", "?", "3"], ["3", "", ""]]).unwrap();
        let refused = AnomalyDetector::fit(model, NearestNeighbours::new(1).unwrap(), &gaps);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the column `size` is missing in all samples: give samples that have it, or leave it out (`Schema::leave_out`)"
        );
    }
}

/// However near: the distance is not divided by.
#[test]
fn a_sample_all_but_equal_to_one_of_the_reference() {
    let normal = Batch::from_iter([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    let model = AutoEncoder::builder()
        .encoder(Dense::<2, 1>::new(Identity))
        .decoder(Dense::<1, 2>::new(Identity))
        .build::<f64>()
        .unwrap();
    let detector =
        AnomalyDetector::fit(model, NearestNeighbours::new(1).unwrap(), &normal).unwrap();
    let score = detector.score_one(&[0.0, 1e-160]).unwrap();
    assert!((score / 1e-160 - 1.0).abs() < 0.1, "{score}");
}
