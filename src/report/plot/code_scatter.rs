use std::fmt::Display;

use nalgebra::Dyn;

use super::canvas::{COLOURS, check};
use super::chart::{Chart, Shape, range_of};
use super::{canvas::Plot, picture};
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::error::{Result, require, require_size};
use crate::insight::principal::principal;
use crate::numbers::scalar::Float;

/// Codes as points: of two units as they are, of more their first two principal components.
#[derive(Debug, Clone)]
pub struct CodeScatter {
    title: String,
    codes: Vec<f64>,
    units: usize,
    labels: Option<Vec<String>>,
}
picture!(CodeScatter);

impl CodeScatter {
    /// Of these codes, of at least two units.
    pub fn new<T: Float, C: Size>(codes: &Batch<T, C>) -> Self {
        let values = codes.as_slice().iter().map(|x| x.to_double()).collect();
        Self { title: "Codes".to_owned(), codes: values, units: codes.features(), labels: None }
    }

    /// What each sample is, one label a sample: each label has its colour and shape.
    pub fn labels<L: Display>(self, labels: &[L]) -> Self {
        Self { labels: Some(labels.iter().map(ToString::to_string).collect()), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "CodeScatter";
        let requirement = "at least 2; ActivationHistogram draws codes of one unit";
        require(self.units >= 2, "the code units of CodeScatter", self.units as f64, requirement)?;
        check(call, &self.codes, self.units)?;
        let samples = self.codes.len() / self.units;
        if let Some(labels) = &self.labels {
            require_size("labels of CodeScatter", "labels", samples, labels.len())?;
        }
        let (points, [x, y]) = match self.units {
            2 => {
                let pairs = self.codes.chunks_exact(2);
                let points: Vec<_> = pairs.map(|code| (code[0], code[1])).collect();
                (points, ["code unit 0".to_owned(), "code unit 1".to_owned()])
            }
            _ => {
                let found = principal(&Batch::new(Dyn(self.units), self.codes.clone())?);
                let share = found.shares;
                let name = |axis: usize| {
                    let number = axis + 1;
                    format!("principal component {number} ({:.0} % of the variance)", share[axis])
                };
                let [x, y] = found.places;
                (x.into_iter().zip(y).collect(), [name(0), name(1)])
            }
        };
        let x = (&*x, range_of(points.iter().map(|p: &(f64, f64)| p.0)));
        let y = (&*y, range_of(points.iter().map(|p| p.1)));
        let mut chart = Chart::new(&self.title, x, y);
        let Some(labels) = &self.labels else {
            chart.dots = points.into_iter().map(|at| (at, COLOURS[0], Shape::Circle)).collect();
            return Ok(chart);
        };
        let mut kinds: Vec<&String> = labels.iter().collect();
        kinds.sort_by_key(|label| (label.len(), *label));
        kinds.dedup();
        let look = |kind: usize| {
            let shapes = [Shape::Circle, Shape::Triangle, Shape::Cross];
            (COLOURS[kind % COLOURS.len()], shapes[kind / COLOURS.len() % shapes.len()])
        };
        for (at, label) in points.into_iter().zip(labels) {
            let kind = kinds.iter().position(|kind| *kind == label).unwrap_or(0);
            let (colour, shape) = look(kind);
            chart.dots.push((at, colour, shape));
        }
        const MOST: usize = 16;
        for (kind, label) in kinds.iter().take(MOST).enumerate() {
            let (colour, shape) = look(kind);
            chart.legend.push(((*label).clone(), colour, shape));
        }
        if kinds.len() > MOST {
            let label = format!("and {} more", kinds.len() - MOST);
            chart.legend.push((label, super::canvas::GREY, Shape::Circle));
        }
        Ok(chart)
    }
}
