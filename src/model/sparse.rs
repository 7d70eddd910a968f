//! What only a model of sparse codes can do: give them, and take them, as pairs of a unit and a value.

use super::blocks::BLOCK;
use super::inference::alone;
use super::lots::in_lots;
use super::network::Network;
use super::scalar;
use super::{AutoEncoder, Scalar};
use crate::batch::size::SameSize;
use crate::batch::sparse::SparseBatch;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::error::{Error, Number, Result, require_fit, require_size};
use crate::layer::sparse::{Moment, Room, SparseCode};
use crate::layer::{Part, Unconditioned};
use crate::numbers::scalar::Float;
use crate::train::examples::{IntoExamples, SamplesAlone};

impl<E, D, R, L, T> AutoEncoder<E, D, R, L, T>
where
    E: Part<Posterior: SparseCode, Condition = Unconditioned>,
    D: Part,
    T: Scalar,
{
    /// The code of each sample as pairs: of each the active units and their values, with the bits that
    /// [`encode`](Self::encode) gives them. Memory is taken for these only. From a stream, `&mut source`, as
    /// [`encode`](Self::encode).
    ///
    /// # Errors
    /// See [`AutoEncoder`]; [`Error::Unfit`](crate::Error::Unfit) where the encoder is in a box and gives other codes.
    pub fn encode_sparse<'a, X>(&self, x: X) -> Result<SparseBatch<T>>
    where
        X: IntoExamples<'a, T, Given = SamplesAlone>,
        X::Input: SameSize<E::Input>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (call, network) = ("encode_sparse", self.network());
        let samples = alone(call, network.inputs(), x.into_examples())?;
        let (mut codes, mut buffer) = (SparseBatch::empty(self.units()), Vec::new());
        in_lots(call, network, samples, &mut |_, given| {
            let rows = given.taken(network, call, &mut buffer)?;
            scalar::encode_pairs(network, rows.x, &mut codes)
        })?;
        Ok(codes)
    }

    /// The atoms of the dictionary, a column for each unit: `D × units`.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) where the decoder is in a box and is no dictionary.
    pub fn atoms(&self) -> Result<Batch<T, D::Output>> {
        let network = self.network();
        let atoms = network.decoder.pair_decoder().map(|decoder| {
            decoder.atoms(&network.parameters[network.given_to_decoder()]).as_slice().to_vec()
        });
        let (fault, remedy) = ("is no dictionary", "take `Dictionary::new()`");
        let part = "the decoder";
        let atoms = atoms.ok_or(Error::Unfit { part, fault, remedy })?;
        Batch::new(self.decoder().output(), atoms)
    }

    /// The reconstruction of each code, `D × samples`.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for codes of another number of units,
    /// [`Error::NotFinite`](crate::Error::NotFinite) for a value that is not finite,
    /// [`Error::Unfit`](crate::Error::Unfit) where the decoder is in a box and is no dictionary, and for one with a skip,
    /// which takes the sample too.
    pub fn decode_sparse(&self, codes: &SparseBatch<T>) -> Result<Batch<T, D::Output>> {
        let (call, network) = ("decode_sparse", self.network());
        network.require_decodes_alone()?;
        require_size(call, "code units", self.units(), codes.features())?;
        for (sample, code) in codes.iter().enumerate() {
            if let Some((feature, value)) = code.iter().find(|(_, value)| !value.is_finite()) {
                let value = Number(value.to_double());
                return Err(Error::NotFinite { call, feature, sample, value });
            }
        }
        let mut outputs = Batch::zeros(self.decoder().output(), codes.samples());
        scalar::decode_pairs(network, codes, None, outputs.view_mut())?;
        Ok(outputs)
    }
}

impl<T: Float> Network<T> {
    /// Appends the codes of these samples.
    pub(crate) fn encode_pairs(
        &self,
        x: BatchView<'_, T>,
        codes: &mut SparseBatch<T>,
    ) -> Result<()> {
        /// Samples whose pre-activations are looked at together.
        const TOGETHER: usize = 4 * BLOCK;
        let (fault, remedy) = ("gives no sparse codes", "take `encode`");
        let encoder = self.encoder.pair_encoder();
        require_fit(encoder.is_some(), "the encoder", fault, remedy)?;
        let parameters = &self.parameters[self.places().encoder];
        let (mut room, mut found) = (Room::new(), SparseBatch::empty(self.facts.units));
        for x in x.chunks(TOGETHER) {
            if let Some(encoder) = encoder {
                encoder.encode_pairs(parameters, x, Moment::default(), &mut found, &mut room);
            }
            codes.append(&found)?;
        }
        Ok(())
    }

    /// Writes what the dictionary makes of these codes, and of the samples as the encoder takes them, if there is a skip.
    pub(crate) fn decode_pairs(
        &self,
        codes: &SparseBatch<T>,
        x: Option<BatchView<'_, T>>,
        mut outputs: BatchViewMut<'_, T>,
    ) -> Result<()> {
        let (fault, remedy) = ("is no dictionary", "take `decode`");
        let decoder = self.decoder.pair_decoder();
        require_fit(decoder.is_some(), "the decoder", fault, remedy)?;
        if let Some(decoder) = decoder {
            let parameters = &self.parameters[self.given_to_decoder()];
            decoder.decode_pairs(parameters, codes, self.facts.units, true, outputs.reborrow());
            if let Some(x) = x {
                decoder.add_skip(parameters, x, outputs.reborrow());
            }
        }
        self.restore(outputs)
    }
}
