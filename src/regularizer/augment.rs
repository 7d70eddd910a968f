use super::corruption::{Corruption, each_corrupted};
use super::{Across, Corrupts, Needs, Regularizer, SuitedTo};
use crate::batch::BatchViewMut;
use crate::code::Facts;
use crate::data::Normalizer;
use crate::error::Result;
use crate::layer::Part;
use crate::numbers::scalar::Float;
use crate::random::Streams;

/// Changes the samples themselves in training: the encoder sees a changed sample, and the loss compares with the same
/// changed one (data augmentation), where [`Denoising`](super::Denoising) compares with the clean one. Of a classifier,
/// the class stays.
///
/// The change is new at every visit of a sample, and only in training. Values are as the encoder sees them: after a
/// normalizer, if the model has one. With `Denoising` beside it, in any order, what was augmented is what is corrupted.
/// [`Binarize`](super::Binarize) and it change samples one after the other, in the order in which they are given.
///
/// What comes out is not checked against the loss: a change that leaves its domain, such as noise beside a cross-entropy,
/// which wants values from 0 to 1, trains on what the loss is not made for. Flips, shifts and crops by values of the
/// picture stay within.
///
/// # Shapes
/// Samples keep their size. A change that is made for images of other sides, or of another number of values where samples
/// are plain features, is refused by `build`, with [`Error::SizeMismatch`](crate::Error::SizeMismatch), and one for images
/// where samples are windows with [`Error::Unfit`](crate::Error::Unfit). Where layers say only their number, samples that
/// are such images or windows themselves are refused when they are trained on.
///
/// # Example
/// ```
/// use autoencoder::corruption::{Flip, Gaussian, Shift};
/// use autoencoder::{Augment, Denoising, size::Image};
/// type Photo = Image<3, 32, 32>;
/// let augmented = Augment::new((Flip::horizontal(Photo::default()), Shift::new(Photo::default(), 3, 3)?.edge()));
/// let and_noisy = (augmented, Denoising::new(Gaussian::new(0.1)?));
/// # let _ = and_noisy;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// P. Y. Simard, D. Steinkraus, J. C. Platt (2003), Best practices for convolutional neural networks applied to visual
/// document analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augment<C> {
    change: C,
}

impl<C> Augment<C> {
    /// With a corruption that leaves a sample what it is, or a tuple of them for one after the other.
    pub fn new(change: C) -> Self {
        Self { change }
    }
}

impl<E: Part, C> SuitedTo<E> for Augment<C> {}

impl<T: Float, C: Corruption<T> + Clone + 'static> Regularizer<T> for Augment<C> {
    fn describe(&self) -> String {
        format!("Augment {{ change: {} }}", self.change.describe())
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        let makes_missing = self.change.makes_missing();
        Needs {
            corrupts: Corrupts::Sample,
            makes_missing,
            takes_pairs: true,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        self.change.check(facts)
    }

    fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        self.change.check_normalizer(normalizer)
    }

    fn corrupt(&self, x: BatchViewMut<'_, T>, streams: Streams<'_>) {
        each_corrupted(&self.change, x, streams);
    }
}
