//! What training makes small, and its gradient: one pass forward and one back.

use super::AutoEncoder;
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::{Result, require_size};
use crate::layer::Pass;
use crate::loss::Loss;
use crate::parallel::{ELEMENT, in_parts};
use crate::posterior::Posterior;
use crate::random::Streams;
use crate::regularizer::{Encoded, PenaltyGradient, Regularizer};
use crate::sample_weights;
use crate::workspace::Workspace;
use crate::{Batch, BatchView, BatchViewMut, Scalar, Terms};

impl<E, D, R, L> AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    /// The objective on these samples, term by term, without any randomness: no corruption, the
    /// posterior's mean as the code. This is what validation and early stopping look at; for a
    /// variational model it lies below the negative [`elbo`](Self::elbo), which draws.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn loss(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Terms> {
        self.checked_objective("loss", x, None, None, None)
    }

    /// The objective on one batch and, if wanted, its gradient, which is written over `gradient`.
    ///
    /// With `streams` it is the objective of a training step: corrupted, with drawn codes; without
    /// them it is [`loss`](Self::loss).
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless `gradient` is as long as the parameters.
    pub fn objective(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [E::Scalar]>,
    ) -> Result<Terms> {
        self.checked_objective("objective", x, None, streams, gradient)
    }

    /// As [`objective`](Self::objective), with a weight for each sample as
    /// [`Trainer::sample_weights`](crate::Trainer::sample_weights) has them: the means over samples
    /// are Σᵢ wᵢ ·ᵢ / Σᵢ wᵢ.
    ///
    /// # Errors
    /// As [`objective`](Self::objective); and what `sample_weights` refuses.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Batch, CodeL1, Dense, activation::{Identity, Tanh}};
    ///
    /// let model = AutoEncoder::builder()
    ///     .encoder(Dense::<2, 1>::new(Tanh))
    ///     .decoder(Dense::<1, 2>::new(Identity))
    ///     .regularizer(CodeL1::new(0.1)?)
    ///     .build::<f64>()?;
    /// let (one, other) = ([0.1, 0.2], [0.9, 0.3]);
    /// let weighted = Batch::from_iter([one, other]);
    /// let weighted = model.weighted_objective(&weighted, &[1.0, 2.0], None, None)?;
    /// let repeated = model.loss(&Batch::from_iter([one, other, other]))?;
    /// assert!((weighted.total() - repeated.total()).abs() < 1e-15);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn weighted_objective(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        sample_weights: &[f64],
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [E::Scalar]>,
    ) -> Result<Terms> {
        self.checked_objective("weighted_objective", x, Some(sample_weights), streams, gradient)
    }

    /// The objective of a training step at other parameters than the model's own, as a finite
    /// difference or a line search needs it.
    ///
    /// # Errors
    /// As [`objective`](Self::objective).
    pub fn objective_at(
        &self,
        parameters: &[E::Scalar],
        x: &Batch<E::Scalar, E::Input>,
        streams: Option<Streams<'_>>,
    ) -> Result<Terms> {
        let call = "objective_at";
        let mut buffer = Vec::new();
        let x = self.compared(call, x.view(), &mut buffer)?;
        require_size(call, "parameters", self.parameters.len(), parameters.len())?;
        let mut workspace = self.workspace();
        self.step(parameters, &mut workspace, x, None, streams, None);
        Ok(workspace.terms)
    }

    fn checked_objective(
        &self,
        call: &'static str,
        x: &Batch<E::Scalar, E::Input>,
        weights: Option<&[f64]>,
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [E::Scalar]>,
    ) -> Result<Terms> {
        let mut buffer = Vec::new();
        let x = self.compared(call, x.view(), &mut buffer)?;
        let (mut shares, all) = (Vec::new(), Vec::from_iter(0..x.samples()));
        let shares = match weights {
            None => None,
            Some(weights) => {
                sample_weights::check(call, weights, x.samples())?;
                sample_weights::shares(weights, &all, &mut shares)
            }
        };
        if let Some(gradient) = &gradient {
            require_size(call, "gradients", self.parameters.len(), gradient.len())?;
        }
        let mut workspace = self.workspace();
        self.step(&self.parameters, &mut workspace, x, shares, streams, gradient);
        Ok(workspace.terms)
    }

    /// One pass forward and, if a gradient is wanted, back, at these parameters, with the share of each
    /// sample if they do not count alike; terms are left in the workspace.
    pub(crate) fn step(
        &self,
        parameters: &[E::Scalar],
        workspace: &mut Workspace<E>,
        x: BatchView<'_, E::Scalar, E::Input>,
        shares: Option<&[E::Scalar]>,
        streams: Option<Streams<'_>>,
        mut gradient: Option<&mut [E::Scalar]>,
    ) {
        let samples = x.samples();
        workspace.prepare(self, samples);
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
        self.decoder.decode(parameters, z, BatchViewMut::new(output, x.dim()), decoder_tape);
        let y = BatchView::new(output, x.dim());

        // loss(x, y) and its gradient at y, a few samples at a time while they are in the cache
        let weight = E::Scalar::of(1.0 / samples as f64);
        let mut dy = gradient.is_some().then(|| BatchViewMut::new(d_output, x.dim()));
        let d_losses = dy.as_mut().map(BatchViewMut::reborrow);
        let parts = (x, (y, shares), &mut values[..], d_losses);
        in_parts(samples, ELEMENT * x.features(), parts, |(x, (y, shares), values, d_losses)| {
            self.compare(x, y, values, d_losses, (weight, shares));
        });
        let mean = sample_weights::mean(values, shares);
        terms.clear();
        terms.add(self.loss.name(), mean);

        let is_tied = self.decoder.is_tied();
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
            encoder: &self.encoder,
            parameters,
            layout: &self.layout,
            x: seen,
            posterior,
            tape: encoder_tape,
            state: &self.state,
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

    /// The loss of each sample and, if wanted, the gradient of the sum of each times its share, or
    /// without shares times the weight.
    fn compare(
        &self,
        x: BatchView<'_, E::Scalar, E::Input>,
        y: BatchView<'_, E::Scalar, E::Input>,
        values: &mut [E::Scalar],
        mut dy: Option<BatchViewMut<'_, E::Scalar, E::Input>>,
        (weight, shares): (E::Scalar, Option<&[E::Scalar]>),
    ) {
        /// Values of x, y and dy that are looked at together: all three stay in the nearest cache.
        const TOGETHER: usize = 2048;
        let columns = TOGETHER.div_ceil(x.features());
        let weights = [weight; TOGETHER];
        let mut dy = dy.as_mut().map(|dy| dy.chunks_mut(columns));
        let blocks = x.chunks(columns).zip(y.chunks(columns));
        for (block, ((x, y), values)) in blocks.zip(values.chunks_mut(columns)).enumerate() {
            self.loss.values(x, y, values);
            if let Some(dy) = dy.as_mut().and_then(Iterator::next) {
                let weights = match shares {
                    None => &weights[..values.len()],
                    Some(shares) => &shares[block * columns..][..values.len()],
                };
                self.loss.gradient(x, y, weights, dy);
            }
        }
    }
}
