use std::marker::PhantomData;

use nalgebra::{Const, Dyn};
use rand::Rng;

use super::field::Link;
use super::jacobian::{self, Asked, JacobianGradient};
use super::layout::Layout;
use super::tied::Detach;
use super::{
    DualViewMut, Layer, Module, Part, Pass, SameCondition, TangentPass, Unconditioned, field_by,
};
use crate::batch::size::{DynImage, ImageSize, KnownShape, Shape, Size};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_count, require_size};
use crate::numbers::scalar::{Float, sum};

/// An encoder of images of the size `I` that is given a condition of `K` numbers as further channels: each number is a
/// plane, the same at every pixel, so that a convolution sees it beside every patch.
///
/// The part inside takes images of `K` channels more: first those of the image, then the planes. From outside it takes the
/// image, and the condition beside it, as [`Conditioned`](super::Conditioned) does. Both halves of a model are told the same,
/// each in its own way: a decoder that begins with a dense layer takes the condition beside the code, with `Conditioned`.
///
/// | the condition goes | write |
/// |---|---|
/// | to every pixel of the image | `ConditionPlanes::<Image<1, 28, 28>, 10, _>::new(part)` of a part that takes `Image<11, 28, 28>` |
/// | beside all features of a dense layer | `Conditioned::<784, 10, _>::new(part)` of a part of 794 inputs |
/// | beside the code, in the decoder | `Conditioned::<32, 10, _>::new(part)` of a part of 42 inputs |
///
/// # Shapes
/// x: C × H × W; condition: `K`; the part's inputs: (C + K) × H × W.
///
/// # Errors
/// Channels that do not add up do not compile; of a run-time size, by [`dynamic`](Self::dynamic), `build` refuses fewer
/// channels than conditions, or as many, with [`Error::InvalidParameter`](crate::Error::InvalidParameter).
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu};
/// use autoencoder::{AutoEncoder, ConditionPlanes, Conditioned, Conv2d, ConvTranspose2d, Dense, Then};
/// use autoencoder::size::Image;
/// type Digit = Image<1, 8, 8>;
/// let model = AutoEncoder::builder()
///     .encoder(ConditionPlanes::<Digit, 10, _>::new(
///         Conv2d::<Image<11, 8, 8>, Image<6, 4, 4>, 3>::new(Relu).then(Dense::<96, 4>::new(Identity)),
///     ))
///     .decoder(Conditioned::<4, 10, _>::new(
///         Dense::<14, 96>::new(Relu).then(ConvTranspose2d::<Image<6, 4, 4>, Digit, 3>::new(Identity)),
///     ))
///     .build::<f32>()?;
/// let code = model.encode_one((&[0.5; 64], &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]))?; // a two
/// assert_eq!(code.len(), 4);
/// # Ok::<(), autoencoder::Error>(())
/// ```
/// Channels that do not add up are refused by the compiler, once it makes a program and not only checks it:
/// ```compile_fail
/// use autoencoder::{ConditionPlanes, Conv2d, activation::Relu, size::Image};
/// let room_for_nine = Conv2d::<Image<10, 8, 8>, Image<6, 4, 4>, 3>::new(Relu);
/// let encoder = ConditionPlanes::<Image<1, 8, 8>, 10, _>::new(room_for_nine);
/// ```
///
/// # References
/// M. Mirza, S. Osindero (2014), Conditional generative adversarial nets; S. Reed, Z. Akata, X. Yan, L. Logeswaran,
/// B. Schiele, H. Lee (2016), Generative adversarial text to image synthesis, for a condition at every place.
#[derive(Debug)]
pub struct ConditionPlanes<I, const K: usize, P>(PhantomData<(I, P)>);

impl<I: ImageSize + KnownShape, const K: usize, P: Part> ConditionPlanes<I, K, P> {
    /// Of a part that takes images of `K` channels more, any that an encoder can be.
    #[allow(clippy::new_ret_no_self)] // As for `Dense`.
    pub fn new(part: P) -> PlanesPart<P, I, Const<K>>
    where
        P::Input: ImageSize + KnownShape,
        P::Condition: SameCondition<Unconditioned>,
    {
        const {
            let (image, inside) = (I::SHAPE, <P::Input as KnownShape>::SHAPE);
            assert!(K > 0, "`ConditionPlanes::<I, K, _>` needs a condition");
            assert!(
                image.height == inside.height && image.width == inside.width,
                "the part in `ConditionPlanes::<I, K, _>` must take images of the rows and columns of `I`"
            );
            assert!(
                image.channels + K == inside.channels,
                "the part in `ConditionPlanes::<I, K, _>` must take the channels of `I` and then K more, one for each \
                 number of the condition"
            );
        }
        PlanesPart { part, input: I::default(), condition: Const }
    }
}

impl<P: Part<Input = DynImage>> ConditionPlanes<(), 0, P> {
    /// With a condition of so many numbers, known at run time only, that are the last channels of what the part takes.
    pub fn dynamic(condition: usize, part: P) -> PlanesPart<P, DynImage, Dyn>
    where
        P::Condition: SameCondition<Unconditioned>,
    {
        let inside = part.input();
        let input = DynImage { channels: inside.channels.saturating_sub(condition), ..inside };
        PlanesPart { part, input, condition: Dyn(condition) }
    }
}

/// What [`ConditionPlanes`] makes.
///
/// On the tape: the images with their planes, then the part's tape; on a tangent tape likewise.
#[derive(Debug, Clone)]
pub struct PlanesPart<P, I, K> {
    part: P,
    input: I,
    condition: K,
}

impl<P, I, K> PlanesPart<P, I, K> {
    /// The part inside, with a channel more for each number of the condition.
    pub fn part(&self) -> &P {
        &self.part
    }
}

impl<P: Module, I: Size, K: Size> PlanesPart<P, I, K> {
    fn planes_len(&self, samples: usize) -> usize {
        self.part.num_inputs() * samples
    }

    /// Each image as it is, and behind it each number of the condition at every place.
    fn widen<T: Float>(&self, x: BatchView<'_, T>, to: &mut [T]) {
        let (image, Shape { height, width, .. }) = (self.input.value(), self.input.shape());
        for (to, x) in to.chunks_exact_mut(self.part.num_inputs()).zip(x.iter()) {
            let (to_image, planes) = to.split_at_mut(image);
            to_image.copy_from_slice(&x[..image]);
            let planes = planes.chunks_exact_mut(height * width);
            planes.zip(&x[image..]).for_each(|(plane, &number)| plane.fill(number));
        }
    }

    /// The way back: the gradient of a number is the sum of its plane's.
    fn narrow<T: Float>(&self, d: &[T], mut dx: BatchViewMut<'_, T>) {
        let (image, Shape { height, width, .. }) = (self.input.value(), self.input.shape());
        let rows = dx.features();
        for (dx, d) in
            dx.as_mut_slice().chunks_exact_mut(rows).zip(d.chunks_exact(self.part.num_inputs()))
        {
            let (of_image, planes) = d.split_at(image);
            dx[..image].copy_from_slice(of_image);
            let planes = planes.chunks_exact(height * width);
            dx[image..].iter_mut().zip(planes).for_each(|(dx, plane)| *dx = sum(plane, |d| d));
        }
    }

    /// What the pass was for the part.
    fn pass<'a, T: Float>(&self, pass: Pass<'a, T>) -> Pass<'a, T> {
        let (planes, tape) = pass.tape.split_at(self.planes_len(pass.x.samples()));
        Pass { x: BatchView::new(planes, self.part.num_inputs()), tape, ..pass }
    }
}

impl<P: Module, I: Size, K: Size> Module for PlanesPart<P, I, K> {
    fn num_inputs(&self) -> usize {
        self.input.value().saturating_add(self.condition.value())
    }
    fn num_outputs(&self) -> usize {
        self.part.num_outputs()
    }
    fn num_parameters(&self) -> usize {
        self.part.num_parameters()
    }
    fn num_shared(&self) -> usize {
        self.part.num_shared()
    }
    fn is_gaussian(&self) -> bool {
        self.part.is_gaussian()
    }
    fn is_frozen(&self) -> bool {
        self.part.is_frozen()
    }
    fn set_frozen(&mut self, is_frozen: bool) {
        self.part.set_frozen(is_frozen);
    }
    fn set_shared_frozen(&mut self, is_frozen: bool) {
        self.part.set_shared_frozen(is_frozen);
    }
    fn check_sizes(&self) -> Result<()> {
        self.part.check_sizes()?;
        let Shape { channels, height, width } = self.input.shape();
        require_count("the numbers of a condition", self.condition.value())?;
        let name = "the channels of the image in `ConditionPlanes`, besides those of the condition";
        require_count(name, channels)?;
        let all =
            Shape { channels: channels.saturating_add(self.condition.value()), height, width };
        let place = "the part in `ConditionPlanes`";
        require_size(
            place,
            "values of the image and its planes",
            all.values(),
            self.part.num_inputs(),
        )
    }
    field_by!(part);
}

impl<P: Part, I: Size, K: Size> Part for PlanesPart<P, I, K> {
    type Input = I;
    type Output = P::Output;
    type Range = P::Range;
    type Posterior = P::Posterior;
    type Condition = K;
    fn input(&self) -> I {
        self.input
    }
    fn output(&self) -> P::Output {
        self.part.output()
    }
}

impl<T: Float, P: Layer<T> + Clone + 'static, I: Size, K: Size> Layer<T> for PlanesPart<P, I, K> {
    fn layout(&self, layout: &mut Layout) {
        self.part.layout(layout);
        let numbers = self.condition.value();
        layout.setting(format_args!("given a condition of {numbers} numbers, each as a plane"));
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        self.part.draw_parameters(parameters, rng);
    }

    fn range(&self) -> (f64, f64) {
        self.part.range()
    }

    fn tape_len(&self, samples: usize) -> usize {
        self.planes_len(samples) + self.part.tape_len(samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        2 * self.planes_len(samples) + self.part.scratch_len(samples)
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        tape: &mut [T],
        scratch: &mut [T],
    ) {
        let (planes, tape) = tape.split_at_mut(self.planes_len(x.samples()));
        self.widen(x, planes);
        let planes = BatchView::new(planes, self.part.num_inputs());
        self.part.forward(parameters, planes, y, tape, scratch);
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        let (d_planes, scratch) = scratch.split_at_mut(self.planes_len(pass.x.samples()));
        let Some(dx) = dx else {
            return self.part.backward(self.pass(pass), dy, None, gradient, scratch);
        };
        let to = BatchViewMut::new(d_planes, self.part.num_inputs());
        self.part.backward(self.pass(pass), dy, Some(to), gradient, scratch);
        self.narrow(d_planes, dx);
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        self.planes_len(samples) + self.part.tangent_tape_len(samples)
    }

    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        jv: BatchViewMut<'_, T>,
        tangent_tape: &mut [T],
        scratch: &mut [T],
    ) {
        let (planes, tape) = tangent_tape.split_at_mut(self.planes_len(v.samples()));
        self.widen(v, planes);
        let v = BatchView::new(planes, self.part.num_inputs());
        self.part.tangent(self.pass(pass), v, jv, tape, scratch);
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let len = self.planes_len(pass.x.samples());
        let (planes, tape) = tangent.tape.split_at(len);
        let inputs = self.part.num_inputs();
        let tangent = TangentPass { v: BatchView::new(planes, inputs), tape };
        let (d_value, rest) = scratch.split_at_mut(len);
        let (d_tangent, scratch) = rest.split_at_mut(len);
        let d_planes = d_input.is_some().then(|| DualViewMut {
            value: BatchViewMut::new(d_value, inputs),
            tangent: BatchViewMut::new(d_tangent, inputs),
        });
        self.part.tangent_backward(self.pass(pass), tangent, d, d_planes, gradient, scratch);
        if let Some(d_input) = d_input {
            self.narrow(d_value, d_input.value);
            self.narrow(d_tangent, d_input.tangent);
        }
    }

    /// With the condition held fixed that of the part over the image, whose values come first there too.
    fn squared_jacobian(
        &self,
        pass: Pass<'_, T>,
        asked: Asked<'_, T>,
        gradient: Option<JacobianGradient<'_, T>>,
        scratch: &mut [T],
    ) -> T {
        if asked.inputs > self.input.value() {
            return jacobian::by_passes(self, pass, asked, gradient, scratch);
        }
        self.part.squared_jacobian(self.pass(pass), asked, gradient, scratch)
    }

    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        let of_passes = jacobian::scratch_len(self, samples);
        self.part.jacobian_scratch_len(samples).max(of_passes)
    }

    fn links(&self, pass: Pass<'_, T>, visit: &mut dyn FnMut(Link<'_, T>)) {
        self.part.links(self.pass(pass), visit);
    }
}

impl<T: Float, P: Detach<T> + Clone + 'static, I: Size, K: Size> Detach<T> for PlanesPart<P, I, K> {
    type Detached = PlanesPart<P::Detached, I, K>;
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self::Detached {
        let (input, condition) = (self.input, self.condition);
        PlanesPart { part: self.part.detach(parameters, to), input, condition }
    }
}
