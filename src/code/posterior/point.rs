use nalgebra::Dim;

use super::Posterior;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::numbers::scalar::Scalar;
use crate::random::Streams;

/// The posterior of a deterministic encoder: the code itself, without spread.
#[derive(Debug, Clone)]
pub struct Point<T, C> {
    code: Batch<T, C>,
}

impl<T: Scalar, C: Dim> Point<T, C> {
    /// For codes of this size, with no samples yet.
    pub fn new(code: C) -> Self {
        Self { code: Batch::zeros(code, 0) }
    }
}

impl<T: Scalar, C: Dim> Posterior for Point<T, C> {
    type Scalar = T;
    type Code = C;

    fn resize(&mut self, samples: usize) {
        self.code.resize(samples);
    }

    fn set_zero(&mut self) {
        self.code.as_mut_slice().fill(T::ZERO);
    }

    fn mean(&self) -> BatchView<'_, T, C> {
        self.code.view()
    }

    fn mean_mut(&mut self) -> BatchViewMut<'_, T, C> {
        self.code.view_mut()
    }

    fn draw_code(&self, _streams: Streams<'_>, mut code: BatchViewMut<'_, T, C>, _noise: &mut [T]) {
        code.as_mut_slice().copy_from_slice(self.code.as_slice());
    }

    fn draw_code_backward(&self, d_code: BatchView<'_, T, C>, _noise: &[T], d: &mut Self) {
        for (d, &d_code) in d.code.as_mut_slice().iter_mut().zip(d_code.as_slice()) {
            *d += d_code;
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Const;

    use super::*;

    #[test]
    fn what_is_drawn_is_the_code() {
        let mut point = Point::<f64, _>::new(Const::<2>);
        point.resize(2);
        point.mean_mut().as_mut_slice().copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        let mut code = Batch::zeros(Const::<2>, 2);
        point.draw_code(Streams::new(0, 0, &[]), code.view_mut(), &mut []);
        assert_eq!(code.as_slice(), [1.0, 2.0, 3.0, 4.0]);
        // Its gradient is added to what is there.
        let mut d = point.clone();
        point.draw_code_backward(code.view(), &[], &mut d);
        assert_eq!(d.mean().as_slice(), [2.0, 4.0, 6.0, 8.0]);
    }
}
