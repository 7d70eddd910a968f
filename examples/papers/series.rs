//! Row 19: what is odd in a series, by windows of its values and the time of day.
//!
//! Twelve series of the Numenta Anomaly Benchmark. Trained on the first 15 % of each, its probation; what comes after is
//! ranked step by step. A step is its value and, by a [`Schema`], its time of day; a sample is a window of 24 or 48 steps; a
//! step is as odd as the oddest window that holds it. The model and its training are those of tables, the same for all
//! series. The quick run has generated series.

use std::ops::Range;
use std::path::Path;

use autoencoder::anomaly::{
    AnomalyDetector, AnomalyScore, KernelDensity, NearestNeighbours, NearestReconstruction,
    ScaledResidual,
};
use autoencoder::data::{DatePart, InMemory, Schema, Source, Windows};
use autoencoder::metrics::{average_precision, roc_auc};
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::size::DynWindow;

use crate::Settings;
use crate::data::{Stop, file};
use crate::report::{Line, Target};
use crate::series_generated::{FAULTS, HABITS, generated};
use crate::wide::train_wide;

/// What a window is.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    /// Its steps, of five minutes each.
    long: usize,
    has_time: bool,
}

/// As long as generated series would have it.
const LONG: Kind = Kind { name: "48 steps, time of day", long: 48, has_time: true };
const LONG_ALONE: Kind = Kind { name: "48 steps, value alone", long: 48, has_time: false };
/// As long as others had it.
const SHORT: Kind = Kind { name: "24 steps, time of day", long: 24, has_time: true };
const SHORT_ALONE: Kind = Kind { name: "24 steps, value alone", long: 24, has_time: false };

/// A peak is what no step as near as this exceeds.
const NEAR: usize = 200;

/// A series as text, and where it is odd.
pub struct Series {
    pub name: String,
    /// Of each step the time and the value.
    pub lines: Vec<String>,
    /// The steps of labelled windows, those that end after the training.
    pub odd: Vec<Range<usize>>,
    /// How many steps training has.
    pub train: usize,
}

impl Series {
    /// Some steps as a table.
    fn text(&self, steps: Range<usize>) -> String {
        self.lines[steps].iter().fold("time,value\n".to_owned(), |text, line| text + line + "\n")
    }

    fn is_odd(&self, step: usize) -> bool {
        self.odd.iter().any(|range| range.contains(&step))
    }
}

/// The twelve series in the order of their names.
fn read(data: Option<&Path>) -> Result<Vec<Series>, Stop> {
    let path = file(data, "series/windows.json")?;
    let text = std::fs::read_to_string(&path).map_err(|_| Stop::Missing(path))?;
    // Every second piece is in quotes: a name, and from and to of each of its windows.
    let mut series: Vec<(&str, Vec<&str>)> = Vec::new();
    for word in text.split('"').skip(1).step_by(2) {
        match series.last_mut() {
            Some((_, times)) if !word.ends_with(".csv") => times.push(word),
            _ => series.push((word, Vec::new())),
        }
    }
    series.sort_unstable();
    series.into_iter().map(|(name, times)| of_file(data, name, &times)).collect()
}

fn of_file(data: Option<&Path>, name: &str, times: &[&str]) -> Result<Series, Stop> {
    let path = file(data, &format!("series/{name}"))?;
    let text = std::fs::read_to_string(&path).map_err(|_| Stop::Missing(path))?;
    let lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    let train = lines.len() * 15 / 100;
    // Times are in order, as texts too, to the second.
    let before = |time: &str| lines.partition_point(|line| line[..19] < time[..19]);
    let until = |time: &str| lines.partition_point(|line| line[..19] <= time[..19]);
    let odd = times.chunks_exact(2).map(|pair| before(pair[0])..until(pair[1]));
    let odd = odd.filter(|range| range.end > train).collect();
    Ok(Series { name: name.to_owned(), lines, odd, train })
}

/// What is asked of scores of steps: ROC-AUC and average precision of the steps in labelled windows; how many windows hold
/// one of the ten highest peaks, and one of as many as there are windows.
type Found = [f64; 4];

fn found(series: &Series, scores: &[f64]) -> Result<Found, Stop> {
    let tested = &scores[series.train..];
    let is_odd: Vec<bool> = (series.train..scores.len()).map(|step| series.is_odd(step)).collect();
    let peaks = peaks(tested);
    let hit = |most: usize| {
        let highest = &peaks[..most.min(peaks.len())];
        let holds =
            |odd: &&Range<usize>| highest.iter().any(|peak| odd.contains(&(peak + series.train)));
        series.odd.iter().filter(holds).count() as f64
    };
    let (area, precision) = (roc_auc(tested, &is_odd)?, average_precision(tested, &is_odd)?);
    Ok([area, precision, hit(10), hit(series.odd.len())])
}

/// The steps that none within [`NEAR`] exceeds, the highest first; of equal ones as near the first.
fn peaks(scores: &[f64]) -> Vec<usize> {
    let mut peaks: Vec<usize> = Vec::new();
    for (step, score) in scores.iter().enumerate() {
        let near = &scores[step.saturating_sub(NEAR)..(step + NEAR + 1).min(scores.len())];
        let is_new = peaks.last().is_none_or(|last| step - last > NEAR);
        if is_new && near.iter().all(|other| other <= score) {
            peaks.push(step);
        }
    }
    peaks.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    peaks
}

/// The scores that are compared; the first is the row's.
const SCORES: [&str; 5] =
    ["nearest reconstruction", "density", "scaled residual", "1 neighbour", "5 neighbours"];

/// What each score finds, by the greatest over the windows that hold a step.
fn run(series: &Series, kind: Kind, seed: u64) -> Result<[Found; SCORES.len()], Stop> {
    let normal = series.text(0..series.train);
    let schema = Schema::infer_bytes(normal.clone())?.number("value")?;
    // Two days have gone by, and not two weeks: of the cycles of a calendar only that of a day was seen again.
    let schema = if kind.has_time {
        schema.date_parts("time", [DatePart::TimeOfDay])?
    } else {
        schema.leave_out("time")?
    };
    let normal = schema.from_bytes::<f32>(normal)?.load()?;
    let steps = schema.from_bytes::<f32>(series.text(0..series.lines.len()))?.load()?;
    let size = DynWindow { channels: schema.features(), steps: kind.long };
    let normalizer = schema.normalizer(&normal)?.per_channel(size)?;
    let train = Windows::new(InMemory::from(&normal), size)?.load()?.into_dynamic();
    let model = train_wide(&train, Some(normalizer), seed)?;
    let mut windows = Windows::new(InMemory::from(&steps), size)?;
    let scores: [Box<dyn AnomalyScore<f32>>; SCORES.len()] = [
        Box::new(NearestReconstruction::new(1)?),
        Box::new(KernelDensity::new()),
        Box::new(ScaledResidual::new()),
        Box::new(NearestNeighbours::new(1)?),
        Box::new(NearestNeighbours::new(5)?),
    ];
    let mut all = [[0.0; 4]; SCORES.len()];
    for (to, score) in all.iter_mut().zip(scores) {
        let detector = AnomalyDetector::fit(model.clone(), score, &train)?;
        let of_windows = detector.scores(&mut windows)?;
        *to = found(series, &windows.on_steps(&of_windows)?.max)?;
    }
    Ok(all)
}

/// Of each score and each seed the means of areas and precisions over all series, and how many windows were hit.
type Measured = [Vec<Found>; SCORES.len()];

fn over_all(settings: &Settings, all: &[Series], kind: Kind) -> Result<Measured, Stop> {
    let mut measured: Measured = Default::default();
    for seed in settings.seeds() {
        let mut sums = [[0.0; 4]; SCORES.len()];
        for series in all {
            let of_series = run(series, kind, seed)?;
            settings.say(&format!("{}, seed {seed}, {}: {of_series:.3?}", series.name, kind.name));
            for (sum, found) in sums.as_flattened_mut().iter_mut().zip(of_series.as_flattened()) {
                *sum += found;
            }
        }
        for (measured, [area, precision, of_ten, of_as_many]) in measured.iter_mut().zip(sums) {
            let count = all.len() as f64;
            measured.push([area / count, precision / count, of_ten, of_as_many]);
        }
    }
    Ok(measured)
}

/// One of the four measures.
fn each(measured: &[Found], at: usize) -> Vec<f64> {
    measured.iter().map(|found| found[at]).collect()
}

/// Windows hit by random numbers in place of scores, each as odd as the oddest of the windows that hold a step.
fn by_chance(all: &[Series]) -> Result<[Vec<f64>; 2], Stop> {
    let mut hits = [vec![], vec![]];
    for seed in 0..20 {
        let (rng, mut sums) = (&mut seeded(seed), [0.0; 2]);
        for series in all {
            let steps = series.lines.len();
            let random: Vec<f64> =
                (0..steps + SHORT.long).map(|_| rng.random_range(0.0..1.0)).collect();
            let highest =
                random.windows(SHORT.long).map(|near| near.iter().copied().fold(0.0, f64::max));
            let [.., of_ten, of_as_many] =
                found(series, &highest.take(steps).collect::<Vec<f64>>())?;
            sums[0] += of_ten;
            sums[1] += of_as_many;
        }
        hits.iter_mut().zip(sums).for_each(|(hits, sum)| hits.push(sum));
    }
    Ok(hits)
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let all = read(settings.data())?;
    let windows: usize = all.iter().map(|series| series.odd.len()).sum();
    let mut lines = Vec::new();
    for kind in [LONG, SHORT, LONG_ALONE, SHORT_ALONE] {
        for (at, (score, measured)) in
            SCORES.iter().zip(over_all(settings, &all, kind)?).enumerate()
        {
            let [area, precision, of_ten, of_as_many] = [0, 1, 2, 3].map(|at| each(&measured, at));
            let what = format!("{score}, {}: ROC-AUC", kind.name);
            let (is_first, hits) = (at == 0 && kind.has_time, Target::AtLeast(14.0));
            lines.push(match is_first {
                true => Line::number(what, Target::AtLeast(0.70), &area, 3),
                false => Line::note(what, &area, 3),
            });
            lines.push(Line::note("  average precision", &precision, 3));
            let what = format!("  of {windows} windows hit by the ten highest peaks");
            lines.push(match is_first {
                true => Line::number(what, hits, &of_ten, 1),
                false => Line::note(what, &of_ten, 1),
            });
            lines.push(Line::note("  by as many as there are windows", &of_as_many, 1));
        }
    }
    let [of_ten, of_as_many] = by_chance(&all)?;
    lines.push(Line::note("random numbers: by the ten highest peaks", &of_ten, 1));
    lines.push(Line::note("  by as many as there are windows", &of_as_many, 1));
    Ok(lines)
}

/// Of twenty series, each habit with each fault, every third one.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let all = HABITS.into_iter().enumerate().flat_map(|(at, habit)| {
        let of_fault = move |(k, fault)| generated(habit, fault, (5 * at + k) as u64);
        FAULTS.into_iter().enumerate().map(of_fault)
    });
    let all: Vec<Series> = all.step_by(3).collect();
    let area = |kind| Ok::<_, Stop>(each(&over_all(settings, &all, kind)?[0], 0));
    let (without, with) = (area(SHORT_ALONE)?, area(SHORT)?);
    let named = [("value alone", without), ("with the time of day", with)];
    Ok(vec![Line::order("ROC-AUC of steps", &named, 3)])
}
