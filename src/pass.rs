//! One pass forward and one back over encoder, decoder and regularizer, whatever the outputs are
//! compared with.

use nalgebra::Dim;

use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::layer::Pass;
use crate::parallel::{Divide, ELEMENT, in_parts};
use crate::posterior::Posterior;
use crate::random::Streams;
use crate::regularizer::{Encoded, PenaltyGradient, Regularizer};
use crate::sample_weights;
use crate::workspace::Workspace;
use crate::{BatchView, BatchViewMut, Layout, Scalar};

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
    /// One pass forward and, if a gradient is wanted, back; terms are left in the workspace.
    ///
    /// `compare` writes the loss, which has the given name, of each output against its target and, if
    /// wanted, the gradient of the sum of each times its weight. It is given some samples at a time.
    pub(crate) fn pass<G: Divide + Send>(
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
        workspace.prepare(self, samples);
        let outputs = self.decoder.output_dim();
        let own = self.encoder.num_parameters();
        let Workspace {
            taken: _,
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
        let draws = streams.filter(|_| self.regularizer.draws_code());
        if let Some(streams) = draws {
            let drawn = BatchViewMut::new(code, self.encoder.code_dim());
            posterior.draw_code(streams.at(1), drawn, noise);
        }
        let z = match draws {
            Some(_) => BatchView::new(code, self.encoder.code_dim()),
            None => posterior.mean(),
        };
        self.decoder.decode(parameters, z, BatchViewMut::new(output, outputs), decoder_tape);
        let y = BatchView::new(output, outputs);

        // loss(target, y) and its gradient at y, a few samples at a time while they are in the cache
        let mean = E::Scalar::of(1.0 / samples as f64);
        let mut dy = gradient.is_some().then(|| BatchViewMut::new(d_output, outputs));
        let d_losses = dy.as_mut().map(BatchViewMut::reborrow);
        let parts = (target, (y, shares), &mut values[..], d_losses);
        let cost = ELEMENT * outputs.value();
        in_parts(samples, cost, parts, |(target, (y, shares), values, d_losses)| {
            compare(target, y, values, d_losses, Weights { mean, shares });
        });
        let mean = sample_weights::mean(values, shares);
        terms.clear();
        terms.add(loss, mean);

        let is_tied = self.decoder.tied_to().is_some();
        let adds = gradient.is_some() && (is_tied || self.regularizer.adds_to_parameters());
        d_parameters.clear();
        d_parameters.resize(if adds { parameters.len() } else { 0 }, E::Scalar::ZERO);

        // y → z → posterior
        let trains_encoder = !self.layout.is_frozen(0..own);
        if let (Some(gradient), Some(dy)) = (gradient.as_deref_mut(), dy) {
            let pass = Pass { parameters, x: z, y, tape: decoder_tape };
            // The encoder's pass writes over what a tied decoder says about the encoder's weights.
            let to = if is_tied { &mut d_parameters[..] } else { &mut *gradient };
            let to = Some(to).filter(|_| is_tied || !self.layout.is_frozen(own..parameters.len()));
            d_posterior.set_zero();
            if !trains_encoder {
                self.decoder.backward(pass, dy, None, to, scratch);
            } else if draws.is_some() {
                let mut dz = BatchViewMut::new(d_code, self.encoder.code_dim());
                self.decoder.backward(pass, dy, Some(dz.reborrow()), to, scratch);
                posterior.draw_code_backward(dz.as_view(), noise, d_posterior);
            } else {
                let dz = d_posterior.mean_mut();
                self.decoder.backward(pass, dy, Some(dz), to, scratch);
            }
            if is_tied {
                gradient[own..].fill(E::Scalar::ZERO);
            }
        }

        // penalty(posterior, encoder)
        let encoded = Encoded {
            encoder: self.encoder,
            parameters,
            layout: self.layout,
            x: seen,
            posterior,
            tape: encoder_tape,
            state: self.state,
            shares,
            streams: streams.map(|streams| streams.at(2)),
        };
        let mut penalty_gradient = gradient
            .is_some()
            .then_some(PenaltyGradient { posterior: &mut *d_posterior, parameters: d_parameters });
        self.regularizer.penalty(&encoded, penalty_gradient.as_mut(), scratch, terms);

        // posterior → x̃
        if let Some(gradient) = gradient {
            if trains_encoder {
                let inference = encoded.inference();
                let own = Some(&mut gradient[..own]);
                self.encoder.backward(inference, d_posterior, None, own, scratch);
            }
            for (g, &d) in gradient.iter_mut().zip(&*d_parameters) {
                *g += d;
            }
            for frozen in self.layout.frozen_ranges() {
                gradient[frozen].fill(E::Scalar::ZERO);
            }
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
