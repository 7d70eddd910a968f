use super::activations::bins;
use super::canvas::COLOURS;
use super::chart::{Chart, Shape, range_of};
use super::{canvas::Plot, picture};
use crate::error::Result;
use crate::metrics::dictionary::Densities;

/// How often the units of a sparse code fire: a histogram of their densities on a logarithmic scale. Dead units, which have
/// no logarithm, are a bar of another colour at its left.
///
/// The scale ends at 1, which is a unit that fires on every sample, and reaches down to the unit that fires least.
#[derive(Debug, Clone)]
pub struct DensityHistogram {
    title: String,
    densities: Densities,
    bins: Option<usize>,
}
picture!(DensityHistogram);

impl DensityHistogram {
    /// Of these densities.
    pub fn new(densities: &Densities) -> Self {
        let title = "How often units fire".to_owned();
        Self { title, densities: densities.clone(), bins: None }
    }

    /// How many bars there is room for beside that of dead units, from 1 to 1000. Default: the square root of the number of
    /// units, from 8 to 60.
    pub fn bins(self, bins: usize) -> Self {
        Self { bins: Some(bins), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let shares = self.densities.shares();
        let bins = bins("DensityHistogram bins", self.bins, shares.len())?;
        let edges = self.densities.log10_edges(bins);
        let least = edges[0];
        let width = -least / bins as f64;
        let counts = self.densities.log10_histogram(&edges)?;
        let apart = (0.06 * -least).max(1.5 * width);
        let left = least - apart;
        let highest = counts.bins.iter().copied().max().unwrap_or(0).max(counts.dead) as f64;
        let x = "share of the samples a unit fires on";
        let from = if counts.dead > 0 { left } else { least };
        let mut chart = Chart::new(
            &self.title,
            (x, range_of([from, 0.0])),
            ("code units", 0.0..1.08 * highest),
        );
        (chart.is_log_x, chart.least_mark) = (true, least);
        let bar = |from: f64, to: f64, count: usize| {
            (from + 0.05 * (to - from), to - 0.05 * (to - from), count as f64)
        };
        let bars = counts.bins.iter().zip(edges.windows(2)).filter(|&(&count, _)| count > 0);
        chart.bars = bars.map(|(&count, ends)| bar(ends[0], ends[1], count)).collect();
        let (all, dead) = (shares.len(), counts.dead);
        if dead > 0 {
            // As wide as the others, where those are not too narrow to be seen.
            chart.bars_apart.push(bar(left, left + width.max(0.02 * -least).min(apart), dead));
        }
        chart.legend.push((
            format!("fires: {} of {all}", all - dead),
            super::chart::BAR,
            Shape::Bar,
        ));
        chart.legend.push((format!("never: {dead} of {all}"), COLOURS[1], Shape::Bar));
        Ok(chart)
    }
}
