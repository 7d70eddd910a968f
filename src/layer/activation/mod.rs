//! Activations: the function s in h = s(W x + b), with its range as a type.
//!
//! | activation | s(z) | range |
//! |---|---|---|
//! | [`Identity`] | z | real |
//! | [`Sigmoid`] | 1 / (1 + e⁻ᶻ) | 0 to 1 |
//! | [`Tanh`] | tanh z | −1 to 1 |
//! | [`Relu`] | max(z, 0) | not negative |
//! | [`LeakyRelu`] | z for z > 0, else a z | real |
//! | [`Elu`] | z for z > 0, else a (eᶻ − 1) | real |
//! | [`Gelu`] | z Φ(z) | real |
//! | [`Softplus`] | ln(1 + eᶻ) | not negative |
//!
//! # Laws
//! 1. `derivative` and `second_derivative` are those of `value`, at every z where it is smooth.
//! 2. `value(z)` lies in `Range` for every finite z.
//! 3. The slice forms give the same bits as the scalar forms.
//!
//! # Write your own
//! ```
//! use autoencoder::{Activation, AutoEncoder, Dense, Float, activation::{Identity, Ranged}, range};
//!
//! /// z / (1 + |z|)
//! #[derive(Debug, Clone, Copy)]
//! struct Softsign;
//! impl Ranged for Softsign {
//!     type Range = range::Symmetric;
//! }
//! impl<T: Float> Activation<T> for Softsign {
//!     fn describe(&self) -> String {
//!         "Softsign".to_owned()
//!     }
//!     fn range(&self) -> (f64, f64) {
//!         (-1.0, 1.0)
//!     }
//!     fn value(&self, z: T) -> T {
//!         z / (T::ONE + z.abs())
//!     }
//!     fn derivative(&self, z: T, _h: T) -> T {
//!         (T::ONE + z.abs()).powi(-2)
//!     }
//!     fn second_derivative(&self, z: T, _h: T) -> T {
//!         T::of(-2.0) * z.signum() * (T::ONE + z.abs()).powi(-3)
//!     }
//! }
//! let model = AutoEncoder::builder()
//!     .encoder(Dense::<8, 3>::new(Softsign))
//!     .decoder(Dense::<3, 8>::new(Identity))
//!     .build::<f64>()?;
//! let data = autoencoder::Batch::from_iter([[0.5; 8], [-0.5; 8]]);
//! autoencoder::gradcheck::model(&model, &data, 1)?.assert();
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod elu;
mod gelu;
mod identity;
mod leaky_relu;
mod relu;
mod sigmoid;
mod softplus;
mod tanh;

use std::fmt::Debug;

pub use elu::Elu;
pub use gelu::Gelu;
pub use identity::Identity;
pub use leaky_relu::LeakyRelu;
pub use relu::Relu;
pub use sigmoid::Sigmoid;
pub use softplus::Softplus;
pub use tanh::Tanh;

use crate::layer::range;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// An element-wise function with its first two derivatives.
///
/// The derivatives are given both the pre-activation z and the value h = s(z), and may use
/// whichever is cheaper. The second derivative serves the contractive penalty.
///
/// The slice forms compile the scalar ones for the widest vector instructions of the machine; mark
/// those `#[inline(always)]` and keep branches out of them for full speed.
pub trait Activation<T: Float>: Debug + Send + Sync + ActivationClone<T> {
    /// What tells it from others in summaries and files: `Sigmoid`, `LeakyRelu { slope: 0.01 }`.
    fn describe(&self) -> String;

    /// The ends of what its values lie in, as its [`Ranged::Range`] says.
    fn range(&self) -> (f64, f64);

    /// s(z).
    fn value(&self, z: T) -> T;

    /// s′(z), where h = s(z).
    fn derivative(&self, z: T, h: T) -> T;

    /// s″(z), where h = s(z).
    fn second_derivative(&self, z: T, h: T) -> T;

    /// Whether the derivatives read z. Where they read only h, a layer does not keep z,
    /// and passes h in its place.
    fn reads_preactivation(&self) -> bool {
        true
    }

    /// z ← s(z) for every element.
    fn apply(&self, z: &mut [T]) {
        vectorize(
            #[inline(always)]
            || {
                for z in z {
                    *z = self.value(*z);
                }
            },
        );
    }

    /// dh ← dh · s′(z) for every element: from the gradient at h to the gradient at z.
    fn backward(&self, z: &[T], h: &[T], dh: &mut [T]) {
        vectorize(
            #[inline(always)]
            || {
                for ((&z, &h), dh) in z.iter().zip(h).zip(dh) {
                    *dh *= self.derivative(z, h);
                }
            },
        );
    }
}

/// The range of an activation as a type, so that what needs a bounded code, say, is refused by the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no activation",
    label = "not an activation",
    note = "an activation has `impl Ranged` beside `impl Activation<T>`; a constructor that checks its \
            numbers gives a `Result`, which needs a `?`"
)]
pub trait Ranged {
    /// Where the values lie: a type of [`range`].
    type Range: range::Range;
}

/// A copy in a box, which every activation that is `Clone` can give.
pub trait ActivationClone<T> {
    /// The copy.
    fn boxed(&self) -> Box<dyn Activation<T>>;
}
impl<T: Float, A: Activation<T> + Clone + 'static> ActivationClone<T> for A {
    fn boxed(&self) -> Box<dyn Activation<T>> {
        Box::new(self.clone())
    }
}
impl<T: Float> Clone for Box<dyn Activation<T>> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// The slice forms of an activation of this crate. Its own copy in the loop, which no store can change, lets the
/// loop be vectorised where it has a parameter.
macro_rules! slice_forms {
    ($activation:ty) => {
        fn apply(&self, z: &mut [T]) {
            $crate::numbers::once::once! { fn apply(activation: $activation, z: &'a mut [T]) = $crate::layer::activation::apply; }
            apply(*self, z);
        }
        fn backward(&self, z: &[T], h: &[T], dh: &mut [T]) {
            $crate::numbers::once::once! {
                fn backward(activation: $activation, z: &'a [T], h: &'a [T], dh: &'a mut [T])
                    = $crate::layer::activation::backward;
            }
            backward(*self, z, h, dh);
        }
    };
}
use slice_forms;

fn apply<T: Float>(activation: impl Activation<T>, z: &mut [T]) {
    vectorize(
        #[inline(always)]
        move || {
            for z in z {
                *z = activation.value(*z);
            }
        },
    );
}

fn backward<T: Float>(activation: impl Activation<T>, z: &[T], h: &[T], dh: &mut [T]) {
    vectorize(
        #[inline(always)]
        move || {
            for ((&z, &h), dh) in z.iter().zip(h).zip(dh) {
                *dh *= activation.derivative(z, h);
            }
        },
    );
}

/// Chosen at run time; what its range must be is asked when the model is built.
impl<T> Ranged for Box<dyn Activation<T>> {
    type Range = range::AnyRange;
}

impl<T: Float> Activation<T> for Box<dyn Activation<T>> {
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn range(&self) -> (f64, f64) {
        (**self).range()
    }
    fn value(&self, z: T) -> T {
        (**self).value(z)
    }
    fn derivative(&self, z: T, h: T) -> T {
        (**self).derivative(z, h)
    }
    fn second_derivative(&self, z: T, h: T) -> T {
        (**self).second_derivative(z, h)
    }
    fn reads_preactivation(&self) -> bool {
        (**self).reads_preactivation()
    }
    fn apply(&self, z: &mut [T]) {
        (**self).apply(z);
    }
    fn backward(&self, z: &[T], h: &[T], dh: &mut [T]) {
        (**self).backward(z, h, dh);
    }
}
