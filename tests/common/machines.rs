//! Detectors of machines, for the tests of the page about them: a table with a schema, windows, images.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual, Threshold};
use autoencoder::data::{Cell, InMemory, Normalization, Schema, Source, Windows};
use autoencoder::layer::DenseLayer;
use autoencoder::nalgebra::Dyn;
use autoencoder::size::{DynImage, DynWindow};
use autoencoder::*;

type Layer<A> = DenseLayer<Dyn, Dyn, A>;
pub type Detector<L> =
    AnomalyDetector<Layer<Tanh>, Layer<Identity>, NoRegularizer, L, ScaledResidual, f64>;

/// Rows of machines: kind, place, load, heat. The kind tells the place, and the load the heat; every 29th has no load.
pub struct Machines {
    pub schema: Schema,
    pub detector: Detector<Mixed<f64>>,
    /// 200 rows: in the 30th a pump is on the roof, in the 60th it is far too hot, in the 90th of a kind never seen.
    pub batch: Batch<f64, Dyn>,
    /// 200 others, as normal as those of the training.
    pub reference: Batch<f64, Dyn>,
}

pub const NAMES: [&str; 4] = ["kind", "place", "load", "heat"];
pub const LEVELS: [&str; 5] = ["pump", "cellar", "fan", "roof", "crane"];

fn machine<'a>(levels: [&'a str; 5], row: usize) -> [Cell<'a>; 4] {
    let [pump, cellar, fan, roof, _] = levels;
    let (kind, place) = if row.is_multiple_of(3) { (pump, cellar) } else { (fan, roof) };
    let load = 5.0 + 3.0 * (row as f64 * 0.7).sin();
    let heat = 20.0 + 2.0 * load + (row % 5) as f64 * 0.1;
    let round = |value: f64| (value * 100.0).round() / 100.0;
    let load = if row % 29 == 28 { Cell::Missing } else { round(load).into() };
    [kind.into(), place.into(), load, round(heat).into()]
}

/// With these names of columns, and these words for pump, cellar, fan, roof and crane, the kind never seen.
pub fn machines(names: [&str; 4], levels: [&str; 5], metadata: &str) -> Machines {
    let rows = |range: std::ops::Range<usize>| -> Vec<[Cell<'_>; 4]> {
        range.map(|row| machine(levels, row)).collect()
    };
    let schema = Schema::infer_rows(names, rows(0..600)).unwrap();
    let samples = schema.batch::<f64>(rows(0..600)).unwrap();
    let width = schema.features();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(width, 8, Tanh))
        .decoder(Dense::dynamic(8, width, Identity))
        .loss(schema.loss().unwrap())
        .normalizer(schema.normalizer(&samples).unwrap())
        .build::<f64>()
        .unwrap();
    #[cfg(feature = "safetensors")]
    model.metadata_mut().insert(metadata.into(), metadata.into());
    let _ = metadata;
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(150).fit(&mut model, &samples).unwrap();
    let mut detector = AnomalyDetector::fit(model, ScaledResidual::new(), &samples).unwrap();
    let normal = detector.scores(&samples).unwrap();
    detector.set_threshold(Threshold::quantile(&normal, 0.99).unwrap());
    let mut odd = rows(1000..1200);
    odd[30] = [levels[0].into(), levels[3].into(), 5.0.into(), 30.2.into()];
    odd[60][3] = 90.0.into();
    odd[90][0] = levels[4].into();
    let batch = schema.batch(&odd).unwrap();
    let reference = schema.batch(rows(700..900)).unwrap();
    Machines { schema, detector, batch, reference }
}

/// Two channels, the second a step behind the first; windows of 12 steps. In the first that is given the second channel
/// stands still from its 5th to its 8th step, of the last a step is missing.
pub fn windows() -> (Detector<SquaredError>, Batch<f64, DynWindow>) {
    let step = |at: usize| [(at as f64 * 0.9).sin() * 10.0, (at as f64 * 0.9 - 0.9).sin() * 10.0];
    let series: Batch<f64, _> = Batch::from_iter((0..400).map(step));
    let size = DynWindow { channels: 2, steps: 12 };
    let all = Windows::new(InMemory::from(&series), size).unwrap().load().unwrap();
    let per_step = Normalizer::fit_with_missing(Normalization::Standardize, &series).unwrap();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(24, 4, Tanh))
        .decoder(Dense::dynamic(4, 24, Identity))
        .normalizer(per_step.per_channel(size).unwrap())
        .build::<f64>()
        .unwrap();
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(80).fit(&mut model, &all).unwrap();
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &all).unwrap();
    let mut few = all.select(0..40);
    let values = few.as_mut_slice();
    (4..8).for_each(|step| values[2 * step + 1] = 25.0);
    let last = values.len() - 24;
    values[last] = f64::NAN;
    (detector, few)
}

/// Squares of 6 × 6 pixels that are brighter from left to right; of the second given a corner is missing, and the third has a
/// bright spot.
pub fn images() -> (Detector<SquaredError>, Batch<f64, DynImage>) {
    let image = |k: usize| {
        (0..36).map(move |at| ((at % 6) as f64 / 8.0) + 0.2 * (k as f64 * 0.37).sin() + 0.2)
    };
    let size = DynImage { channels: 1, height: 6, width: 6 };
    let all = Batch::new(size, (0..120).flat_map(image).collect()).unwrap();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(36, 3, Tanh))
        .decoder(Dense::dynamic(3, 36, Identity))
        .normalizer(Normalizer::fit_with_missing(Normalization::Standardize, &all).unwrap())
        .build::<f64>()
        .unwrap();
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(80).fit(&mut model, &all).unwrap();
    let mut detector = AnomalyDetector::fit(model, ScaledResidual::new(), &all).unwrap();
    detector.set_threshold(Threshold::quantile(&detector.scores(&all).unwrap(), 0.99).unwrap());
    let mut few = all.select(0..30);
    let values = few.as_mut_slice();
    [0, 1, 6, 7].iter().for_each(|at| values[36 + at] = f64::NAN);
    values[72 + 14] = 1.6;
    (detector, few)
}
