//! Row 18: connections of a network, half of them attacks, from their text through a schema to their ranking.
//!
//! NSL-KDD, 41 columns, three of them words: normal rows of every second line for training, all other rows for the test.
//! The [`Schema`] is all that is said of the table: what each column is it has from the training rows. Model, training and
//! density are those of tables; beside them the residuals of a small net with the schema's loss, as in the example
//! `14_table`. The quick run has a table whose density is known, and odd rows that have each column from another
//! row: the density itself is the best there can be.

use autoencoder::activation::{Identity, Relu};
use autoencoder::anomaly::{AnomalyDetector, KernelDensity, ScaledResidual};
use autoencoder::data::{CsvOptions, Schema, SchemaOptions, Source};
use autoencoder::metrics::{average_precision, roc_auc};
use autoencoder::nalgebra::Dyn;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Float, Then};

use crate::Settings;
use crate::data::{Stop, file};
use crate::report::{Line, Target};
use crate::wide::train_wide;

/// Rows of a table as its schema reads them.
struct Rows {
    schema: Schema,
    train: Batch<f32, Dyn>,
    test: Batch<f32, Dyn>,
    /// Which of the test rows are odd.
    is_odd: Vec<bool>,
}

/// ROC-AUC and average precision of the density.
fn density(rows: &Rows, seed: u64) -> Result<[f64; 2], Stop> {
    let model = train_wide(&rows.train, Some(rows.schema.normalizer(&rows.train)?), seed)?;
    let detector = AnomalyDetector::fit(model, KernelDensity::new(), &rows.train)?;
    ranked(&detector.scores(&rows.test)?, &rows.is_odd)
}

/// The same of the residuals of a small net.
fn residuals(rows: &Rows, settings: &Settings, seed: u64) -> Result<[f64; 2], Stop> {
    let (schema, width) = (&rows.schema, rows.schema.features());
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(width, 64, Relu).then(Dense::dynamic(64, 16, Identity)))
        .decoder(Dense::dynamic(16, 64, Relu).then(Dense::dynamic(64, width, Identity)))
        .loss(schema.loss()?)
        .normalizer(schema.normalizer(&rows.train)?)
        .seed(seed)
        .build::<f32>()?;
    settings.trainer(Adam::new(2e-3)?, seed).epochs(30).fit(&mut model, &rows.train)?;
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &rows.train)?;
    ranked(&detector.scores(&rows.test)?, &rows.is_odd)
}

fn ranked(scores: &[f64], is_odd: &[bool]) -> Result<[f64; 2], Stop> {
    Ok([roc_auc(scores, is_odd)?, average_precision(scores, is_odd)?])
}

fn connections(settings: &Settings) -> Result<Rows, Stop> {
    const LABEL: usize = 41;
    let path = file(settings.data(), "tables/nsl_kdd_train20.txt")?;
    let text = std::fs::read_to_string(&path).map_err(|_| Stop::Missing(path))?;
    let is_odd = |line: &str| line.split(',').nth(LABEL) != Some("normal");
    let (mut train, mut test, mut odd) = (String::new(), String::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        let part = if at % 2 == 0 && !is_odd(line) { &mut train } else { &mut test };
        *part += line;
        *part += "\n";
        if at % 2 != 0 || is_odd(line) {
            odd.push(is_odd(line));
        }
    }
    let options = SchemaOptions::new().csv(CsvOptions::new().header(false));
    // The last number, how often attacks were found by others, is left out.
    let schema = Schema::infer_bytes_with(&options, train.clone())?.label(LABEL)?;
    let schema = schema.leave_out(LABEL + 1)?;
    let [train, test] = [train, test].map(|text| schema.from_bytes::<f32>(text)?.load());
    Ok(Rows { train: train?, test: test?, is_odd: odd, schema })
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let rows = connections(settings)?;
    let (mut by_density, mut by_residuals) = ([vec![], vec![]], [vec![], vec![]]);
    for seed in settings.seeds() {
        let found = [density(&rows, seed)?, residuals(&rows, settings, seed)?];
        settings.say(&format!("seed {seed}: density and residuals {found:.4?}"));
        for (to, found) in [&mut by_density, &mut by_residuals].into_iter().zip(found) {
            to.iter_mut().zip(found).for_each(|(to, found)| to.push(found));
        }
    }
    Ok(vec![
        Line::number("ROC-AUC of the density", Target::AtLeast(0.9889), &by_density[0], 4),
        Line::number("average precision", Target::AtLeast(0.9854), &by_density[1], 4),
        Line::note("ROC-AUC of the residuals of 64-16-64", &by_residuals[0], 4),
        Line::note("average precision", &by_residuals[1], 4),
    ])
}

/// A kind, and what goes with it: a place that nearly always is the kind's own, a size, and a weight that follows the
/// size; with −ln of its density.
fn generated(rows: usize, seed: u64, is_mixed: bool) -> (String, Vec<f64>) {
    const KINDS: [(&str, f64, f64); 3] = [("a", 0.5, 0.0), ("b", 0.3, 2.0), ("c", 0.2, 5.0)];
    let rng = &mut seeded(seed);
    let mut draw = || {
        let at = rng.random_range(0.0..1.0);
        let kind = if at < 0.5 {
            0
        } else if at < 0.8 {
            1
        } else {
            2
        };
        let place = if rng.random_range(0.0..1.0) < 0.9 { kind } else { rng.random_range(0..3) };
        let size = KINDS[kind].2 + f64::draw_normal(rng);
        (kind, place, size, size + 0.3 * f64::draw_normal(rng))
    };
    let mut text = "kind,place,size,weight\n".to_owned();
    let mut surprise = Vec::new();
    for _ in 0..rows {
        let mut row = draw();
        if is_mixed {
            row = (draw().0, draw().1, draw().2, draw().3);
        }
        let (kind, place, size, weight) = row;
        text += &format!("{},{},{size:.4},{weight:.4}\n", KINDS[kind].0, ["x", "y", "z"][place]);
        let of_place = if place == kind { 0.9 + 0.1 / 3.0 } else { 0.1 / 3.0 };
        let squares = (size - KINDS[kind].2).powi(2) + ((weight - size) / 0.3).powi(2);
        surprise.push(squares / 2.0 - (KINDS[kind].1 * of_place).ln());
    }
    (text, surprise)
}

pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    const EACH: usize = 500;
    let (train, _) = generated(1000, 1, false);
    let (normal, expected) = generated(EACH, 2, false);
    let (odd, surprising) = generated(EACH, 3, true);
    let schema = Schema::infer_bytes(train.clone())?;
    let read = |text| Ok::<_, Stop>(schema.from_bytes::<f32>(text)?.load()?);
    let (train, normal, odd) = (read(train)?, read(normal)?, read(odd)?);
    let test = Batch::new(Dyn(schema.features()), [normal.as_slice(), odd.as_slice()].concat())?;
    let is_odd: Vec<bool> = (0..2 * EACH).map(|row| row >= EACH).collect();
    let [best, most] = ranked(&[expected, surprising].concat(), &is_odd)?;
    let rows = Rows { schema, train, test, is_odd };
    let seed = *settings.seeds().start();
    let [area, precision] = density(&rows, seed)?;
    Ok(vec![
        Line::number("ROC-AUC", Target::Near(rounded(best), 0.02), &[area], 4),
        Line::number("average precision", Target::Near(rounded(most), 0.02), &[precision], 4),
    ])
}

/// To four digits, as a target is shown.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}
