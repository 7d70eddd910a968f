//! The model: encoder, decoder, regularizer and loss over one flat buffer of parameters.

use nalgebra::Dim;
use rand::Rng;

use crate::batch::{check_domain, check_finite};
use crate::decoder::Decoder;
use crate::encoder::{Encoder, Inference};
use crate::error::{Result, require_count, require_size};
use crate::layer::Pass;
use crate::layer::jacobian::Jacobian;
use crate::loss::{Loss, SquaredError};
use crate::posterior::{Gaussianlike, Posterior};
use crate::random::{Streams, keyed};
use crate::regularizer::{Encoded, NoRegularizer, PenaltyGradient, Regularizer};
use crate::workspace::Workspace;
use crate::{Batch, BatchView, BatchViewMut, Layout, Sample, Scalar, Terms};

/// Encoder, decoder, regularizer and loss, with their parameters: a trained or trainable model.
///
/// Made by [`AutoEncoder::builder`], trained by a [`Trainer`](crate::Trainer).
///
/// | call | gives | draws? |
/// |---|---|---|
/// | [`encode`](Self::encode) | the code: of a Gaussian posterior, its mean | no |
/// | [`decode`](Self::decode) | the reconstruction of a code | no |
/// | [`reconstruct`](Self::reconstruct) | decode after encode | no |
/// | [`score`](Self::score) | the loss of each sample's reconstruction | no |
/// | [`loss`](Self::loss) | the objective, term by term; this is what drives validation | no |
/// | [`elbo`](Self::elbo) | the evidence lower bound, with drawn codes | yes |
/// | [`sample`](Self::sample) | reconstructions of codes drawn from the prior | yes |
///
/// # Shapes
/// Inputs and reconstructions are `Input × samples`, codes are `Code × samples`. `encode_one` and its
/// like take and give one sample.
///
/// # Errors
/// All calls that take data refuse NaN and infinity, a wrong width and zero samples, naming the
/// place, and then have changed nothing. The calls that compute a loss also refuse what the loss
/// is not defined on.
#[derive(Debug, Clone)]
pub struct AutoEncoder<E: Encoder, D, R = NoRegularizer, L = SquaredError> {
    encoder: E,
    decoder: D,
    regularizer: R,
    loss: L,
    layout: Layout,
    pub(crate) parameters: Vec<E::Scalar>,
    pub(crate) state: Vec<E::Scalar>,
}

/// The evidence lower bound and its two parts, in nats per sample (mean over samples and draws).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elbo {
    /// The mean loss of the reconstruction from a drawn code: −E ln p(x|z), if the loss is a
    /// likelihood.
    pub reconstruction: f64,
    /// KL(q(z|x) ‖ p(z)).
    pub kl: f64,
}

impl Elbo {
    /// The bound itself: −(reconstruction + KL). Higher is better.
    pub fn value(&self) -> f64 {
        -(self.reconstruction + self.kl)
    }
}

/// Samples that are encoded or decoded at a time: enough for the products, few enough for the cache.
const BLOCK: usize = 256;

/// The fewest columns a product is given, by padding with zeros. Below six, nalgebra takes another
/// kernel with other bits, and a sample's code would depend on its neighbours.
const FEWEST_COLUMNS: usize = 8;

impl<E: Encoder, D, R, L> AutoEncoder<E, D, R, L> {
    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// The decoder.
    pub fn decoder(&self) -> &D {
        &self.decoder
    }

    /// The regularizer.
    pub fn regularizer(&self) -> &R {
        &self.regularizer
    }

    /// The loss.
    pub fn loss_function(&self) -> &L {
        &self.loss
    }

    /// Where each tensor lies in [`parameters`](Self::parameters); prints as a summary table.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of trained parameters.
    pub fn num_parameters(&self) -> usize {
        self.parameters.len()
    }

    /// All parameters: the encoder's, then the decoder's; [`layout`](Self::layout) says where each lies.
    pub fn parameters(&self) -> &[E::Scalar] {
        &self.parameters
    }

    /// One tensor by its path name, such as `encoder.0.weight`, stored column by column.
    pub fn parameter(&self, name: &str) -> Option<&[E::Scalar]> {
        self.layout.get(name).map(|tensor| &self.parameters[tensor.range.clone()])
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for another number of parameters, [`Error::NotFinite`](crate::Error::NotFinite) (row: the
    /// index) for one that is not finite.
    pub fn set_parameters(&mut self, parameters: &[E::Scalar]) -> Result<()> {
        let call = "set_parameters";
        require_size(call, "parameters", self.parameters.len(), parameters.len())?;
        let rows = nalgebra::Dyn(parameters.len());
        check_finite(call, rows, BatchView::new(parameters, rows))?;
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }
}

impl<E, D, R, L> AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    pub(crate) fn assemble(encoder: E, decoder: D, regularizer: R, loss: L, seed: u64) -> Self {
        let mut layout = Layout::new();
        layout.scope("encoder", |layout| encoder.layout(layout));
        layout.scope("decoder", |layout| decoder.layout(layout));
        let mut parameters = vec![E::Scalar::ZERO; layout.num_parameters()];
        let (for_encoder, for_decoder) = parameters.split_at_mut(encoder.num_parameters());
        let mut rng = keyed(seed, 0, 0);
        encoder.draw_parameters(for_encoder, &mut rng);
        decoder.draw_parameters(for_decoder, &mut rng);
        let state = vec![E::Scalar::ZERO; regularizer.state_len(&encoder)];
        Self { encoder, decoder, regularizer, loss, layout, parameters, state }
    }

    fn encoder_parameters(&self) -> &[E::Scalar] {
        &self.parameters[..self.encoder.num_parameters()]
    }

    /// The code of each sample: `Code × samples`.
    ///
    /// A sample's code has the same bits in whatever batch and at whatever place it comes.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn encode(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Batch<E::Scalar, E::Code>> {
        check_finite("encode", self.encoder.input_dim(), x.view())?;
        let mut codes = Batch::zeros(self.encoder.code_dim(), x.samples());
        self.in_blocks(x.view(), codes.view_mut(), |model, workspace, x, out| {
            model.infer(workspace, x);
            out.copy_from_slice(&workspace.posterior.mean().as_slice()[..out.len()]);
        });
        Ok(codes)
    }

    /// The reconstruction of each code: `Input × samples`, in the domain of the inputs (for a
    /// Bernoulli loss, probabilities).
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn decode(&self, code: &Batch<E::Scalar, E::Code>) -> Result<Batch<E::Scalar, E::Input>> {
        check_finite("decode", self.encoder.code_dim(), code.view())?;
        Ok(self.decode_unchecked(code))
    }

    fn decode_unchecked(&self, code: &Batch<E::Scalar, E::Code>) -> Batch<E::Scalar, E::Input> {
        let mut outputs = Batch::zeros(self.encoder.input_dim(), code.samples());
        self.in_blocks(code.view(), outputs.view_mut(), |model, workspace, code, out| {
            model.generate(workspace, code);
            out.copy_from_slice(&workspace.output[..out.len()]);
        });
        self.loss.reconstruct(outputs.view_mut());
        outputs
    }

    /// The reconstruction of each sample: `Input × samples`, in the domain of the inputs.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn reconstruct(
        &self,
        x: &Batch<E::Scalar, E::Input>,
    ) -> Result<Batch<E::Scalar, E::Input>> {
        check_finite("reconstruct", self.encoder.input_dim(), x.view())?;
        let mut outputs = self.outputs(x);
        self.loss.reconstruct(outputs.view_mut());
        Ok(outputs)
    }

    /// The loss of each sample's reconstruction: high for samples unlike those it was trained on.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn score(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Vec<E::Scalar>> {
        check_domain::<D, L>("score", self.encoder.input_dim(), &self.loss, x.view())?;
        let outputs = self.outputs(x);
        let mut scores = vec![E::Scalar::ZERO; x.samples()];
        self.loss.values(x.view(), outputs.view(), &mut scores);
        Ok(scores)
    }

    /// The objective on these samples, term by term, without any randomness: no corruption, the
    /// posterior's mean as the code. This is what validation and early stopping look at; for a
    /// variational model it lies below the negative [`elbo`](Self::elbo), which draws.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn loss(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Terms> {
        self.checked_objective("loss", x, None, None)
    }

    /// The mean over these samples of ‖∂ code / ∂x‖²_F, exact: how fast the code moves as the input
    /// moves. It is what [`Contractive`](crate::Contractive) penalises.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn squared_jacobian(&self, x: &Batch<E::Scalar, E::Input>) -> Result<E::Scalar> {
        check_finite("squared_jacobian", self.encoder.input_dim(), x.view())?;
        let mut workspace = self.workspace();
        let mut total = E::Scalar::ZERO;
        for block in x.as_slice().chunks(BLOCK * x.features()) {
            let block = BatchView::new(block, x.dim());
            let samples = block.samples();
            self.infer(&mut workspace, block);
            let scratch = self.encoder.jacobian_scratch_len(samples);
            workspace.scratch.resize(scratch, E::Scalar::ZERO);
            let Workspace { posterior, encoder_tape: tape, scratch, .. } = &mut workspace;
            let parameters = self.encoder_parameters();
            let inference = Inference { parameters, x: block, posterior, tape };
            let mean =
                self.encoder.squared_jacobian(inference, Jacobian::Exact, None, None, scratch);
            total += mean * E::Scalar::of(samples as f64);
        }
        Ok(total / E::Scalar::of(x.samples() as f64))
    }

    /// The code of one sample. As accurate as [`encode`](Self::encode), though not to the last bit.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn encode_one<S>(&self, x: &S) -> Result<Vec<E::Scalar>>
    where
        S: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let x = one("encode_one", self.encoder.input_dim(), x.features())?;
        let mut workspace = self.workspace();
        self.infer(&mut workspace, x);
        Ok(workspace.posterior.mean().as_slice().to_vec())
    }

    /// The reconstruction of one code.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn decode_one<S>(&self, code: &S) -> Result<Vec<E::Scalar>>
    where
        S: Sample<E::Scalar, E::Code> + ?Sized,
    {
        let code = one("decode_one", self.encoder.code_dim(), code.features())?;
        let mut workspace = self.workspace();
        self.generate(&mut workspace, code);
        Ok(self.reconstruction_of_one(workspace))
    }

    /// The reconstruction of one sample.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn reconstruct_one<S>(&self, x: &S) -> Result<Vec<E::Scalar>>
    where
        S: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let x = one("reconstruct_one", self.encoder.input_dim(), x.features())?;
        let mut workspace = self.workspace();
        self.infer(&mut workspace, x);
        self.generate_from_mean(&mut workspace);
        Ok(self.reconstruction_of_one(workspace))
    }

    /// The loss of one sample's reconstruction.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn score_one<S>(&self, x: &S) -> Result<E::Scalar>
    where
        S: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let x = one("score_one", self.encoder.input_dim(), x.features())?;
        check_domain::<D, L>("score_one", self.encoder.input_dim(), &self.loss, x)?;
        let mut workspace = self.workspace();
        self.infer(&mut workspace, x);
        self.generate_from_mean(&mut workspace);
        let y = BatchView::new(&workspace.output, self.encoder.input_dim());
        let mut score = [E::Scalar::ZERO];
        self.loss.values(x, y, &mut score);
        Ok(score[0])
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
        self.checked_objective("objective", x, streams, gradient)
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
        check_domain::<D, L>(call, self.encoder.input_dim(), &self.loss, x.view())?;
        require_size(call, "parameters", self.parameters.len(), parameters.len())?;
        let mut workspace = self.workspace();
        self.step(parameters, &mut workspace, x.view(), streams, None);
        Ok(workspace.terms)
    }

    fn checked_objective(
        &self,
        call: &'static str,
        x: &Batch<E::Scalar, E::Input>,
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [E::Scalar]>,
    ) -> Result<Terms> {
        check_domain::<D, L>(call, self.encoder.input_dim(), &self.loss, x.view())?;
        if let Some(gradient) = &gradient {
            require_size(call, "gradients", self.parameters.len(), gradient.len())?;
        }
        let mut workspace = self.workspace();
        self.step(&self.parameters, &mut workspace, x.view(), streams, gradient);
        Ok(workspace.terms)
    }

    /// The memory of a training step, for [`step`](Self::step).
    pub(crate) fn workspace(&self) -> Workspace<E> {
        Workspace::new(&self.encoder)
    }

    /// One pass forward and, if a gradient is wanted, back, at these parameters; terms are left in
    /// the workspace.
    pub(crate) fn step(
        &self,
        parameters: &[E::Scalar],
        workspace: &mut Workspace<E>,
        x: BatchView<'_, E::Scalar, E::Input>,
        streams: Option<Streams<'_>>,
        mut gradient: Option<&mut [E::Scalar]>,
    ) {
        let samples = x.samples();
        workspace.prepare(self, samples);
        let own = self.encoder.num_parameters();
        let Workspace {
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
            values,
            terms,
        } = workspace;

        // x̃
        let seen = match streams {
            Some(streams) if self.regularizer.corrupts() => {
                input.clear();
                input.extend_from_slice(x.as_slice());
                let corrupted = BatchViewMut::new(input, x.dim());
                self.regularizer.corrupt(corrupted, streams.at(0));
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

        // loss(x, y)
        self.loss.values(x, y, values);
        let mean = crate::scalar::sum(values, |value| value) / E::Scalar::of(samples as f64);
        terms.clear();
        terms.add(self.loss.name(), mean);

        // y → z → posterior
        if let Some(gradient) = gradient.as_deref_mut() {
            gradient.fill(E::Scalar::ZERO);
            values.fill(E::Scalar::of(1.0 / samples as f64));
            let mut dy = BatchViewMut::new(d_output, x.dim());
            self.loss.gradient(x, y, values, dy.reborrow());
            let pass = Pass { parameters, x: z, y, tape: decoder_tape };
            d_posterior.set_zero();
            if draws.is_some() {
                let mut dz = BatchViewMut::new(d_code, self.encoder.code_dim());
                self.decoder.backward(pass, dy, dz.reborrow(), Some(gradient), scratch);
                posterior.draw_code_backward(dz.as_view(), noise, d_posterior);
            } else {
                let dz = d_posterior.mean_mut();
                self.decoder.backward(pass, dy, dz, Some(gradient), scratch);
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
            streams: streams.map(|streams| streams.at(2)),
        };
        let mut penalty_gradient = gradient
            .map(|gradient| PenaltyGradient { posterior: d_posterior, parameters: gradient });
        self.regularizer.penalty(&encoded, penalty_gradient.as_mut(), scratch, terms);

        // posterior → x̃
        if let Some(PenaltyGradient { posterior: d_posterior, parameters }) = penalty_gradient {
            let gradient = Some(&mut parameters[..own]);
            self.encoder.backward(encoded.inference(), d_posterior, None, gradient, scratch);
        }
    }

    /// Takes a training step's batch into the regularizer's state.
    pub(crate) fn update_state(&mut self, posterior: &E::Posterior) {
        self.regularizer.update_state(&self.encoder, posterior, &mut self.state);
    }

    /// Writes the posterior of these samples into the workspace.
    fn infer(&self, workspace: &mut Workspace<E>, x: BatchView<'_, E::Scalar, E::Input>) {
        let Workspace { posterior, encoder_tape, .. } = workspace;
        posterior.resize(x.samples());
        encoder_tape.resize(self.encoder.tape_len(x.samples()), E::Scalar::ZERO);
        self.encoder.infer(self.encoder_parameters(), x, posterior, encoder_tape);
    }

    /// Writes what the decoder makes of these codes into the workspace.
    fn generate(&self, workspace: &mut Workspace<E>, code: BatchView<'_, E::Scalar, E::Code>) {
        let Workspace { output, decoder_tape, .. } = workspace;
        generate(&self.decoder, &self.parameters, code, output, decoder_tape);
    }

    /// The same from the posterior's mean, which is in the workspace already.
    fn generate_from_mean(&self, workspace: &mut Workspace<E>) {
        let Workspace { posterior, output, decoder_tape, .. } = workspace;
        generate(&self.decoder, &self.parameters, posterior.mean(), output, decoder_tape);
    }

    /// The decoder's outputs for each sample, before the loss makes reconstructions of them.
    fn outputs(&self, x: &Batch<E::Scalar, E::Input>) -> Batch<E::Scalar, E::Input> {
        let mut outputs = Batch::zeros(self.encoder.input_dim(), x.samples());
        self.in_blocks(x.view(), outputs.view_mut(), |model, workspace, x, out| {
            model.infer(workspace, x);
            model.generate_from_mean(workspace);
            out.copy_from_slice(&workspace.output[..out.len()]);
        });
        outputs
    }

    fn reconstruction_of_one(&self, mut workspace: Workspace<E>) -> Vec<E::Scalar> {
        let output = BatchViewMut::new(&mut workspace.output, self.encoder.input_dim());
        self.loss.reconstruct(output);
        workspace.output
    }

    /// Runs `map` over blocks of samples; a block too small for the products is padded with zeros.
    fn in_blocks<I: Dim, O: Dim>(
        &self,
        from: BatchView<'_, E::Scalar, I>,
        mut to: BatchViewMut<'_, E::Scalar, O>,
        map: impl Fn(&Self, &mut Workspace<E>, BatchView<'_, E::Scalar, I>, &mut [E::Scalar]),
    ) {
        let (inputs, outputs) = (from.features(), to.features());
        let mut workspace = self.workspace();
        let mut padded = Vec::new();
        let blocks = from.as_slice().chunks(BLOCK * inputs);
        for (x, out) in blocks.zip(to.as_mut_slice().chunks_mut(BLOCK * outputs)) {
            if x.len() < FEWEST_COLUMNS * inputs {
                padded.extend_from_slice(x);
                padded.resize(FEWEST_COLUMNS * inputs, E::Scalar::ZERO);
                map(self, &mut workspace, BatchView::new(&padded, from.dim()), out);
            } else {
                map(self, &mut workspace, BatchView::new(x, from.dim()), out);
            }
        }
    }

    /// The evidence lower bound on these samples with `draws` codes drawn for each, in nats per
    /// sample if the loss is a likelihood. The bound is of the model alone: β and other
    /// regularizers play no part. Validation uses [`loss`](Self::loss), which does not draw.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no draws.
    ///
    /// # References
    /// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
    pub fn elbo(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Elbo>
    where
        E::Posterior: Gaussianlike,
    {
        check_domain::<D, L>("elbo", self.encoder.input_dim(), &self.loss, x.view())?;
        require_count("elbo draws", draws)?;
        let mut workspace = self.workspace();
        let (mut kl, mut reconstruction) = (0.0, 0.0);
        let mut codes = Batch::zeros(self.encoder.code_dim(), 0);
        for block in x.as_slice().chunks(BLOCK * x.features()) {
            let block = BatchView::new(block, x.dim());
            let samples = block.samples();
            self.infer(&mut workspace, block);
            workspace.values.resize(samples, E::Scalar::ZERO);
            workspace.posterior.kl_to_prior(&mut workspace.values);
            kl += workspace.values.iter().map(|kl| kl.to_double()).sum::<f64>();
            codes.resize(samples);
            workspace.noise.resize(workspace.posterior.noise_len(), E::Scalar::ZERO);
            for _ in 0..draws {
                let streams = Streams::new(rng.next_u64(), 0, &[]);
                let Workspace { posterior, noise, .. } = &mut workspace;
                posterior.draw_code(streams, codes.view_mut(), noise);
                self.generate(&mut workspace, codes.view());
                let y = BatchView::new(&workspace.output, x.dim());
                self.loss.values(block, y, &mut workspace.values);
                reconstruction += workspace.values.iter().map(|v| v.to_double()).sum::<f64>();
            }
        }
        let samples = x.samples() as f64;
        Ok(Elbo { reconstruction: reconstruction / (samples * draws as f64), kl: kl / samples })
    }

    /// Decodes `samples` codes drawn from the prior N(0, I): new data like that it was trained on.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no samples.
    pub fn sample(&self, samples: usize, rng: &mut impl Rng) -> Result<Batch<E::Scalar, E::Input>>
    where
        E::Posterior: Gaussianlike,
    {
        require_count("sample samples", samples)?;
        let mut codes = Batch::zeros(self.encoder.code_dim(), samples);
        E::Posterior::draw_prior(codes.view_mut(), rng);
        Ok(self.decode_unchecked(&codes))
    }
}

fn generate<D: Decoder>(
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

/// One sample as a batch of one.
fn one<'a, T: Scalar, R: Dim>(
    call: &'static str,
    rows: R,
    x: &'a [T],
) -> Result<BatchView<'a, T, R>> {
    require_size(call, "features", rows.value(), x.len())?;
    let view = BatchView::new(x, rows);
    check_finite(call, rows, view)?;
    Ok(view)
}
