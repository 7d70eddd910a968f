//! Layers: differentiable maps, over parameters that are passed in. Every encoder and every decoder is one.
//!
//! | layer | map |
//! |---|---|
//! | [`Dense`] | s(W x + b) |
//! | [`Elementwise`] | s(x), without parameters |
//! | [`Chain`] | one layer after the other, written `first.then(second)` |
//! | [`Activated`] | s(W x + b) of any [`Linear`] map W; that of a [`Matrix`] is a dense layer |
//! | [`Conv2d`], [`Conv1d`] | s(w ⋆ x + b), with the same weights at every place of an image or a window |
//! | [`ConvTranspose2d`], [`ConvTranspose1d`] | the way back, to a larger image or window |
//! | [`LayerNorm`] | w (x − μ) / √(σ² + ε) + b, with mean and variance of each sample |
//! | [`GroupNorm`] | the same for each group of channels of an image or a window |
//! | [`Residual`] | x + f(x), with a layer or a chain f |
//! | [`AveragePool2d`], [`AveragePool1d`], [`MaxPool2d`], [`MaxPool1d`] | the mean or the largest of each window, without parameters |
//! | [`Upsample2d`], [`Upsample1d`] | so many times larger: the nearest, or straight lines between |
//! | [`Fixed`] | W x of any [`FixedMap`] W, which nobody trains |
//! | [`SparseEncoder`](sparse::SparseEncoder) | of W (x − b) + c the few values that are selected: an encoder of many units |
//! | [`Dictionary`](sparse::Dictionary) | Σ fᵢ dᵢ + b: its decoder, to the inputs or to a target |
//! | [`Gaussian`](crate::Gaussian) | from a body to means and log-variances: an encoder with a spread |
//! | [`Tied`] | the encoder's layers backwards, with its weights: a decoder |
//! | [`Conditioned`] | a part that is told a condition beside each input |
//! | [`ConditionPlanes`] | the same of images: each number of the condition is a channel |
//! | [`Trained`](crate::Trained) | a part with the parameters that it was trained to |
//! | [`Any`] | any of them, chosen at run time |
//!
//! Three traits make a layer: [`Part`] has its types, which the compiler compares; [`Module`] its sizes as numbers;
//! [`Layer`] what it does, in either number type. A model that is built works with the last two: no pass knows a size
//! as a type.
//!
//! A layer has sizes and functions but holds no numbers: parameters come in as a flat slice, what
//! a backward pass needs lies on a flat *tape* that the forward pass has written, and temporary
//! room comes in as *scratch*. So a layer allocates nothing, can be shared between threads, and
//! can read another's parameters (tied weights).
//!
//! Four passes, each the derivative of an earlier one:
//!
//! | pass | computes |
//! |---|---|
//! | [`forward`](Layer::forward) | y = f(θ, x) |
//! | [`backward`](Layer::backward) | dθ = Jθᵀ dy, dx = Jᵀ dy |
//! | [`tangent`](Layer::tangent) | J v, the change of y as x moves along v |
//! | [`tangent_backward`](Layer::tangent_backward) | gradients of ⟨dy, y⟩ + ⟨d(Jv), J v⟩ |
//!
//! The last two make the contractive penalty exact for layers of any depth.
//!
//! # Laws
//! 1. `backward` agrees with finite differences of `forward`, for parameters and inputs.
//! 2. `tangent` agrees with finite differences of `forward` along v, and `tangent_backward` with
//!    those of `tangent`.
//! 3. `backward` writes its gradients over whatever was there; `tangent_backward`, which runs once for
//!    each of many directions, *adds* those of parameters.
//!    A frozen layer leaves them alone.
//! 4. A column of the output depends on the same column of the input only.
//!
//! # Write your own
//! A layer of your own is an encoder, a decoder, or a link of a chain in either. [`contract`](crate::contract) checks
//! it with the model around it:
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::layer::{DualViewMut, Pass, TangentPass, Unconditioned};
//! use autoencoder::nalgebra::Const;
//! use autoencoder::parameters::{Layout, Role};
//! use autoencoder::{AutoEncoder, Batch, BatchView, BatchViewMut, Dense, Float, Then, contract};
//! use autoencoder::{Layer, Module, Part, Point, range};
//!
//! /// y = w ⊙ x: a gain for each feature.
//! #[derive(Debug, Clone)]
//! struct Gain<const N: usize>;
//!
//! impl<const N: usize> Module for Gain<N> {
//!     fn num_inputs(&self) -> usize {
//!         N
//!     }
//!     fn num_outputs(&self) -> usize {
//!         N
//!     }
//!     fn num_parameters(&self) -> usize {
//!         N
//!     }
//! }
//! impl<const N: usize> Part for Gain<N> {
//!     type Input = Const<N>;
//!     type Output = Const<N>;
//!     type Range = range::Real;
//!     type Posterior = Point; // as an encoder it gives a code, and no distribution of codes
//!     type Condition = Unconditioned;
//!     fn input(&self) -> Const<N> {
//!         Const
//!     }
//!     fn output(&self) -> Const<N> {
//!         Const
//!     }
//! }
//! /// to ← w ⊙ from
//! fn scale<T: Float>(w: &[T], from: &[T], to: &mut [T]) {
//!     let gains = w.iter().cycle();
//!     to.iter_mut().zip(from).zip(gains).for_each(|((to, &from), &w)| *to = w * from);
//! }
//! /// dw ← dw + Σ a ⊙ b, over samples
//! fn add_products<T: Float>(a: &[T], b: &[T], dw: &mut [T]) {
//!     let features = dw.len();
//!     a.iter().zip(b).enumerate().for_each(|(at, (&a, &b))| dw[at % features] += a * b);
//! }
//! impl<T: Float, const N: usize> Layer<T> for Gain<N> {
//!     fn layout(&self, layout: &mut Layout) {
//!         layout.layer("Gain", |layer| layer.tensor("gain", (N, 1), Role::Weight));
//!     }
//!     fn draw_parameters(&self, w: &mut [T], _rng: &mut dyn rand::Rng) {
//!         w.fill(T::ONE);
//!     }
//!     fn range(&self) -> (f64, f64) {
//!         (f64::NEG_INFINITY, f64::INFINITY)
//!     }
//!     fn forward(
//!         &self,
//!         w: &[T],
//!         x: BatchView<'_, T>,
//!         mut y: BatchViewMut<'_, T>,
//!         _tape: &mut [T],
//!         _scratch: &mut [T],
//!     ) {
//!         scale(w, x.as_slice(), y.as_mut_slice());
//!     }
//!     fn backward(
//!         &self,
//!         pass: Pass<'_, T>,
//!         dy: BatchViewMut<'_, T>,
//!         dx: Option<BatchViewMut<'_, T>>,
//!         gradient: Option<&mut [T]>,
//!         _scratch: &mut [T],
//!     ) {
//!         if let Some(dw) = gradient {
//!             dw.fill(T::ZERO);
//!             add_products(dy.as_slice(), pass.x.as_slice(), dw);
//!         }
//!         if let Some(mut dx) = dx {
//!             scale(pass.parameters, dy.as_slice(), dx.as_mut_slice());
//!         }
//!     }
//!     fn tangent(
//!         &self,
//!         pass: Pass<'_, T>,
//!         v: BatchView<'_, T>,
//!         mut jv: BatchViewMut<'_, T>,
//!         _tangent_tape: &mut [T],
//!         _scratch: &mut [T],
//!     ) {
//!         scale(pass.parameters, v.as_slice(), jv.as_mut_slice());
//!     }
//!     fn tangent_backward(
//!         &self,
//!         pass: Pass<'_, T>,
//!         tangent: TangentPass<'_, T>,
//!         d: DualViewMut<'_, T>,
//!         d_input: Option<DualViewMut<'_, T>>,
//!         dw: &mut [T],
//!         _scratch: &mut [T],
//!     ) {
//!         add_products(d.value.as_slice(), pass.x.as_slice(), dw);
//!         add_products(d.tangent.as_slice(), tangent.v.as_slice(), dw);
//!         if let Some(mut d_input) = d_input {
//!             scale(pass.parameters, d.value.as_slice(), d_input.value.as_mut_slice());
//!             scale(pass.parameters, d.tangent.as_slice(), d_input.tangent.as_mut_slice());
//!         }
//!     }
//! }
//!
//! let build = || {
//!     AutoEncoder::builder()
//!         .encoder(Gain::<4>.then(Dense::<4, 2>::new(Tanh)))
//!         .decoder(Dense::<2, 4>::new(Identity).then(Gain::<4>))
//!         .build::<f64>()
//!         .unwrap()
//! };
//! let data = [[0.1, 0.5, 0.9, 0.3], [0.4, 0.3, 0.2, 0.8], [0.8, 0.6, 0.7, 0.1], [0.2, 0.9, 0.4, 0.6]];
//! contract::model(build, &Batch::from_iter(data)).assert(); // all passes, determinism, files, threads, …
//! ```
//!
//! # Write your own linear map
//! Where a layer is s(W x + b) it is less work to write W: [`Activated`] has the biases, the activation and all
//! passes, and a [`Tied`] decoder goes back by Wᵀ.
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::layer::{Activated, Channels, Linear};
//! use autoencoder::nalgebra::Const;
//! use autoencoder::{AutoEncoder, Batch, BatchView, BatchViewMut, Float, Module, Tied, contract, init};
//!
//! /// yᵢ = Σₖ wₖ xᵢ₊ₖ around a ring of so many places, or backwards xᵢ₋ₖ.
//! #[derive(Debug, Clone)]
//! struct Ring {
//!     places: usize,
//!     weights: usize,
//!     is_backwards: bool,
//! }
//! impl Ring {
//!     fn place(&self, i: usize, k: usize) -> usize {
//!         (if self.is_backwards { i + self.places - k } else { i + k }) % self.places
//!     }
//! }
//! impl Module for Ring {
//!     fn num_inputs(&self) -> usize {
//!         self.places
//!     }
//!     fn num_outputs(&self) -> usize {
//!         self.places
//!     }
//!     fn num_parameters(&self) -> usize {
//!         self.weights
//!     }
//! }
//! impl Channels for Ring {
//!     fn channels(&self) -> usize {
//!         1 // one bias for all outputs
//!     }
//!     fn input_channels(&self) -> usize {
//!         1
//!     }
//! }
//! impl<T: Float> Linear<T> for Ring {
//!     type Own = Self;
//!     type Transposed = Self;
//!     fn kind(&self) -> &'static str {
//!         "Ring"
//!     }
//!     fn weight_shape(&self) -> (usize, usize) {
//!         (1, self.weights)
//!     }
//!     fn draw_weights(&self, initializer: &dyn init::Initializer, weights: &mut [T], rng: &mut dyn rand::Rng) {
//!         let mut drawn = vec![0.0; self.weights];
//!         initializer.draw_unit(&mut drawn, 1, rng);
//!         weights.iter_mut().zip(drawn).for_each(|(w, drawn)| *w = T::of(drawn));
//!     }
//!     fn apply(&self, weights: &[T], x: BatchView<'_, T>, mut y: BatchViewMut<'_, T>, _scratch: &mut [T]) {
//!         for (y, x) in y.as_mut_slice().chunks_exact_mut(self.places).zip(x.iter()) {
//!             for (i, y) in y.iter_mut().enumerate() {
//!                 let terms = weights.iter().enumerate().map(|(k, &w)| w * x[self.place(i, k)]);
//!                 *y = terms.fold(T::ZERO, |sum, term| sum + term);
//!             }
//!         }
//!     }
//!     fn pull_back(&self, weights: &[T], dy: BatchView<'_, T>, dx: BatchViewMut<'_, T>, scratch: &mut [T]) {
//!         let back = Self { is_backwards: !self.is_backwards, ..self.clone() };
//!         back.apply(weights, dy, dx, scratch);
//!     }
//!     fn add_weight_gradient(
//!         &self,
//!         x: BatchView<'_, T>,
//!         dy: BatchView<'_, T>,
//!         beta: T,
//!         gradient: &mut [T],
//!         _scratch: &mut [T],
//!     ) {
//!         if beta == T::ZERO {
//!             gradient.fill(T::ZERO);
//!         }
//!         for (x, dy) in x.iter().zip(dy.iter()) {
//!             for (k, dw) in gradient.iter_mut().enumerate() {
//!                 dy.iter().enumerate().for_each(|(i, &dy)| *dw += dy * x[self.place(i, k)]);
//!             }
//!         }
//!     }
//!     fn own(&self, weights: &[T], to: &mut Vec<T>) -> Self {
//!         to.extend_from_slice(weights);
//!         self.clone()
//!     }
//!     fn transpose(&self, weights: &[T], to: &mut Vec<T>) -> Self {
//!         to.extend_from_slice(weights);
//!         Self { is_backwards: !self.is_backwards, ..self.clone() }
//!     }
//! }
//!
//! let ring = Ring { places: 5, weights: 3, is_backwards: false };
//! let build = || {
//!     AutoEncoder::builder()
//!         .encoder(Activated::new(ring.clone(), Tanh, Const::<5>, Const::<5>))
//!         .decoder(Tied::new(Identity)) // the same weights, back around the ring
//!         .build::<f64>()
//!         .unwrap()
//! };
//! assert_eq!(build().num_parameters(), 3 + 1 + 1);
//! let rows = [0.1, 0.5, 0.9, 0.3, 0.2, 0.4, 0.3, 0.2, 0.8, 0.6, 0.8, 0.6, 0.7, 0.1, 0.5, 0.2, 0.9, 0.4, 0.6, 0.3];
//! contract::model(build, &Batch::new(Const::<5>, rows.to_vec())?).assert();
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod activated;
pub mod activation;
mod adjoint;
mod biases;
mod boxed;
mod chain;
mod condition_planes;
mod conditioned;
mod convolution;
mod dense;
mod elementwise;
pub mod field;
pub mod init;
pub mod jacobian;
pub mod layout;
mod linear;
mod normalization;
pub(crate) mod part;
pub mod range;
mod residual;
mod resize;
pub mod sparse;
mod tied;
mod told;
pub(crate) mod trained;

use std::fmt::Debug;

use rand::Rng;

pub use activated::Activated;
pub use adjoint::Adjoint;
pub use boxed::{Any, AnyPart};
pub use chain::{Chain, Then};
pub use condition_planes::{ConditionPlanes, PlanesPart};
pub use conditioned::{Conditioned, ConditionedPart};
pub use convolution::{
    Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Convolution, ConvolutionLayer, Sides,
    TransposedLayer,
};
pub use dense::{Dense, DenseLayer, Matrix};
pub use elementwise::{Elementwise, ElementwiseLayer};
pub use linear::{Channels, Finish, Linear};
pub use normalization::{GroupNorm, LayerNorm, NormalizationLayer};
pub use part::{
    AnyPosterior, DiagonalGaussian, Gaussianlike, Part, Point, Pointlike, SameCondition,
    Unconditioned,
};
pub(crate) use part::{require_link, require_point};
pub use residual::Residual;
pub use resize::{
    AveragePool, AveragePool1d, AveragePool2d, AveragePoolLayer, Fixed, FixedMap, Interpolation,
    MaxPool1d, MaxPool2d, MaxPoolLayer, Upsample1d, Upsample2d, UpsampleLayer, Upsampling,
};
pub use tied::{Detach, Place, Shareable, Tied};

use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::numbers::scalar::Float;
use field::{Lies, Link, Span, Steps};
use jacobian::{Asked, JacobianGradient};
use layout::Layout;
use sparse::{InCommon, PairDecoder, PairEncoder};

/// What every part of a model has, whatever numbers it computes in: sizes and a number of parameters.
pub trait Module: Debug + Send + Sync {
    /// Values of an input; of a conditional part with those of the condition, which come last.
    fn num_inputs(&self) -> usize;

    /// Values of an output; of a Gaussian encoder twice the code units, as it gives means and log-variances.
    fn num_outputs(&self) -> usize;

    /// The number of its own parameters.
    fn num_parameters(&self) -> usize {
        0
    }

    /// How many parameters of the encoder it reads, which are all of them, if it has weights in common with
    /// it. It is then given those first and its own after them, and gradients are laid out alike.
    fn num_shared(&self) -> usize {
        0
    }

    /// Whether its outputs are means and log-variances: for a batch all means, then all log-variances.
    fn is_gaussian(&self) -> bool {
        false
    }

    /// Whether it is frozen: its passes then leave their part of the parameters' gradient alone.
    fn is_frozen(&self) -> bool {
        self.num_parameters() == 0
    }

    /// Freezes it or lets it be trained again. What is frozen in a model stays as it is whatever its
    /// gradient says; a part that heeds this saves the time to compute it.
    fn set_frozen(&mut self, is_frozen: bool) {
        let _ = is_frozen;
    }

    /// Hears that all of the encoder whose parameters it shares has been frozen or is to be trained again.
    fn set_shared_frozen(&mut self, is_frozen: bool) {
        let _ = is_frozen;
    }

    /// Refuses sizes that it cannot have, and that neighbours inside do not agree on; called once, before a
    /// model is built.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) where two neighbours disagree, [`Error::Unfit`](crate::Error::Unfit)
    /// where they do not go together,
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a size of 0 or one beyond all memory.
    fn check_sizes(&self) -> Result<()> {
        Ok(())
    }

    /// How its outputs lie, where they are an image or a window; nothing of plain features, which lie as those that come
    /// in where it [keeps](Self::keeps_places) each in its place.
    fn lies(&self) -> Option<Lies> {
        None
    }

    /// How its outputs look at its inputs, along rows and along columns; nothing, as by default, where every output looks
    /// at all of the input, as those of a dense layer do.
    fn steps(&self) -> Option<[Steps; 2]> {
        None
    }

    /// Whether each output lies where the input of the same number does, so that of plain features what goes in as an image
    /// or a window comes out as one: by default where every output [looks at](Self::steps) the input in its place; also of
    /// a residual layer, whatever its body looks at.
    fn keeps_places(&self) -> bool {
        self.steps() == Some([Steps::SAME; 2])
    }

    /// The receptive field of some rows and columns of its outputs: the rows and columns of its inputs that they look at.
    /// By default as its [steps](Self::steps) say; nothing where that is all of the input.
    fn field(&self, [rows, columns]: [Span; 2]) -> Option<[Span; 2]> {
        let [of_rows, of_columns] = self.steps()?;
        Some([of_rows.of(rows), of_columns.of(columns)])
    }

    /// What a [`Dictionary`](sparse::Dictionary) behind it has in common with it, where it is an encoder of sparse codes.
    fn in_common(&self) -> Option<InCommon> {
        None
    }

    /// The number of the encoder's inputs that are mapped to its outputs beside the code, where it is a decoder with a
    /// [skip](sparse::TargetDictionary::with_skip).
    fn skips(&self) -> Option<usize> {
        None
    }

    /// The number of code units, where it is an encoder.
    fn num_units(&self) -> usize {
        if self.is_gaussian() { self.num_outputs() / 2 } else { self.num_outputs() }
    }
}

/// What a forward pass read and left behind, for the passes that go back over it.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a, T> {
    /// The layer's parameters.
    pub parameters: &'a [T],
    /// The inputs.
    pub x: BatchView<'a, T>,
    /// The outputs.
    pub y: BatchView<'a, T>,
    /// The tape that the forward pass has written.
    pub tape: &'a [T],
}

/// The direction of a tangent pass and the tape it has written.
#[derive(Debug, Clone, Copy)]
pub struct TangentPass<'a, T> {
    /// The direction, a column a sample.
    pub v: BatchView<'a, T>,
    /// The tape that the tangent pass has written.
    pub tape: &'a [T],
}

/// Gradients at a value and at its tangent.
#[derive(Debug)]
pub struct DualViewMut<'a, T> {
    /// The gradient at the value.
    pub value: BatchViewMut<'a, T>,
    /// The gradient at the tangent.
    pub tangent: BatchViewMut<'a, T>,
}

impl<T: Float> DualViewMut<'_, T> {
    /// The same for a shorter time, so that it can be used again.
    pub fn reborrow(&mut self) -> DualViewMut<'_, T> {
        DualViewMut { value: self.value.reborrow(), tangent: self.tangent.reborrow() }
    }
}

/// A differentiable map from inputs to outputs, column by column. Every encoder and every decoder is one.
///
/// It holds no numbers: parameters are passed in, and what a pass must remember lies on a tape. The slices have the
/// lengths that are stated here and in [`Module`]; batches have one column a sample.
pub trait Layer<T: Float>: Module + LayerClone<T> {
    /// Writes its tensors, in the order in which they lie in its parameters.
    fn layout(&self, layout: &mut Layout);

    /// Draws its first parameters.
    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let _ = (parameters, rng);
    }

    /// Changes the first parameters of a decoder to what belongs to those of its encoder, which are drawn before.
    fn begin_as(&self, encoder: &[T], own: &mut [T]) {
        let _ = (encoder, own);
    }

    /// The ends of what its outputs lie in; of a Gaussian encoder, its means.
    fn range(&self) -> (f64, f64);

    /// The length of the tape that a forward pass over this many samples writes.
    fn tape_len(&self, samples: usize) -> usize {
        let _ = samples;
        0
    }

    /// The length of the scratch that its passes need for this many samples.
    fn scratch_len(&self, samples: usize) -> usize {
        let _ = samples;
        0
    }

    /// y = f(θ, x); writes the tape.
    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        tape: &mut [T],
        scratch: &mut [T],
    );

    /// Writes Jθᵀ dy into `gradient` and Jᵀ dy into `dx`, each if wanted. Uses up `dy`. What it says of parameters
    /// that it [shares](Module::num_shared) is *added*.
    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    );

    /// The length of the tape that a tangent pass over this many samples writes.
    fn tangent_tape_len(&self, samples: usize) -> usize {
        let _ = samples;
        0
    }

    /// J v, with the Jacobian at the pass's inputs; writes the tangent tape.
    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        jv: BatchViewMut<'_, T>,
        tangent_tape: &mut [T],
        scratch: &mut [T],
    );

    /// Of a layer that [shares](Module::num_shared) weights with an encoder, the same map with all its weights its
    /// own, and these appended, out of all that it is given. None of a layer that shares none.
    fn untied(&self, parameters: &[T], to: &mut Vec<T>) -> Option<Box<dyn Layer<T>>> {
        let _ = (parameters, to);
        None
    }

    /// Goes back over a forward and a tangent pass at once: from gradients at y and at J v to
    /// those of the parameters (added), of x and of v (written, if wanted). Uses up `d`.
    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    );

    /// The mean over samples of ‖∂y/∂x‖²_F and, if wanted, `weight` times its gradient; of a Gaussian encoder,
    /// that of its means.
    ///
    /// The default goes through tangent passes and serves every layer but a Gaussian encoder, as it takes in all
    /// outputs; override it there, and where there is a closed form.
    fn squared_jacobian(
        &self,
        pass: Pass<'_, T>,
        asked: Asked<'_, T>,
        gradient: Option<JacobianGradient<'_, T>>,
        scratch: &mut [T],
    ) -> T {
        jacobian::by_passes(self, pass, asked, gradient, scratch)
    }

    /// The length of the scratch that [`squared_jacobian`](Layer::squared_jacobian) needs.
    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        jacobian::scratch_len(self, samples)
    }

    /// Itself, if its codes come as pairs of a unit and a value in training.
    fn pair_encoder(&self) -> Option<&dyn PairEncoder<T>> {
        None
    }

    /// Itself, if it decodes such codes.
    fn pair_decoder(&self) -> Option<&dyn PairDecoder<T>> {
        None
    }

    /// Shows the layers of a chain after a forward pass, the last one first; of any other layer itself.
    fn links(&self, pass: Pass<'_, T>, visit: &mut dyn FnMut(Link<'_, T>)) {
        let field = |places| self.field(places);
        let (lies, keeps_places) = (self.lies(), self.keeps_places());
        visit(Link { y: pass.y, lies, keeps_places, field: &field });
    }
}

/// A copy in a box, which every layer that is `Clone` can give.
pub trait LayerClone<T> {
    /// The copy.
    fn boxed(&self) -> Box<dyn Layer<T>>;
}
impl<T: Float, L: Layer<T> + Clone + 'static> LayerClone<T> for L {
    fn boxed(&self) -> Box<dyn Layer<T>> {
        Box::new(self.clone())
    }
}
impl<T: Float> Clone for Box<dyn Layer<T>> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// All of [`Module`] but what it says of places, by what stands inside.
macro_rules! module_by {
    ($inside:ident) => {
        fn num_inputs(&self) -> usize {
            self.$inside.num_inputs()
        }
        fn num_outputs(&self) -> usize {
            self.$inside.num_outputs()
        }
        fn num_parameters(&self) -> usize {
            self.$inside.num_parameters()
        }
        fn num_shared(&self) -> usize {
            self.$inside.num_shared()
        }
        fn is_gaussian(&self) -> bool {
            self.$inside.is_gaussian()
        }
        fn is_frozen(&self) -> bool {
            self.$inside.is_frozen()
        }
        fn set_frozen(&mut self, is_frozen: bool) {
            self.$inside.set_frozen(is_frozen);
        }
        fn set_shared_frozen(&mut self, is_frozen: bool) {
            self.$inside.set_shared_frozen(is_frozen);
        }
        fn in_common(&self) -> Option<crate::layer::sparse::InCommon> {
            self.$inside.in_common()
        }
        fn skips(&self) -> Option<usize> {
            self.$inside.skips()
        }
    };
}
pub(crate) use module_by;

/// What [`Module`] says of places, by what stands inside.
macro_rules! field_by {
    ($inside:ident) => {
        fn lies(&self) -> Option<crate::layer::field::Lies> {
            self.$inside.lies()
        }
        fn steps(&self) -> Option<[crate::layer::field::Steps; 2]> {
            self.$inside.steps()
        }
        fn keeps_places(&self) -> bool {
            self.$inside.keeps_places()
        }
        fn field(
            &self,
            places: [crate::layer::field::Span; 2],
        ) -> Option<[crate::layer::field::Span; 2]> {
            self.$inside.field(places)
        }
    };
}
pub(crate) use field_by;

/// All of [`Layer`] but the layout and the first parameters, by what stands inside.
macro_rules! layer_by {
    ($inside:ident) => {
        fn range(&self) -> (f64, f64) {
            self.$inside.range()
        }
        fn tape_len(&self, samples: usize) -> usize {
            self.$inside.tape_len(samples)
        }
        fn scratch_len(&self, samples: usize) -> usize {
            self.$inside.scratch_len(samples)
        }
        fn forward(
            &self,
            parameters: &[T],
            x: BatchView<'_, T>,
            y: BatchViewMut<'_, T>,
            tape: &mut [T],
            scratch: &mut [T],
        ) {
            self.$inside.forward(parameters, x, y, tape, scratch);
        }
        fn backward(
            &self,
            pass: Pass<'_, T>,
            dy: BatchViewMut<'_, T>,
            dx: Option<BatchViewMut<'_, T>>,
            gradient: Option<&mut [T]>,
            scratch: &mut [T],
        ) {
            self.$inside.backward(pass, dy, dx, gradient, scratch);
        }
        fn untied(&self, parameters: &[T], to: &mut Vec<T>) -> Option<Box<dyn Layer<T>>> {
            self.$inside.untied(parameters, to)
        }
        fn tangent_tape_len(&self, samples: usize) -> usize {
            self.$inside.tangent_tape_len(samples)
        }
        fn tangent(
            &self,
            pass: Pass<'_, T>,
            v: BatchView<'_, T>,
            jv: BatchViewMut<'_, T>,
            tangent_tape: &mut [T],
            scratch: &mut [T],
        ) {
            self.$inside.tangent(pass, v, jv, tangent_tape, scratch);
        }
        fn tangent_backward(
            &self,
            pass: Pass<'_, T>,
            tangent: TangentPass<'_, T>,
            d: DualViewMut<'_, T>,
            d_input: Option<DualViewMut<'_, T>>,
            gradient: &mut [T],
            scratch: &mut [T],
        ) {
            self.$inside.tangent_backward(pass, tangent, d, d_input, gradient, scratch);
        }
        fn squared_jacobian(
            &self,
            pass: Pass<'_, T>,
            asked: Asked<'_, T>,
            gradient: Option<JacobianGradient<'_, T>>,
            scratch: &mut [T],
        ) -> T {
            self.$inside.squared_jacobian(pass, asked, gradient, scratch)
        }
        fn jacobian_scratch_len(&self, samples: usize) -> usize {
            self.$inside.jacobian_scratch_len(samples)
        }
        fn pair_encoder(&self) -> Option<&dyn crate::layer::sparse::PairEncoder<T>> {
            self.$inside.pair_encoder()
        }
        fn pair_decoder(&self) -> Option<&dyn crate::layer::sparse::PairDecoder<T>> {
            self.$inside.pair_decoder()
        }
        fn links(
            &self,
            pass: Pass<'_, T>,
            visit: &mut dyn FnMut(crate::layer::field::Link<'_, T>),
        ) {
            self.$inside.links(pass, visit);
        }
    };
}
pub(crate) use layer_by;
