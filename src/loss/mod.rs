//! Losses: how far a reconstruction is from the clean input.
//!
//! | loss | of a sample | decoder's output | unit | for features that are |
//! |---|---|---|---|---|
//! | [`SquaredError`] | ½ Σ (x − y)² | the reconstruction | squared units of the data | real; the default |
//! | [`BernoulliCrossEntropy`] | −Σ x ln σ(a) + (1 − x) ln(1 − σ(a)) | logits a | nats | black or white, or a probability |
//! | [`ContinuousBernoulli`] | Σ ln((eᵃ − 1)/a) − a x | logits a | nats | anywhere from 0 to 1 |
//! | [`GaussianLikelihood`] | Σ ½ ((x − y)/σ)² + ln σ + ½ ln 2π | the reconstruction | nats | real, with a deviation that you choose |
//! | [`LaplaceLikelihood`] | Σ ∣x − y∣/b + ln 2b | the reconstruction | nats | the same; it forgives outliers |
//! | [`LearnedGaussian`] | as `GaussianLikelihood`, with σ trained: one, or one a feature | the reconstruction | nats | real |
//! | [`PoissonLikelihood`] | Σ eᵃ − a x + ln x! | log-rates a | nats | counts |
//! | [`Categorical`] | over groups, −Σ x ln softmax(a) | logits a | nats | one-hot groups, each with one level |
//! | [`Mixed`] | a loss for each group of columns | what each takes | theirs | of several kinds, as the columns of a table |
//! | [`Huber`] | Σ of ½ e² near 0 and δ(∣e∣ − δ/2) beyond δ | the reconstruction | squared units | real, with outliers |
//! | [`CrossEntropy`] | −ln softmax(a) at the class of the sample | logits a of the classes | nats | of any kind: it compares classes |
//! | [`Targeted`] | any of the above but the last, of a target that is given beside the sample | what the loss inside takes | its | of any kind: it compares targets |
//!
//! There is one reduction: the *sum over features* and the *mean over samples*. Losses in nats are likelihoods, which
//! compare between models of the same data, and which a generative model needs.
//!
//! # Laws
//! 1. The gradient is that of the value, column by column.
//! 2. A value is finite for all finite inputs whose true value can be represented.
//! 3. A column's value depends on that column only.
//! 4. Where a loss says that it [skips what is missing](Loss::skips_missing), a target that is NaN counts nothing: the
//!    value is that of the other features, and every gradient is theirs. All of the above do, but the last, whose
//!    targets are classes.
//!
//! # Write your own
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::loss::{Compared, LossFor, WithInput};
//! use autoencoder::{AutoEncoder, BatchViewMut, Dense, Float, Loss, layer::Part};
//!
//! /// Σ ln cosh(y − x): squared near 0, absolute far away, smooth everywhere.
//! #[derive(Debug, Clone)]
//! struct LogCosh;
//! impl<D: Part> LossFor<D> for LogCosh {
//!     type Target = WithInput; // behind any decoder
//! }
//! impl<T: Float> Loss<T> for LogCosh {
//!     fn name(&self) -> &'static str {
//!         "log_cosh"
//!     }
//!     fn describe(&self) -> String {
//!         "LogCosh".to_owned()
//!     }
//!     fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
//!         for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(values) {
//!             let pairs = x.iter().zip(y);
//!             *value = pairs.fold(T::ZERO, |sum, (&x, &y)| sum + (y - x).cosh().ln());
//!         }
//!     }
//!     fn gradient(&self, at: Compared<'_, T>, weights: &[T], mut dy: BatchViewMut<'_, T>) {
//!         let features = at.x.features();
//!         let pairs = at.x.as_slice().iter().zip(at.y.as_slice());
//!         for (at, (d, (&x, &y))) in dy.as_mut_slice().iter_mut().zip(pairs).enumerate() {
//!             *d = weights[at / features] * (y - x).tanh();
//!         }
//!     }
//! }
//! let model = AutoEncoder::builder()
//!     .encoder(Dense::<8, 3>::new(Tanh))
//!     .decoder(Dense::<3, 8>::new(Identity))
//!     .loss(LogCosh)
//!     .build::<f64>()?;
//! let data = autoencoder::Batch::from_iter([[0.5; 8], [-0.5; 8]]);
//! autoencoder::gradcheck::model(&model, &data, 1)?.assert();
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod bernoulli;
mod by_feature;
mod categorical;
mod continuous_bernoulli;
mod cross_entropy;
mod gaussian;
mod huber;
mod laplace;
mod learned_gaussian;
mod link;
mod mixed;
#[cfg(feature = "table")]
mod of_schema;
mod poisson;
mod squared_error;
mod targeted;

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::Range;

pub use bernoulli::BernoulliCrossEntropy;
pub use categorical::Categorical;
pub use continuous_bernoulli::ContinuousBernoulli;
pub use cross_entropy::CrossEntropy;
pub use gaussian::GaussianLikelihood;
pub use huber::Huber;
pub use laplace::LaplaceLikelihood;
pub use learned_gaussian::LearnedGaussian;
pub use link::Link;
pub use mixed::Mixed;
pub use poisson::PoissonLikelihood;
pub use squared_error::SquaredError;
pub use targeted::Targeted;

use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Error, Result};
use crate::layer::layout::Layout;
use crate::numbers::scalar::Float;

/// By how much each of the shares of a whole may be off: they may have been rounded to three places.
const ROUNDED_SHARE: f64 = 5e-4;
/// By how much shares may miss 1 together, however many they are: a level that was never seen misses by 1, and so do two
/// levels at a time.
const ROUNDED_SHARES: f64 = 0.5;

/// What values that must add up to 1 add up to, if that is something else; what is missing adds up to nothing.
pub(crate) fn wrong_total<T: Float>(shares: &[T]) -> Option<f64> {
    let total: f64 = shares.iter().map(|x| x.to_double()).sum();
    if total.is_nan() {
        return None;
    }
    // What three places are is rounded in binary too.
    let each = ROUNDED_SHARE + T::default_epsilon().to_double();
    let is_whole = (total - 1.0).abs() <= (shares.len() as f64 * each).min(ROUNDED_SHARES);
    (!is_whole).then_some(total)
}

/// What each sample should become and the decoder's outputs for it, a column a sample.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a, T> {
    /// The targets: the clean inputs, what is given beside them or, of a classifier, one number for each, which is its class.
    pub x: BatchView<'a, T>,
    /// The decoder's outputs.
    pub y: BatchView<'a, T>,
    /// The loss's own parameters.
    pub parameters: &'a [T],
}

/// What a loss compares the outputs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The clean input, whose features the outputs must have.
    Input,
    /// The class of the sample, which the outputs are logits of.
    Class,
    /// What is given beside each sample, whose features the outputs must have.
    Given,
}

/// Compares the output of a decoder with the clean input, or with what it is told beside it.
pub trait Loss<T: Float>: Debug + Send + Sync + LossClone<T> {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// What tells it from others in files: `Huber { delta: 1.0 }`.
    fn describe(&self) -> String;

    /// What it compares the outputs with.
    fn target(&self) -> Target {
        Target::Input
    }

    /// Whether the outputs must be able to take any value, as logits do.
    fn takes_logits(&self) -> bool {
        false
    }

    /// Whether a target that is NaN, which stands for a value that is missing, counts nothing: it adds nothing to the
    /// values, and the gradients at its output, and of what it would have added at the loss's own parameters, are 0.
    /// By default not; a model whose normalizer [takes missing values](crate::Normalizer::fit_with_missing) needs it.
    fn skips_missing(&self) -> bool {
        false
    }

    /// The loss of each sample.
    fn values(&self, at: Compared<'_, T>, values: &mut [T]);

    /// The gradient at `y` of Σⱼ weightⱼ · valueⱼ, written into `dy`; a weight a sample.
    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>);

    /// [`values`](Loss::values) and [`gradient`](Loss::gradient) together, as a step of training wants them: to the bit
    /// what the two write. By default one after the other; to be written where both compute the same, such as an
    /// exponential.
    fn values_and_gradient(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        values: &mut [T],
        dy: BatchViewMut<'_, T>,
    ) {
        self.values(at, values);
        self.gradient(at, weights, dy);
    }

    /// How many parameters of its own are trained, for outputs of this many features.
    fn num_parameters(&self, features: usize) -> usize {
        let _ = features;
        0
    }

    /// Names its parameters, in their order, and gives them their first values.
    fn layout(&self, features: usize, layout: &mut Layout, parameters: &mut [T]) {
        let _ = (features, layout, parameters);
    }

    /// Adds the gradient of Σⱼ weightⱼ · valueⱼ at its own parameters, if it has any.
    fn parameter_gradient(&self, at: Compared<'_, T>, weights: &[T], gradient: &mut [T]) {
        let _ = (at, weights, gradient);
    }

    /// Turns outputs into reconstructions in the domain of the inputs, in place: for logits, their
    /// sigmoid. By default they are reconstructions already.
    fn reconstruct(&self, y: BatchViewMut<'_, T>) {
        let _ = y;
    }

    /// Whether the loss is defined for this target value of a feature.
    fn accepts(&self, x: T, feature: usize) -> bool {
        let _ = (x, feature);
        true
    }

    /// In words, what [`accepts`](Loss::accepts) accepts.
    fn domain(&self, feature: usize) -> &'static str {
        let _ = feature;
        "a finite number"
    }

    /// The value nearest to this one that the loss is defined for: what an anomaly score compares in its place, as
    /// the values of odd samples need not be those that a model was trained on. By default the value itself; a loss
    /// that does not [accept](Loss::accepts) all of them says here which.
    fn nearest_accepted(&self, x: T, feature: usize) -> T {
        let _ = feature;
        x
    }

    /// Calls `visit` with each group of neighbouring features whose values must add up to 1 in every sample, as
    /// those of a one-hot group do. By default there is none.
    fn each_whole(&self, visit: &mut dyn FnMut(Range<usize>)) {
        let _ = visit;
    }

    /// Refuses a number of features that it was not made for; called once, when the model is built.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] then.
    fn check_size(&self, features: usize) -> Result<()> {
        let _ = features;
        Ok(())
    }
}

/// A copy in a box, which every loss that is `Clone` can give.
pub trait LossClone<T> {
    /// The copy.
    fn boxed(&self) -> Box<dyn Loss<T>>;
}
impl<T: Float, L: Loss<T> + Clone + 'static> LossClone<T> for L {
    fn boxed(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
impl<T: Float> Clone for Box<dyn Loss<T>> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// Which decoders a loss can follow: one line beside each plugin, with what it asks of the decoder's types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no loss for this decoder",
    label = "not a loss for this decoder",
    note = "a loss has `impl<D: Part> LossFor<D> for …` beside `impl<T: Float> Loss<T> for …`"
)]
pub trait LossFor<D> {
    /// What it compares the outputs with: [`WithInput`], [`WithClass`] or [`WithTarget`].
    type Target: Compares;
}

/// Compares with the clean input.
#[derive(Debug, Clone, Copy)]
pub struct WithInput;
/// Compares with the class of the sample.
#[derive(Debug, Clone, Copy)]
pub struct WithClass;

/// Compares with a target of size `O` that is given beside the sample.
#[derive(Debug, Clone, Copy)]
pub struct WithTarget<O>(PhantomData<O>);

/// What a loss compares with, as a type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a loss compares with",
    label = "not a target",
    note = "a loss has `type Target = WithInput`, `WithClass` or `WithTarget<…>`"
)]
pub trait Compares {
    /// What [`Loss::target`] says of such a loss.
    const TARGET: Target;
}
impl Compares for WithInput {
    const TARGET: Target = Target::Input;
}
impl Compares for WithClass {
    const TARGET: Target = Target::Class;
}
impl<O> Compares for WithTarget<O> {
    const TARGET: Target = Target::Given;
}
/// Of a loss that was refused, which is never asked.
impl Compares for () {
    const TARGET: Target = Target::Input;
}

/// A loss that compares with what the model's decoder was made for.
#[diagnostic::on_unimplemented(
    message = "this loss compares `{Self}`, and the model is made to be compared `{Other}`",
    label = "not a loss for what this model makes",
    note = "a model with a `.decoder(…)` is compared with its input, one with a `.head(…)` with the class of the sample, \
            one with a `.target_decoder(…)` with what is given beside it, which takes a `Targeted(loss)`"
)]
pub trait SameTarget<Other> {}
impl SameTarget<Self> for WithInput {}
impl SameTarget<Self> for WithClass {}
impl<O> SameTarget<Self> for WithTarget<O> {}
// With a single candidate the compiler would unify and report bare types instead of our words.
#[diagnostic::do_not_recommend]
impl SameTarget<()> for WithInput {}
#[diagnostic::do_not_recommend]
impl SameTarget<()> for WithClass {}
#[diagnostic::do_not_recommend]
impl<O> SameTarget<()> for WithTarget<O> {}
#[diagnostic::do_not_recommend]
impl<X> SameTarget<X> for () {}

/// Chosen at run time: what it asks of the decoder is asked when the model is built.
impl<D, T: Float> LossFor<D> for Box<dyn Loss<T>> {
    type Target = WithInput;
}

/// Says that a `?` is missing.
impl<D, R, X> LossFor<D> for std::result::Result<R, X>
where
    crate::error::Forgotten<X>: crate::error::Unwrapped,
{
    type Target = ();
}

/// What a loss around another one leaves to it.
macro_rules! left_to_inner {
    () => {
        fn name(&self) -> &'static str {
            self.inner().name()
        }
        fn takes_logits(&self) -> bool {
            self.inner().takes_logits()
        }
        fn skips_missing(&self) -> bool {
            self.inner().skips_missing()
        }
        fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
            self.inner().values(at, values);
        }
        fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
            self.inner().gradient(at, weights, dy);
        }
        fn values_and_gradient(
            &self,
            at: Compared<'_, T>,
            weights: &[T],
            values: &mut [T],
            dy: BatchViewMut<'_, T>,
        ) {
            self.inner().values_and_gradient(at, weights, values, dy);
        }
        fn num_parameters(&self, features: usize) -> usize {
            self.inner().num_parameters(features)
        }
        fn layout(&self, features: usize, layout: &mut Layout, parameters: &mut [T]) {
            self.inner().layout(features, layout, parameters);
        }
        fn parameter_gradient(&self, at: Compared<'_, T>, weights: &[T], gradient: &mut [T]) {
            self.inner().parameter_gradient(at, weights, gradient);
        }
        fn reconstruct(&self, y: BatchViewMut<'_, T>) {
            self.inner().reconstruct(y);
        }
        fn accepts(&self, x: T, feature: usize) -> bool {
            self.inner().accepts(x, feature)
        }
        fn domain(&self, feature: usize) -> &'static str {
            self.inner().domain(feature)
        }
        fn nearest_accepted(&self, x: T, feature: usize) -> T {
            self.inner().nearest_accepted(x, feature)
        }
        fn each_whole(&self, visit: &mut dyn FnMut(Range<usize>)) {
            self.inner().each_whole(visit);
        }
    };
}
pub(crate) use left_to_inner;

/// A loss in a box.
trait Boxed<T> {
    fn inner(&self) -> &dyn Loss<T>;
}
impl<T: Float> Boxed<T> for Box<dyn Loss<T>> {
    fn inner(&self) -> &dyn Loss<T> {
        &**self
    }
}

/// A box is the loss inside.
impl<T: Float> Loss<T> for Box<dyn Loss<T>> {
    left_to_inner!();
    fn describe(&self) -> String {
        self.inner().describe()
    }
    fn target(&self) -> Target {
        self.inner().target()
    }
    /// Its type says that it compares with the input, which is asked here.
    fn check_size(&self, features: usize) -> Result<()> {
        let (fault, remedy) = match self.target() {
            Target::Input => return self.inner().check_size(features),
            Target::Class => (
                "compares with a class, where one that compares with the input is needed",
                "`.head(…)` and `.classes::<K>()` bring the loss of a classifier",
            ),
            Target::Given => (
                "compares with a target, where one that compares with the input is needed",
                "put what is inside the `Targeted` into the box",
            ),
        };
        Err(Error::Unfit { part: "a loss in a box", fault, remedy })
    }
}

/// A forgotten `?`, of which enough has been said before a model is built.
impl<T: Float, R, X> Loss<T> for std::result::Result<R, X>
where
    Self: Debug + Send + Sync + Clone + 'static,
{
    fn name(&self) -> &'static str {
        ""
    }
    fn describe(&self) -> String {
        String::new()
    }
    fn values(&self, _at: Compared<'_, T>, _values: &mut [T]) {}
    fn gradient(&self, _at: Compared<'_, T>, _weights: &[T], _dy: BatchViewMut<'_, T>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of version 0.1.0 hold what `Debug` gave.
    #[test]
    fn descriptions_are_those_of_version_0_1_0() {
        let boxed: Box<dyn Loss<f64>> = Box::new(Huber::default());
        let mixed = Mixed::new()
            .columns(3, LearnedGaussian::per_feature())
            .columns(5, Categorical::new(&[3, 2]).unwrap())
            .columns(2, boxed);
        let all: [(Box<dyn Loss<f64>>, &str); 10] = [
            (Box::new(SquaredError), "SquaredError"),
            (Box::new(BernoulliCrossEntropy), "BernoulliCrossEntropy"),
            (Box::new(ContinuousBernoulli), "ContinuousBernoulli"),
            (Box::new(PoissonLikelihood), "PoissonLikelihood"),
            (Box::new(Huber::new(0.25).unwrap()), "Huber { delta: 0.25 }"),
            (
                Box::new(GaussianLikelihood::new(1e-7).unwrap()),
                "GaussianLikelihood { deviation: 1e-7 }",
            ),
            (Box::new(LaplaceLikelihood::new(3.0).unwrap()), "LaplaceLikelihood { scale: 3.0 }"),
            (
                Box::new(LearnedGaussian::shared().starting_at(2.0).unwrap()),
                "LearnedGaussian { per_feature: false }",
            ),
            (Box::new(Categorical::new(&[3, 2]).unwrap()), "Categorical { groups: [3, 2] }"),
            (
                Box::new(mixed),
                "Mixed { groups: [Group { columns: 3, loss: LearnedGaussian { per_feature: true } }, \
                 Group { columns: 5, loss: Categorical { groups: [3, 2] } }, \
                 Group { columns: 2, loss: Huber { delta: 1.0 } }] }",
            ),
        ];
        for (loss, text) in all {
            assert_eq!((loss.describe(), format!("{loss:?}")), (text.to_owned(), text.to_owned()));
        }
    }

    #[test]
    fn what_does_not_compare_with_the_input_is_no_part_of_mixed() {
        let class: Box<dyn Loss<f32>> = Box::new(CrossEntropy);
        let mixed = Mixed::new().columns(1, SquaredError).columns(3, class);
        assert_eq!(
            mixed.check_size(4).unwrap_err().to_string(),
            "a group of Mixed has a loss that does not compare with the input: take one that does, such as `Categorical`"
        );
    }

    #[test]
    fn sizes_beyond_all_memory_are_refused() {
        let mixed = Mixed::<f32>::new().columns(usize::MAX, SquaredError).columns(2, SquaredError);
        assert!(mixed.check_size(1).is_err());
        let categorical = Categorical::new(&[usize::MAX, 2]).unwrap();
        assert!(Loss::<f32>::check_size(&categorical, 1).is_err());
    }
}
