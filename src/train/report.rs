use std::fmt::{self, Write};

use super::{Divergence, Warning};
use crate::code::posterior::COLLAPSED;
use crate::numbers::significant::to_five_decimals;
use crate::terms::Terms;

/// One epoch of a training.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EpochReport {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The training objective, term by term: the mean over samples, each taken as it was met.
    pub terms: Terms,
    /// The objective on the validation samples after the epoch, if there are any.
    pub validation: Option<Terms>,
    /// The mean over steps of the gradient's norm, before clipping.
    pub gradient_norm: f64,
    /// The learning rate of the last step.
    pub rate: f64,
    /// Seconds, validation included.
    pub seconds: f64,
    /// Training samples per second, validation not counted.
    pub samples_per_second: f64,
    /// How often the objective of a batch and its gradient were computed: once a batch, but for
    /// [`Lbfgs`](crate::Lbfgs).
    pub evaluations: usize,
}

impl EpochReport {
    /// What early stopping looks at: the validation's total or, without one, the training's.
    pub fn monitored(&self) -> f64 {
        self.validation.as_ref().unwrap_or(&self.terms).total()
    }
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// All epochs were done.
    Completed,
    /// Early stopping saw no improvement; the model has the parameters of this epoch.
    NoImprovement {
        /// The best epoch, counted from 1.
        best_epoch: usize,
    },
    /// [`Lbfgs`](crate::Lbfgs) met a criterion on all batches of an epoch.
    Converged(Convergence),
    /// The line search of [`Lbfgs`](crate::Lbfgs) found no smaller objective down the gradient, on all batches of an
    /// epoch. Where the gradient is small, all that is left is rounding; where it is not, the objective is too badly
    /// scaled for its number type: normalize the data, or train in `f64`.
    LineSearchFailed,
    /// An observer [asked](super::Control::Stop) for it. Epochs of the report are whole ones: what was done of
    /// another is in the parameters and not in the report, and a resumed training goes on there.
    Asked {
        /// The epoch of the last step, counted from 1.
        epoch: usize,
        /// How many of its batches were done; 0 if the training ended before its first step.
        batch: usize,
    },
    /// A number stopped being finite; see [`Report::divergences`]. The call returned
    /// [`Error::Diverged`](crate::Error::Diverged), and only observers see such a report.
    Diverged,
}

/// What a method found at the last batch, when it had converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Convergence {
    /// No entry of the gradient is larger than the tolerance.
    Gradient,
    /// The objective did not fall by more than the tolerance.
    Objective,
}

/// The course of a training: prints as a table, exports as CSV.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The epochs in order.
    pub epochs: Vec<EpochReport>,
    /// Where numbers stopped being finite, in order.
    pub divergences: Vec<Divergence>,
    /// Why it ended.
    pub stopped: StopReason,
    /// The epoch, counted from 1, whose parameters the model has; if an observer stopped the training in the middle
    /// of an epoch, and no early stopping kept the best, it has those of the last step, and this is the last whole
    /// epoch.
    pub kept_epoch: usize,
    /// Epochs that early stopping did not look at: those of [warm-ups](super::EarlyStopping#warm-ups), and those
    /// before [`from_epoch`](super::EarlyStopping::from_epoch).
    pub uncounted_epochs: usize,
    /// What is hardly as it was meant: in the data, and in what is trained.
    pub warnings: Vec<Warning>,
    /// Units of a Gaussian code, by their numbers, whose posterior has collapsed to the prior N(0, I): their mean
    /// divergence over the samples seen last (those held out, or the last batch) is below 0.01 nats.
    pub collapsed_units: Vec<usize>,
}

impl Report {
    /// The last epoch.
    pub fn last(&self) -> Option<&EpochReport> {
        self.epochs.last()
    }

    /// The whole course as CSV, a row an epoch: epoch, total, each term, the validation's total and
    /// terms, gradient norm, rate, seconds, samples per second, evaluations. Numbers are written so that they
    /// read back to the same bits.
    pub fn to_csv(&self) -> String {
        let mut csv = String::new();
        let Some(first) = self.epochs.first() else { return csv };
        csv.push_str("epoch,total");
        let names = self.names();
        names.iter().for_each(|name| csv.extend([",", name]));
        if first.validation.is_some() {
            csv.push_str(",validation_total");
            names.iter().for_each(|name| csv.extend([",validation_", name]));
        }
        csv.push_str(",gradient_norm,rate,seconds,samples_per_second,evaluations\n");
        for epoch in &self.epochs {
            let _ = write!(csv, "{}", epoch.epoch); // writing to a string cannot fail
            let validation = epoch.validation.iter();
            for terms in std::iter::once(&epoch.terms).chain(validation) {
                let _ = write!(csv, ",{:?}", terms.total());
                terms.iter().for_each(|(_, value)| {
                    let _ = write!(csv, ",{value:?}");
                });
                // An epoch whose batches were all skipped has no terms.
                let missing = names.len() - terms.iter().count();
                csv.extend(std::iter::repeat_n(',', missing));
            }
            for value in [epoch.gradient_norm, epoch.rate, epoch.seconds, epoch.samples_per_second]
            {
                let _ = write!(csv, ",{value:?}");
            }
            let _ = writeln!(csv, ",{}", epoch.evaluations);
        }
        csv
    }
}

impl Report {
    /// The names of the terms, from an epoch that has them: if all batches were skipped there are none.
    fn names(&self) -> Vec<String> {
        let all =
            self.epochs.iter().flat_map(|epoch| epoch.validation.iter().chain([&epoch.terms]));
        all.max_by_key(|terms| terms.iter().count()).map_or(Vec::new(), numbered)
    }
}

/// Where an observer stopped a training.
pub(super) fn asked_in_words(epoch: usize, batch: usize) -> String {
    match batch {
        0 => "stopped by an observer before the first step".to_owned(),
        _ => format!("stopped by an observer in epoch {epoch}, after batch {batch}"),
    }
}

/// Names of terms, the second of the same name with `_2` behind it, and so on.
pub(crate) fn numbered(terms: &Terms) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (index, (name, _)) in terms.iter().enumerate() {
        let before = terms.iter().take(index).filter(|&(other, _)| other == name).count();
        names.push(if before == 0 { name.to_owned() } else { format!("{name}_{}", before + 1) });
    }
    names
}

impl Report {
    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: usize = 12;
        let Some(first) = self.epochs.first() else { return Ok(()) };
        let names = self.names();
        write!(f, "{:>5} {:>12}", "epoch", "total")?;
        let width = |name: &str| name.len().max(12);
        if names.len() > 1 {
            names.iter().try_for_each(|name| write!(f, " {name:>0$}", width(name)))?;
        }
        if first.validation.is_some() {
            write!(f, " {:>12}", "validation")?;
        }
        writeln!(f, " {:>10} {:>10}", "gradient", "samples/s")?;
        let count = self.epochs.len();
        let shown = count.min(ROWS);
        for row in 0..shown {
            let index = if shown == 1 { 0 } else { row * (count - 1) / (shown - 1) };
            let epoch = &self.epochs[index];
            write!(f, "{:>5} {:>12}", epoch.epoch, to_five_decimals(epoch.terms.total()))?;
            if names.len() > 1 {
                let values = epoch.terms.iter().map(|(_, value)| Some(value));
                for (name, value) in names.iter().zip(values.chain(std::iter::repeat(None))) {
                    match value {
                        Some(value) => write!(f, " {:>1$}", to_five_decimals(value), width(name))?,
                        None => write!(f, " {:>1$}", "", width(name))?,
                    }
                }
            }
            if let Some(validation) = &epoch.validation {
                write!(f, " {:>12}", to_five_decimals(validation.total()))?;
            }
            writeln!(f, " {:>10.3e} {:>10.0}", epoch.gradient_norm, epoch.samples_per_second)?;
        }
        Ok(())
    }
}

/// A table of at most 12 epochs, evenly spread, what diverged, the reason of the stop, and warnings.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f)?;
        self.divergences.iter().try_for_each(|divergence| writeln!(f, "{divergence}"))?;
        self.write_end(f)?;
        self.write_uncounted(f)?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))?;
        self.write_collapsed(f)
    }
}

impl Report {
    /// Why the training ended, and with which parameters.
    fn write_end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.epochs.len();
        match self.stopped {
            StopReason::Completed => {
                write!(
                    f,
                    "{}",
                    if count == 1 {
                        "the one epoch done".to_owned()
                    } else {
                        format!("all {count} epochs done")
                    }
                )?;
                self.write_kept(f)
            }
            StopReason::Converged(convergence) => {
                let found = match convergence {
                    Convergence::Gradient => "the gradient is within its tolerance of zero",
                    Convergence::Objective => "the objective falls by no more than its tolerance",
                };
                write!(f, "converged in epoch {count}: {found}")?;
                self.write_kept(f)
            }
            StopReason::LineSearchFailed => {
                let norm = self.last().map_or(0.0, |epoch| epoch.gradient_norm);
                write!(
                    f,
                    "stopped in epoch {count}: no step down the gradient, whose norm is {norm:.3e}, makes the objective \
                     smaller; if that is not small, normalize the data or train in f64"
                )?;
                self.write_kept(f)
            }
            StopReason::Diverged => write!(f, "diverged after {count} whole epochs"),
            StopReason::Asked { epoch, batch } => {
                f.write_str(&asked_in_words(epoch, batch))?;
                self.write_kept(f)
            }
            StopReason::NoImprovement { best_epoch } => {
                write!(
                    f,
                    "stopped after epoch {count}: no improvement since epoch {best_epoch}, which was kept"
                )
            }
        }
    }

    /// Which parameters were kept, if not the last ones.
    fn write_kept(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kept_epoch == self.epochs.len() {
            return Ok(());
        }
        write!(f, "; kept the parameters of epoch {}", self.kept_epoch)
    }

    /// Which epochs early stopping did not look at.
    fn write_uncounted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (uncounted, all) = (self.uncounted_epochs, self.epochs.len());
        if uncounted == 0 {
            return Ok(());
        }
        write!(
            f,
            "\nearly stopping did not look at {uncounted} of {all} epochs: they came before the first that it was to \
             look at, or a weight or the learning rate was rising"
        )?;
        if self.last().is_some_and(|last| last.validation.is_none()) {
            write!(f, ", or a weight changed in them, which held-out samples are not judged by")?;
        }
        Ok(())
    }

    /// Which units have collapsed, and what to try.
    fn write_collapsed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.collapsed_units.split_first() else { return Ok(()) };
        let (units, tell) = if rest.is_empty() { ("unit", "tells") } else { ("units", "tell") };
        write!(f, "\ncode {units} {first}")?;
        rest.iter().take(9).try_for_each(|unit| write!(f, ", {unit}"))?;
        if rest.len() > 9 {
            write!(f, " and {} more", rest.len() - 9)?;
        }
        write!(
            f,
            " {tell} less than {COLLAPSED} nats: the posterior has collapsed to the prior there; try \
             a smaller β, one that rises (Variational::schedule), or free bits"
        )
    }
}
