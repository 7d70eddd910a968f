use super::{compare, require_values};
use crate::batch::BatchViewMut;
use crate::code::Facts;
use crate::error::{Result, require, require_count};
use crate::layer::sparse::SparseCode;
use crate::layer::{Layer, Part};
use crate::numbers::scalar::Float;
use crate::regularizer::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::terms::Terms;

/// Asks of the first units of a sparse code alone that they reconstruct, and of more of them, and more: the general
/// features come first, and a later unit does not take over a part of an earlier one's.
///
/// # Formula
/// Σₗ mean over samples of ½ ‖x − (Σ fᵢ dᵢ over i < mₗ + b)‖², with widths m₁ < m₂ < …; the loss of the model adds the
/// same for all units, if it is the squared error; one on logits is refused. In place of x is the target where the model
/// has one, and a skip is added for each width. Its term is `matryoshka`.
///
/// # Example
/// ```
/// use autoencoder::layer::sparse::{BatchTopK, Dictionary, SparseEncoder};
/// use autoencoder::regularizer::Matryoshka;
/// use autoencoder::AutoEncoder;
/// let model = AutoEncoder::builder()
///     .encoder(SparseEncoder::<64, 512>::new(BatchTopK::new(12.0)?))
///     .decoder(Dictionary::new())
///     .regularizer(Matryoshka::new([32, 128])?) // and all 512
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// B. Bussmann, N. Nabeshima, A. Karvonen, N. Nanda (2025), Learning multi-level features with Matryoshka sparse
/// autoencoders.
#[derive(Debug, Clone, PartialEq)]
pub struct Matryoshka {
    widths: Vec<usize>,
}

impl Matryoshka {
    /// With the widths, which rise and stay below the number of units.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for none, for 0, and where one is not above the one
    /// before it.
    pub fn new(widths: impl Into<Vec<usize>>) -> Result<Self> {
        let widths = widths.into();
        require_count("the number of Matryoshka widths", widths.len())?;
        require_count("a Matryoshka width", widths[0])?;
        for pair in widths.windows(2) {
            let requirement = "above the one before it";
            require(pair[1] > pair[0], "a Matryoshka width", pair[1] as f64, requirement)?;
        }
        Ok(Self { widths })
    }

    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        mut gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let (Some(pairs), Some(decoder)) = (at.pairs, at.decoder.pair_decoder()) else { return };
        let (rows, mut total) = (at.output.features(), T::ZERO);
        let y = &mut scratch[..at.output.as_slice().len()];
        for &width in &self.widths {
            let mut y = BatchViewMut::new(&mut *y, rows);
            decoder.decode_pairs(pairs.parameters, pairs.codes, width, true, y.reborrow());
            decoder.add_skip(pairs.parameters, at.x, y.reborrow());
            let columns = y.as_mut_slice().chunks_exact_mut(rows).zip(at.target.iter());
            for (sample, (y, x)) in columns.enumerate() {
                total += compare(y, x, at.share(sample));
            }
            if let Some(PenaltyGradient { pairs: d_codes, parameters, .. }) = &mut gradient {
                let (to, dy) = (&mut parameters[at.given_to_decoder()], y.as_view());
                decoder.decode_pairs_backward(pairs, width, true, dy, d_codes, Some(to));
                decoder.add_skip_gradient(at.x, dy, to);
            }
        }
        terms.add("matryoshka", total);
    }
}

impl<E: Part<Posterior: SparseCode>> SuitedTo<E> for Matryoshka {}

impl<T: Float> Regularizer<T> for Matryoshka {
    fn describe(&self) -> String {
        format!("Matryoshka {{ widths: {:?} }}", self.widths)
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs {
            adds_to_parameters: true,
            takes_pairs: true,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_values("Matryoshka", facts)?;
        let last = self.widths[self.widths.len() - 1];
        require(last < facts.units, "a Matryoshka width", last as f64, "below the number of units")
    }

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        _draws: usize,
    ) -> usize {
        facts.outputs * samples
    }

    penalty!(Matryoshka);
}
