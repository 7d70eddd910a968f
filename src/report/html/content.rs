//! What the page's script draws, gathered from model, report and samples, as JSON of a bounded size.

use nalgebra::Dyn;
use serde_json::{Value, json};

use super::code_map::places;
use super::encode::{base64, number, numbers, text};
use super::{HtmlReport, again, is_classifier};
use crate::batch::size::{DynImage, Shape};
use crate::batch::{Batch, BatchView};
use crate::error::Result;
use crate::insight::health::{Checkup, UnitState, evenly};
use crate::insight::units::first_kernels;
use crate::layer::layout::Role;
use crate::model::Scalar;
use crate::model::inference::InMemory;
use crate::numbers::scalar::Float;
use crate::report::passes;
use crate::terms::Terms;

/// The longest side of a picture, in pixels.
const SIDE: usize = 96;
/// Columns of a row that are shown.
const COLUMNS: usize = 24;
/// Reconstructions in each of the three groups.
const GROUP: usize = 6;
/// Points of the map: at most so many, and at most so many pixels or cells.
const POINTS: usize = 1500;
const MAP_PIXELS: usize = 900_000;
const MAP_CELLS: usize = 72_000;
/// Features of the first layer, and pixels of their pictures.
const FEATURES: usize = 144;
const FEATURE_PIXELS: usize = 600_000;
/// Units in the chart of activity.
const UNITS: usize = 512;
/// Epochs of a curve, and terms of the objective with a curve.
const EPOCHS: usize = 600;
const TERMS: usize = 6;
/// Labels that are told apart.
const CLASSES: usize = 16;

/// How samples are shown.
pub(super) struct Shown {
    /// Width and height of an image, and those of its picture.
    image: Option<((usize, usize), (usize, usize))>,
    /// Whether images are planes of red, green and blue.
    is_colour: bool,
    /// Least and greatest value of all samples, which become black and white.
    span: (f64, f64),
    features: usize,
}

impl Shown {
    fn new<T: Float>(x: BatchView<'_, T>, shape: Shape) -> Self {
        let values = x.as_slice().iter().map(|x| x.to_double());
        let span = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (f64::min(low, x), f64::max(high, x))
        });
        let Shape { channels, height, width } = shape;
        let is_colour = channels == 3 && height > 1;
        let image = (height > 1).then(|| {
            // Of several channels that are no colours each lies below the one before.
            let sides = (width, if is_colour { height } else { channels * height });
            (sides, (sides.0.min(SIDE), sides.1.min(SIDE)))
        });
        // True colours, where all values lie from 0 to 1.
        let span = if is_colour { (span.0.min(0.0), span.1.max(1.0)) } else { span };
        Self { image, is_colour, span, features: x.features() }
    }

    /// How many columns are shown, of rows.
    fn columns(&self) -> usize {
        if self.image.is_some() { 0 } else { self.features.min(COLUMNS) }
    }

    /// Numbers that a sample is shown by.
    fn len(&self) -> usize {
        match self.image {
            Some((_, (width, height))) => self.planes() * width * height,
            None => self.features.min(COLUMNS),
        }
    }

    /// Planes of a picture.
    fn planes(&self) -> usize {
        if self.is_colour { 3 } else { 1 }
    }

    /// How many samples fit, of pictures and of rows.
    pub(super) fn fit(&self, pixels: usize, cells: usize) -> usize {
        let room = if self.image.is_some() { pixels } else { cells };
        (room / self.len().max(1)).max(1)
    }

    /// The values of one sample, in the picture's size: the mean of the pixels that fall together.
    fn values<T: Float>(&self, sample: &[T]) -> Vec<f64> {
        let Some(((width, height), (w, h))) = self.image else {
            return sample.iter().take(COLUMNS).map(|x| x.to_double()).collect();
        };
        let mut values = Vec::with_capacity(self.len());
        for (plane, row) in (0..self.planes()).flat_map(|plane| (0..h).map(move |row| (plane, row)))
        {
            let sample = &sample[plane * width * height..];
            let rows = row * height / h..(row + 1) * height / h;
            for column in 0..w {
                let columns = column * width / w..(column + 1) * width / w;
                let count = (rows.len() * columns.len()) as f64;
                let pixels = rows.clone().flat_map(|y| columns.clone().map(move |x| y * width + x));
                values.push(pixels.map(|pixel| sample[pixel].to_double() / count).sum());
            }
        }
        values
    }

    /// Samples as the page takes them: bytes of all pictures as base64, or a list of rows.
    pub(super) fn samples<'s, T: Float>(&self, samples: impl Iterator<Item = &'s [T]>) -> Value {
        if self.image.is_none() {
            return samples.map(|sample| numbers(self.values(sample))).collect();
        }
        let (low, high) = self.span;
        let scale = if high > low { 255.0 / (high / 2.0 - low / 2.0) / 2.0 } else { 0.0 };
        let mut bytes = Vec::new();
        for sample in samples {
            // A cast takes what is beyond to the nearest byte, and NaN to 0.
            bytes.extend(self.values(sample).iter().map(|x| ((x - low) * scale).round() as u8));
        }
        base64(&bytes).into()
    }
}

impl<T: Scalar> HtmlReport<'_, T> {
    pub(super) fn content(&self, given: &InMemory<'_, T>, checkup: &Checkup) -> Result<Value> {
        let x = given.x;
        let shown = Shown::new(x, self.shape);
        let codes = passes::encode(self.network, again(given))?;
        let scores = passes::score(self.network, again(given))?;
        let scores: Vec<f64> = scores.iter().map(|score| score.to_double()).collect();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let median = order[order.len() / 2];
        let picture = shown.image.map(|(_, (width, height))| json!([width, height]));
        Ok(json!({
            "picture": picture,
            "colour": shown.is_colour,
            "span": [number(shown.span.0), number(shown.span.1)],
            "columns": self.shown_columns(&shown),
            "spans": column_spans(&shown, x),
            "curves": self.curves(),
            "reconstructions": self.reconstructions(&shown, given, &scores, &order)?,
            "map": self.map(&shown, given, &codes, &scores)?,
            "traversal": self.traversal(&shown, given, &codes, checkup, median)?,
            "features": self.features(&shown, checkup),
            "units": units(checkup),
        }))
    }

    /// The name of a column.
    fn column(&self, index: usize) -> String {
        let named = self.columns.as_ref().map(|columns| columns[index].clone());
        named.unwrap_or_else(|| format!("feature {index}"))
    }

    fn shown_columns(&self, shown: &Shown) -> Vec<Value> {
        (0..shown.columns()).map(|index| text(&self.column(index))).collect()
    }

    /// What each sample is, if something is said of it.
    fn labels_or_classes(&self, given: &InMemory<'_, T>) -> Option<Vec<String>> {
        let classes = || given.labels.as_ref().map(|all| all.iter().map(i128::to_string).collect());
        self.labels.clone().or_else(classes)
    }

    fn curves(&self) -> Value {
        let count = self.report.epochs.len();
        let mut taken: Vec<usize> = evenly(count, EPOCHS).collect();
        if let Some(last) = taken.last_mut() {
            *last = count - 1;
        }
        let epochs: Vec<_> = taken.iter().map(|&index| &self.report.epochs[index]).collect();
        let of = |value: &dyn Fn(&Terms) -> f64| {
            let training = numbers(epochs.iter().map(|epoch| value(&epoch.terms)));
            let mut series = vec![json!({"name": "training", "values": training})];
            if epochs.iter().any(|epoch| epoch.validation.is_some()) {
                let values =
                    epochs.iter().map(|epoch| epoch.validation.as_ref().map_or(f64::NAN, value));
                series.push(json!({"name": "validation", "values": numbers(values)}));
            }
            series
        };
        let mut panels = vec![json!({
            "title": "Objective", "unit": "mean over samples", "series": of(&Terms::total)
        })];
        let names: Vec<String> = match epochs.iter().max_by_key(|epoch| epoch.terms.iter().count())
        {
            Some(epoch) => epoch.terms.iter().map(|(name, _)| name.to_owned()).collect(),
            None => Vec::new(),
        };
        for (index, name) in names.iter().enumerate().take(TERMS).filter(|_| names.len() > 1) {
            let value =
                |terms: &Terms| terms.iter().nth(index).map_or(f64::NAN, |(_, value)| value);
            panels.push(json!({
                "title": text(&format!("Term {name}")), "unit": "mean over samples", "series": of(&value)
            }));
        }
        let norms = numbers(epochs.iter().map(|epoch| epoch.gradient_norm));
        panels.push(json!({
            "title": "Norm of the gradient", "unit": "mean over steps, before clipping",
            "series": [{"name": "gradient", "values": norms}]
        }));
        if epochs.windows(2).any(|two| two[0].rate != two[1].rate) {
            let rates = numbers(epochs.iter().map(|epoch| epoch.rate));
            panels.push(json!({
                "title": "Learning rate", "unit": "last step of the epoch",
                "series": [{"name": "rate", "values": rates}]
            }));
        }
        json!({
            "epochs": epochs.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(),
            "panels": panels,
            "kept": self.report.kept_epoch,
            "diverged": self.report.divergences.iter().take(100).map(|d| d.epoch).collect::<Vec<_>>(),
        })
    }

    /// Samples as they are and, but of a classifier, as the model makes them again.
    fn pairs(
        &self,
        shown: &Shown,
        given: &InMemory<'_, T>,
        samples: &[usize],
    ) -> Result<[Value; 2]> {
        let x = select(given.x, samples)?;
        let conditions = given.conditions.map(|all| select(all, samples)).transpose()?;
        let conditions = conditions.as_ref().map(Batch::view);
        let as_they_are = shown.samples(x.iter());
        if is_classifier(self.network) {
            return Ok([as_they_are, Value::Null]);
        }
        let given = InMemory { x: x.view(), conditions, labels: None };
        let y = passes::reconstruct(self.network, given)?;
        Ok([as_they_are, shown.samples(y.iter())])
    }

    /// Of a classifier, nothing.
    fn reconstructions(
        &self,
        shown: &Shown,
        given: &InMemory<'_, T>,
        scores: &[f64],
        order: &[usize],
    ) -> Result<Value> {
        if is_classifier(self.network) {
            return Ok(Value::Null);
        }
        let labels = self.labels_or_classes(given);
        let label =
            |&sample: &usize| labels.as_ref().map_or(Value::Null, |labels| text(&labels[sample]));
        let count = order.len();
        let group = GROUP.min(count.div_ceil(3));
        let middle = (count / 2).saturating_sub(group / 2).min(count - group);
        let groups = [
            ("Best", &order[..group]),
            ("Median", &order[middle..][..group]),
            ("Worst", &order[count - group..]),
        ];
        groups
            .into_iter()
            .map(|(title, samples)| {
                // The worst one comes first.
                let mut samples = samples.to_vec();
                if title == "Worst" {
                    samples.reverse();
                }
                let [x, y] = self.pairs(shown, given, &samples)?;
                Ok(json!({
                    "title": title,
                    "samples": samples,
                    "scores": numbers(samples.iter().map(|&sample| scores[sample])),
                    "labels": samples.iter().map(label).collect::<Vec<_>>(),
                    "x": x,
                    "y": y,
                }))
            })
            .collect()
    }

    fn map(
        &self,
        shown: &Shown,
        given: &InMemory<'_, T>,
        codes: &Batch<T, Dyn>,
        scores: &[f64],
    ) -> Result<Value> {
        let most = POINTS.min(shown.fit(MAP_PIXELS, MAP_CELLS) / 2).max(1);
        let taken: Vec<usize> = evenly(codes.samples(), most).collect();
        let codes = codes.select(taken.iter().copied());
        let [x, y] = self.pairs(shown, given, &taken)?;
        let scores: Vec<f64> = taken.iter().map(|&sample| scores[sample]).collect();
        let of_class = is_classifier(self.network);
        let loss = if of_class { "loss" } else { "loss of the reconstruction" };
        let places = places(&codes, &scores, loss);
        let (classes, class_of) = match self.labels_or_classes(given) {
            Some(labels) => classes(&labels, &taken),
            None => (Vec::new(), Vec::new()),
        };
        Ok(json!({
            "axes": places.axes,
            "px": numbers(places.x),
            "py": numbers(places.y),
            "samples": taken,
            "scores": numbers(scores),
            "classes": classes,
            "class": class_of,
            "x": x,
            "y": y,
        }))
    }

    /// The weights of the encoder's first layer with weights, each unit by its own greatest weight; those of a condition,
    /// which come last, are not shown. Of a convolution they are small images, the channels below each other, the planes of
    /// a condition among them.
    fn features(&self, shown: &Shown, checkup: &Checkup) -> Value {
        if let Some((tensor, kernels)) = first_kernels(self.network) {
            return self.kernels(&tensor.name, &kernels);
        }
        let (inputs, condition) = (self.network.facts.features, self.network.facts.condition);
        let mut tensors = self.network.layout.tensors().iter();
        let first = tensors.find(|t| t.role == Role::Weight && t.name.starts_with("encoder."));
        let Some(tensor) = first.filter(|tensor| tensor.shape.1 == inputs + condition) else {
            return Value::Null;
        };
        let weights = &self.network.parameters[tensor.range.clone()];
        let count = tensor.shape.0;
        let is_code = count == checkup.units.len() && tensor.name == "encoder.0.weight";
        let most = FEATURES.min(shown.fit(FEATURE_PIXELS, FEATURES * COLUMNS));
        let taken: Vec<usize> = evenly(count, most).collect();
        let of = |unit: usize| -> Vec<T> {
            weights.iter().skip(unit).step_by(count).take(inputs).copied().collect()
        };
        let pictures: Value = if shown.image.is_some() {
            let mut bytes = Vec::new();
            for &unit in &taken {
                diverging(shown.values(&of(unit)).into_iter(), &mut bytes);
            }
            base64(&bytes).into()
        } else {
            taken.iter().map(|&unit| self.largest(&of(unit))).collect::<Vec<_>>().into()
        };
        json!({
            "units": taken, "of": count, "isCode": is_code, "tensor": text(&tensor.name), "weights": pictures
        })
    }

    /// The filters of a convolution.
    fn kernels(&self, tensor: &str, kernels: &Batch<T, DynImage>) -> Value {
        let DynImage { channels, height, width } = kernels.size();
        let (count, pixels) = (kernels.samples(), kernels.features());
        let most = FEATURES.min(FEATURE_PIXELS / pixels.max(1)).max(1);
        let taken: Vec<usize> = evenly(count, most).collect();
        let mut bytes = Vec::new();
        for &unit in &taken {
            diverging(kernels.sample(unit).iter().map(|w| w.to_double()), &mut bytes);
        }
        json!({
            "units": taken, "of": count, "isCode": false, "tensor": text(tensor),
            "sides": [width, channels * height], "weights": base64(&bytes),
        })
    }

    /// The columns with the largest weights of a unit, and the weights.
    fn largest(&self, weights: &[T]) -> Value {
        let size = |index: usize| weights[index].to_double().abs();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
        let largest = order.into_iter().take(4);
        let pair =
            |index: usize| json!([text(&self.column(index)), number(weights[index].to_double())]);
        largest.map(pair).collect()
    }
}

/// Weights as bytes, 0 in the middle, as far as the greatest.
fn diverging(weights: impl Iterator<Item = f64> + Clone, to: &mut Vec<u8>) {
    let scale = weights.clone().fold(0.0, |scale: f64, w| scale.max(w.abs()));
    let scale = if scale > 0.0 { 127.0 / scale } else { 0.0 };
    to.extend(weights.map(|w| (128.0 + w * scale).round() as u8));
}

/// The least and the greatest value of each column that is shown.
fn column_spans<T: Float>(shown: &Shown, x: BatchView<'_, T>) -> Vec<Value> {
    let span = |column: usize| {
        let values = x.iter().map(|sample| sample[column].to_double());
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (f64::min(low, x), f64::max(high, x))
        })
    };
    (0..shown.columns()).map(span).map(|(low, high)| json!([number(low), number(high)])).collect()
}

/// The columns with these indices, copied in this order.
fn select<T: Float>(columns: BatchView<'_, T>, indices: &[usize]) -> Result<Batch<T, Dyn>> {
    let rows = columns.features();
    let column = |&index: &usize| &columns.as_slice()[index * rows..][..rows];
    Batch::from_samples(Dyn(rows), indices.iter().map(column))
}

/// The labels that are told apart, in order, and which each of some samples has. Those beyond are one.
fn classes(labels: &[String], samples: &[usize]) -> (Vec<Value>, Vec<usize>) {
    let mut classes: Vec<&str> = labels.iter().map(String::as_str).collect();
    classes.sort_unstable();
    classes.dedup();
    // Numbers in the order of numbers.
    if classes.iter().all(|class| class.parse::<f64>().is_ok_and(f64::is_finite)) {
        let value = |class: &str| class.parse::<f64>().unwrap_or(0.0);
        classes.sort_by(|a, b| value(a).total_cmp(&value(b)));
    }
    let more = classes.len() > CLASSES;
    classes.truncate(if more { CLASSES - 1 } else { CLASSES });
    let class = |&sample: &usize| {
        let found = classes.iter().position(|&class| class == labels[sample]);
        found.unwrap_or(CLASSES - 1)
    };
    let class_of = samples.iter().map(class).collect();
    let mut names: Vec<_> = classes.into_iter().map(text).collect();
    if more {
        names.push("all others".into());
    }
    (names, class_of)
}

fn units(checkup: &Checkup) -> Value {
    let taken: Vec<usize> = evenly(checkup.units.len(), UNITS).collect();
    let of = |value: &dyn Fn(usize) -> f64| numbers(taken.iter().map(|&unit| value(unit)));
    let state = |&unit: &usize| match checkup.units[unit].state {
        UnitState::Alive => 0,
        UnitState::Dead => 1,
        UnitState::Saturated => 2,
    };
    json!({
        "units": taken,
        "min": of(&|unit| checkup.units[unit].min),
        "mean": of(&|unit| checkup.units[unit].mean),
        "max": of(&|unit| checkup.units[unit].max),
        "active": of(&|unit| checkup.units[unit].active),
        "state": taken.iter().map(state).collect::<Vec<_>>(),
        "kl": checkup.kl.as_ref().map(|kl| of(&|unit| kl[unit])),
    })
}
