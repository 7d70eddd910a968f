use super::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::code::Facts;
use crate::error::{Result, require_weight};
use crate::layer::Part;
use crate::numbers::scalar::{Float, sum};
use crate::random::schedule::Schedule;
use crate::random::scheduled::Scheduled;
use crate::terms::Terms;

/// Keeps codes near zero, many of them exactly so under a rectifier; takes any encoder.
///
/// # Formula
/// λ · mean over samples of Σ |h|; the derivative at h = 0 is taken as 0. Its term is `code_l1`.
///
/// # Example
/// ```
/// use autoencoder::{CodeL1, train::schedule::{Constant, Warmup}};
/// let rising = CodeL1::new(0.01)?.schedule(Warmup::new(1000, Constant)?);
/// # let _ = rising;
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CodeL1 {
    weight: Scheduled,
}

impl CodeL1 {
    /// With the weight λ, finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(weight: f64) -> Result<Self> {
        require_weight("CodeL1 weight", weight)?;
        Ok(Self { weight: Scheduled::constant(weight) })
    }

    /// Multiplies λ by a factor that changes in the course of the training. Outside training, and with
    /// [`Lbfgs`](crate::Lbfgs), it is 1. Default: none.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.weight.follow(schedule);
        self
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
        let lambda = self.weight.at(at.progress());
        let weight = T::of(lambda);
        let size = |h: &[T]| sum(h, |h| h.abs());
        let alike = T::of(lambda / code.samples() as f64);
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
        format!("CodeL1 {{ weight: {:?}{} }}", self.weight.value, self.weight.describe())
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs { across: Across::Nothing, ..Needs::nothing() }
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.weight.schedule().into_iter().collect()
    }

    penalty!(CodeL1);
}
