use std::fmt::Debug;

use super::{Adam, AdamW, Lbfgs, Optimizer, RmsProp, Sgd};
use crate::error::{Forgotten, Unwrapped};
use crate::numbers::scalar::Float;

/// How a [`Trainer`](crate::Trainer) makes an objective small: any [`Optimizer`], which is given one
/// gradient a step, or [`Lbfgs`], which evaluates the objective as often as it needs.
///
/// The trait is sealed; write an [`Optimizer`] of your own. A `Box<dyn Method<T>>` is a method chosen at run
/// time.
pub trait Method<T: Float>: Debug + Send + Sync + sealed::Sealed<T> {}

/// What a [`Trainer`](crate::Trainer) is made with, whatever numbers it will compute in: one line beside each
/// [`Optimizer`], `impl Trains for Mine {}`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no optimizer",
    label = "nothing that a trainer can train by",
    note = "an optimizer has `impl Trains for … {{}}` beside `impl<T: Float> Optimizer<T> for …`"
)]
pub trait Trains {}
impl Trains for Sgd {}
impl Trains for RmsProp {}
impl Trains for Adam {}
impl Trains for AdamW {}
impl Trains for Lbfgs {}
impl<T: Float> Trains for dyn Optimizer<T> + '_ {}
impl<T: Float> Trains for dyn Method<T> + '_ {}
impl<O: Trains + ?Sized> Trains for Box<O> {}

/// Says that a `?` is missing.
impl<O, X> Trains for Result<O, X> where Forgotten<X>: Unwrapped {}

/// The two kinds of methods.
#[derive(Debug)]
pub enum Kind<'a, T> {
    /// From one gradient to the next parameters, tensor by tensor.
    Optimizer(&'a dyn Optimizer<T>),
    /// From one point to the next, with evaluations of its own.
    Lbfgs(&'a Lbfgs),
}

impl<T: Float> Kind<'_, T> {
    /// The method with its settings.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Optimizer(optimizer) => optimizer.describe(),
            Self::Lbfgs(lbfgs) => lbfgs.describe(),
        }
    }
}

mod sealed {
    pub trait Sealed<T> {
        fn kind(&self) -> super::Kind<'_, T>;
    }
}
pub(crate) use sealed::Sealed;

impl<T: Float, O: Optimizer<T>> Method<T> for O {}
impl<T: Float, O: Optimizer<T>> Sealed<T> for O {
    fn kind(&self) -> Kind<'_, T> {
        Kind::Optimizer(self)
    }
}

/// Stands for a method of which it was said already that a `?` is missing.
static REFUSED: Lbfgs = Lbfgs::new();

// One by one: nobody else can make `Lbfgs` an `Optimizer<f32>`, but of a number type of their own
// they could, for all that the compiler knows.
macro_rules! methods {
    ($t:ty) => {
        impl Method<$t> for Lbfgs {}
        impl Sealed<$t> for Lbfgs {
            fn kind(&self) -> Kind<'_, $t> {
                Kind::Lbfgs(self)
            }
        }
        impl Method<$t> for Box<dyn Method<$t>> {}
        impl Sealed<$t> for Box<dyn Method<$t>> {
            fn kind(&self) -> Kind<'_, $t> {
                (**self).kind()
            }
        }
        impl<O, X> Method<$t> for Result<O, X>
        where
            O: Debug + Send + Sync,
            X: Debug + Send + Sync,
        {
        }
        impl<O, X> Sealed<$t> for Result<O, X> {
            fn kind(&self) -> Kind<'_, $t> {
                Kind::Lbfgs(&REFUSED)
            }
        }
    };
}
methods!(f32);
methods!(f64);

impl<T: Float> Kind<'_, T> {
    /// How many numbers it remembers for each parameter.
    pub(crate) fn states(&self) -> usize {
        match self {
            Self::Optimizer(optimizer) => optimizer.states(),
            Self::Lbfgs(lbfgs) => lbfgs.states(),
        }
    }
}
