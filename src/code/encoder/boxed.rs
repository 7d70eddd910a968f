use nalgebra::Dim;

use super::{Encoder, Inference};
use crate::batch::{BatchView, BatchViewMut};
use crate::code::posterior::Posterior;
use crate::layer::jacobian::{Jacobian, JacobianGradient};
use crate::numbers::scalar::Scalar;
use crate::random::Streams;

/// The trait object of an encoder.
pub type DynEncoder<T, I, C, P, R> =
    dyn Encoder<Scalar = T, Input = I, Code = C, Posterior = P, Range = R>;

/// An encoder chosen at run time; made by boxing a built encoder.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu, Sigmoid};
/// use autoencoder::{AutoEncoder, Build, Dense, Then, encoder::BoxedEncoder, posterior::Point, range};
/// use nalgebra::Const;
///
/// type Any = BoxedEncoder<f32, Const<64>, Const<9>, Point<f32, Const<9>>, range::UnitInterval>;
/// let deep = true;
/// let encoder: Any = if deep {
///     Box::new(Build::<f32>::build(Dense::<64, 30>::new(Relu).then(Dense::<30, 9>::new(Sigmoid))))
/// } else {
///     Box::new(Build::<f32>::build(Dense::<64, 9>::new(Sigmoid)))
/// };
/// let model = AutoEncoder::builder()
///     .encoder(encoder)
///     .decoder(Dense::<9, 64>::new(Identity))
///     .build::<f32>()?;
/// assert_eq!(model.num_parameters(), 65 * 30 + 31 * 9 + 10 * 64);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub type BoxedEncoder<T, I, C, P, R> = Box<DynEncoder<T, I, C, P, R>>;

impl<T, I, C, P, R> Encoder for BoxedEncoder<T, I, C, P, R>
where
    T: Scalar,
    I: Dim,
    C: Dim,
    P: Posterior<Scalar = T, Code = C> + 'static,
    R: 'static,
{
    type Input = I;
    type Code = C;
    type Range = R;
    type Posterior = P;
    fn input_dim(&self) -> I {
        (**self).input_dim()
    }
    fn code_dim(&self) -> C {
        (**self).code_dim()
    }
    fn posterior(&self) -> P {
        (**self).posterior()
    }
    fn infer(&self, parameters: &[T], x: BatchView<'_, T, I>, posterior: &mut P, tape: &mut [T]) {
        (**self).infer(parameters, x, posterior, tape);
    }
    fn backward(
        &self,
        inference: Inference<'_, T, I, P>,
        d_posterior: &mut P,
        dx: Option<BatchViewMut<'_, T, I>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        (**self).backward(inference, d_posterior, dx, gradient, scratch);
    }
    fn squared_jacobian(
        &self,
        inference: Inference<'_, T, I, P>,
        shares: Option<&[T]>,
        jacobian: Jacobian,
        streams: Option<Streams<'_>>,
        gradient: Option<JacobianGradient<'_, T, C>>,
        scratch: &mut [T],
    ) -> T {
        (**self).squared_jacobian(inference, shares, jacobian, streams, gradient, scratch)
    }
    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        (**self).jacobian_scratch_len(samples)
    }
}
