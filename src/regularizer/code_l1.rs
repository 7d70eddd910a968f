use super::{Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::code::Facts;
use crate::error::{Result, require_weight};
use crate::layer::Part;
use crate::numbers::scalar::{Float, sum};
use crate::terms::Terms;

/// Keeps codes near zero, many of them exactly so under a rectifier; takes any encoder.
///
/// # Formula
/// λ · mean over samples of Σ |h|; the derivative at h = 0 is taken as 0. Its term is `code_l1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CodeL1 {
    weight: f64,
}

impl CodeL1 {
    /// With the weight λ, finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(weight: f64) -> Result<Self> {
        require_weight("CodeL1 weight", weight)?;
        Ok(Self { weight })
    }

    /// Adds the term and, if wanted, its gradient.
    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        _scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let code = at.posterior.mean();
        let weight = T::of(self.weight);
        let size = |h: &[T]| sum(h, |h| h.abs());
        let alike = T::of(self.weight / code.samples() as f64);
        let value = match at.shares {
            None => alike * size(code.as_slice()),
            Some(shares) => {
                let samples = code.iter().zip(shares);
                let sum = samples.fold(T::ZERO, |sum, (h, &share)| sum + share * size(h));
                weight * sum
            }
        };
        terms.add("code_l1", value);
        if let Some(gradient) = gradient {
            let features = at.facts.units;
            let mut d_code = gradient.posterior.mean_mut();
            let columns = d_code.as_mut_slice().chunks_exact_mut(features).zip(code.iter());
            for (column, (d_code, code)) in columns.enumerate() {
                let scale = at.shares.map_or(alike, |shares| weight * shares[column]);
                for (d, &h) in d_code.iter_mut().zip(code) {
                    if h != T::ZERO {
                        *d += scale * h.signum();
                    }
                }
            }
        }
    }
}

impl<E: Part> SuitedTo<E> for CodeL1 {}

impl<T: Float> Regularizer<T> for CodeL1 {
    fn describe(&self) -> String {
        format!("CodeL1 {{ weight: {:?} }}", self.weight)
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs::nothing()
    }

    penalty!(CodeL1);
}
