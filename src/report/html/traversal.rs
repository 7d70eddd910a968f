//! Traversals of the code: what the decoder makes of a code as its units move.

use nalgebra::Dyn;
use serde_json::{Value, json};

use super::encode::numbers;
use super::shown::Shown;
use super::{HtmlReport, is_classifier};
use crate::batch::Batch;
use crate::error::Result;
use crate::insight::health::Checkup;
use crate::model::Scalar;
use crate::model::inference::InMemory;
use crate::numbers::scalar::Float;
use crate::report::passes;

/// Units among which those with a slider are chosen.
const TRIED: usize = 1024;
/// Units with a slider, places of a slider, and pixels of all its pictures.
const SLIDERS: usize = 8;
const PLACES: usize = 11;
const GRID: usize = 13;
const SLIDER_PIXELS: usize = 600_000;

impl<T: Scalar> HtmlReport<'_, T> {
    /// Decoded codes, around that of the median sample and under its condition, if it has one: a slider a unit, or a
    /// grid for two. Of a classifier, nothing.
    pub(super) fn traversal(
        &self,
        shown: &Shown,
        given: &InMemory<'_, T>,
        codes: &Batch<T, Dyn>,
        checkup: &Checkup,
        median: usize,
    ) -> Result<Value> {
        if is_classifier(self.network) {
            return Ok(Value::Null);
        }
        let width = self.network.facts.condition;
        let conditions = given.conditions.map(|all| all.as_slice());
        let condition = conditions.map(|all| &all[median * width..][..width]);
        let base = codes.sample(median);
        let mut units = self.units_by_effect(codes, checkup, (base, condition))?;
        units.truncate(SLIDERS);
        units.sort_unstable();
        let is_grid = codes.features() == 2;
        let sliders = units.len();
        let room = shown.fit(SLIDER_PIXELS, SLIDER_PIXELS / 10);
        let places = match is_grid {
            true => GRID.min((room as f64).sqrt() as usize),
            false => PLACES.min(room / sliders),
        };
        let places = places.max(2);
        let steps: Vec<Vec<f64>> = units.iter().map(|&unit| steps(codes, unit, places)).collect();

        let mut moved = Vec::new();
        let mut push = |changes: &[(usize, f64)]| {
            let start = moved.len();
            moved.extend_from_slice(base);
            changes.iter().for_each(|&(unit, value)| moved[start + unit] = T::of(value));
        };
        push(&[]);
        if is_grid {
            // From the top of the grid down, as the map has it.
            for &second in steps[1].iter().rev() {
                steps[0].iter().for_each(|&first| push(&[(0, first), (1, second)]));
            }
        } else {
            for (&unit, steps) in units.iter().zip(&steps) {
                steps.iter().for_each(|&value| push(&[(unit, value)]));
            }
        }
        let decoded = passes::decode(self.network, &moved, condition)?;
        Ok(json!({
            "units": units,
            "of": codes.features(),
            "grid": is_grid,
            "places": places,
            "sample": median,
            "base": numbers(units.iter().map(|&unit| base[unit].to_double())),
            "steps": steps.into_iter().map(numbers).collect::<Vec<_>>(),
            "y": shown.samples(decoded.iter()),
        }))
    }

    /// Code units, from the one whose move from end to end changes the decoded sample most to the one that
    /// changes it least. Of very many, those that vary most are tried.
    fn units_by_effect(
        &self,
        codes: &Batch<T, Dyn>,
        checkup: &Checkup,
        (base, condition): (&[T], Option<&[T]>),
    ) -> Result<Vec<usize>> {
        let mut units: Vec<usize> = (0..codes.features()).collect();
        let deviation = |unit: usize| checkup.units[unit].deviation;
        units.sort_by(|&a, &b| deviation(b).total_cmp(&deviation(a)));
        units.truncate(TRIED);
        let mut ends = Vec::new();
        for &unit in &units {
            for end in steps(codes, unit, 2) {
                let start = ends.len();
                ends.extend_from_slice(base);
                ends[start + unit] = T::of(end);
            }
        }
        let decoded = passes::decode(self.network, &ends, condition)?;
        let distance = |index: usize| -> f64 {
            let pairs = decoded.sample(2 * index).iter().zip(decoded.sample(2 * index + 1));
            pairs.map(|(a, b)| (a.to_double() - b.to_double()).powi(2)).sum()
        };
        let mut effects: Vec<(f64, usize)> =
            units.iter().enumerate().map(|(index, &unit)| (distance(index), unit)).collect();
        effects.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(effects.into_iter().map(|(_, unit)| unit).collect())
    }
}

/// Evenly spread values of a unit, from its 2nd to its 98th percentile.
fn steps<T: Float>(codes: &Batch<T, Dyn>, unit: usize, places: usize) -> Vec<f64> {
    let mut values: Vec<f64> = codes.iter().map(|code| code[unit].to_double()).collect();
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    let (low, high) = (values[last / 50], values[last - last / 50]);
    let share = |place: usize| place as f64 / (places - 1) as f64;
    (0..places).map(|place| low * (1.0 - share(place)) + high * share(place)).collect()
}
