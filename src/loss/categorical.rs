use std::ops::Range;

use super::{Compared, Loss, LossFor, WithInput};
use crate::batch::BatchViewMut;
use crate::error::{Result, require_count, require_size};
use crate::layer::Part;
use crate::layer::range::Logits;
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, exponentials_of, is_nan};

/// Negative log-likelihood of categories, one of each group of neighbouring features: the input is one-hot in
/// each group, or shares that add up to 1, and the decoder gives logits.
///
/// # Formula
/// Over groups, −Σⱼ xⱼ (aⱼ − ln Σᵢ e^aᵢ) in nats, gradient softmax(a) Σx − x. The reconstruction is the softmax
/// of each group.
///
/// # Errors
/// Values outside [0, 1] are refused with [`Error::OutsideDomain`](crate::Error::OutsideDomain), and groups that do
/// not add up to 1 but for rounding to three places (0.0005 for each level, and 0.5 at most), such as a level that was
/// never seen and is 0 throughout, with [`Error::NotShares`](crate::Error::NotShares): their loss would be 0, which is
/// the best there is. Levels that may come later are one category more, "any other". An [`AnomalyDetector`](crate::anomaly::AnomalyDetector) takes such a
/// row where it scores, and says that it is odd. Where a group is NaN its category is missing, and counts nothing; one
/// of which only a part is NaN is refused with [`Error::PartlyMissing`](crate::Error::PartlyMissing).
///
/// # Example
/// ```
/// use autoencoder::loss::Categorical;
/// let colour_and_size = Categorical::new(&[3, 2])?; // features 0 to 2, and 3 to 4
/// # let _ = colour_and_size;
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categorical {
    groups: Vec<usize>,
}

impl Categorical {
    /// With the number of categories of each group, one group after the other.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no groups, or one of no categories.
    pub fn new(groups: &[usize]) -> Result<Self> {
        require_count("Categorical number of groups", groups.len())?;
        groups.iter().try_for_each(|&group| require_count("Categorical categories", group))?;
        Ok(Self { groups: groups.to_vec() })
    }

    /// The groups of a sample, with their places.
    fn places(&self) -> impl Iterator<Item = Range<usize>> {
        self.groups.iter().scan(0_usize, |end, &group| {
            let start = std::mem::replace(end, end.saturating_add(group));
            Some(start..*end)
        })
    }

    fn values_generic<T: Float>(&self, Compared { x, y, .. }: Compared<'_, T>, values: &mut [T]) {
        for ((x, y), value) in x.iter().zip(y.iter()).zip(values) {
            *value = T::ZERO;
            for group in self.places() {
                let (x, a) = (&x[group.clone()], &y[group]);
                add_value(x, a, norm(a), value);
            }
        }
    }

    fn gradient_generic<T: Float>(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        dy: BatchViewMut<'_, T>,
    ) {
        self.gradient_by(at, weights, dy, |_, _, a| norm(a));
    }

    fn values_and_gradient_generic<T: Float>(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        values: &mut [T],
        dy: BatchViewMut<'_, T>,
    ) {
        values.fill(T::ZERO);
        self.gradient_by(at, weights, dy, |sample, x, a| {
            let norm = norm(a);
            add_value(x, a, norm, &mut values[sample]);
            norm
        });
    }

    /// The gradient, by the norm that is given for each group of each sample.
    fn gradient_by<T: Float>(
        &self,
        Compared { x, y, .. }: Compared<'_, T>,
        weights: &[T],
        mut dy: BatchViewMut<'_, T>,
        mut norm: impl FnMut(usize, &[T], &[T]) -> (T, T),
    ) {
        let columns = dy.as_mut_slice().chunks_exact_mut(x.features());
        let samples = x.iter().zip(y.iter()).zip(weights).zip(columns);
        for (sample, (((x, y), &weight), dy)) in samples.enumerate() {
            for group in self.places() {
                let (x, a, dy) = (&x[group.clone()], &y[group.clone()], &mut dy[group]);
                let (most, norm) = norm(sample, x, a);
                dy.iter_mut().zip(a).for_each(|(dy, &a)| *dy = (a - most) - norm);
            }
            exponentials_of(dy);
            for group in self.places() {
                let (x, dy) = (&x[group.clone()], &mut dy[group]);
                let total = total(x);
                if is_nan(total) {
                    dy.fill(T::ZERO);
                    continue;
                }
                dy.iter_mut().zip(x).for_each(|(dy, &x)| *dy = weight * (*dy * total - x));
            }
        }
    }

    fn reconstruct_generic<T: Float>(&self, mut y: BatchViewMut<'_, T>) {
        let features = y.features();
        for y in y.as_mut_slice().chunks_exact_mut(features) {
            for group in self.places() {
                let a = &mut y[group];
                let (most, norm) = norm(a);
                a.iter_mut().for_each(|a| *a = (*a - most) - norm);
            }
            exponentials_of(y);
        }
    }
}

/// Adds the loss of a group, unless it is missing.
fn add_value<T: Float>(x: &[T], a: &[T], (most, norm): (T, T), value: &mut T) {
    if is_nan(total(x)) {
        return;
    }
    // Only where there is weight, so that 0 · ∞ is nothing.
    let of = |(&x, &a): (&T, &T)| (x > T::ZERO).then(|| x * ((most - a) + norm));
    x.iter().zip(a).filter_map(of).for_each(|part| *value += part);
}

fn total<T: Float>(x: &[T]) -> T {
    x.iter().fold(T::ZERO, |sum, &x| sum + x)
}

/// The greatest logit, and ln Σ e^a over its exponential: apart, so that large logits take nothing from what is
/// between them.
fn norm<T: Float>(a: &[T]) -> (T, T) {
    let most = a.iter().fold(T::of(f64::NEG_INFINITY), |most, &a| if a > most { a } else { most });
    let sum = a.iter().fold(T::ZERO, |sum, &a| sum + (a - most).exp());
    (most, sum.ln())
}

impl<D: Part> LossFor<D> for Categorical
where
    D::Range: Logits,
{
    type Target = WithInput;
}

once! {
    fn values(loss: &'a Categorical, at: Compared<'a, T>, values: &'a mut [T])
        = Categorical::values_generic;
    fn gradient(loss: &'a Categorical, at: Compared<'a, T>, weights: &'a [T], dy: BatchViewMut<'a, T>)
        = Categorical::gradient_generic;
    fn values_and_gradient(
        loss: &'a Categorical,
        at: Compared<'a, T>,
        weights: &'a [T],
        values: &'a mut [T],
        dy: BatchViewMut<'a, T>,
    ) = Categorical::values_and_gradient_generic;
    fn reconstruct(loss: &'a Categorical, y: BatchViewMut<'a, T>)
        = Categorical::reconstruct_generic;
}

impl<T: Float> Loss<T> for Categorical {
    fn name(&self) -> &'static str {
        "categorical"
    }

    fn describe(&self) -> String {
        format!("Categorical {{ groups: {:?} }}", self.groups)
    }

    fn takes_logits(&self) -> bool {
        true
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn values(&self, at: Compared<'_, T>, to: &mut [T]) {
        values(self, at, to);
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        gradient(self, at, weights, dy);
    }

    fn values_and_gradient(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        values: &mut [T],
        dy: BatchViewMut<'_, T>,
    ) {
        values_and_gradient(self, at, weights, values, dy);
    }

    fn reconstruct(&self, y: BatchViewMut<'_, T>) {
        reconstruct(self, y);
    }

    fn accepts(&self, x: T, _feature: usize) -> bool {
        x >= T::ZERO && x <= T::ONE
    }

    fn domain(&self, _feature: usize) -> &'static str {
        "a value in [0, 1]"
    }

    fn nearest_accepted(&self, x: T, _feature: usize) -> T {
        x.clamp(T::ZERO, T::ONE)
    }

    fn each_whole(&self, visit: &mut dyn FnMut(Range<usize>)) {
        self.places().for_each(visit);
    }

    fn check_size(&self, features: usize) -> Result<()> {
        let found = self.places().last().map_or(0, |place| place.end);
        require_size("the groups of Categorical", "features", features, found)
    }
}
