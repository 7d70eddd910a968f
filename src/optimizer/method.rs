use std::fmt::Debug;

use super::{Lbfgs, Optimizer};
use crate::numbers::scalar::Scalar;

/// How a [`Trainer`](crate::Trainer) makes an objective small: any [`Optimizer`], which is given one
/// gradient a step, or [`Lbfgs`], which evaluates the objective as often as it needs.
///
/// The trait is sealed; write an [`Optimizer`] of your own. A `Box<dyn Method<T>>` is a method chosen at run
/// time.
pub trait Method<T: Scalar>: Debug + Send + Sync + sealed::Sealed<T> {}

/// The two kinds of methods.
#[derive(Debug)]
pub enum Kind<'a, T> {
    /// From one gradient to the next parameters, tensor by tensor.
    Optimizer(&'a dyn Optimizer<T>),
    /// From one point to the next, with evaluations of its own.
    Lbfgs(&'a Lbfgs),
}

mod sealed {
    pub trait Sealed<T> {
        fn kind(&self) -> super::Kind<'_, T>;
    }
}
pub(crate) use sealed::Sealed;

impl<T: Scalar, O: Optimizer<T>> Method<T> for O {}
impl<T: Scalar, O: Optimizer<T>> Sealed<T> for O {
    fn kind(&self) -> Kind<'_, T> {
        Kind::Optimizer(self)
    }
}

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
    };
}
methods!(f32);
methods!(f64);

impl<T: Scalar> Kind<'_, T> {
    /// How many numbers it remembers for each parameter.
    pub(crate) fn states(&self) -> usize {
        match self {
            Self::Optimizer(optimizer) => optimizer.states(),
            Self::Lbfgs(lbfgs) => lbfgs.states(),
        }
    }
}
