use super::{AnomalyScore, Draws, Numbers, Reference, ScoreFor, Seen};
use crate::code::Facts;
use crate::error::{Result, require, require_positive};
use crate::numbers::scalar::Float;

/// Two scores added, each in units of its mean on the reference samples, so that neither outweighs the
/// other by its scale. It nests for more than two.
///
/// Where both draw codes, the first one's seed and the larger number of draws serve both.
///
/// # Formula
/// w₁ s₁ / mean(s₁) + w₂ s₂ / mean(s₂), with the mean of the absolute values, and weights of 1 by default
#[derive(Debug, Clone, PartialEq)]
pub struct Both<A, B> {
    first: A,
    second: B,
    weights: [f64; 2],
    means: [f64; 2],
}

impl<A, B> Both<A, B> {
    /// The sum of these two.
    pub fn new(first: A, second: B) -> Self {
        Self { first, second, weights: [1.0; 2], means: [1.0; 2] }
    }

    /// With weights > 0 for the two.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn weights(self, first: f64, second: f64) -> Result<Self> {
        require_positive("Both weight", first)?;
        require_positive("Both weight", second)?;
        Ok(Self { weights: [first, second], ..self })
    }
}

/// The mean absolute score of the reference samples; 1 where it is 0.
fn mean_of<T: Float>(score: &dyn AnomalyScore<T>, reference: &Reference<T>) -> Result<f64> {
    let mut features = vec![0.0; reference.features()];
    let mut scratch = vec![0.0; score.scratch_len(features.len())];
    let scores = reference.iter().map(|seen| score.score(&seen, &mut features, &mut scratch).abs());
    let mean = scores.sum::<f64>() / reference.samples() as f64;
    require(mean.is_finite(), "Both mean score of the reference", mean, "finite")?;
    Ok(if mean > f64::MIN_POSITIVE { mean } else { 1.0 })
}

impl<E, M, A: ScoreFor<E, M>, B: ScoreFor<E, M>> ScoreFor<E, M> for Both<A, B> {}

impl<T, A, B> AnomalyScore<T> for Both<A, B>
where
    T: Float,
    A: AnomalyScore<T> + Clone + 'static,
    B: AnomalyScore<T> + Clone + 'static,
{
    fn describe(&self) -> String {
        let [first, second] = self.weights;
        format!("{first:?} {} + {second:?} {}", self.first.describe(), self.second.describe())
    }

    fn needs_reconstruction(&self) -> bool {
        self.first.needs_reconstruction() || self.second.needs_reconstruction()
    }

    fn skips_missing(&self) -> bool {
        self.first.skips_missing() && self.second.skips_missing()
    }

    fn draws(&self) -> Option<Draws> {
        match (self.first.draws(), self.second.draws()) {
            (Some(first), Some(second)) => {
                Some(Draws { count: first.count.max(second.count), ..first })
            }
            (first, second) => first.or(second),
        }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        self.first.check(facts)?;
        self.second.check(facts)
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        self.first.fit(reference)?;
        self.second.fit(reference)?;
        self.means = [mean_of(&self.first, reference)?, mean_of(&self.second, reference)?];
        Ok(())
    }

    fn scratch_len(&self, features: usize) -> usize {
        features + self.first.scratch_len(features).max(self.second.scratch_len(features))
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], scratch: &mut [f64]) -> f64 {
        let (of_second, scratch) = scratch.split_at_mut(features.len());
        let [one, two] = [0, 1].map(|part| self.weights[part] / self.means[part]);
        let first = one * self.first.score(seen, features, scratch);
        let second = two * self.second.score(seen, of_second, scratch);
        features.iter_mut().zip(of_second).for_each(|(a, b)| *a = one * *a + two * *b);
        first + second
    }

    fn numbers(&self) -> Numbers {
        Numbers::new()
            .with("means", self.means)
            .with_all("first", self.first.numbers())
            .with_all("second", self.second.numbers())
    }

    fn restore(&mut self, numbers: &Numbers, features: usize, code_units: usize) -> Result<()> {
        let means = numbers.exactly("means", 2)?;
        let means = [means[0], means[1]];
        for mean in means {
            let valid = mean > 0.0 && mean.is_finite();
            require(valid, "Both mean", mean, "finite and greater than 0")?;
        }
        self.first.restore(&numbers.under("first"), features, code_units)?;
        self.second.restore(&numbers.under("second"), features, code_units)?;
        self.means = means;
        Ok(())
    }
}
