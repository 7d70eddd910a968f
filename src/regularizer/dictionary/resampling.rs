use super::{count_silent, name_dead, require_counted, require_pairs};
use crate::batch::sparse::SparseBatch;
use crate::code::Facts;
use crate::error::{Result, require};
use crate::layer::Part;
use crate::layer::sparse::SparseCode;
use crate::numbers::scalar::Float;
use crate::regularizer::{Needs, Regularizer, SuitedTo};

/// Gives dead units new directions every so many steps: those of samples that are reconstructed badly.
///
/// # Formula
/// Every N steps, for each unit that the last M samples have not made active: a sample x of the batch, as the encoder saw
/// it, is drawn with a probability that is as the square of its loss, and no sample twice; where there are fewer samples
/// than units, some stay as they are. Behind the encoder's pre-bias, x / ‖x‖ becomes the unit's atom, of
/// length 1 or of a free dictionary's first length, and the direction of its weights, of a fifth of the mean norm of other
/// units' weights; its bias becomes 0, a threshold of its own what it was at first, and the optimizer forgets what it
/// remembered of all these. It adds no term to the loss.
///
/// The counts are in checkpoints and in the model's file, and what is drawn depends on seed and step: a resumed training
/// has the same bits. A training with [`Lbfgs`](crate::Lbfgs), which looks along lines, and one with a frozen half are
/// refused, and so is a model with targets, of which directions of samples are none: take [`AuxK`](super::AuxK).
///
/// # Example
/// ```
/// use autoencoder::activation::Relu;
/// use autoencoder::layer::sparse::{Dictionary, SparseEncoder};
/// use autoencoder::regularizer::{DictionaryL1, Resampling};
/// use autoencoder::AutoEncoder;
/// let model = AutoEncoder::builder()
///     .encoder(SparseEncoder::<64, 256>::new(Relu))
///     .decoder(Dictionary::new())
///     .regularizer((DictionaryL1::new(0.05)?, Resampling::new(25_000, 1_000_000)?))
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// T. Bricken and others (2023), Towards monosemanticity: decomposing language models with dictionary learning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    every: usize,
    dead_after: usize,
}

impl Resampling {
    /// Every so many steps, those units that so many samples in a row have not made active; both from 1 to 2²⁴.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(every: usize, dead_after: usize) -> Result<Self> {
        let requirement = "from 1 to 2²⁴";
        require((1..=1 << 24).contains(&every), "Resampling every", every as f64, requirement)?;
        require_counted("Resampling dead_after", dead_after)?;
        Ok(Self { every, dead_after })
    }
}

impl<E: Part<Posterior: SparseCode>> SuitedTo<E> for Resampling {}

impl<T: Float> Regularizer<T> for Resampling {
    fn describe(&self) -> String {
        let Self { every, dead_after } = self;
        format!("Resampling {{ every: {every}, dead_after: {dead_after} }}")
    }

    /// A count for each unit, of the samples since it was active, and one of the steps since units were looked at.
    fn needs(&self, facts: &Facts) -> Needs {
        let state = facts.units.saturating_add(1);
        Needs { takes_pairs: true, revives: true, state, ..Needs::nothing() }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_pairs("Resampling", facts)
    }

    fn update_state_of_pairs(&self, facts: &Facts, codes: &SparseBatch<T>, state: &mut [T]) {
        let (counts, steps) = state.split_at_mut(facts.units);
        count_silent(codes, counts);
        steps.iter_mut().for_each(|steps| *steps += T::ONE);
    }

    fn revives(&self, facts: &Facts, state: &mut [T], units: &mut Vec<u32>) {
        let (counts, steps) = state.split_at_mut(facts.units);
        let is_time = steps.first().is_some_and(|steps| steps.to_double() >= self.every as f64);
        if !is_time {
            return;
        }
        steps.fill(T::ZERO);
        name_dead(counts, self.dead_after, units);
    }

    fn revived(&self, _facts: &Facts, state: &mut [T], unit: usize) {
        state[unit] = T::ZERO;
    }
}
