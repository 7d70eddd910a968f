use std::fmt::Debug;

use nalgebra::{Const, Dyn};

use super::activated::deactivate;
use super::activation::{Activation, Ranged};
use super::field::{Lies, Steps};
use super::layout::Layout;
use super::{DualViewMut, Layer, Module, Part, Pass, Point, TangentPass, Unconditioned};
use crate::batch::size::Size;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require, require_count};
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::Float;

/// A layer without parameters: an activation, element by element. With
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
    pub fn new<A>(activation: A) -> ElementwiseLayer<Const<N>, A> {
        ElementwiseLayer::new(Const, activation)
    }
}

impl Elementwise<0> {
    /// With a size known at run time only.
    pub fn dynamic<A>(features: usize, activation: A) -> ElementwiseLayer<Dyn, A> {
        ElementwiseLayer::new(Dyn(features), activation)
    }
}

/// What [`Elementwise`] makes.
#[derive(Debug, Clone)]
pub struct ElementwiseLayer<N, A> {
    features: N,
    activation: A,
}

impl<N, A> ElementwiseLayer<N, A> {
    /// With a size of any kind.
    pub fn new(features: N, activation: A) -> Self {
        Self { features, activation }
    }
}

/// More features than any machine holds: what is above is a mistake in the sizes.
const MOST: usize = 1 << 48;

impl<N: Size, A: Debug + Send + Sync> Module for ElementwiseLayer<N, A> {
    fn num_inputs(&self) -> usize {
        self.features.value()
    }
    fn num_outputs(&self) -> usize {
        self.features.value()
    }
    fn check_sizes(&self) -> Result<()> {
        let features = self.features.value();
        require_count("Elementwise features", features)?;
        require(features <= MOST, "Elementwise features", features as f64, "at most 2⁴⁸")
    }
    fn lies(&self) -> Option<Lies> {
        Lies::of(self.features)
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        Some([Steps::SAME; 2])
    }
}

impl<N: Size, A: Ranged + Debug + Send + Sync> Part for ElementwiseLayer<N, A> {
    type Input = N;
    type Output = N;
    type Range = A::Range;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> N {
        self.features
    }
    fn output(&self) -> N {
        self.features
    }
}

impl<T: Float, N: Size, A: Activation<T> + Clone + 'static> Layer<T> for ElementwiseLayer<N, A> {
    fn layout(&self, layout: &mut Layout) {
        let kind = format!("Elementwise({})", self.activation.describe());
        let features = self.features.value();
        layout.layer(kind.clone(), |layer| layer.setting(format_args!("{kind} of {features}")));
    }

    fn range(&self) -> (f64, f64) {
        self.activation.range()
    }

    fn forward(
        &self,
        _parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        _tape: &mut [T],
        _scratch: &mut [T],
    ) {
        in_parts(x.samples(), ELEMENT * x.features(), (x, y), |(x, mut y)| {
            y.as_mut_slice().copy_from_slice(x.as_slice());
            self.activation.apply(y.as_mut_slice());
        });
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        mut dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        _gradient: Option<&mut [T]>,
        _scratch: &mut [T],
    ) {
        // The inputs are the pre-activations.
        if let Some(mut dx) = dx {
            deactivate(&self.activation, pass.y, pass.x.as_slice(), dy.reborrow());
            dx.as_mut_slice().copy_from_slice(dy.as_slice());
        }
    }

    /// J v = s′(x) v.
    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        mut jv: BatchViewMut<'_, T>,
        _tangent_tape: &mut [T],
        _scratch: &mut [T],
    ) {
        jv.as_mut_slice().copy_from_slice(v.as_slice());
        deactivate(&self.activation, pass.y, pass.x.as_slice(), jv);
    }

    /// With ẏ = s′(x) v: dv = s′ dẏ and dx = s′ dy + s″ v dẏ.
    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        mut d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
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

impl<T, N, A> super::Detach<T> for ElementwiseLayer<N, A>
where
    T: Float,
    N: Size,
    A: Activation<T> + Ranged + Clone + 'static,
{
    type Detached = Self;
    fn detach(&self, _parameters: &[T], _to: &mut Vec<T>) -> Self {
        self.clone()
    }
}
