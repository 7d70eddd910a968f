use nalgebra::Const;

use crate::batch::Batch;
use crate::error::{Error, Result, require_size};
use crate::numbers::scalar::Float;

/// A class as users have it: a whole number from 0, of any integer type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no label of a class",
    label = "not a whole number",
    note = "labels are whole numbers from 0, of any integer type; take other names to numbers first"
)]
pub trait Label: Copy {
    /// The class; none for a negative number.
    fn class(self) -> Option<usize>;

    /// The number itself, for messages.
    fn number(self) -> i128;
}

macro_rules! labels {
    ($($t:ty),+) => {
        $(impl Label for $t {
            fn class(self) -> Option<usize> {
                self.try_into().ok()
            }
            fn number(self) -> i128 {
                self as i128
            }
        })+
    };
}
labels!(u8, u16, u32, u64, usize, i8, i16, i32, i64, i128, isize);

/// The labels as numbers; refuses them unless there is one for each sample, and each is a class.
pub(crate) fn checked_labels<L: Label>(
    call: &'static str,
    classes: usize,
    labels: &[L],
    samples: usize,
) -> Result<Vec<usize>> {
    require_size(call, "labels", samples, labels.len())?;
    let mut checked = Vec::with_capacity(samples);
    for (sample, label) in labels.iter().enumerate() {
        match label.class().filter(|&class| class < classes) {
            Some(class) => checked.push(class),
            None => return Err(Error::Label { call, sample, label: label.number(), classes }),
        }
    }
    Ok(checked)
}

impl<T: Float, const N: usize> Batch<T, Const<N>> {
    /// A column for each label: 1 in the row of the label, 0 elsewhere. So that a label can be a condition of
    /// a [conditional](crate::Conditioned) model.
    ///
    /// # Shapes
    /// `N` classes × labels.
    ///
    /// # Errors
    /// [`Error::Label`] for a label that is not below `N`.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{Batch, nalgebra::Const};
    /// let classes = Batch::<f32, Const<3>>::one_hot(&[2, 0])?;
    /// assert_eq!(classes, Batch::from_iter([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]));
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn one_hot<L: Label>(labels: &[L]) -> Result<Self> {
        let classes = checked_labels("Batch::one_hot", N, labels, labels.len())?;
        let mut batch = Self::zeros(Const, classes.len());
        for (column, class) in classes.into_iter().enumerate() {
            batch.as_mut_slice()[column * N + class] = T::ONE;
        }
        Ok(batch)
    }
}
