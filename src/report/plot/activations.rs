use std::ops::Range;

use super::canvas::{COLOURS, LARGEST, check, short};
use super::chart::{Chart, Shape, range_of};
use super::{canvas::Plot, picture};
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::error::{Result, require};
use crate::numbers::scalar::Float;

/// How often each code unit is active: a histogram of the mean activations of the units over samples, with
/// the target of a sparse code marked.
#[derive(Debug, Clone)]
pub struct ActivationHistogram {
    title: String,
    codes: Vec<f64>,
    units: usize,
    target: Option<f64>,
    bins: Option<usize>,
}
picture!(ActivationHistogram);

impl ActivationHistogram {
    /// Of these codes.
    pub fn new<T: Float, C: Size>(codes: &Batch<T, C>) -> Self {
        let values = codes.as_slice().iter().map(|x| x.to_double()).collect();
        let title = "Mean activations of the code units".to_owned();
        Self { title, codes: values, units: codes.features(), target: None, bins: None }
    }

    /// Marks the target p′ that [`SparseKl`](crate::SparseKl) was given.
    pub fn target(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// How many bars there is room for, from 1 to 1000. Default: the square root of the number of units, from 8 to 60.
    pub fn bins(self, bins: usize) -> Self {
        Self { bins: Some(bins), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        check("ActivationHistogram", &self.codes, self.units)?;
        let samples = (self.codes.len() / self.units) as f64;
        let mut means = vec![0.0; self.units];
        for code in self.codes.chunks_exact(self.units) {
            means.iter_mut().zip(code).for_each(|(mean, h)| *mean += h / samples);
        }
        let x = "mean activation over the samples";
        let mark = self.target.map(|target| (target, format!("target p′ = {}", short(target))));
        let axes = (x, "code units");
        let bins = bins("ActivationHistogram bins", self.bins, means.len())?;
        histogram("ActivationHistogram target", &self.title, (&means, bins), axes, mark)
    }
}

/// From the least value to the greatest, so that no bar reaches where no value can be; around them where they
/// are alike.
fn ends_of(values: &[f64]) -> Range<f64> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let size = least.abs().max(greatest.abs());
    let are_apart = greatest - least > 1e-6 * size && greatest - least > 1e-100;
    if are_apart { least..greatest } else { range_of([least, greatest]) }
}

/// Into how many bins so many values go.
pub(super) fn bins(name: &'static str, wanted: Option<usize>, values: usize) -> Result<usize> {
    let fitting = (values as f64).sqrt().ceil().clamp(8.0, 60.0) as usize;
    let bins = wanted.unwrap_or(fitting);
    require((1..=1000).contains(&bins), name, bins as f64, "from 1 to 1000")?;
    Ok(bins)
}

/// So many times as long as by the values an axis may be for the sake of a mark: bars are still seen.
const LONGEST: f64 = 4.0;

/// A histogram with at most one place marked and named; one that is far from all values is told of at the edge.
pub(super) fn histogram(
    name: &'static str,
    title: &str,
    (values, bins): (&[f64], usize),
    (x, y): (&str, &str),
    mark: Option<(f64, String)>,
) -> Result<Chart> {
    if let Some((mark, _)) = mark {
        require(mark.abs() <= LARGEST, name, mark, "a number from −1e100 to 1e100")?;
    }
    let range = ends_of(values);
    let width = (range.end - range.start) / bins as f64;
    let mut counts = vec![0.0; bins];
    for value in values {
        // What is beyond a whole number's range becomes its end.
        let bin = ((value - range.start) / width) as usize;
        counts[bin.min(bins - 1)] += 1.0;
    }
    let highest = counts.iter().fold(0.0_f64, |highest, &count| highest.max(count));
    let longest = LONGEST * (range.end - range.start);
    let is_near = |mark: f64| mark.max(range.end) - mark.min(range.start) <= longest;
    let near = mark.as_ref().map(|mark| mark.0).filter(|&mark| is_near(mark));
    let shown = range_of([range.start, range.end].into_iter().chain(near));
    let mut chart = Chart::new(title, (x, shown), (y, 0.0..1.08 * highest));
    let bars = counts.iter().enumerate().filter(|&(_, &count)| count > 0.0);
    let at = |bin: usize| range.start + width * bin as f64;
    // A gap between bars, so that each can be seen.
    chart.bars = bars
        .map(|(bin, &count)| (at(bin) + 0.05 * width, at(bin + 1) - 0.05 * width, count))
        .collect();
    match (mark, near) {
        (Some((mark, label)), Some(_)) => {
            chart.marks.push(mark);
            chart.legend.push((label, COLOURS[1], Shape::Line));
        }
        (Some((mark, label)), None) => {
            chart.beyond = Some((format!("{label} (beyond this edge)"), mark > range.end));
        }
        (None, _) => {}
    }
    Ok(chart)
}
