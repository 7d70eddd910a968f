//! What training makes small, and its gradient: one pass forward and one back.

use super::AutoEncoder;
use crate::batch::sample_weights;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::{Result, require_size};
use crate::loss::{Compared, Loss};
use crate::model::pass::{Net, Seen, Weights, drawn_anew};
use crate::model::workspace::Workspace;
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use crate::regularizer::Regularizer;
use crate::terms::Terms;

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
        gradient: Option<&mut [E::Scalar]>,
    ) {
        let seen = Seen { x, shares, streams };
        self.step_through((&self.encoder, &self.decoder), parameters, workspace, seen, gradient);
    }

    /// As [`step`](Self::step), through other parts of the same structure, which may differ in what they
    /// hold besides parameters.
    pub(crate) fn step_through(
        &self,
        (encoder, decoder): (&E, &D),
        parameters: &[E::Scalar],
        workspace: &mut Workspace<E>,
        Seen { x, shares, streams }: Seen<'_, E::Scalar, E::Input>,
        mut gradient: Option<&mut [E::Scalar]>,
    ) {
        let net = Net {
            encoder,
            decoder,
            regularizer: &self.regularizer,
            layout: &self.layout,
            state: &self.state,
        };
        let mut target = std::mem::take(&mut workspace.target);
        let x = drawn_anew(&self.regularizer, x, streams, &mut target);
        let of_loss = &parameters[self.loss_parameters()];
        net.pass(
            parameters,
            workspace,
            Seen { x, shares, streams },
            (self.loss.name(), x),
            |x, y, values, dy, weights| self.compare(x, y, of_loss, values, dy, weights),
            gradient.as_deref_mut(),
        );
        if let Some(gradient) = gradient.filter(|_| !of_loss.is_empty()) {
            let samples = x.samples();
            let y = BatchView::new(&workspace.output, x.dim());
            let draws = y.samples() / samples;
            let mut weights = std::mem::take(&mut workspace.weights);
            if weights.is_empty() {
                let mean = [E::Scalar::of(1.0 / y.samples() as f64)];
                let shares = shares.unwrap_or(&mean).iter().cycle();
                weights.extend(shares.take(samples * draws));
            }
            let to = &mut gradient[self.loss_parameters()];
            for (y, weights) in y.chunks(samples).zip(weights.chunks(samples)) {
                self.loss.parameter_gradient(Compared { x, y, parameters: of_loss }, weights, to);
            }
            workspace.weights = weights;
        }
        workspace.target = target;
    }

    /// The loss of each sample and, if wanted, the gradient of the sum of each times its weight.
    fn compare(
        &self,
        x: BatchView<'_, E::Scalar, E::Input>,
        y: BatchView<'_, E::Scalar, E::Input>,
        parameters: &[E::Scalar],
        values: &mut [E::Scalar],
        mut dy: Option<BatchViewMut<'_, E::Scalar, E::Input>>,
        weights: Weights<'_, E::Scalar>,
    ) {
        /// Values of x, y and dy that are looked at together: all three stay in the nearest cache.
        const TOGETHER: usize = 2048;
        let columns = TOGETHER.div_ceil(x.features());
        let same = [weights.mean; TOGETHER];
        let mut dy = dy.as_mut().map(|dy| dy.chunks_mut(columns));
        let blocks = x.chunks(columns).zip(y.chunks(columns));
        for (block, ((x, y), values)) in blocks.zip(values.chunks_mut(columns)).enumerate() {
            let at = Compared { x, y, parameters };
            self.loss.values(at, values);
            if let Some(dy) = dy.as_mut().and_then(Iterator::next) {
                let weights = match weights.shares {
                    None => &same[..values.len()],
                    Some(shares) => &shares[block * columns..][..values.len()],
                };
                self.loss.gradient(at, weights, dy);
            }
        }
    }
}
