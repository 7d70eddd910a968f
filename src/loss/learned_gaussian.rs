use super::{Compared, Loss};
use crate::decoder::Decoder;
use crate::error::{Result, require};
use crate::parameters::Role;
use crate::vector::{exp, vectorize};
use crate::{BatchViewMut, Layout, Scalar};

/// Negative log-likelihood under a Gaussian around the decoder's output whose variance is trained with the
/// model: one for all features, or one for each.
///
/// # Formula
/// Σ ½ (x − y)² e^(−lv) + ½ lv + ½ ln 2π in nats, with the parameter lv = ln σ². At the least loss σ² is the mean
/// squared error, so that nothing has to be chosen between reconstruction and divergence. lv is held in
/// [−12, 12], where data of which a feature is constant would drive it to −∞.
///
/// # References
/// O. Rybkin, K. Daniilidis, S. Levine (2021), Simple and effective VAE training with calibrated decoders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearnedGaussian {
    per_feature: bool,
    deviation: f64,
}

/// Where ln σ² is held.
const CLAMP: (f64, f64) = (-12.0, 12.0);

impl LearnedGaussian {
    /// With one variance for all features, at first 1.
    pub fn shared() -> Self {
        Self { per_feature: false, deviation: 1.0 }
    }

    /// With a variance for each feature, at first 1.
    pub fn per_feature() -> Self {
        Self { per_feature: true, deviation: 1.0 }
    }

    /// With this standard deviation σ at first, in [e^−6, e⁶], which is about [0.0025, 403]: beyond, ln σ² would
    /// have no gradient, and never change.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn starting_at(self, deviation: f64) -> Result<Self> {
        let is_held = ((0.5 * CLAMP.0).exp()..=(0.5 * CLAMP.1).exp()).contains(&deviation);
        require(is_held, "LearnedGaussian deviation", deviation, "in [e^-6, e^6]")?;
        Ok(Self { deviation, ..self })
    }

    /// The place of a feature's parameter.
    fn place(self, feature: usize) -> usize {
        if self.per_feature { feature } else { 0 }
    }
}

fn clamped<T: Scalar>(lv: T) -> T {
    let (low, high) = (T::of(CLAMP.0), T::of(CLAMP.1));
    if lv < low {
        low
    } else if lv > high {
        high
    } else {
        lv
    }
}

impl<D: Decoder> Loss<D> for LearnedGaussian {
    fn name(&self) -> &'static str {
        "learned_gaussian"
    }

    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        let half = D::Scalar::of(0.5);
        let features = at.x.features();
        let constant = D::Scalar::of(0.5 * features as f64 * (2.0 * std::f64::consts::PI).ln());
        values.fill(constant);
        for feature in 0..features {
            let lv = clamped(at.parameters[self.place(feature)]);
            let precision = exp(-lv);
            let pairs = at.x.iter().zip(at.y.iter());
            for ((x, y), value) in pairs.zip(&mut *values) {
                let error = x[feature] - y[feature];
                *value += half * (error * error * precision + lv);
            }
        }
    }

    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        mut dy: BatchViewMut<'_, D::Scalar, D::Output>,
    ) {
        let features = at.x.features();
        let columns = dy.as_mut_slice().chunks_exact_mut(features);
        for (((x, y), &weight), dy) in at.x.iter().zip(at.y.iter()).zip(weights).zip(columns) {
            vectorize(
                #[inline(always)]
                || {
                    for (feature, ((&x, &y), dy)) in x.iter().zip(y).zip(dy).enumerate() {
                        let lv = clamped(at.parameters[self.place(feature)]);
                        *dy = weight * exp(-lv) * (y - x);
                    }
                },
            );
        }
    }

    fn num_parameters(&self, features: usize) -> usize {
        if self.per_feature { features } else { 1 }
    }

    fn layout(&self, features: usize, layout: &mut Layout, parameters: &mut [D::Scalar]) {
        let count = Loss::<D>::num_parameters(self, features);
        layout.kind("LearnedGaussian");
        layout.tensor("log_variance", (count, 1), Role::Own);
        // At the very end rounding could take it beyond.
        parameters.fill(clamped(D::Scalar::of(2.0 * self.deviation.ln())));
    }

    fn parameter_gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        gradient: &mut [D::Scalar],
    ) {
        let half = D::Scalar::of(0.5);
        let (low, high) = (D::Scalar::of(CLAMP.0), D::Scalar::of(CLAMP.1));
        for feature in 0..at.x.features() {
            let lv = at.parameters[self.place(feature)];
            if lv < low || lv > high {
                continue;
            }
            let precision = exp(-lv);
            let pairs = at.x.iter().zip(at.y.iter());
            let mut sum = D::Scalar::ZERO;
            for ((x, y), &weight) in pairs.zip(weights) {
                let error = x[feature] - y[feature];
                sum += weight * (D::Scalar::ONE - error * error * precision);
            }
            gradient[self.place(feature)] += half * sum;
        }
    }
}
