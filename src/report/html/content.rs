//! What the page's script draws, gathered from model, report and samples, as JSON of a bounded size.

use nalgebra::Dyn;
use serde_json::{Value, json};

use super::code_map::places;
use super::dictionary::histogram;
use super::encode::{base64, coordinates, diverging, number, numbers, text};
use super::names::Names;
use super::selected::Selected;
use super::shown::{COLUMNS, Shown};
use super::{HtmlReport, again, is_classifier, reconstructs};
use crate::batch::Batch;
use crate::batch::size::DynImage;
use crate::error::Result;
use crate::insight::health::{Checkup, UnitState, evenly};
use crate::insight::units::first_kernels;
use crate::layer::layout::Role;
use crate::model::Scalar;
use crate::model::inference::InMemory;
use crate::model::network::Network;
use crate::numbers::scalar::{Float, is_nan};
use crate::report::passes;
use crate::terms::Terms;

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

impl<T: Scalar> HtmlReport<'_, T> {
    pub(super) fn content(&self, given: &InMemory<'_, T>, checkup: &Checkup) -> Result<Value> {
        let x = given.x;
        let columns = self.columns.as_deref();
        let names = Names::new("HtmlReport::columns", self.network, self.lies, columns)?;
        let shown = Shown::new(x, self.shape);
        let codes = passes::encode(self.network, again(given))?;
        let scores = passes::score(self.network, again(given))?;
        let scores: Vec<f64> = scores.iter().map(|score| score.to_double()).collect();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let median = order[order.len() / 2];
        let mut content = json!({
            "picture": shown.picture(),
            "colour": shown.is_colour(),
            "span": shown.span(),
            "missing": x.as_slice().iter().any(|x| is_nan(*x)),
            "columns": shown_columns(&shown, &names),
            "spans": shown.column_spans(x),
            "curves": self.curves(),
            "reconstructions": self.reconstructions(&shown, given, &scores, &order)?,
            "map": self.map(&shown, given, &codes, &scores)?,
            "traversal": self.traversal(&shown, given, &codes, checkup, median)?,
            "features": self.features(&shown, checkup, &names),
            "units": units(checkup),
        });
        if let Some(dictionary) = &checkup.dictionary {
            content["dictionary"] = histogram(dictionary)?;
        }
        Ok(content)
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
                let [x, y] = pairs(self.network, shown, &Selected::new(given, &samples)?)?;
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
        let [x, y] = pairs(self.network, shown, &Selected::new(given, &taken)?)?;
        let scores: Vec<f64> = taken.iter().map(|&sample| scores[sample]).collect();
        let of_class = is_classifier(self.network);
        let loss = if of_class { "loss" } else { "loss of the reconstruction" };
        let places = places(&codes, &scores, loss);
        let (classes, class_of) = match self.labels_or_classes(given) {
            Some(labels) => classes(&labels, &taken),
            None => (Vec::new(), Vec::new()),
        };
        Ok(json!({
            "thing": "sample",
            "kind": "label ",
            "first": 0,
            "axes": places.axes,
            "principal": codes.features() > 2,
            "px": coordinates(&places.x),
            "py": coordinates(&places.y),
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
    fn features(&self, shown: &Shown, checkup: &Checkup, names: &Names) -> Value {
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
        let pictures: Value = if shown.is_picture() {
            let mut bytes = Vec::new();
            for &unit in &taken {
                diverging(shown.values(&of(unit)).into_iter(), &mut bytes);
            }
            base64(&bytes).into()
        } else {
            taken.iter().map(|&unit| largest(&of(unit), names)).collect::<Vec<_>>().into()
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
}

fn shown_columns(shown: &Shown, names: &Names) -> Vec<Value> {
    (0..shown.columns()).map(|feature| text(&names.whole(feature))).collect()
}

/// The columns with the largest weights of a unit, and the weights.
fn largest<T: Float>(weights: &[T], names: &Names) -> Value {
    let size = |feature: usize| weights[feature].to_double().abs();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    let pair =
        |feature: usize| json!([text(&names.whole(feature)), number(weights[feature].to_double())]);
    order.into_iter().take(4).map(pair).collect()
}

/// Samples as they are and, of a model that does, as it makes them again.
pub(super) fn pairs<T: Scalar>(
    network: &Network<T>,
    shown: &Shown,
    selected: &Selected<T>,
) -> Result<[Value; 2]> {
    let given = selected.given();
    let as_they_are = shown.samples(given.x.iter());
    if !reconstructs(network) {
        return Ok([as_they_are, Value::Null]);
    }
    let y = passes::reconstruct(network, given)?;
    Ok([as_they_are, shown.samples(y.iter())])
}

/// The labels that are told apart, in order, and which each of some samples has. Those beyond are one.
pub(super) fn classes(labels: &[String], samples: &[usize]) -> (Vec<Value>, Vec<usize>) {
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
