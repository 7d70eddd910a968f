use std::fmt;
use std::ops::Range;
#[cfg(feature = "safetensors")]
use std::path::Path;

use nalgebra::Dim;
use rand::Rng;

use super::ConditionedPart;
use super::part::Told;
use crate::batch::check_finite;
use crate::batch::{Batch, BatchView};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::code::posterior::{Gaussianlike, Posterior};
use crate::data::Normalizer;
use crate::error::{Result, require_size};
use crate::layer::layout::Layout;
use crate::loss::{Loss, SquaredError};
use crate::model::Parts;
use crate::model::pass::{Seen, generate, in_blocks, infer};
use crate::model::workspace::Workspace;
use crate::model::{AggregatedPosterior, AutoEncoder, Elbo};
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use crate::regularizer::{NoRegularizer, Regularizer};
use crate::terms::Terms;

/// The encoder of a conditional model, and its decoder.
pub(super) type Encoding<E, D, K> = ConditionedPart<E, <D as Decoder>::Output, K>;
pub(super) type Decoding<E, D, K> = ConditionedPart<D, <E as Encoder>::Code, K>;

/// The model that it is where each pass has its conditions.
type Plain<E, D, K, R, L> = AutoEncoder<Encoding<E, D, K>, Decoding<E, D, K>, R, L>;

/// An autoencoder whose encoder and decoder are given a condition with each sample: a class, say, or
/// what was measured beside it.
///
/// Made by [`Builder::build_conditional`](crate::Builder::build_conditional), trained by
/// [`Trainer::fit_conditional`](crate::Trainer::fit_conditional). `E` and `D` are the parts inside, which are
/// given sample (or code) and condition as one column.
///
/// # Formula
/// Of a variational model: ln p(x | c) ≥ E ln p(x | z, c) − KL(q(z | x, c) ‖ p(z)), with z drawn from
/// q(z | x, c). The prior does not depend on the condition.
///
/// # Shapes
/// Samples and reconstructions are `Output × samples`, codes `Code × samples`, conditions `K × samples`: as
/// many as there are samples or codes.
///
/// # Errors
/// As [`AutoEncoder`] has them; and [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is a
/// condition for each sample, [`Error::NotFinite`](crate::Error::NotFinite) for NaN or infinity in one.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Batch, Conditioned, Dense, activation::{Identity, Tanh}};
///
/// let model = AutoEncoder::builder()
///     .encoder(Conditioned::<3, 1, _>::new(Dense::<4, 2>::new(Tanh)))
///     .decoder(Conditioned::<2, 1, _>::new(Dense::<3, 3>::new(Identity)))
///     .build_conditional::<f64>()?;
/// let x = Batch::from_iter([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]);
/// let code = model.encode(&x, &Batch::from_iter([[0.0], [1.0]]))?;
/// assert_ne!(code.sample(0), code.sample(1)); // the same sample under two conditions
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// K. Sohn, H. Lee, X. Yan (2015), Learning structured output representation using deep conditional
/// generative models.
pub struct ConditionalAutoEncoder<E, D, K, R = NoRegularizer, L = SquaredError>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    pub(super) model: Plain<E, D, K, R, L>,
}

impl<E, D, K, R: Clone, L: Clone> Clone for ConditionalAutoEncoder<E, D, K, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    fn clone(&self) -> Self {
        Self { model: self.model.clone() }
    }
}

/// Its parts and the number of its parameters, not their values.
impl<E, D, K, R: fmt::Debug, L: fmt::Debug> fmt::Debug for ConditionalAutoEncoder<E, D, K, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConditionalAutoEncoder").field(&self.model).finish()
    }
}

impl<E, D, K, R, L> ConditionalAutoEncoder<E, D, K, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    /// The regularizer.
    pub fn regularizer(&self) -> &R {
        self.model.regularizer()
    }

    /// What samples go through before the encoder sees them, and reconstructions go back through.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        self.model.normalizer()
    }

    /// Where each tensor lies in [`parameters`](Self::parameters); prints as a summary table.
    pub fn layout(&self) -> &Layout {
        self.model.layout()
    }

    /// The number of trained parameters.
    pub fn num_parameters(&self) -> usize {
        self.model.num_parameters()
    }

    /// All parameters: those of encoder, decoder, loss and regularizer.
    pub fn parameters(&self) -> &[E::Scalar] {
        self.model.parameters()
    }

    /// One tensor by its path name, such as `encoder.0.weight`, stored column by column. The columns of a
    /// first weight are those of the inputs, then those of the condition.
    pub fn parameter(&self, name: &str) -> Option<&[E::Scalar]> {
        self.model.parameter(name)
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    /// As [`AutoEncoder::set_parameters`].
    pub fn set_parameters(&mut self, parameters: &[E::Scalar]) -> Result<()> {
        self.model.set_parameters(parameters)
    }
}

impl<E, D, K, R, L> ConditionalAutoEncoder<E, D, K, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
    R: Regularizer<Encoding<E, D, K>>,
    L: Loss<Decoding<E, D, K>>,
{
    pub(super) fn new(model: Plain<E, D, K, R, L>) -> Self {
        Self { model }
    }

    /// The code of each sample under its condition: `Code × samples`; of a Gaussian posterior, its mean.
    ///
    /// A sample's code has the same bits in whatever batch and at whatever place it comes.
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`].
    pub fn encode(
        &self,
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
    ) -> Result<Batch<E::Scalar, E::Code>> {
        let mut buffer = Vec::new();
        let x = self.model.taken("encode", x.view(), &mut buffer)?;
        self.check_conditions("the conditions of encode", c, x.samples())?;
        Ok(self.codes(x, c))
    }

    /// The reconstruction of each code under its condition: `Output × samples`, in the domain of the samples
    /// (for a Bernoulli loss, probabilities). With another condition than the one a code was found under, it
    /// is the same thing in another class.
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`].
    pub fn decode(
        &self,
        code: &Batch<E::Scalar, E::Code>,
        c: &Batch<E::Scalar, K>,
    ) -> Result<Batch<E::Scalar, D::Output>> {
        check_finite("decode", self.model.encoder().code_dim(), code.view())?;
        self.check_conditions("the conditions of decode", c, code.samples())?;
        self.reconstructed(self.outputs(code, c))
    }

    /// The reconstruction of each sample under its condition: `Output × samples`, in the domain of the
    /// samples.
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`].
    pub fn reconstruct(
        &self,
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
    ) -> Result<Batch<E::Scalar, D::Output>> {
        let mut buffer = Vec::new();
        let x = self.model.taken("reconstruct", x.view(), &mut buffer)?;
        self.check_conditions("the conditions of reconstruct", c, x.samples())?;
        self.reconstructed(self.outputs(&self.codes(x, c), c))
    }

    /// The loss of each sample's reconstruction: high for samples unlike those it was trained on under that
    /// condition.
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`].
    pub fn score(
        &self,
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
    ) -> Result<Vec<E::Scalar>> {
        let mut buffer = Vec::new();
        let x = self.model.compared("score", x.view(), &mut buffer)?;
        self.check_conditions("the conditions of score", c, x.samples())?;
        let outputs = self.outputs(&self.codes(x, c), c);
        let mut scores = vec![E::Scalar::ZERO; x.samples()];
        self.model.compare_values(x, outputs.view(), &mut scores);
        Ok(scores)
    }

    /// The objective on these samples, term by term, without any randomness, as [`AutoEncoder::loss`].
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`].
    pub fn loss(&self, x: &Batch<E::Scalar, D::Output>, c: &Batch<E::Scalar, K>) -> Result<Terms> {
        let calls = ("loss", "the conditions of loss");
        self.checked_objective(calls, self.parameters(), (x, c), None, None)
    }

    /// The objective on one batch and, if wanted, its gradient, which is written over `gradient`.
    ///
    /// With `streams` it is the objective of a training step: corrupted, with drawn codes; without
    /// them it is [`loss`](Self::loss).
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`]; and [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless
    /// `gradient` is as long as the parameters.
    pub fn objective(
        &self,
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [E::Scalar]>,
    ) -> Result<Terms> {
        let calls = ("objective", "the conditions of objective");
        self.checked_objective(calls, self.parameters(), (x, c), streams, gradient)
    }

    /// The objective of a training step at other parameters than the model's own, as a finite difference
    /// needs it.
    ///
    /// # Errors
    /// As [`objective`](Self::objective).
    pub fn objective_at(
        &self,
        parameters: &[E::Scalar],
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
        streams: Option<Streams<'_>>,
    ) -> Result<Terms> {
        require_size("objective_at", "parameters", self.num_parameters(), parameters.len())?;
        let calls = ("objective_at", "the conditions of objective_at");
        self.checked_objective(calls, parameters, (x, c), streams, None)
    }

    /// The evidence lower bound of ln p(x | c) with `draws` codes drawn for each sample, in nats per sample if
    /// the loss is a likelihood, as [`AutoEncoder::elbo`] has it of ln p(x).
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`]; and
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no draws.
    pub fn elbo(
        &self,
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Elbo>
    where
        E::Posterior: Gaussianlike,
    {
        let mut buffer = Vec::new();
        let x = self.model.compared("elbo", x.view(), &mut buffer)?;
        self.check_conditions("the conditions of elbo", c, x.samples())?;
        self.model.elbo_by(&mut self.parts_by(c), x, draws, rng)
    }

    /// −ln p(x | c) of each sample in nats, if the loss is a likelihood, by importance sampling with `draws`
    /// codes, as [`AutoEncoder::negative_log_likelihood`] has it of −ln p(x). Under each class in turn it says,
    /// by Bayes' rule, how likely each class is for a sample.
    ///
    /// # Errors
    /// As [`elbo`](Self::elbo).
    pub fn negative_log_likelihood(
        &self,
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<f64>>
    where
        E::Posterior: Gaussianlike,
    {
        let mut buffer = Vec::new();
        let x = self.model.compared("negative_log_likelihood", x.view(), &mut buffer)?;
        self.check_conditions("the conditions of negative_log_likelihood", c, x.samples())?;
        self.model.negative_log_likelihood_by(&mut self.parts_by(c), x, draws, rng)
    }

    /// Moments of what the encoder says about these samples under their conditions, as
    /// [`AutoEncoder::aggregated_posterior`]; which units are in use.
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`].
    pub fn aggregated_posterior(
        &self,
        x: &Batch<E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
    ) -> Result<AggregatedPosterior>
    where
        E::Posterior: Gaussianlike,
    {
        let mut buffer = Vec::new();
        let x = self.model.taken("aggregated_posterior", x.view(), &mut buffer)?;
        self.check_conditions("the conditions of aggregated_posterior", c, x.samples())?;
        Ok(self.model.aggregated_posterior_by(&mut self.parts_by(c), x))
    }

    /// A new sample for each condition: decodes a code drawn from the prior (that of the regularizer; N(0, I)
    /// if it has none).
    ///
    /// # Errors
    /// See [`ConditionalAutoEncoder`].
    pub fn sample(
        &self,
        c: &Batch<E::Scalar, K>,
        rng: &mut impl Rng,
    ) -> Result<Batch<E::Scalar, D::Output>>
    where
        E::Posterior: Gaussianlike,
    {
        self.check_conditions("the conditions of sample", c, c.samples())?;
        let codes = self.model.sample_codes(c.samples(), rng)?;
        self.reconstructed(self.outputs(&codes, c))
    }

    /// Saves the model, in a file as [`AutoEncoder::save`] writes it.
    ///
    /// # Errors
    /// As [`AutoEncoder::save`].
    #[cfg(feature = "safetensors")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.model.stored().save(path.as_ref(), "model")
    }

    /// Takes all from a file that fits, a checkpoint too.
    ///
    /// # Errors
    /// As [`AutoEncoder::load`]. The model has not changed then.
    #[cfg(feature = "safetensors")]
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.model.load(path)
    }

    /// Refuses conditions unless there are so many, all of them finite.
    pub(super) fn check_conditions(
        &self,
        call: &'static str,
        c: &Batch<E::Scalar, K>,
        samples: usize,
    ) -> Result<()> {
        require_size(call, "conditions", samples, c.samples())?;
        check_finite(call, self.model.encoder().condition_dim(), c.view())
    }

    #[allow(clippy::type_complexity)]
    fn checked_objective(
        &self,
        (call, call_of_conditions): (&'static str, &'static str),
        parameters: &[E::Scalar],
        (x, c): (&Batch<E::Scalar, D::Output>, &Batch<E::Scalar, K>),
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [E::Scalar]>,
    ) -> Result<Terms> {
        let mut buffer = Vec::new();
        let x = self.model.compared(call, x.view(), &mut buffer)?;
        self.check_conditions(call_of_conditions, c, x.samples())?;
        if let Some(gradient) = &gradient {
            require_size(call, "gradients", self.num_parameters(), gradient.len())?;
        }
        let (mut parts, mut workspace) = (self.parts(), self.model.workspace());
        parts.tell(std::iter::once(c.as_slice()));
        let parts = (&parts.encoder, &parts.decoder);
        let seen = Seen { x, shares: None, streams };
        self.model.step_through(parts, parameters, &mut workspace, seen, gradient);
        Ok(workspace.terms)
    }

    /// Encoder and decoder for a pass, which are to be given conditions.
    pub(super) fn parts(&self) -> Told<E, D, K> {
        Told { encoder: self.model.encoder().clone(), decoder: self.model.decoder().clone() }
    }

    /// The same where each sample has its condition in `c`.
    fn parts_by<'a>(&self, c: &'a Batch<E::Scalar, K>) -> Given<'a, E, D, K> {
        Given { parts: self.parts(), conditions: c.as_slice() }
    }

    fn codes(
        &self,
        x: BatchView<'_, E::Scalar, D::Output>,
        c: &Batch<E::Scalar, K>,
    ) -> Batch<E::Scalar, E::Code> {
        let conditioned = self.model.encoder();
        let encoder = conditioned.part();
        let mut joined = Batch::zeros(encoder.input_dim(), x.samples());
        conditioned.join(x, c.as_slice(), joined.as_mut_slice());
        let mut codes = Batch::zeros(encoder.code_dim(), x.samples());
        let workspace = &mut Workspace::new(encoder);
        in_blocks(joined.view(), codes.view_mut(), workspace, |workspace, x, out| {
            infer(encoder, self.model.encoder_parameters(), x, workspace);
            out.copy_from_slice(&workspace.posterior.mean().as_slice()[..out.len()]);
        });
        codes
    }

    /// The decoder's outputs, before the loss makes reconstructions of them.
    fn outputs(
        &self,
        code: &Batch<E::Scalar, E::Code>,
        c: &Batch<E::Scalar, K>,
    ) -> Batch<E::Scalar, D::Output> {
        let conditioned = self.model.decoder();
        let decoder = conditioned.part();
        let mut joined = Batch::zeros(decoder.code_dim(), code.samples());
        conditioned.join(code.view(), c.as_slice(), joined.as_mut_slice());
        let mut outputs = Batch::zeros(decoder.output_dim(), code.samples());
        let workspace = &mut Workspace::new(self.model.encoder().part());
        in_blocks(joined.view(), outputs.view_mut(), workspace, |workspace, code, out| {
            let Workspace { output, decoder_tape, .. } = workspace;
            generate(decoder, self.model.decoder_parameters(), code, output, decoder_tape);
            out.copy_from_slice(&output[..out.len()]);
        });
        outputs
    }

    fn reconstructed(
        &self,
        mut outputs: Batch<E::Scalar, D::Output>,
    ) -> Result<Batch<E::Scalar, D::Output>> {
        self.model.restore(outputs.view_mut())?;
        Ok(outputs)
    }
}

/// Encoder and decoder with the conditions of a data set.
struct Given<'a, E, D, K>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
{
    parts: Told<E, D, K>,
    conditions: &'a [E::Scalar],
}

impl<E, D, K> Parts<Encoding<E, D, K>, Decoding<E, D, K>> for Given<'_, E, D, K>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    fn of(&mut self, samples: Range<usize>) -> (&Encoding<E, D, K>, &Decoding<E, D, K>) {
        let width = self.parts.encoder.condition_dim().value();
        let conditions = &self.conditions[samples.start * width..samples.end * width];
        self.parts.tell(std::iter::once(conditions));
        (&self.parts.encoder, &self.parts.decoder)
    }
}
