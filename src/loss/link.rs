use super::{
    BernoulliCrossEntropy, GaussianLikelihood, Huber, LaplaceLikelihood, LearnedGaussian,
    SquaredError,
};
use crate::layer::activation::Sigmoid;
use crate::layer::{Chain, ElementwiseLayer, Part};

/// What a decoder becomes when another decoder comes behind it, as in a [stack](crate::Stack): what it
/// passes on must be the reconstruction, not something that only its loss makes a reconstruction of.
#[diagnostic::on_unimplemented(
    message = "above the first level of a stack, `{Self}` does not say what its decoder passes on",
    label = "a level above the first needs another loss",
    note = "`SquaredError`, `Huber`, `GaussianLikelihood`, `LaplaceLikelihood`, `LearnedGaussian` and \
            `BernoulliCrossEntropy` say it; a loss of your own implements `Link`"
)]
pub trait Link<D: Part> {
    /// The decoder whose outputs are reconstructions.
    type Linked: Part<Input = D::Input, Output = D::Output>;

    /// Makes it.
    fn link(&self, decoder: D) -> Self::Linked;
}

/// A loss whose decoder's outputs are reconstructions already.
macro_rules! direct {
    ($($loss:ty),+) => {
        $(impl<D: Part> Link<D> for $loss {
            type Linked = D;
            fn link(&self, decoder: D) -> D {
                decoder
            }
        })+
    };
}
direct!(SquaredError, Huber, GaussianLikelihood, LaplaceLikelihood, LearnedGaussian);

/// Logits become probabilities.
impl<D: Part> Link<D> for BernoulliCrossEntropy {
    type Linked = Chain<D, ElementwiseLayer<D::Output, Sigmoid>>;
    fn link(&self, decoder: D) -> Self::Linked {
        let outputs = decoder.output();
        Chain::new(decoder, ElementwiseLayer::new(outputs, Sigmoid))
    }
}
