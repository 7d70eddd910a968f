//! Sizes as types, and a mismatch said in words.

use nalgebra::{Const, Dyn};

/// Two sizes that fit together.
///
/// `Const<N>` fits only itself, so a mismatch of sizes known at compile time does not compile;
/// `Dyn` fits `Dyn`, and the numbers are compared when the model is built.
#[diagnostic::on_unimplemented(
    message = "sizes differ: this part has `{Self}` where its neighbour has `{Other}`",
    label = "the size of this part does not fit its neighbour",
    note = "neighbouring layers must agree: the outputs of one are the inputs of the next, the \
            encoder's code is the decoder's input, and the decoder's output is the encoder's input"
)]
pub trait SameSize<Other> {}
impl<const N: usize> SameSize<Const<N>> for Const<N> {}
impl SameSize<Dyn> for Dyn {}

// With a single candidate the compiler would unify and report bare types instead of our words.
mod never {
    #[derive(Debug)]
    pub struct Never;
}
impl<const N: usize> SameSize<never::Never> for Const<N> {}
impl SameSize<never::Never> for Dyn {}
