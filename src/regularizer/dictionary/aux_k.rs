use super::{compare, count_silent, name_dead, require_counted, require_values};
use crate::batch::BatchViewMut;
use crate::batch::sparse::SparseBatch;
use crate::code::Facts;
use crate::error::{Result, require_count, require_weight};
use crate::layer::sparse::SparseCode;
use crate::layer::{Layer, Part};
use crate::numbers::scalar::{Float, is_nan};
use crate::regularizer::{
    Across, Auxiliary, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty,
};
use crate::terms::Terms;

/// Lets units that are dead, as none of the last samples made them active, reconstruct what the others have left of each
/// sample, so that they come back to where something is missing.
///
/// # Formula
/// With e = x − y, or t − y of a model with targets t, taken as it is, and of each sample the k largest pre-activations zᵢ among dead units, whatever their
/// sign: α · min(dead / k, 1) · mean over samples of ½ ‖Σ zᵢ dᵢ − e‖². The dictionary's bias is no part of that sum: it
/// is in y already. Nothing where no unit is dead. Its term is `aux_k`. Whatever the loss is, this is a squared error; a
/// loss on logits is refused, and so is [`GateSparsity`](crate::regularizer::GateSparsity) beside it, which wants another
/// second code.
///
/// A unit is dead once so many samples in a row have not made it active; the counts are in checkpoints and in the
/// model's file.
///
/// # Example
/// ```
/// use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
/// use autoencoder::regularizer::AuxK;
/// use autoencoder::AutoEncoder;
/// let model = AutoEncoder::builder()
///     .encoder(SparseEncoder::<64, 1024>::new(TopK::new(12)?))
///     .decoder(Dictionary::new())
///     .regularizer(AuxK::new(32)?.dead_after(100_000)?)
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// L. Gao and others (2024), Scaling and evaluating sparse autoencoders, appendix A.2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AuxK {
    k: usize,
    weight: f64,
    dead_after: usize,
}

impl AuxK {
    /// With k values of each sample, at least 1; half as many as there are features is usual. Weight α = 1, dead after a
    /// million samples.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(k: usize) -> Result<Self> {
        require_count("AuxK k", k)?;
        Ok(Self { k, weight: 1.0, dead_after: 1_000_000 })
    }

    /// The weight α, finite and not negative. Default: 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn weight(self, weight: f64) -> Result<Self> {
        require_weight("AuxK weight", weight)?;
        Ok(Self { weight, ..self })
    }

    /// After how many samples without a sign of it a unit is dead; from 1 to 2²⁴. Default: 1,000,000.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn dead_after(self, samples: usize) -> Result<Self> {
        require_counted("AuxK dead_after", samples)?;
        Ok(Self { dead_after: samples, ..self })
    }

    fn is_dead<T: Float>(&self, count: T) -> bool {
        count.to_double() >= self.dead_after as f64
    }

    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let (Some(second), Some(decoder)) = (at.auxiliary, at.decoder.pair_decoder()) else {
            return;
        };
        let dead = at.state.iter().filter(|&&count| self.is_dead(count)).count();
        if dead == 0 {
            return terms.add("aux_k", T::ZERO);
        }
        let scale = T::of(self.weight * (dead as f64 / self.k as f64).min(1.0));
        let (rows, units) = (at.output.features(), at.facts.units);
        let (sums, left) =
            scratch[..at.output.as_slice().len() + rows].split_at_mut(at.output.as_slice().len());
        let mut sums = BatchViewMut::new(sums, rows);
        decoder.decode_pairs(second.parameters, second.codes, units, false, sums.reborrow());
        let columns = sums.as_mut_slice().chunks_exact_mut(rows);
        let compared = at.target.iter().zip(at.output.iter());
        let mut total = T::ZERO;
        for (sample, (sum, (x, y))) in columns.zip(compared).enumerate() {
            for ((left, &x), &y) in left.iter_mut().zip(x).zip(y) {
                *left = if is_nan(x) { x } else { x - y };
            }
            total += compare(sum, left, scale * at.share(sample));
        }
        terms.add("aux_k", total);
        if let Some(PenaltyGradient { auxiliary, parameters, .. }) = gradient {
            let to = Some(&mut parameters[at.given_to_decoder()]);
            decoder.decode_pairs_backward(second, units, false, sums.as_view(), auxiliary, to);
        }
    }
}

impl<E: Part<Posterior: SparseCode>> SuitedTo<E> for AuxK {}

impl<T: Float> Regularizer<T> for AuxK {
    fn describe(&self) -> String {
        let Self { k, weight, dead_after } = self;
        format!("AuxK {{ k: {k}, weight: {weight:?}, dead_after: {dead_after} }}")
    }

    /// One count a unit: of the samples since it was active.
    fn needs(&self, facts: &Facts) -> Needs {
        Needs {
            adds_to_parameters: true,
            takes_pairs: true,
            auxiliary: Auxiliary::Among(self.k),
            state: facts.units,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_values("AuxK", facts)
    }

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        _draws: usize,
    ) -> usize {
        facts.outputs * (samples + 1)
    }

    fn update_state_of_pairs(&self, _facts: &Facts, codes: &SparseBatch<T>, state: &mut [T]) {
        count_silent(codes, state);
    }

    fn candidates(&self, _facts: &Facts, state: &[T], units: &mut Vec<u32>) {
        name_dead(state, self.dead_after, units);
    }

    penalty!(AuxK);
}
