use nalgebra::Dim;

use super::Decoder;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::Pass;
use crate::numbers::scalar::Scalar;

/// The trait object of a decoder.
pub type DynDecoder<T, C, O, R> = dyn Decoder<Scalar = T, Code = C, Output = O, Range = R>;

/// A decoder chosen at run time; made by boxing a built decoder, as
/// [`BoxedEncoder`](crate::encoder::BoxedEncoder) is.
pub type BoxedDecoder<T, C, O, R> = Box<DynDecoder<T, C, O, R>>;

impl<T: Scalar, C: Dim, O: Dim, R: 'static> Decoder for BoxedDecoder<T, C, O, R> {
    type Code = C;
    type Output = O;
    type Range = R;
    fn code_dim(&self) -> C {
        (**self).code_dim()
    }
    fn output_dim(&self) -> O {
        (**self).output_dim()
    }
    fn decode(
        &self,
        parameters: &[T],
        code: BatchView<'_, T, C>,
        y: BatchViewMut<'_, T, O>,
        tape: &mut [T],
    ) {
        (**self).decode(parameters, code, y, tape);
    }
    fn tied_to(&self) -> Option<usize> {
        (**self).tied_to()
    }
    fn set_encoder_frozen(&mut self, is_frozen: bool) {
        (**self).set_encoder_frozen(is_frozen);
    }
    fn backward(
        &self,
        pass: Pass<'_, T, C, O>,
        dy: BatchViewMut<'_, T, O>,
        d_code: Option<BatchViewMut<'_, T, C>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        (**self).backward(pass, dy, d_code, gradient, scratch);
    }
}
