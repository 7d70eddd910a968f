//! The memory of a pass: made once, used for every batch.

use nalgebra::Dim;

use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::code::posterior::Posterior;
use crate::model::pass::Net;
use crate::numbers::scalar::Scalar;
use crate::regularizer::Regularizer;
use crate::terms::Terms;

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
    /// The clean inputs, where they are drawn anew.
    pub(crate) target: Vec<E::Scalar>,
    /// The drawn codes, where they are drawn: all first ones, then all second ones, …
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
    /// The loss of each sample, or of each of its draws.
    pub(crate) values: Vec<E::Scalar>,
    /// The same, kept for the penalty.
    pub(crate) losses: Vec<E::Scalar>,
    /// What each of them counts, where they do not count alike.
    pub(crate) weights: Vec<E::Scalar>,
    pub(crate) pseudo: Pseudo<E>,
    pub(crate) terms: Terms,
}

impl<E: Encoder> Workspace<E> {
    pub(crate) fn new(encoder: &E) -> Self {
        Self {
            taken: Vec::new(),
            input: Vec::new(),
            target: Vec::new(),
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
            losses: Vec::new(),
            weights: Vec::new(),
            pseudo: Pseudo {
                posterior: encoder.posterior(),
                d_posterior: encoder.posterior(),
                tape: Vec::new(),
                gradient: Vec::new(),
            },
            terms: Terms::new(),
        }
    }

    /// Gives every buffer the length it has in a step on this many samples with so many draws each; none
    /// where the posterior's mean is the code.
    pub(crate) fn prepare<D, R>(&mut self, net: &Net<'_, E, D, R>, samples: usize, draws: usize)
    where
        D: Decoder<Scalar = E::Scalar, Code = E::Code>,
        R: Regularizer<E>,
    {
        let Net { encoder, decoder, regularizer, .. } = net;
        self.posterior.resize(samples);
        self.d_posterior.resize(samples);
        let resize = |buffer: &mut Vec<E::Scalar>, len| buffer.resize(len, E::Scalar::ZERO);
        let columns = samples * draws.max(1);
        resize(&mut self.code, encoder.code_dim().value() * samples * draws);
        resize(&mut self.d_code, encoder.code_dim().value() * samples * draws);
        resize(&mut self.noise, self.posterior.noise_len() * draws);
        resize(&mut self.output, decoder.output_dim().value() * columns);
        resize(&mut self.d_output, decoder.output_dim().value() * columns);
        resize(&mut self.encoder_tape, encoder.tape_len(samples));
        resize(&mut self.decoder_tape, decoder.tape_len(columns));
        let pseudo = net.pseudo_inputs().len() / encoder.input_dim().value();
        self.pseudo.posterior.resize(pseudo);
        self.pseudo.d_posterior.resize(pseudo);
        resize(&mut self.pseudo.tape, encoder.tape_len(pseudo));
        resize(&mut self.pseudo.gradient, if pseudo > 0 { encoder.num_parameters() } else { 0 });
        let encoder_scratch = encoder.scratch_len(samples).max(encoder.scratch_len(pseudo));
        let backward = encoder_scratch.max(decoder.scratch_len(columns));
        let penalty = regularizer.scratch_len(encoder, samples, draws);
        resize(&mut self.scratch, backward.max(penalty));
        resize(&mut self.values, columns);
    }
}

/// What the encoder says about the pseudo-inputs of a prior that has some.
#[derive(Debug)]
pub(crate) struct Pseudo<E: Encoder> {
    pub(crate) posterior: E::Posterior,
    pub(crate) d_posterior: E::Posterior,
    pub(crate) tape: Vec<E::Scalar>,
    /// What they add to the gradient of the encoder's parameters.
    pub(crate) gradient: Vec<E::Scalar>,
}
