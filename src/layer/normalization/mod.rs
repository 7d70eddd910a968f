//! Normalization of each sample by the mean and the variance of its own values.

mod passes;
mod spans;

use std::marker::PhantomData;

use nalgebra::{Const, Dyn};
use rand::Rng;

use super::field::{Lies, Steps};
use super::layout::{Layout, Role};
use super::tied::Detach;
use super::{DualViewMut, Layer, Module, Part, Pass, Point, TangentPass, Unconditioned, range};
use crate::batch::size::{KnownShape, Shape, Size};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Error, Result, require, require_count};
use crate::numbers::scalar::Float;
use passes::{backward, forward, tangent, tangent_backward};
use spans::Groups;

/// Layer normalization: each sample of `N` features is brought to mean 0 and variance 1, then each feature gets a gain
/// and a bias that are trained.
///
/// It depends on no other sample, so that training and use are the same, for batches of any size. In front of or behind
/// an activation it keeps deep networks in the range where they learn. Of images and windows see [`GroupNorm`].
///
/// # Formula
/// yᵢ = wᵢ (xᵢ − μ) / √(σ² + ε) + bᵢ, with the mean μ and the variance σ² (that divides by `N`) of the values of one
/// sample: PyTorch's `LayerNorm`. At first w is 1 and b is 0; weight decay leaves both alone.
///
/// # Shapes
/// x, y: `N` features × samples; w, b: `N`, in files `weight` and `bias`.
///
/// # Errors
/// One feature alone, which is its own mean, does not compile; of a run-time size `build` refuses it with
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter).
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu};
/// use autoencoder::{AutoEncoder, Dense, LayerNorm, Then};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<4, 8>::new(Relu).then(LayerNorm::<8>::new()).then(Dense::<8, 2>::new(Identity)))
///     .decoder(Dense::<2, 4>::new(Identity))
///     .build::<f32>()?;
/// let from_data = LayerNorm::dynamic(8).epsilon(1e-3)?; // sizes checked when the model is built
/// # let _ = (model, from_data);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// J. L. Ba, J. R. Kiros, G. Hinton (2016), Layer normalization.
#[derive(Debug)]
pub struct LayerNorm<const N: usize>;

impl<const N: usize> LayerNorm<N> {
    /// With its size as a type: at least 2 features.
    #[allow(clippy::new_ret_no_self)] // As for `Dense`.
    pub fn new() -> NormalizationLayer<Const<N>> {
        const {
            assert!(N > 1, "`LayerNorm::<N>` needs at least 2 features: one is its own mean");
        }
        NormalizationLayer::new(Const, 1)
    }
}

impl LayerNorm<0> {
    /// With a size known at run time only: at least 2 features.
    pub fn dynamic(features: usize) -> NormalizationLayer<Dyn> {
        NormalizationLayer::new(Dyn(features), 1)
    }
}

/// Group normalization: the channels of an image or a window are divided into `GROUPS`, each of which is brought to mean
/// 0 and variance 1 in every sample, then each channel gets a gain and a bias that are trained.
///
/// It depends on no other sample, as [`LayerNorm`].
///
/// | groups | normalized together | also called |
/// |---|---|---|
/// | 1 | all values of a sample | layer normalization of images |
/// | some | the values of neighbouring channels | group normalization |
/// | as many as channels | the values of one channel | instance normalization |
///
/// # Formula
/// y = w (x − μ) / √(σ² + ε) + b, with the mean μ and the variance σ² (that divides by the number of values) of a sample's
/// values in the channel's group: PyTorch's `GroupNorm`. At first w is 1 and b is 0; weight decay leaves both alone.
///
/// # Shapes
/// x, y: an image or a window of `C` channels; w, b: `C`, in files `weight` and `bias`.
///
/// # Errors
/// Groups that do not divide the channels, or of which each has one value only, do not compile; of run-time sizes `build`
/// refuses the former with [`Error::Groups`](crate::Error::Groups) and the latter with
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter).
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu};
/// use autoencoder::layer::Elementwise;
/// use autoencoder::size::{DynImage, Image};
/// use autoencoder::{Conv2d, GroupNorm, Then};
/// let encoder = Conv2d::<Image<1, 28, 28>, Image<8, 14, 14>, 3>::new(Identity)
///     .then(GroupNorm::<Image<8, 14, 14>, 4>::new()) // two channels together
///     .then(Elementwise::<1568>::new(Relu));
/// let from_data = GroupNorm::dynamic(DynImage { channels: 8, height: 14, width: 14 }, 4);
/// # let _ = (encoder, from_data);
/// ```
///
/// # References
/// Y. Wu, K. He (2018), Group normalization; D. Ulyanov, A. Vedaldi, V. Lempitsky (2016), Instance normalization.
#[derive(Debug)]
pub struct GroupNorm<S, const GROUPS: usize>(PhantomData<S>);

impl<S: KnownShape, const GROUPS: usize> GroupNorm<S, GROUPS> {
    /// With size and groups as types.
    #[allow(clippy::new_ret_no_self)] // As for `Dense`.
    pub fn new() -> NormalizationLayer<S> {
        const {
            let Shape { channels, height, width } = S::SHAPE;
            assert!(
                GROUPS > 0 && channels.is_multiple_of(GROUPS),
                "`GroupNorm::<_, GROUPS>`: the number of groups must divide the channels, as 1, 2, 4 and 8 divide 8"
            );
            assert!(
                channels / GROUPS * height * width > 1,
                "`GroupNorm::<_, GROUPS>`: a group needs at least 2 values: one is its own mean"
            );
        }
        NormalizationLayer::new(S::default(), GROUPS)
    }
}

impl GroupNorm<(), 0> {
    /// Over a size of any kind, plain features too, with a number of groups that divides its channels: both are looked
    /// at when the model is built.
    pub fn dynamic<S: Size>(size: S, groups: usize) -> NormalizationLayer<S> {
        NormalizationLayer::new(size, groups)
    }
}

/// What [`LayerNorm`] and [`GroupNorm`] make. Its parameters are the gains, then the biases.
#[derive(Debug, Clone)]
pub struct NormalizationLayer<S> {
    size: S,
    groups: usize,
    epsilon: f64,
    is_frozen: bool,
}

impl<S> NormalizationLayer<S> {
    fn new(size: S, groups: usize) -> Self {
        Self { size, groups, epsilon: 1e-5, is_frozen: false }
    }

    /// What is added to the variance: so that equal values, whose variance is 0, become 0. Default: 1e-5. Range: 1e-30 to
    /// 1e30.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside the range.
    pub fn epsilon(self, epsilon: f64) -> Result<Self> {
        // So that neither it nor its root is 0 or infinite in single precision.
        let is_valid = (1e-30..=1e30).contains(&epsilon);
        require(is_valid, "the epsilon of a normalization", epsilon, "from 1e-30 to 1e30")?;
        Ok(Self { epsilon, ..self })
    }

    /// Keeps gains and biases as they are: training changes the other layers only.
    pub fn frozen(self) -> Self {
        Self { is_frozen: true, ..self }
    }
}

impl<S: Size> NormalizationLayer<S> {
    fn groups(&self) -> Groups {
        let Shape { channels, height, width } = self.size.shape();
        let (number, places) = (self.groups, height.saturating_mul(width));
        Groups { number, channels, places, is_interleaved: self.size.is_interleaved() }
    }
}

/// More values than any machine holds: what is above is a mistake in the sizes.
const MOST: usize = 1 << 48;

impl<S: Size> Module for NormalizationLayer<S> {
    fn num_inputs(&self) -> usize {
        self.size.value()
    }
    fn num_outputs(&self) -> usize {
        self.size.value()
    }
    fn num_parameters(&self) -> usize {
        self.size.shape().channels.saturating_mul(2)
    }
    fn is_frozen(&self) -> bool {
        self.is_frozen
    }
    fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }
    fn check_sizes(&self) -> Result<()> {
        let (values, channels) = (self.size.value(), self.size.shape().channels);
        require_count("the values of a normalization", values)?;
        let fits = values <= MOST;
        require(fits, "the values of a normalization", values as f64, "at most 2⁴⁸")?;
        let groups = self.groups;
        require_count("the groups of a normalization", groups)?;
        if !channels.is_multiple_of(groups) {
            let channels = (channels, channels);
            return Err(Error::Groups { layer: "GroupNorm", channels, groups });
        }
        let each = values / self.groups;
        let requirement = "at least 2: one value is its own mean, and nothing is left of it";
        require(each > 1, "the values that are normalized together", each as f64, requirement)
    }
    fn lies(&self) -> Option<Lies> {
        Lies::of(self.size)
    }
    /// The value in its place; mean and variance, which all values have a share in, are not counted.
    fn steps(&self) -> Option<[Steps; 2]> {
        Some([Steps::SAME; 2])
    }
}

impl<S: Size> Part for NormalizationLayer<S> {
    type Input = S;
    type Output = S;
    type Range = range::Real;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> S {
        self.size
    }
    fn output(&self) -> S {
        self.size
    }
}

/// On the tape: x̂ = (x − μ) / √(σ² + ε), then r = 1 / √(σ² + ε) of each group.
impl<T: Float, S: Size> Layer<T> for NormalizationLayer<S> {
    fn layout(&self, layout: &mut Layout) {
        let Self { groups, epsilon, .. } = self;
        let Shape { channels, height, width } = self.size.shape();
        let is_layer = *groups == 1 && height * width == 1;
        layout.layer(if is_layer { "LayerNorm" } else { "GroupNorm" }, |layer| {
            layer.frozen(self.is_frozen, |layer| {
                layer.tensor("weight", (channels, 1), Role::Gain);
                layer.tensor("bias", (channels, 1), Role::Bias);
            });
            let shape = self.size.shape();
            layer.setting(format_args!("{shape} normalized, groups {groups}, epsilon {epsilon:?}"));
        });
    }

    fn draw_parameters(&self, parameters: &mut [T], _rng: &mut dyn Rng) {
        let (gains, biases) = parameters.split_at_mut(self.groups().channels);
        gains.fill(T::ONE);
        biases.fill(T::ZERO);
    }

    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }

    fn tape_len(&self, samples: usize) -> usize {
        (self.size.value() + self.groups) * samples
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        tape: &mut [T],
        _scratch: &mut [T],
    ) {
        forward(self.groups(), T::of(self.epsilon), parameters, x, y, tape);
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        _scratch: &mut [T],
    ) {
        let gradient = gradient.filter(|_| !self.is_frozen);
        backward(self.groups(), pass.parameters, pass.tape, dy, dx, gradient);
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        Layer::<T>::tape_len(self, samples)
    }

    /// u = r (v − mean v − x̂ mean(x̂ v)) goes on the tape, then r mean(x̂ v) of each group; J v = w u.
    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        jv: BatchViewMut<'_, T>,
        tangent_tape: &mut [T],
        _scratch: &mut [T],
    ) {
        tangent(self.groups(), pass.parameters, pass.tape, v, jv, tangent_tape);
    }

    /// With a = w dy and p = w d(J v): dv = r (p − mean p − x̂ mean(x̂ p)), as the map from v to u is its own adjoint,
    /// and dx = r (a − mean a − x̂ (mean(x̂ a) + mean(u p)) − u mean(x̂ p)) − r mean(x̂ v) dv, as also r and x̂ move
    /// with x: dr = −r² mean(x̂ dx).
    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        let gradient = (!self.is_frozen).then_some(gradient);
        let tapes = (pass.tape, tangent.tape);
        tangent_backward(self.groups(), pass.parameters, tapes, d, d_input, gradient);
    }
}

impl<T: Float, S: Size> Detach<T> for NormalizationLayer<S> {
    type Detached = Self;
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self {
        to.extend_from_slice(parameters);
        self.clone()
    }
}
