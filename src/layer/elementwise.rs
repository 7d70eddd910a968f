use nalgebra::{Const, Dim, Dyn};
use rand::Rng;

use super::dense::deactivate;
use super::{DualViewMut, Layer, Module, Pass, TangentPass};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::layer::activation::Activation;
use crate::layer::layout::Layout;
use crate::model::builder::{Build, Describe, Start};
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::Scalar;

/// Describes a layer without parameters: an activation, element by element. With
/// [`Identity`](crate::activation::Identity) it passes its inputs on as they are.
///
/// # Formula
/// y = s(x).
///
/// # Example
/// From logits to probabilities, behind a decoder that was trained with a Bernoulli loss:
/// ```
/// use autoencoder::{Dense, Then, activation::{Identity, Sigmoid}, layer::Elementwise};
/// let probabilities = Dense::<8, 64>::new(Identity).then(Elementwise::<64>::new(Sigmoid));
/// # let _ = probabilities;
/// ```
#[derive(Debug)]
pub struct Elementwise<const N: usize>;

impl<const N: usize> Elementwise<N> {
    /// With its size as a type.
    #[allow(clippy::new_ret_no_self)] // As for `Dense`.
    pub fn new<A>(activation: A) -> ElementwiseDescription<Const<N>, A> {
        ElementwiseDescription::new(Const, activation)
    }
}

impl Elementwise<0> {
    /// With a size known at run time only.
    pub fn dynamic<A>(features: usize, activation: A) -> ElementwiseDescription<Dyn, A> {
        ElementwiseDescription::new(Dyn(features), activation)
    }
}

/// An elementwise layer before it is built.
#[derive(Debug, Clone)]
pub struct ElementwiseDescription<N, A> {
    features: N,
    activation: A,
}

impl<N: Dim, A> ElementwiseDescription<N, A> {
    /// With a size of either kind.
    pub fn new(features: N, activation: A) -> Self {
        Self { features, activation }
    }
}

impl<N: Dim, A> Describe for ElementwiseDescription<N, A> {
    type Input = N;
    type Output = N;
}

impl<T: Scalar, N: Dim, A: Activation<T>> Build<T> for ElementwiseDescription<N, A> {
    type Built = ElementwiseLayer<T, N, A>;
    fn build_into(self, _start: &mut Start<'_, T>) -> Self::Built {
        let Self { features, activation } = self;
        ElementwiseLayer { features, activation, scalar: std::marker::PhantomData }
    }
}

/// A layer without parameters: y = s(x). Described by [`Elementwise`].
#[derive(Debug, Clone)]
pub struct ElementwiseLayer<T, N, A> {
    features: N,
    activation: A,
    scalar: std::marker::PhantomData<fn() -> T>,
}

impl<T: Scalar, N: Dim, A: Activation<T>> Module for ElementwiseLayer<T, N, A> {
    type Scalar = T;

    fn layout(&self, layout: &mut Layout) {
        let (kind, features) =
            (format!("Elementwise({:?})", self.activation), self.features.value());
        layout.layer(kind.clone(), |layer| layer.setting(format_args!("{kind} of {features}")));
    }

    fn num_parameters(&self) -> usize {
        0
    }

    fn draw_parameters(&self, _parameters: &mut [T], _rng: &mut dyn Rng) {}

    fn tape_len(&self, _samples: usize) -> usize {
        0
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        0
    }

    /// There is nothing to train.
    fn is_frozen(&self) -> bool {
        true
    }

    fn check_sizes(&self) -> Result<()> {
        crate::error::require_count("Elementwise features", self.features.value())
    }
}

impl<T: Scalar, N: Dim, A: Activation<T>> Layer for ElementwiseLayer<T, N, A> {
    type Input = N;
    type Output = N;
    type Range = A::Range;

    fn input_dim(&self) -> N {
        self.features
    }

    fn output_dim(&self) -> N {
        self.features
    }

    fn forward(
        &self,
        _parameters: &[T],
        x: BatchView<'_, T, N>,
        y: BatchViewMut<'_, T, N>,
        _tape: &mut [T],
    ) {
        in_parts(x.samples(), ELEMENT * x.features(), (x, y), |(x, mut y)| {
            y.as_mut_slice().copy_from_slice(x.as_slice());
            self.activation.apply(y.as_mut_slice());
        });
    }

    fn backward(
        &self,
        pass: Pass<'_, T, N, N>,
        mut dy: BatchViewMut<'_, T, N>,
        dx: Option<BatchViewMut<'_, T, N>>,
        _gradient: Option<&mut [T]>,
        _scratch: &mut [T],
    ) {
        // The inputs are the pre-activations.
        if let Some(mut dx) = dx {
            deactivate(&self.activation, pass.y, pass.x.as_slice(), dy.reborrow());
            dx.as_mut_slice().copy_from_slice(dy.as_slice());
        }
    }

    fn tangent_tape_len(&self, _samples: usize) -> usize {
        0
    }

    /// J v = s′(x) v.
    fn tangent(
        &self,
        pass: Pass<'_, T, N, N>,
        v: BatchView<'_, T, N>,
        mut jv: BatchViewMut<'_, T, N>,
        _tangent_tape: &mut [T],
    ) {
        jv.as_mut_slice().copy_from_slice(v.as_slice());
        deactivate(&self.activation, pass.y, pass.x.as_slice(), jv);
    }

    /// With ẏ = s′(x) v: dv = s′ dẏ and dx = s′ dy + s″ v dẏ.
    fn tangent_backward(
        &self,
        pass: Pass<'_, T, N, N>,
        tangent: TangentPass<'_, T, N>,
        mut d: DualViewMut<'_, T, N>,
        d_input: Option<DualViewMut<'_, T, N>>,
        _gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        let Some(mut d_input) = d_input else { return };
        let z = pass.x.as_slice().iter().zip(pass.y.as_slice());
        let d_values = d.value.as_mut_slice().iter_mut().zip(d.tangent.as_mut_slice());
        for (((&z, &h), &v), (dz, dv)) in z.zip(tangent.v.as_slice()).zip(d_values) {
            let (first, second) =
                (self.activation.derivative(z, h), self.activation.second_derivative(z, h));
            *dz = first * *dz + second * v * *dv;
            *dv *= first;
        }
        d_input.value.as_mut_slice().copy_from_slice(d.value.as_slice());
        d_input.tangent.as_mut_slice().copy_from_slice(d.tangent.as_slice());
    }
}
