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
//! use autoencoder::{Activation, AutoEncoder, Dense, Scalar, activation::Identity, range};
//!
//! /// z / (1 + |z|)
//! #[derive(Debug, Clone, Copy)]
//! struct Softsign;
//! impl<T: Scalar> Activation<T> for Softsign {
//!     type Range = range::Symmetric;
//!     fn name(&self) -> &'static str {
//!         "softsign"
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

use crate::numbers::scalar::Scalar;
use crate::numbers::vector::vectorize;

/// An element-wise function with its first two derivatives.
///
/// The derivatives are given both the pre-activation z and the value h = s(z), and may use
/// whichever is cheaper. The second derivative serves the contractive penalty.
///
/// The slice forms compile the scalar ones for the widest vector instructions of the machine; mark
/// those `#[inline(always)]` and keep branches out of them for full speed.
pub trait Activation<T: Scalar>: Debug + Send + Sync {
    /// Where the values lie: a type of [`range`](crate::range).
    type Range;

    /// Its name in summaries.
    fn name(&self) -> &'static str;

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

/// [`Activation::apply`] for an activation with a parameter: a copy of its own in the loop, which no
/// store can change, lets the loop be vectorised.
fn apply_copy<T: Scalar, A: Activation<T> + Copy>(activation: A, z: &mut [T]) {
    vectorize(
        #[inline(always)]
        move || {
            for z in z {
                *z = activation.value(*z);
            }
        },
    );
}

/// As [`apply_copy`], for [`Activation::backward`].
fn backward_copy<T: Scalar, A: Activation<T> + Copy>(
    activation: A,
    z: &[T],
    h: &[T],
    dh: &mut [T],
) {
    vectorize(
        #[inline(always)]
        move || {
            for ((&z, &h), dh) in z.iter().zip(h).zip(dh) {
                *dh *= activation.derivative(z, h);
            }
        },
    );
}

impl<T: Scalar, A: Activation<T> + ?Sized> Activation<T> for Box<A> {
    type Range = A::Range;
    fn name(&self) -> &'static str {
        (**self).name()
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
