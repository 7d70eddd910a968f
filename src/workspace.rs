//! The memory of a pass: made once, used for every batch.

use nalgebra::Dim;

use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::pass::Net;
use crate::posterior::Posterior;
use crate::regularizer::Regularizer;
use crate::{Scalar, Terms};

/// The memory of a model's passes: everything between an input and a gradient. It grows to the largest
/// batch it has served and is kept, so that calls with a workspace of the caller's allocate nothing.
///
/// Made by [`AutoEncoder::workspace`](crate::AutoEncoder::workspace); it serves any model with an encoder of that type and size.
#[derive(Debug)]
pub struct Workspace<E: Encoder> {
    /// The normalized inputs of a call, where the model has a normalizer.
    pub(crate) taken: Vec<E::Scalar>,
    /// What the encoder sees, where that is not the clean batch itself.
    pub(crate) input: Vec<E::Scalar>,
    pub(crate) posterior: E::Posterior,
    pub(crate) d_posterior: E::Posterior,
    /// The drawn code, where it is drawn.
    pub(crate) code: Vec<E::Scalar>,
    pub(crate) d_code: Vec<E::Scalar>,
    pub(crate) noise: Vec<E::Scalar>,
    pub(crate) output: Vec<E::Scalar>,
    pub(crate) d_output: Vec<E::Scalar>,
    pub(crate) encoder_tape: Vec<E::Scalar>,
    pub(crate) decoder_tape: Vec<E::Scalar>,
    pub(crate) scratch: Vec<E::Scalar>,
    /// What a penalty adds to the gradient of the parameters, where it does.
    pub(crate) d_parameters: Vec<E::Scalar>,
    /// The loss of each sample, then the weight of each.
    pub(crate) values: Vec<E::Scalar>,
    pub(crate) terms: Terms,
}

impl<E: Encoder> Workspace<E> {
    pub(crate) fn new(encoder: &E) -> Self {
        Self {
            taken: Vec::new(),
            input: Vec::new(),
            posterior: encoder.posterior(),
            d_posterior: encoder.posterior(),
            code: Vec::new(),
            d_code: Vec::new(),
            noise: Vec::new(),
            output: Vec::new(),
            d_output: Vec::new(),
            encoder_tape: Vec::new(),
            decoder_tape: Vec::new(),
            scratch: Vec::new(),
            d_parameters: Vec::new(),
            values: Vec::new(),
            terms: Terms::new(),
        }
    }

    /// Gives every buffer the length it has in a training step on this many samples.
    pub(crate) fn prepare<D, R>(&mut self, net: &Net<'_, E, D, R>, samples: usize)
    where
        D: Decoder<Scalar = E::Scalar, Code = E::Code>,
        R: Regularizer<E>,
    {
        let Net { encoder, decoder, regularizer, .. } = net;
        self.posterior.resize(samples);
        self.d_posterior.resize(samples);
        let resize = |buffer: &mut Vec<E::Scalar>, len| buffer.resize(len, E::Scalar::ZERO);
        if regularizer.draws_code() {
            resize(&mut self.code, encoder.code_dim().value() * samples);
            resize(&mut self.d_code, encoder.code_dim().value() * samples);
            resize(&mut self.noise, self.posterior.noise_len());
        }
        resize(&mut self.output, decoder.output_dim().value() * samples);
        resize(&mut self.d_output, decoder.output_dim().value() * samples);
        resize(&mut self.encoder_tape, encoder.tape_len(samples));
        resize(&mut self.decoder_tape, decoder.tape_len(samples));
        let backward = encoder.scratch_len(samples).max(decoder.scratch_len(samples));
        resize(&mut self.scratch, backward.max(regularizer.scratch_len(encoder, samples)));
        resize(&mut self.values, samples);
    }
}
