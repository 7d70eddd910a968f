use rand::Rng;

use super::{Encoder, Inference};
use crate::batch::size::SameSize;
use crate::batch::{BatchView, BatchViewMut};
use crate::code::posterior::{DiagonalGaussian, Gaussianlike, Posterior};
use crate::error::Result;
use crate::error::{require, require_size};
use crate::layer::jacobian;
use crate::layer::jacobian::{Jacobian, JacobianGradient};
use crate::layer::layout::Layout;
use crate::layer::{Layer, Module, Pass};
use crate::model::builder::{Build, Describe, Start};
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use nalgebra::Dim;

/// Describes the encoder of a variational autoencoder: a body with two heads of equal size, one
/// for the mean of the code and one for its log-variance.
///
/// The log-variance is clamped once, by default to [−30, 20]; the divergence, the draw and their
/// gradients all use the clamped value.
///
/// # Example
/// ```
/// use autoencoder::{Dense, Gaussian, activation::{Identity, Relu}};
/// let encoder = Gaussian::new(
///     Dense::<784, 400>::new(Relu),
///     Dense::<400, 20>::new(Identity),
///     Dense::<400, 20>::new(Identity),
/// );
/// # let _ = encoder;
/// ```
///
/// # References
/// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
#[derive(Debug)]
pub struct Gaussian;

impl Gaussian {
    /// A body, and on top of it the heads for mean and log-variance.
    #[allow(clippy::new_ret_no_self)] // `Gaussian` is the word users look for; it has no data of its own.
    pub fn new<B, M, V>(body: B, mean: M, log_variance: V) -> GaussianDescription<B, M, V>
    where
        B: Describe,
        M: Describe,
        V: Describe,
        M::Input: SameSize<B::Output>,
        V::Input: SameSize<B::Output>,
        V::Output: SameSize<M::Output>,
    {
        GaussianDescription { body, mean, log_variance, clamp: (-30.0, 20.0) }
    }
}

/// A Gaussian encoder before it is built. Made by [`Gaussian::new`].
#[derive(Debug, Clone)]
pub struct GaussianDescription<B, M, V> {
    body: B,
    mean: M,
    log_variance: V,
    clamp: (f64, f64),
}

impl<B, M, V> GaussianDescription<B, M, V> {
    /// Clamps the log-variance to [`low`, `high`]. Default: [−30, 20].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless both are finite, at most
    /// 80 in size (beyond it the variance overflows `f32`), and `low < high`.
    pub fn clamp(mut self, low: f64, high: f64) -> Result<Self> {
        require(low.abs() <= 80.0, "Gaussian clamp low", low, "in [-80, 80]")?;
        let valid = high.abs() <= 80.0 && low < high;
        require(valid, "Gaussian clamp high", high, "in [-80, 80] and greater than the low end")?;
        self.clamp = (low, high);
        Ok(self)
    }
}

impl<B: Describe, M: Describe, V> Describe for GaussianDescription<B, M, V> {
    type Input = B::Input;
    type Output = M::Output;
}

/// A built encoder describes itself.
impl<B: Layer, M: Layer, V> Describe for GaussianEncoder<B, M, V> {
    type Input = B::Input;
    type Output = M::Output;
}

impl<T: Scalar, B: Build<T>, M: Build<T>, V: Build<T>> Build<T> for GaussianDescription<B, M, V> {
    type Built = GaussianEncoder<B::Built, M::Built, V::Built>;
    fn build_into(self, start: &mut Start<'_, T>) -> Self::Built {
        GaussianEncoder {
            body: self.body.build_into(start),
            mean: self.mean.build_into(start),
            log_variance: self.log_variance.build_into(start),
            clamp: self.clamp,
        }
    }
}

/// An encoder with a Gaussian posterior. Described by [`Gaussian`].
///
/// On the tape: the body's tape, its outputs, the tapes of the two heads.
#[derive(Debug, Clone)]
pub struct GaussianEncoder<B, M, V> {
    body: B,
    mean: M,
    log_variance: V,
    clamp: (f64, f64),
}

impl<B, M, V> GaussianEncoder<B, M, V>
where
    B: Layer,
    M: Layer<Scalar = B::Scalar, Input = B::Output>,
    V: Layer<Scalar = B::Scalar, Input = B::Output, Output = M::Output>,
{
    /// Splits a slice that lies as the parameters do.
    fn split_parameters<'a, S>(&self, slice: &'a [S]) -> [&'a [S]; 3] {
        let (body, heads) = slice.split_at(self.body.num_parameters());
        let (mean, log_variance) = heads.split_at(self.mean.num_parameters());
        [body, mean, log_variance]
    }

    fn split_parameters_mut<'a, S>(&self, slice: &'a mut [S]) -> [&'a mut [S]; 3] {
        let (body, heads) = slice.split_at_mut(self.body.num_parameters());
        let (mean, log_variance) = heads.split_at_mut(self.mean.num_parameters());
        [body, mean, log_variance]
    }

    fn hidden_len(&self, samples: usize) -> usize {
        self.body.output_dim().value() * samples
    }

    /// The lengths of the first three parts of the tape.
    fn tape_parts(&self, samples: usize) -> [usize; 3] {
        let body = self.body.tape_len(samples);
        [body, self.hidden_len(samples), self.mean.tape_len(samples)]
    }

    /// What the inference was for body, mean head and log-variance head.
    #[allow(clippy::type_complexity)]
    fn passes<'a>(
        &self,
        inference: Inference<'a, B::Scalar, B::Input, DiagonalGaussian<B::Scalar, M::Output>>,
    ) -> (
        Pass<'a, B::Scalar, B::Input, B::Output>,
        Pass<'a, B::Scalar, B::Output, M::Output>,
        Pass<'a, B::Scalar, B::Output, M::Output>,
    ) {
        let Inference { parameters, x, posterior, tape } = inference;
        let [body, mean, log_variance] = self.split_parameters(parameters);
        let lens = self.tape_parts(x.samples());
        let (body_tape, rest) = tape.split_at(lens[0]);
        let (hidden, rest) = rest.split_at(lens[1]);
        let (mean_tape, log_variance_tape) = rest.split_at(lens[2]);
        let hidden = BatchView::new(hidden, self.body.output_dim());
        let (y_mean, y_log_variance) = (posterior.mean(), posterior.log_variance());
        (
            Pass { parameters: body, x, y: hidden, tape: body_tape },
            Pass { parameters: mean, x: hidden, y: y_mean, tape: mean_tape },
            Pass {
                parameters: log_variance,
                x: hidden,
                y: y_log_variance,
                tape: log_variance_tape,
            },
        )
    }
}

impl<B, M, V> Module for GaussianEncoder<B, M, V>
where
    B: Layer,
    M: Layer<Scalar = B::Scalar, Input = B::Output>,
    V: Layer<Scalar = B::Scalar, Input = B::Output, Output = M::Output>,
{
    type Scalar = B::Scalar;

    fn layout(&self, layout: &mut Layout) {
        layout.scope("body", |layout| self.body.layout(layout));
        layout.scope("mean", |layout| self.mean.layout(layout));
        layout.scope("log_variance", |layout| self.log_variance.layout(layout));
        let (low, high) = self.clamp;
        layout.setting(format_args!("log-variance held in [{low}, {high}]"));
    }

    fn num_parameters(&self) -> usize {
        let heads = self.mean.num_parameters() + self.log_variance.num_parameters();
        self.body.num_parameters() + heads
    }

    fn draw_parameters(&self, parameters: &mut [B::Scalar], rng: &mut dyn Rng) {
        let [body, mean, log_variance] = self.split_parameters_mut(parameters);
        self.body.draw_parameters(body, rng);
        self.mean.draw_parameters(mean, rng);
        self.log_variance.draw_parameters(log_variance, rng);
    }

    fn tape_len(&self, samples: usize) -> usize {
        let known: usize = self.tape_parts(samples).iter().sum();
        known + self.log_variance.tape_len(samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        let heads = self.mean.scratch_len(samples).max(self.log_variance.scratch_len(samples));
        2 * self.hidden_len(samples) + heads.max(self.body.scratch_len(samples))
    }

    fn is_frozen(&self) -> bool {
        self.body.is_frozen() && self.mean.is_frozen() && self.log_variance.is_frozen()
    }

    fn set_frozen(&mut self, is_frozen: bool) {
        self.body.set_frozen(is_frozen);
        self.mean.set_frozen(is_frozen);
        self.log_variance.set_frozen(is_frozen);
    }

    fn check_sizes(&self) -> Result<()> {
        self.body.check_sizes()?;
        self.mean.check_sizes()?;
        self.log_variance.check_sizes()?;
        let body = self.body.output_dim().value();
        let (mean, log_variance) = (self.mean.input_dim(), self.log_variance.input_dim());
        require_size("inputs of the Gaussian's mean head", "units", body, mean.value())?;
        let place = "inputs of the Gaussian's log-variance head";
        require_size(place, "units", body, log_variance.value())?;
        let code = self.mean.output_dim().value();
        let place = "outputs of the Gaussian's log-variance head";
        require_size(place, "code units", code, self.log_variance.output_dim().value())
    }
}

impl<B, M, V> Encoder for GaussianEncoder<B, M, V>
where
    B: Layer,
    M: Layer<Scalar = B::Scalar, Input = B::Output>,
    V: Layer<Scalar = B::Scalar, Input = B::Output, Output = M::Output>,
{
    type Input = B::Input;
    type Code = M::Output;
    type Range = M::Range;
    type Posterior = DiagonalGaussian<B::Scalar, M::Output>;

    fn input_dim(&self) -> B::Input {
        self.body.input_dim()
    }

    fn code_dim(&self) -> M::Output {
        self.mean.output_dim()
    }

    fn posterior(&self) -> Self::Posterior {
        DiagonalGaussian::new(self.mean.output_dim())
    }

    fn infer(
        &self,
        parameters: &[B::Scalar],
        x: BatchView<'_, B::Scalar, B::Input>,
        posterior: &mut Self::Posterior,
        tape: &mut [B::Scalar],
    ) {
        let [body, mean, log_variance] = self.split_parameters(parameters);
        let lens = self.tape_parts(x.samples());
        let (body_tape, rest) = tape.split_at_mut(lens[0]);
        let (hidden, rest) = rest.split_at_mut(lens[1]);
        let (mean_tape, log_variance_tape) = rest.split_at_mut(lens[2]);
        let mut hidden = BatchViewMut::new(hidden, self.body.output_dim());
        self.body.forward(body, x, hidden.reborrow(), body_tape);
        let hidden = hidden.as_view();
        self.mean.forward(mean, hidden, posterior.mean_mut(), mean_tape);
        let mut lv = posterior.log_variance_mut();
        self.log_variance.forward(log_variance, hidden, lv.reborrow(), log_variance_tape);
        let (low, high) = (B::Scalar::of(self.clamp.0), B::Scalar::of(self.clamp.1));
        for lv in lv.as_mut_slice() {
            // Written so that NaN stays NaN.
            *lv = if *lv < low {
                low
            } else if *lv > high {
                high
            } else {
                *lv
            };
        }
    }

    fn backward(
        &self,
        inference: Inference<'_, B::Scalar, B::Input, Self::Posterior>,
        d_posterior: &mut Self::Posterior,
        dx: Option<BatchViewMut<'_, B::Scalar, B::Input>>,
        gradient: Option<&mut [B::Scalar]>,
        scratch: &mut [B::Scalar],
    ) {
        let hidden_len = self.hidden_len(inference.x.samples());
        let (body, mean, log_variance) = self.passes(inference);
        let [body_gradient, mean_gradient, log_variance_gradient] =
            match gradient.map(|gradient| self.split_parameters_mut(gradient)) {
                Some(gradients) => gradients.map(Some),
                None => [None, None, None],
            };
        let (d_hidden, rest) = scratch.split_at_mut(hidden_len);
        let (d_other, scratch) = rest.split_at_mut(hidden_len);

        // Where the log-variance is clamped it does not depend on the head.
        let (low, high) = (B::Scalar::of(self.clamp.0), B::Scalar::of(self.clamp.1));
        let mut d_lv = d_posterior.log_variance_mut();
        for (d, &lv) in d_lv.as_mut_slice().iter_mut().zip(log_variance.y.as_slice()) {
            if lv <= low || lv >= high {
                *d = B::Scalar::ZERO;
            }
        }
        let other = BatchViewMut::new(&mut *d_other, self.body.output_dim());
        self.log_variance.backward(log_variance, d_lv, Some(other), log_variance_gradient, scratch);
        let mut d_hidden = BatchViewMut::new(d_hidden, self.body.output_dim());
        let d_mean = d_posterior.mean_mut();
        self.mean.backward(mean, d_mean, Some(d_hidden.reborrow()), mean_gradient, scratch);
        for (d, &other) in d_hidden.as_mut_slice().iter_mut().zip(&*d_other) {
            *d += other;
        }
        self.body.backward(body, d_hidden, dx, body_gradient, scratch);
    }

    /// Of the mean: the Jacobian of body and mean head, one after the other.
    fn squared_jacobian(
        &self,
        inference: Inference<'_, B::Scalar, B::Input, Self::Posterior>,
        shares: Option<&[B::Scalar]>,
        jacobian: Jacobian,
        streams: Option<Streams<'_>>,
        gradient: Option<JacobianGradient<'_, B::Scalar, M::Output>>,
        scratch: &mut [B::Scalar],
    ) -> B::Scalar {
        let path = self.mean_path();
        let parameters = &inference.parameters[..path.num_parameters()];
        let tape = &inference.tape[..path.tape_len(inference.x.samples())];
        let pass = Pass { parameters, x: inference.x, y: inference.posterior.mean(), tape };
        let gradient = gradient.map(|gradient| JacobianGradient {
            parameters: &mut gradient.parameters[..path.num_parameters()],
            ..gradient
        });
        jacobian::by_passes(&path, pass, shares, jacobian, streams, gradient, scratch)
    }

    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        jacobian::scratch_len(&self.mean_path(), samples)
    }
}

impl<B, M, V> GaussianEncoder<B, M, V> {
    /// From the input to the mean. Its parameters and its tape are the first parts of ours.
    fn mean_path(&self) -> crate::layer::ChainLayer<&B, &M> {
        crate::layer::ChainLayer::new(&self.body, &self.mean)
    }
}
