use std::f64::consts::FRAC_1_SQRT_2;

use super::{Activation, Ranged, slice_forms};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;

/// The Gaussian error linear unit, exact (not the tanh approximation).
///
/// # Formula
/// s(z) = z Φ(z), s′ = Φ(z) + z φ(z), s″ = (2 − z²) φ(z), with the standard normal's distribution Φ
/// and density φ.
///
/// # References
/// D. Hendrycks, K. Gimpel (2016), Gaussian error linear units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gelu;

fn distribution<T: Float>(z: T) -> T {
    T::of(0.5) * (T::ONE + (z * T::of(FRAC_1_SQRT_2)).erf())
}

fn density<T: Float>(z: T) -> T {
    (T::of(-0.5) * z * z).exp() / T::two_pi().sqrt()
}

impl Ranged for Gelu {
    type Range = range::Real;
}

impl<T: Float> Activation<T> for Gelu {
    fn describe(&self) -> String {
        "Gelu".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        range::Real::ENDS
    }
    #[inline(always)]
    fn value(&self, z: T) -> T {
        z * distribution(z)
    }
    #[inline(always)]
    fn derivative(&self, z: T, _h: T) -> T {
        distribution(z) + z * density(z)
    }
    #[inline(always)]
    fn second_derivative(&self, z: T, _h: T) -> T {
        // In this order z² cannot overflow before the density makes it 0.
        let density = density(z);
        T::of(2.0) * density - z * density * z
    }
    slice_forms!(Gelu);
}
