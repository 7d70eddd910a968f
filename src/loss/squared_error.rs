use super::{Compared, Loss, LossFor, WithInput, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::layer::Part;
use crate::numbers::scalar::Float;

/// Half the squared distance: a Gaussian likelihood of unit variance without its constant.
///
/// # Formula
/// ½ Σ (x − y)², gradient y − x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SquaredError;

impl<D: Part> LossFor<D> for SquaredError {
    type Target = WithInput;
}

impl<T: Float> Loss<T> for SquaredError {
    fn name(&self) -> &'static str {
        "squared_error"
    }

    fn describe(&self) -> String {
        "SquaredError".to_owned()
    }

    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        sum_features(
            at,
            values,
            #[inline(always)]
            |x, y| (x - y) * (x - y),
        );
        let half = T::of(0.5);
        values.iter_mut().for_each(|value| *value *= half);
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        weigh_features(
            at,
            weights,
            dy,
            #[inline(always)]
            |x, y| y - x,
        );
    }
}
