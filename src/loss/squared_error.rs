use super::{Compared, Loss, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::code::decoder::Decoder;
use crate::numbers::scalar::Scalar;

/// Half the squared distance: a Gaussian likelihood of unit variance without its constant.
///
/// # Formula
/// ½ Σ (x − y)², gradient y − x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SquaredError;

impl<D: Decoder> Loss<D> for SquaredError {
    fn name(&self) -> &'static str {
        "squared_error"
    }

    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        sum_features(
            at,
            values,
            #[inline(always)]
            |x, y| (x - y) * (x - y),
        );
        let half = D::Scalar::of(0.5);
        values.iter_mut().for_each(|value| *value *= half);
    }

    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        dy: BatchViewMut<'_, D::Scalar, D::Output>,
    ) {
        weigh_features(
            at,
            weights,
            dy,
            #[inline(always)]
            |x, y| y - x,
        );
    }
}
