//! Row 23: toy models of superposition: five features in two dimensions lie in a pentagon.
//!
//! x̂ = relu(Wᵀ W x + b), 5-2-5, of features that are 0 with probability 0.9 and else uniform in [0, 1], each independent of the
//! others. The loss is Σ Iᵢ (xᵢ − x̂ᵢ)²: all features are of the same importance I = 1, or each is of 0.9 times that of the one
//! before. In the first case a regular pentagon has every symmetry that the problem has: columns of W have one length, and
//! neighbours are 72° apart. In the second the important ones are to have more room.
//!
//! A tied encoder has biases here and the paper's has none: x̂ = relu(Wᵀ (W x + c) + b) is the paper's model with the biases
//! Wᵀ c + b, so it can do the same and nothing else.
//!
//! Of several starts the one of the least training loss is taken, as in the paper; how many have come to a pentagon is said.
//! `--pictures DIR` draws the columns of W.
//!
//! N. Elhage and others (2022), Toy models of superposition.

use std::f64::consts::TAU;
use std::fmt::Write;
use std::path::Path;

use autoencoder::activation::{Identity, Relu};
use autoencoder::layer::Part;
use autoencoder::loss::{Compared, LossFor, WithInput};
use autoencoder::nalgebra::Const;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::train::schedule::Cosine;
use autoencoder::{Adam, AutoEncoder, Batch, BatchViewMut, Dense, Error, Float, Loss, Tied};

use crate::Settings;
use crate::data::Stop;
use crate::report::{Line, Target};

const FEATURES: usize = 5;
const SPARSITY: f64 = 0.9;
const BATCH: usize = 1024;
/// How far lengths, by their mean, and angles, in degrees, of what counts as a pentagon may be from those of a regular one.
const REGULAR: (f64, f64) = (0.05, 4.0);

/// Σ Iᵢ (xᵢ − x̂ᵢ)², Iᵢ = rⁱ.
#[derive(Debug, Clone, Copy)]
struct Importance(f64);

impl Importance {
    fn of<T: Float>(self, at: usize) -> T {
        T::of(self.0.powi((at % FEATURES) as i32))
    }
}

impl<D: Part> LossFor<D> for Importance {
    type Target = WithInput;
}

impl<T: Float> Loss<T> for Importance {
    fn name(&self) -> &'static str {
        "weighed_error"
    }
    fn describe(&self) -> String {
        format!("{self:?}")
    }
    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(values) {
            let errors = x.iter().zip(y).enumerate();
            *value = errors.fold(T::ZERO, |sum, (i, (&x, &y))| {
                let weight: T = self.of(i);
                sum + weight * (y - x) * (y - x)
            });
        }
    }
    fn gradient(&self, at: Compared<'_, T>, weights: &[T], mut dy: BatchViewMut<'_, T>) {
        let pairs = at.x.as_slice().iter().zip(at.y.as_slice());
        for (place, (d, (&x, &y))) in dy.as_mut_slice().iter_mut().zip(pairs).enumerate() {
            let weight: T = self.of(place);
            *d = weights[place / FEATURES] * (weight + weight) * (y - x);
        }
    }
}

struct Plan {
    samples: usize,
    epochs: usize,
    starts: u64,
    rate: f64,
}

/// Columns of W, by angle, and what they leave.
#[derive(Debug, Clone)]
struct Found {
    loss: f64,
    columns: [[f64; 2]; FEATURES],
}

impl Found {
    fn lengths(&self) -> [f64; FEATURES] {
        self.columns.map(|[x, y]| x.hypot(y))
    }

    /// Between neighbours, in degrees, all the way round.
    fn angles(&self) -> [f64; FEATURES] {
        let mut all = self.columns.map(|[x, y]| y.atan2(x));
        all.sort_by(f64::total_cmp);
        let next = |at: usize| if at + 1 < FEATURES { all[at + 1] } else { all[0] + TAU };
        std::array::from_fn(|at| (next(at) - all[at]).to_degrees())
    }

    /// How far the lengths are from their mean, as a share of it, and the angles from 72°.
    fn misses(&self) -> (f64, f64) {
        let lengths = self.lengths();
        let mean = lengths.iter().sum::<f64>() / FEATURES as f64;
        let far = |values: [f64; FEATURES], from: f64| {
            values.into_iter().fold(0.0, |far, value| f64::max(far, (value - from).abs()))
        };
        (far(lengths, mean) / mean, far(self.angles(), 360.0 / FEATURES as f64))
    }

    fn is_regular(&self) -> bool {
        let (length, angle) = self.misses();
        length <= REGULAR.0 && angle <= REGULAR.1
    }
}

/// The oracle is the symmetry, in fewer steps at a higher rate.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let plan = Plan { samples: 20_000, epochs: 50, starts: 5, rate: 1e-2 };
    equal(settings, &plan)
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let plan = Plan { samples: 200_000, epochs: 10, starts: 10, rate: 1e-2 };
    let mut lines = equal(settings, &plan)?;
    lines.extend(falling(settings, &plan)?);
    Ok(lines)
}

/// All features are of the same importance.
fn equal(settings: &Settings, plan: &Plan) -> Result<Vec<Line>, Stop> {
    let (best, pentagons) = each_seed(settings, plan, 1.0)?;
    let of = |what: fn(&Found) -> f64| best.iter().map(what).collect::<Vec<_>>();
    let most = |at: fn(&Found) -> f64| vec![of(at).into_iter().fold(0.0, f64::max)];
    Ok(vec![
        Line::number(
            "lengths of columns, farthest from their mean, %",
            Target::AtMost(100.0 * REGULAR.0),
            &most(|found| 100.0 * found.misses().0),
            2,
        ),
        Line::number(
            "angles of neighbours, farthest from 72°, °",
            Target::AtMost(REGULAR.1),
            &most(|found| found.misses().1),
            2,
        ),
        Line::note(format!("starts of {} that end there", plan.starts), &pentagons, 1),
    ])
}

/// Each is of 0.9 times the importance of the one before.
fn falling(settings: &Settings, plan: &Plan) -> Result<Vec<Line>, Stop> {
    let (best, _) = each_seed(settings, plan, 0.9)?;
    let length = |at: usize| best.iter().map(|found| found.lengths()[at]).collect::<Vec<_>>();
    let farthest = best.iter().map(|found| found.misses().1).fold(0.0, f64::max);
    Ok(vec![
        Line::order(
            "importance 0.9ⁱ: lengths",
            &[("of i = 4", length(4)), ("of i = 0", length(0))],
            3,
        ),
        Line::note("angles, farthest from 72°, °", &[farthest], 2),
    ])
}

/// The best start of each seed, and how many of its starts come to a pentagon.
fn each_seed(settings: &Settings, plan: &Plan, ratio: f64) -> Result<(Vec<Found>, Vec<f64>), Stop> {
    let (mut best, mut pentagons) = (Vec::new(), Vec::new());
    for seed in settings.seeds() {
        let x = draw(plan.samples, seed)?;
        let mut found = Vec::new();
        for start in 0..plan.starts {
            let mut model = AutoEncoder::builder()
                .encoder(Dense::<FEATURES, 2>::new(Identity))
                .decoder(Tied::new(Relu))
                .loss(Importance(ratio))
                .seed(1000 * seed + start)
                .build::<f32>()?;
            let trainer = settings.trainer(Adam::new(plan.rate)?, seed).epochs(plan.epochs);
            trainer.schedule(Cosine::new(0.0)?).batch_size(BATCH).fit(&mut model, &x)?;
            // Two numbers for each feature, one after the other.
            let weights = &model.parameters()[..2 * FEATURES];
            let columns = std::array::from_fn(|at| [0, 1].map(|k| f64::from(weights[2 * at + k])));
            found.push(Found { loss: model.loss(&x)?.total(), columns });
        }
        found.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        for found in &found {
            let (length, angle) = found.misses();
            settings.say(&format!(
                "seed {seed}, I = {ratio}ⁱ: loss {:.6}, lengths {:.3?}, to {length:.4}, angles to {angle:.2}°",
                found.loss, found.lengths(),
            ));
        }
        pentagons.push(found.iter().filter(|found| found.is_regular()).count() as f64);
        let picture = picture(&found[0], ratio);
        if let Some(folder) = settings.pictures() {
            save(&picture, folder, &format!("superposition-{ratio}-{seed}.svg"))?;
        }
        best.push(found.swap_remove(0));
    }
    Ok((best, pentagons))
}

fn draw(samples: usize, seed: u64) -> autoencoder::Result<Batch<f32, Const<FEATURES>>> {
    let mut rng = seeded(seed);
    let mut values = Vec::with_capacity(FEATURES * samples);
    for _ in 0..FEATURES * samples {
        let is_on = rng.random::<f64>() >= SPARSITY;
        let value: f64 = rng.random();
        values.push(if is_on { value as f32 } else { 0.0 });
    }
    Batch::new(Const, values)
}

/// The columns of W as arrows, on a square of 400 pixels.
fn picture(found: &Found, ratio: f64) -> String {
    const MIDDLE: f64 = 200.0;
    let longest = found.lengths().into_iter().fold(1e-9, f64::max);
    let scale = 140.0 / longest;
    let place = |[x, y]: [f64; 2], times: f64| {
        (MIDDLE + times * scale * x, MIDDLE + 10.0 - times * scale * y) // y of a picture goes down
    };
    let mut by_angle = found.columns;
    by_angle.sort_by(|a, b| a[1].atan2(a[0]).total_cmp(&b[1].atan2(b[0])));
    let corners: Vec<String> = by_angle
        .iter()
        .map(|&column| {
            let (x, y) = place(column, 1.0);
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let importance =
        if ratio == 1.0 { "one importance".to_owned() } else { format!("importance {ratio}ⁱ") };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 420\" width=\"400\" height=\"420\" \
         font-family=\"sans-serif\" font-size=\"14\" role=\"img\">\n\
         <title>The columns of W</title>\n<rect width=\"400\" height=\"420\" fill=\"white\"/>\n\
         <text x=\"200\" y=\"24\" text-anchor=\"middle\">Five features in two dimensions, {importance}</text>\n\
         <polygon points=\"{}\" fill=\"#56b4e9\" fill-opacity=\"0.15\" stroke=\"#777\" stroke-dasharray=\"4 4\"/>\n",
        corners.join(" ")
    );
    let angles = found.angles();
    for (&column, angle) in by_angle.iter().zip(angles) {
        let ((from_x, from_y), (x, y)) = (place([0.0; 2], 1.0), place(column, 1.0));
        let feature = found.columns.iter().position(|other| *other == column).unwrap_or_default();
        let (text_x, text_y) = place(column, 1.15);
        let _ = write!(
            svg,
            "<line x1=\"{from_x:.1}\" y1=\"{from_y:.1}\" x2=\"{x:.1}\" y2=\"{y:.1}\" stroke=\"#0072b2\" stroke-width=\"3\"/>\n\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"#0072b2\"/>\n\
             <text x=\"{text_x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{feature}</text>\n",
            text_y + 5.0
        );
        // The angle to the next, half way between the two.
        let half = column[1].atan2(column[0]) + (angle / 2.0).to_radians();
        let (sin, cos) = half.sin_cos();
        let (x, y) = place([cos * longest, sin * longest], 0.4);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"12\" fill=\"#555\">{angle:.1}°</text>",
            y + 4.0
        );
    }
    let lengths: Vec<String> =
        found.lengths().iter().map(|length| format!("{length:.3}")).collect();
    let _ = writeln!(
        svg,
        "<text x=\"200\" y=\"408\" text-anchor=\"middle\">lengths, 0 to 4: {}</text>\n</svg>",
        lengths.join(", ")
    );
    svg
}

fn save(picture: &str, folder: &Path, name: &str) -> Result<(), Stop> {
    let path = folder.join(name);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, picture));
    written.map_err(|error| {
        let (action, reason) = ("write", error.kind());
        Stop::Failed(Error::File { path, action, reason })
    })
}
