use super::{Layer, Pass};
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::activation::Activation;
use crate::layer::layout::Layout;

/// Where a mirror's gradients go, each if wanted: that of the parameters of which it shares the weights,
/// and that of its biases.
pub type MirrorGradient<'a, T> = (Option<&'a mut [T]>, Option<&'a mut [T]>);

/// Layers that can be run from their outputs back to their inputs with the same weights, transposed:
/// what a decoder with [tied weights](crate::decoder::Tied) is made of.
///
/// The mirror of y = s(W x + b) is x̂ = t(Wᵀ y + c), with biases c of its own. In the mirror of a chain
/// the last layer comes first, and between two layers lies the activation that lies there in the chain;
/// only the very last activation, t, is new.
///
/// The parameters in a call are the layer's own (of which the mirror reads the weights) and the
/// mirror's biases; `h` is the mirror's input, one of the layer's outputs.
pub trait Mirror: Layer + Clone {
    /// The activation of its last layer.
    type Last: Activation<Self::Scalar> + Clone;
    /// A layer like its mirror, with weights of its own.
    type Untied<S: Activation<Self::Scalar>>: Layer<Scalar = Self::Scalar, Input = Self::Output, Output = Self::Input, Range = S::Range>;

    /// The activation of its last layer.
    fn last(&self) -> &Self::Last;

    /// Writes the mirror's biases.
    fn mirror_layout<S: Activation<Self::Scalar>>(&self, activation: &S, layout: &mut Layout);

    /// The number of the mirror's biases.
    fn num_biases(&self) -> usize;

    /// The length of the tape that the mirror's forward pass writes.
    fn mirror_tape_len<S: Activation<Self::Scalar>>(&self, activation: &S, samples: usize)
    -> usize;

    /// The length of the scratch that the mirror's backward pass needs.
    fn mirror_scratch_len(&self, samples: usize) -> usize;

    /// y = t(Wᵀ h + c); writes the tape.
    fn mirror_forward<S: Activation<Self::Scalar>>(
        &self,
        activation: &S,
        parameters_and_biases: (&[Self::Scalar], &[Self::Scalar]),
        h: BatchView<'_, Self::Scalar, Self::Output>,
        y: BatchViewMut<'_, Self::Scalar, Self::Input>,
        tape: &mut [Self::Scalar],
    );

    /// From the gradient at y, which is used up, to those of the weights (*added* to what the layer's
    /// own parameters have), of the biases and of h (written), each if wanted.
    fn mirror_backward<S: Activation<Self::Scalar>>(
        &self,
        activation: &S,
        pass: Pass<'_, Self::Scalar, Self::Output, Self::Input>,
        dy: BatchViewMut<'_, Self::Scalar, Self::Input>,
        dh: Option<BatchViewMut<'_, Self::Scalar, Self::Output>>,
        gradient: MirrorGradient<'_, Self::Scalar>,
        scratch: &mut [Self::Scalar],
    );

    /// The mirror as a layer of its own, and its parameters appended: the weights transposed.
    fn untie<S: Activation<Self::Scalar>>(
        &self,
        activation: S,
        parameters_and_biases: (&[Self::Scalar], &[Self::Scalar]),
        untied: &mut Vec<Self::Scalar>,
    ) -> Self::Untied<S>;
}
