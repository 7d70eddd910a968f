use super::{Compared, Loss, LossFor, Target, WithClass};
use crate::batch::BatchViewMut;
use crate::layer::Part;
use crate::layer::range::Logits;
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, log_sum_exp};

/// −ln p(class) with p the softmax of the outputs: the loss of a classifier.
///
/// # Formula
/// ln Σⱼ exp aⱼ − aₖ for the class k, in nats; gradient p − 1 at k, p elsewhere. Reconstruction: p.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CrossEntropy;

impl<D: Part> LossFor<D> for CrossEntropy
where
    D::Range: Logits,
{
    type Target = WithClass;
}

/// The class that a target is.
fn class<T: Float>(target: &[T]) -> usize {
    target[0].to_double() as usize
}

once! {
    fn values(at: Compared<'a, T>, to: &'a mut [T]) = values_generic;
    fn gradient(at: Compared<'a, T>, weights: &'a [T], dy: BatchViewMut<'a, T>) = gradient_generic;
    fn reconstruct(y: BatchViewMut<'a, T>) = reconstruct_generic;
}

fn values_generic<T: Float>(at: Compared<'_, T>, values: &mut [T]) {
    for ((target, logits), value) in at.x.iter().zip(at.y.iter()).zip(values) {
        *value = log_sum_exp(logits) - logits[class(target)];
    }
}

fn gradient_generic<T: Float>(at: Compared<'_, T>, weights: &[T], mut dy: BatchViewMut<'_, T>) {
    let columns = dy.as_mut_slice().chunks_exact_mut(at.y.features());
    let samples = at.x.iter().zip(at.y.iter()).zip(weights);
    for (((target, logits), &weight), dy) in samples.zip(columns) {
        let log_sum = log_sum_exp(logits);
        for (d, &a) in dy.iter_mut().zip(logits) {
            *d = weight * (a - log_sum).exp();
        }
        dy[class(target)] -= weight;
    }
}

fn reconstruct_generic<T: Float>(mut y: BatchViewMut<'_, T>) {
    let classes = y.features();
    for logits in y.as_mut_slice().chunks_exact_mut(classes) {
        let log_sum = log_sum_exp(logits);
        logits.iter_mut().for_each(|a| *a = (*a - log_sum).exp());
    }
}

impl<T: Float> Loss<T> for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn describe(&self) -> String {
        "cross-entropy".to_owned()
    }

    fn target(&self) -> Target {
        Target::Class
    }

    fn takes_logits(&self) -> bool {
        true
    }

    fn values(&self, at: Compared<'_, T>, to: &mut [T]) {
        values(at, to);
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        gradient(at, weights, dy);
    }

    /// The probability of each class.
    fn reconstruct(&self, y: BatchViewMut<'_, T>) {
        reconstruct(y);
    }
}
