use std::fmt;

use super::label::{Label, checked_labels};
use crate::error::{Error, Result, require, require_size};

/// Refuses lists of different lengths, and empty ones.
fn check_labels(call: &'static str, predicted: usize, actual: usize) -> Result<()> {
    require_size(call, "labels", actual, predicted)?;
    if actual == 0 {
        return Err(Error::NoSamples { call });
    }
    Ok(())
}

/// The share of predicted classes that are the actual ones, in [0, 1].
///
/// # Errors
/// [`Error::SizeMismatch`] if there are not as many of one as of the other, [`Error::NoSamples`] if
/// there are none.
///
/// # Example
/// ```
/// assert_eq!(autoencoder::metrics::accuracy(&["a", "b", "b", "a"], &["a", "b", "a", "a"])?, 0.75);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn accuracy<L: PartialEq>(predicted: &[L], actual: &[L]) -> Result<f64> {
    check_labels("accuracy", predicted.len(), actual.len())?;
    let right = predicted.iter().zip(actual).filter(|(predicted, actual)| predicted == actual);
    Ok(right.count() as f64 / actual.len() as f64)
}

/// How often each class was taken for each.
///
/// Displayed as a table, one row for each actual class with its recall, one column for each predicted
/// class with its precision below, and the accuracy in the corner.
///
/// # Example
/// ```
/// use autoencoder::metrics::ConfusionMatrix;
/// let table = ConfusionMatrix::new(3, &[0_u8, 0, 1, 0, 1, 1], &[0, 0, 0, 1, 1, 1])?;
/// assert_eq!((table.count(0, 1), table.count(1, 0)), (1, 1)); // one 0 was taken for a 1
/// assert_eq!((table.recall(0), table.precision(1)), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
/// assert_eq!(table.recall(2), None); // there is no 2
/// assert_eq!(
///     table.to_string(),
///     "actual \\ predicted      0      1  2  recall\n\
///      \x20                0      2      1  0   0.667\n\
///      \x20                1      1      2  0   0.667\n\
///      \x20                2      0      0  0       –\n\
///      \x20        precision  0.667  0.667  –   0.667"
/// );
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// Row by row; a row is an actual class.
    counts: Vec<usize>,
}

impl ConfusionMatrix {
    /// Counts samples of so many classes, 1 to 4,096, whose labels are 0, 1, 2, ….
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for another number of classes, [`Error::Label`] for a label that is
    /// none of them, [`Error::SizeMismatch`] if there are not as many predicted as actual labels,
    /// [`Error::NoSamples`] if there are none.
    pub fn new<P: Label, A: Label>(classes: usize, predicted: &[P], actual: &[A]) -> Result<Self> {
        let in_range = (1..=4096).contains(&classes);
        require(in_range, "ConfusionMatrix classes", classes as f64, "in [1, 4096]")?;
        check_labels("ConfusionMatrix", predicted.len(), actual.len())?;
        let predicted = checked_labels("ConfusionMatrix", classes, predicted, actual.len())?;
        let actual = checked_labels("ConfusionMatrix", classes, actual, actual.len())?;
        let mut counts = vec![0; classes * classes];
        for (predicted, actual) in predicted.into_iter().zip(actual) {
            counts[actual * classes + predicted] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.counts.iter().sum()
    }

    /// How many samples of one class were taken for another.
    ///
    /// # Panics
    /// If there is no such class, as indexing a slice does.
    pub fn count(&self, actual: usize, predicted: usize) -> usize {
        self.row(actual)[predicted]
    }

    /// The share of samples whose class was found.
    pub fn accuracy(&self) -> f64 {
        let right: usize = self.counts.iter().step_by(self.classes + 1).sum();
        right as f64 / self.samples() as f64
    }

    /// The share of a class's samples that were taken for it; `None` if there is no sample of it.
    ///
    /// # Panics
    /// If there is no such class, as indexing a slice does.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.count(class, class), self.row(class).iter().sum())
    }

    /// The share of samples taken for a class that are of it; `None` if none was taken for it.
    ///
    /// # Panics
    /// If there is no such class, as indexing a slice does.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let taken = (0..self.classes).map(|actual| self.count(actual, class));
        share(self.count(class, class), taken.sum())
    }

    fn row(&self, actual: usize) -> &[usize] {
        &self.counts[actual * self.classes..][..self.classes]
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "actual \\ predicted";
        let text =
            |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{share:.3}"));
        let precisions: Vec<_> =
            (0..self.classes).map(|class| text(self.precision(class))).collect();
        // Columns as wide as what stands in them.
        let widths: Vec<_> = (0..self.classes)
            .map(|class| {
                let counts = (0..self.classes).map(|actual| self.count(actual, class));
                let count = counts.max().unwrap_or(0).max(class).to_string();
                count.len().max(precisions[class].chars().count())
            })
            .collect();
        let mut line = |name: &str, cells: &mut dyn Iterator<Item = String>, end: &str| {
            write!(f, "{name:>width$}", width = CORNER.len())?;
            for (cell, width) in cells.zip(&widths) {
                write!(f, "  {cell:>width$}")?;
            }
            write!(f, "  {end:>6}")
        };
        line(CORNER, &mut (0..self.classes).map(|class| class.to_string()), "recall")?;
        for actual in 0..self.classes {
            let counts = &mut self.row(actual).iter().map(usize::to_string);
            line(
                &format!("\n{actual:>width$}", width = CORNER.len()),
                counts,
                &text(self.recall(actual)),
            )?;
        }
        let name = format!("\n{:>width$}", "precision", width = CORNER.len());
        line(&name, &mut precisions.iter().cloned(), &text(Some(self.accuracy())))
    }
}
