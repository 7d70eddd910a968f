//! Layers of linear maps without weights.

use crate::batch::size::Size;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_size};
use crate::layer::field::{Lies, Steps};
use crate::layer::layout::Layout;
use crate::layer::range::Real;
use crate::layer::{
    Detach, DualViewMut, Layer, Module, Part, Pass, Point, TangentPass, Unconditioned,
};
use crate::numbers::scalar::Float;

/// A linear map without weights, y = W x with a W that nobody trains: [`Fixed`] makes a layer of it.
///
/// # Laws
/// ⟨[`apply`](Self::apply)(x), dy⟩ = ⟨x, [`pull_back`](Self::pull_back)(dy)⟩ for all x and dy. Both write over whatever was
/// there, and compute each sample from the same sample only.
///
/// # Example
/// A map of your own, which turns every sample round:
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::layer::{Fixed, FixedMap};
/// use autoencoder::nalgebra::Const;
/// use autoencoder::{AutoEncoder, Batch, BatchView, BatchViewMut, Dense, Float, Module, Then, contract};
///
/// #[derive(Debug, Clone)]
/// struct Reverse(usize);
/// impl Module for Reverse {
///     fn num_inputs(&self) -> usize {
///         self.0
///     }
///     fn num_outputs(&self) -> usize {
///         self.0
///     }
/// }
/// impl<T: Float> FixedMap<T> for Reverse {
///     fn kind(&self) -> &'static str {
///         "Reverse"
///     }
///     fn settings(&self) -> String {
///         format!("{} values", self.0)
///     }
///     fn apply(&self, x: BatchView<'_, T>, mut y: BatchViewMut<'_, T>) {
///         for (y, x) in y.as_mut_slice().chunks_exact_mut(self.0).zip(x.iter()) {
///             y.iter_mut().zip(x.iter().rev()).for_each(|(y, &x)| *y = x);
///         }
///     }
///     fn pull_back(&self, dy: BatchView<'_, T>, dx: BatchViewMut<'_, T>) {
///         self.apply(dy, dx); // it is its own adjoint
///     }
/// }
///
/// let build = || {
///     AutoEncoder::builder()
///         .encoder(Fixed::new(Reverse(4), Const::<4>, Const::<4>).then(Dense::<4, 2>::new(Tanh)))
///         .decoder(Dense::<2, 4>::new(Identity))
///         .build::<f64>()
///         .unwrap()
/// };
/// let data = [[0.1, 0.5, 0.9, 0.3], [0.4, 0.3, 0.2, 0.8], [0.8, 0.6, 0.7, 0.1], [0.2, 0.9, 0.4, 0.6]];
/// contract::model(build, &Batch::from_iter(data)).assert();
/// ```
pub trait FixedMap<T: Float>: Module {
    /// What it is called in summaries and files: `AveragePool2d`.
    fn kind(&self) -> &'static str;

    /// All that can be set of it, sizes included: a model file is compared with it.
    fn settings(&self) -> String;

    /// y ← W x.
    fn apply(&self, x: BatchView<'_, T>, y: BatchViewMut<'_, T>);

    /// dx ← Wᵀ dy.
    fn pull_back(&self, dy: BatchView<'_, T>, dx: BatchViewMut<'_, T>);
}

/// The layer of a [`FixedMap`]: y = W x, without parameters.
///
/// To the compiler its outputs are any real numbers, as those of a layer that ends in `Identity`: it does not know what
/// it is fed. A penalty that asks for a range, as [`SparseKl`](crate::SparseKl) does, needs an activation behind it; and a
/// loss that takes logits takes what comes out for logits, so that no `Sigmoid` belongs before it.
#[derive(Debug, Clone)]
pub struct Fixed<M, I, O> {
    map: M,
    input: I,
    output: O,
}

impl<M, I, O> Fixed<M, I, O> {
    /// Of a map between these sizes.
    pub fn new(map: M, input: I, output: O) -> Self {
        Self { map, input, output }
    }

    /// Its map.
    pub fn map(&self) -> &M {
        &self.map
    }

    /// With another map of the same sizes.
    pub(super) fn with_map(self, change: impl FnOnce(M) -> M) -> Self {
        Self { map: change(self.map), ..self }
    }
}

impl<M: Module, I: Size, O: Size> Module for Fixed<M, I, O> {
    fn num_inputs(&self) -> usize {
        self.input.value()
    }
    fn num_outputs(&self) -> usize {
        self.output.value()
    }
    fn check_sizes(&self) -> Result<()> {
        self.map.check_sizes()?;
        let (inputs, outputs) = (self.input.value(), self.output.value());
        require_size("the map of a layer", "inputs", inputs, self.map.num_inputs())?;
        require_size("the map of a layer", "outputs", outputs, self.map.num_outputs())
    }
    fn lies(&self) -> Option<Lies> {
        Lies::of(self.output)
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        self.map.steps()
    }
}

impl<M: Module, I: Size, O: Size> Part for Fixed<M, I, O> {
    type Input = I;
    type Output = O;
    type Range = Real;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> I {
        self.input
    }
    fn output(&self) -> O {
        self.output
    }
}

impl<T: Float, M: FixedMap<T> + Clone + 'static, I: Size, O: Size> Layer<T> for Fixed<M, I, O> {
    fn layout(&self, layout: &mut Layout) {
        let (kind, settings) = (self.map.kind(), self.map.settings());
        layout.layer(kind, |layer| layer.setting(format_args!("{kind} of {settings}")));
    }

    fn range(&self) -> (f64, f64) {
        <Real as crate::layer::range::Range>::ENDS
    }

    fn forward(
        &self,
        _parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        _tape: &mut [T],
        _scratch: &mut [T],
    ) {
        self.map.apply(x, y);
    }

    fn backward(
        &self,
        _pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        _gradient: Option<&mut [T]>,
        _scratch: &mut [T],
    ) {
        if let Some(dx) = dx {
            self.map.pull_back(dy.as_view(), dx);
        }
    }

    /// J v = W v.
    fn tangent(
        &self,
        _pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        jv: BatchViewMut<'_, T>,
        _tangent_tape: &mut [T],
        _scratch: &mut [T],
    ) {
        self.map.apply(v, jv);
    }

    fn tangent_backward(
        &self,
        _pass: Pass<'_, T>,
        _tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        _gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        if let Some(d_input) = d_input {
            self.map.pull_back(d.value.as_view(), d_input.value);
            self.map.pull_back(d.tangent.as_view(), d_input.tangent);
        }
    }
}

impl<T: Float, M: FixedMap<T> + Clone + 'static, I: Size, O: Size> Detach<T> for Fixed<M, I, O> {
    type Detached = Self;
    fn detach(&self, _parameters: &[T], _to: &mut Vec<T>) -> Self {
        self.clone()
    }
}
