use rand::RngExt;

use super::{Across, Corrupts, Needs, Regularizer, SuitedTo};
use crate::batch::BatchViewMut;
use crate::code::Facts;
use crate::layer::Part;
use crate::numbers::scalar::Float;
use crate::random::Streams;

/// Draws the pixels of an image black or white with the probability of its grey value, anew at every visit,
/// and only in training: encoder and loss both see what was drawn (dynamic binarisation). Values are
/// probabilities in [0, 1], as the encoder sees them: after a normalizer, if the model has one. What lies beyond
/// counts as the nearer end; what is not finite stays as it is, so that it is noticed.
///
/// Features that are one-hot stay what they are, so it goes with [`Categorical`](crate::loss::Categorical) in a
/// [`Mixed`](crate::Mixed) loss too. Shares strictly between 0 and 1 do not: each is drawn by itself, and what is drawn
/// of a group does not add up to 1. For these make the level one-hot, or leave this away.
///
/// For data of a test, which has to be drawn once, there is [`Binarize::apply`].
///
/// # Example
/// ```
/// use autoencoder::{Binarize, Variational};
/// let regularizer = (Binarize, Variational::default());
/// # let _ = regularizer;
/// ```
///
/// # References
/// R. Salakhutdinov, I. Murray (2008), On the quantitative analysis of deep belief networks; Y. Burda, R. Grosse,
/// R. Salakhutdinov (2015), Importance weighted autoencoders (drawn anew each time).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binarize;

impl Binarize {
    /// Draws each value, in place.
    pub fn apply<T: Float>(values: &mut [T], rng: &mut (impl rand::Rng + ?Sized)) {
        for x in values {
            let drawn = rng.random::<f64>();
            if x.is_finite() {
                // In double precision: a draw that is rounded to 1 would make white black.
                *x = if drawn < x.to_double() { T::ONE } else { T::ZERO };
            }
        }
    }
}

impl<E: Part> SuitedTo<E> for Binarize {}

impl<T: Float> Regularizer<T> for Binarize {
    fn describe(&self) -> String {
        "Binarize".to_owned()
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs {
            corrupts: Corrupts::Sample,
            takes_pairs: true,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    fn corrupt(&self, mut x: BatchViewMut<'_, T>, streams: Streams<'_>) {
        let features = x.features();
        for (column, sample) in x.as_mut_slice().chunks_exact_mut(features).enumerate() {
            Self::apply(sample, &mut streams.sample(column));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_hot_stays() {
        let mut rng = crate::random::seeded(1);
        let one_hot = [0.0_f32, 1.0, 0.0, 1.0, 0.0, 0.0];
        for _ in 0..100 {
            let mut drawn = one_hot;
            Binarize::apply(&mut drawn, &mut rng);
            assert_eq!(drawn, one_hot);
        }
        // Two halves: both, one or none.
        let mut sums = [0_u32; 3];
        for _ in 0..400 {
            let mut drawn = [0.5_f64; 2];
            Binarize::apply(&mut drawn, &mut rng);
            sums[(drawn[0] + drawn[1]) as usize] += 1;
        }
        // By 5 deviations of 400 draws: √(400 · ¼ · ¾) = 8.7.
        assert!(sums[0].abs_diff(100) < 44 && sums[2].abs_diff(100) < 44, "{sums:?}");
    }
}
