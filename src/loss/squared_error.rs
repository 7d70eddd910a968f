use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
use crate::batch::BatchView;
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

impl ByFeature for SquaredError {
    #[inline(always)]
    fn value<T: Float>(self, x: T, y: T) -> T {
        (x - y) * (x - y)
    }

    #[inline(always)]
    fn slope<T: Float>(self, x: T, y: T) -> T {
        y - x
    }

    fn complete<T: Float>(self, _x: BatchView<'_, T>, sums: &mut [T]) {
        let half = T::of(0.5);
        sums.iter_mut().for_each(|sum| *sum *= half);
    }
}

impl<T: Float> Loss<T> for SquaredError {
    fn name(&self) -> &'static str {
        "squared_error"
    }

    fn describe(&self) -> String {
        "SquaredError".to_owned()
    }

    by_feature!(SquaredError);
}
