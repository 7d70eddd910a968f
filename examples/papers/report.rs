//! What a row says: lines of target, measured value and verdict.

use std::fmt::{self, Write};

/// What was published, and what counts as having reached it.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// This, give or take the second number.
    Near(f64, f64),
}

impl Target {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Near(target, tolerance) => (value - target).abs() <= tolerance,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) if *most < 1e-4 => write!(f, "≤ {most:e}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::Near(target, tolerance) => write!(f, "{target} ± {tolerance}"),
        }
    }
}

/// One line of a row.
#[derive(Debug)]
pub struct Line {
    what: String,
    target: String,
    measured: String,
    verdict: &'static str,
}

impl Line {
    /// Whether nothing was missed.
    pub fn is_good(&self) -> bool {
        !self.verdict.starts_with("not")
    }

    /// A number, measured once for each seed, with so many decimals. Their mean is compared.
    pub fn number(
        what: impl Into<String>,
        target: Target,
        values: &[f64],
        decimals: usize,
    ) -> Self {
        let is_reached = target.is_reached(mean(values));
        let verdict = if is_reached { "reached" } else { "not reached" };
        let measured = mean_and_spread(values, decimals);
        Self { what: what.into(), target: target.to_string(), measured, verdict }
    }

    /// A number that is shown beside others, without a target.
    pub fn note(what: impl Into<String>, values: &[f64], decimals: usize) -> Self {
        let measured = mean_and_spread(values, decimals);
        Self { what: what.into(), target: String::new(), measured, verdict: "" }
    }

    /// Means that should not fall from left to right, each measured once for each seed.
    pub fn order(what: impl Into<String>, named: &[(&str, Vec<f64>)], decimals: usize) -> Self {
        let names: Vec<_> = named.iter().map(|(name, _)| *name).collect();
        let values: Vec<_> =
            named.iter().map(|(_, values)| mean_and_spread(values, decimals)).collect();
        let is_in_order = named.windows(2).all(|pair| mean(&pair[0].1) <= mean(&pair[1].1));
        Self {
            what: what.into(),
            target: names.join(" ≤ "),
            measured: values.join(", "),
            verdict: if is_in_order { "in order" } else { "not in order" },
        }
    }
}

/// The lines below each other, each column as wide as it needs.
pub fn table(lines: &[Line]) -> String {
    let width = |of: fn(&Line) -> &str| lines.iter().map(|line| of(line).chars().count()).max();
    let (what, target) = (width(|line| &line.what), width(|line| &line.target));
    let measured = width(|line| &line.measured);
    let widths = [what, target, measured].map(Option::unwrap_or_default);
    let mut text = String::new();
    for line in lines {
        let cells = [&line.what, &line.target, &line.measured];
        for (cell, width) in cells.into_iter().zip(widths) {
            let _ = write!(text, "  {cell:<width$}"); // writing to a string cannot fail
        }
        let _ = writeln!(text, "  {}", line.verdict);
    }
    text
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean, and the standard deviation of several.
fn mean_and_spread(values: &[f64], decimals: usize) -> String {
    let mean = mean(values);
    if mean.abs() < 0.1_f64.powi(decimals as i32) {
        return format!("{mean:.1e}");
    }
    if values.len() < 2 {
        return format!("{mean:.decimals$}");
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (values.len() - 1) as f64).sqrt();
    format!("{mean:.decimals$} ± {deviation:.decimals$}")
}
