use nalgebra::{ComplexField, Dim};

use super::{Encoded, PenaltyGradient, Regularizer};
use crate::code::encoder::Encoder;
use crate::code::posterior::Posterior;
use crate::error::{Result, require_weight};
use crate::numbers::scalar::{Scalar, sum};
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
}

impl<E: Encoder> Regularizer<E> for CodeL1 {
    fn adds_to_parameters(&self) -> bool {
        false
    }

    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
        _scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        let code = at.posterior.mean();
        let weight = E::Scalar::of(self.weight);
        let size = |h: &[E::Scalar]| sum(h, |h| h.abs());
        let alike = E::Scalar::of(self.weight / code.samples() as f64);
        let value = match at.shares {
            None => alike * size(code.as_slice()),
            Some(shares) => {
                let samples = code.iter().zip(shares);
                let sum = samples.fold(E::Scalar::ZERO, |sum, (h, &share)| sum + share * size(h));
                weight * sum
            }
        };
        terms.add("code_l1", value);
        if let Some(gradient) = gradient {
            let features = at.encoder.code_dim().value();
            let mut d_code = gradient.posterior.mean_mut();
            let columns = d_code.as_mut_slice().chunks_exact_mut(features).zip(code.iter());
            for (column, (d_code, code)) in columns.enumerate() {
                let scale = at.shares.map_or(alike, |shares| weight * shares[column]);
                for (d, &h) in d_code.iter_mut().zip(code) {
                    if h != E::Scalar::ZERO {
                        *d += scale * h.signum();
                    }
                }
            }
        }
    }
}
