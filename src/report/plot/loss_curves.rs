use super::canvas::{COLOURS, check};
use super::chart::{Chart, Shape, range_of};
use super::{canvas::Plot, picture};
use crate::error::{Error, Result, require};
use crate::terms::Terms;
use crate::train::Report;

/// The course of a training: the total and each term of the objective, epoch by epoch, drawn through; those
/// of the validation dashed.
#[derive(Debug, Clone)]
pub struct LossCurves {
    title: String,
    report: Report,
    is_log: bool,
}
picture!(LossCurves);

impl LossCurves {
    /// Of this training.
    pub fn new(report: &Report) -> Self {
        Self { title: "Loss by epoch".to_owned(), report: report.clone(), is_log: false }
    }

    /// A logarithmic scale; then every value must be greater than 0. Default: linear.
    pub fn log_scale(self) -> Self {
        Self { is_log: true, ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "LossCurves";
        let epochs = &self.report.epochs;
        // An epoch whose batches were all skipped has no terms.
        let first = epochs.iter().find(|epoch| epoch.terms.iter().next().is_some());
        let names = first.map_or(Vec::new(), |epoch| crate::train::term_names(&epoch.terms));
        if names.is_empty() {
            return Err(Error::NoSamples { call });
        }
        // A single term is the total.
        let mut series = names;
        if series.len() > 1 {
            series.insert(0, "total".to_owned());
        }
        let value = |terms: &Terms, k: usize| match (series.len() > 1, k) {
            (true, 0) => Some(terms.total()).filter(|_| terms.iter().next().is_some()),
            (true, k) => terms.iter().nth(k - 1).map(|(_, value)| value),
            (false, k) => terms.iter().nth(k).map(|(_, value)| value),
        };
        let (mut lines, mut legend) = (Vec::new(), Vec::new());
        for (k, name) in series.iter().enumerate() {
            let colour = COLOURS[k % COLOURS.len()];
            for (is_validation, shape) in [(false, Shape::Line), (true, Shape::Dashed)] {
                let points = epochs.iter().filter_map(|epoch| {
                    let terms =
                        if is_validation { epoch.validation.as_ref() } else { Some(&epoch.terms) };
                    Some((epoch.epoch as f64, value(terms?, k)?))
                });
                let points: Vec<(f64, f64)> = points.collect();
                if points.is_empty() {
                    continue;
                }
                let suffix = if is_validation { ", validation" } else { "" };
                legend.push((format!("{name}{suffix}"), colour, shape));
                lines.push((points, colour, shape));
            }
        }
        for (points, ..) in &mut lines {
            check(call, &points.iter().map(|point| point.1).collect::<Vec<_>>(), 1)?;
            for (_, y) in points.iter_mut().filter(|_| self.is_log) {
                let requirement = "greater than 0; without log_scale any loss can be drawn";
                require(*y > 0.0, "a loss on a logarithmic scale", *y, requirement)?;
                *y = y.log10();
            }
        }
        let all = || lines.iter().flat_map(|(points, ..)| points);
        let x = ("epoch", range_of(all().map(|point| point.0)));
        let y = "objective (sum over features, mean over samples)";
        let mut chart = Chart::new(&self.title, x, (y, range_of(all().map(|point| point.1))));
        (chart.is_log, chart.is_count) = (self.is_log, true);
        // One point makes no line, and few ones are worth seeing.
        for (points, colour, _) in lines.iter().filter(|(points, ..)| points.len() <= 50) {
            chart.dots.extend(points.iter().map(|&at| (at, *colour, Shape::Circle)));
        }
        (chart.lines, chart.legend) = (lines, legend);
        Ok(chart)
    }
}
