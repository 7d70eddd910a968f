//! One pass forward and one back over encoder, decoder and regularizer, whatever the outputs are
//! compared with.

use std::ops::Range;

use nalgebra::Dim;

use crate::batch::sample_weights;
use crate::batch::{BatchView, BatchViewMut};
use crate::code::decoder::Decoder;
use crate::code::encoder::{Encoder, Inference};
use crate::code::posterior::Posterior;
use crate::layer::Pass;
use crate::layer::layout::Layout;
use crate::model::workspace::{Pseudo, Workspace};
use crate::numbers::parallel::{Divide, ELEMENT, in_parts};
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use crate::regularizer::{Encoded, PenaltyGradient, Regularizer};

/// What a pass goes through.
pub(crate) struct Net<'a, E: Encoder, D, R> {
    pub(crate) encoder: &'a E,
    pub(crate) decoder: &'a D,
    pub(crate) regularizer: &'a R,
    pub(crate) layout: &'a Layout,
    /// The regularizer's.
    pub(crate) state: &'a [E::Scalar],
}

/// The samples of a pass.
pub(crate) struct Seen<'a, T, I> {
    pub(crate) x: BatchView<'a, T, I>,
    /// How much each counts, together 1, if they do not count alike.
    pub(crate) shares: Option<&'a [T]>,
    /// The randomness of a training step; without it nothing is corrupted or drawn.
    pub(crate) streams: Option<Streams<'a>>,
}

/// The samples of a pass, drawn anew into the buffer where the regularizer does that.
pub(crate) fn drawn_anew<'a, E: Encoder, R: Regularizer<E>>(
    regularizer: &R,
    x: BatchView<'a, E::Scalar, E::Input>,
    streams: Option<Streams<'_>>,
    buffer: &'a mut Vec<E::Scalar>,
) -> BatchView<'a, E::Scalar, E::Input> {
    match streams {
        Some(streams) if regularizer.corrupts_target() => {
            buffer.clear();
            buffer.extend_from_slice(x.as_slice());
            regularizer.corrupt_target(BatchViewMut::new(buffer, x.dim()), streams.at(3));
            BatchView::new(buffer, x.dim())
        }
        _ => x,
    }
}

/// What the loss of each sample is multiplied by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a, T> {
    /// One over the number of samples.
    pub(crate) mean: T,
    /// One for each sample, in place of that.
    pub(crate) shares: Option<&'a [T]>,
}

impl<T: Scalar> Weights<'_, T> {
    /// That of one sample.
    pub(crate) fn of(&self, sample: usize) -> T {
        self.shares.map_or(self.mean, |shares| shares[sample])
    }
}

impl<E, D, R> Net<'_, E, D, R>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code>,
    R: Regularizer<E>,
{
    /// The place of the prior's pseudo-inputs among the regularizer's parameters, a column each.
    pub(crate) fn pseudo_inputs(&self) -> Range<usize> {
        let prior = self.regularizer.prior(self.encoder);
        prior.map_or(0..0, |(first, prior)| {
            let inputs = prior.pseudo_inputs(self.encoder);
            first + inputs.start..first + inputs.end
        })
    }

    /// One pass forward and, if a gradient is wanted, back; terms are left in the workspace. The parameters
    /// are those of encoder, decoder, loss and regularizer; the gradient of the loss's is left at 0.
    ///
    /// `compare` writes the loss, which has the given name, of each output against its target and, if
    /// wanted, the gradient of the sum of each times its weight. It is given some samples at a time.
    pub(crate) fn pass<G: Divide + Send + Copy>(
        &self,
        parameters: &[E::Scalar],
        workspace: &mut Workspace<E>,
        Seen { x, shares, streams }: Seen<'_, E::Scalar, E::Input>,
        (loss, target): (&'static str, G),
        compare: impl Fn(
            G,
            BatchView<'_, E::Scalar, D::Output>,
            &mut [E::Scalar],
            Option<BatchViewMut<'_, E::Scalar, D::Output>>,
            Weights<'_, E::Scalar>,
        ) + Sync,
        mut gradient: Option<&mut [E::Scalar]>,
    ) {
        let samples = x.samples();
        let draws = if streams.is_some() { self.regularizer.draws() } else { 0 };
        let columns = samples * draws.max(1);
        workspace.prepare(self, samples, draws);
        let (code_dim, output_dim) = (self.encoder.code_dim(), self.decoder.output_dim());
        let own = self.encoder.num_parameters();
        let end = own + self.decoder.num_parameters();
        let penalty = parameters.len() - self.regularizer.num_parameters(self.encoder);
        let Workspace {
            taken: _,
            target: _,
            input,
            posterior,
            d_posterior,
            code,
            d_code,
            noise,
            output,
            d_output,
            encoder_tape,
            decoder_tape,
            scratch,
            d_parameters,
            values,
            losses,
            weights,
            pseudo,
            terms,
        } = workspace;

        // x̃
        let seen = match streams {
            Some(streams) if self.regularizer.corrupts() => {
                input.resize(x.as_slice().len(), E::Scalar::ZERO);
                let corrupted = BatchViewMut::new(input, x.dim());
                let parts = (x, corrupted, streams.at(0));
                in_parts(samples, ELEMENT * x.features(), parts, |(x, mut corrupted, streams)| {
                    corrupted.as_mut_slice().copy_from_slice(x.as_slice());
                    self.regularizer.corrupt(corrupted, streams);
                });
                BatchView::new(input, x.dim())
            }
            _ => x,
        };

        // x̃ → posterior → z → y
        self.encoder.infer(&parameters[..own], seen, posterior, encoder_tape);
        let pseudo_inputs = self.pseudo_inputs();
        let has_pseudo = !pseudo_inputs.is_empty();
        if has_pseudo {
            let inputs = BatchView::new(&parameters[penalty..][pseudo_inputs.clone()], x.dim());
            let Pseudo { posterior, tape, .. } = &mut *pseudo;
            self.encoder.infer(&parameters[..own], inputs, posterior, tape);
        }
        let (code_len, noise_len) = (code_dim.value() * samples, posterior.noise_len());
        if let Some(streams) = streams {
            for draw in 0..draws {
                let drawn = &mut code[draw * code_len..][..code_len];
                let noise = &mut noise[draw * noise_len..][..noise_len];
                let streams = streams.at(1).draw(draw);
                posterior.draw_code(streams, BatchViewMut::new(drawn, code_dim), noise);
            }
        }
        let codes = (draws > 0).then(|| BatchView::new(code, code_dim));
        let z = codes.unwrap_or_else(|| posterior.mean());
        let y = BatchViewMut::new(output, output_dim);
        self.decoder.decode(&parameters[..end], z, y, decoder_tape);
        let y = BatchView::new(output, output_dim);

        // loss(target, y) and its gradient at y, a few samples at a time while they are in the cache
        let compare_all = |values: &mut [E::Scalar],
                           mut dy: Option<BatchViewMut<'_, E::Scalar, D::Output>>,
                           weights: Weights<'_, E::Scalar>| {
            let cost = ELEMENT * output_dim.value();
            let ys = y.chunks(samples).zip(values.chunks_mut(samples));
            let mut dys = dy.as_mut().map(|dy| dy.chunks_mut(samples));
            for (draw, (y, values)) in ys.enumerate() {
                let shares = weights.shares.map(|shares| &shares[draw * samples..][..samples]);
                let parts = (target, (y, shares), values, dys.as_mut().and_then(Iterator::next));
                in_parts(samples, cost, parts, |(target, (y, shares), values, dy)| {
                    compare(target, y, values, dy, Weights { mean: weights.mean, shares });
                });
            }
        };
        let mean = E::Scalar::of(1.0 / columns as f64);
        let weighs = gradient.is_some() && draws > 0 && self.regularizer.weighs_draws();
        weights.clear();
        if weighs || draws > 1 && shares.is_some() {
            weights.resize(columns, mean);
            if let Some(shares) = shares {
                let of_draw = E::Scalar::of(1.0 / draws as f64);
                for (weight, &share) in weights.iter_mut().zip(shares.iter().cycle()) {
                    *weight = of_draw * share;
                }
            }
        }
        let given = if weights.is_empty() { shares } else { Some(&weights[..]) };
        let mut dy = gradient.is_some().then(|| BatchViewMut::new(d_output, output_dim));
        let d_losses = dy.as_mut().filter(|_| !weighs).map(BatchViewMut::reborrow);
        compare_all(values, d_losses, Weights { mean, shares: given });
        let of_draws = values.chunks(samples).map(|values| sample_weights::mean(values, shares));
        let mean_loss = of_draws.reduce(|sum, mean| sum + mean).unwrap_or(E::Scalar::ZERO);
        terms.clear();
        terms
            .add(loss, if draws > 1 { mean_loss / E::Scalar::of(draws as f64) } else { mean_loss });
        losses.clear();
        losses.extend_from_slice(values);

        // what a penalty sees
        let encoded = Encoded {
            encoder: self.encoder,
            parameters: &parameters[..end],
            layout: self.layout,
            x: seen,
            posterior,
            tape: encoder_tape,
            own: &parameters[penalty..],
            state: self.state,
            codes,
            noise,
            losses,
            pseudo: has_pseudo.then_some(&pseudo.posterior),
            shares,
            streams: streams.map(|streams| streams.at(2)),
        };
        if weighs {
            self.regularizer.weigh_draws(&encoded, weights, scratch);
            let d_losses = dy.as_mut().map(BatchViewMut::reborrow);
            compare_all(values, d_losses, Weights { mean, shares: Some(weights) });
        }

        let is_tied = self.decoder.tied_to().is_some();
        let adds = gradient.is_some() && (is_tied || self.regularizer.adds_to_parameters());
        d_parameters.clear();
        d_parameters.resize(if adds { end } else { 0 }, E::Scalar::ZERO);

        // y → z
        let trains_encoder = !self.layout.is_frozen(0..own);
        if let (Some(gradient), Some(dy)) = (gradient.as_deref_mut(), dy) {
            let pass = Pass { parameters: &parameters[..end], x: z, y, tape: decoder_tape };
            // The encoder's pass writes over what a tied decoder says about the encoder's weights.
            let to = if is_tied { &mut d_parameters[..] } else { &mut gradient[..end] };
            let to = Some(to).filter(|_| is_tied || !self.layout.is_frozen(own..end));
            d_posterior.set_zero();
            let dz = match draws {
                _ if !trains_encoder => None,
                0 => Some(d_posterior.mean_mut()),
                _ => Some(BatchViewMut::new(d_code, code_dim)),
            };
            self.decoder.backward(pass, dy, dz, to, scratch);
            if is_tied {
                gradient[own..end].fill(E::Scalar::ZERO);
            }
            gradient[end..].fill(E::Scalar::ZERO);
        }
        if !trains_encoder {
            d_code.fill(E::Scalar::ZERO);
        }

        // penalty(posterior, z, encoder)
        if has_pseudo {
            pseudo.d_posterior.set_zero();
        }
        let mut penalty_gradient = gradient.as_deref_mut().map(|gradient| PenaltyGradient {
            posterior: &mut *d_posterior,
            codes: (draws > 0).then(|| BatchViewMut::new(d_code, code_dim)),
            parameters: d_parameters,
            own: &mut gradient[penalty..],
            pseudo: has_pseudo.then_some(&mut pseudo.d_posterior),
        });
        self.regularizer.penalty(&encoded, penalty_gradient.as_mut(), scratch, terms);

        // z → posterior → x̃
        let Some(gradient) = gradient else { return };
        if trains_encoder {
            for draw in 0..draws {
                let dz = BatchView::new(&d_code[draw * code_len..][..code_len], code_dim);
                let noise = &noise[draw * noise_len..][..noise_len];
                posterior.draw_code_backward(dz, noise, d_posterior);
            }
            let inference = encoded.inference();
            let to = Some(&mut gradient[..own]);
            self.encoder.backward(inference, d_posterior, None, to, scratch);
        }
        if has_pseudo {
            let Pseudo { posterior, d_posterior, tape, gradient: d_own } = pseudo;
            let (parameters, inputs) = parameters.split_at(penalty);
            let x = BatchView::new(&inputs[pseudo_inputs.clone()], x.dim());
            let inference = Inference { parameters: &parameters[..own], x, posterior, tape };
            let dx = BatchViewMut::new(&mut gradient[penalty..][pseudo_inputs], x.dim());
            self.encoder.backward(inference, d_posterior, Some(dx), Some(d_own), scratch);
            gradient.iter_mut().zip(&*d_own).for_each(|(g, &d)| *g += d);
        }
        gradient.iter_mut().zip(&*d_parameters).for_each(|(g, &d)| *g += d);
        for frozen in self.layout.frozen_ranges() {
            gradient[frozen].fill(E::Scalar::ZERO);
        }
    }
}

/// Samples that are encoded or decoded at a time: enough for the products, few enough for the cache.
pub(crate) const BLOCK: usize = 256;

/// The fewest columns a product is given, by padding with zeros. Below six, nalgebra takes another
/// kernel with other bits, and a sample's code would depend on its neighbours.
pub(crate) const FEWEST_COLUMNS: usize = 8;

/// Runs `map` over blocks of samples; a block too small for the products is padded with zeros.
pub(crate) fn in_blocks<E: Encoder, I: Dim, O: Dim>(
    from: BatchView<'_, E::Scalar, I>,
    mut to: BatchViewMut<'_, E::Scalar, O>,
    workspace: &mut Workspace<E>,
    map: impl Fn(&mut Workspace<E>, BatchView<'_, E::Scalar, I>, &mut [E::Scalar]),
) {
    let (inputs, outputs) = (from.features(), to.features());
    let mut padded = std::mem::take(&mut workspace.input);
    for (x, out) in from.chunks(BLOCK).zip(to.as_mut_slice().chunks_mut(BLOCK * outputs)) {
        if x.samples() < FEWEST_COLUMNS {
            padded.clear();
            padded.extend_from_slice(x.as_slice());
            padded.resize(FEWEST_COLUMNS * inputs, E::Scalar::ZERO);
            map(workspace, BatchView::new(&padded, from.dim()), out);
        } else {
            map(workspace, x, out);
        }
    }
    workspace.input = padded;
}

/// Writes the posterior of these samples into the workspace.
pub(crate) fn infer<E: Encoder>(
    encoder: &E,
    parameters: &[E::Scalar],
    x: BatchView<'_, E::Scalar, E::Input>,
    workspace: &mut Workspace<E>,
) {
    let Workspace { posterior, encoder_tape, .. } = workspace;
    posterior.resize(x.samples());
    encoder_tape.resize(encoder.tape_len(x.samples()), E::Scalar::ZERO);
    encoder.infer(parameters, x, posterior, encoder_tape);
}

/// Writes what the decoder makes of these codes into `output`.
pub(crate) fn generate<D: Decoder>(
    decoder: &D,
    parameters: &[D::Scalar],
    code: BatchView<'_, D::Scalar, D::Code>,
    output: &mut Vec<D::Scalar>,
    tape: &mut Vec<D::Scalar>,
) {
    let samples = code.samples();
    output.resize(decoder.output_dim().value() * samples, D::Scalar::ZERO);
    tape.resize(decoder.tape_len(samples), D::Scalar::ZERO);
    let output = BatchViewMut::new(output, decoder.output_dim());
    decoder.decode(parameters, code, output, tape);
}
