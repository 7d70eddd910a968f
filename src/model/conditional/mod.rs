//! Conditional models: encoder and decoder are also told something else about each sample, such as its class.
//!
//! ```text
//! x ──┐                          z ──┐
//!     ├─▶ encoder ─▶ posterior ─▶    ├─▶ decoder ─▶ x̂
//! c ──┘                          c ──┘
//! ```
//!
//! What the condition says need not be in the code, and new samples can be asked for by their condition.
//! Each half is [`Conditioned`], the model is a [`ConditionalAutoEncoder`], and
//! [`Trainer::fit_conditional`](crate::Trainer::fit_conditional) trains it.
//!
//! # Laws
//! 1. Nothing is encoded, decoded or trained on without a condition, one for each sample.
//! 2. A condition goes with its sample: through shuffling, held-out samples, and each of several draws.
//! 3. Corruptions change the sample alone, and the loss compares it alone.
//!
//! # Example
//! ```
//! use autoencoder::activation::{Identity, Relu};
//! use autoencoder::random::seeded;
//! use autoencoder::{Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Conditioned, Dense, Gaussian};
//! use autoencoder::{Then, Trainer, Variational, datasets};
//!
//! let digits = datasets::digits::<f32>();
//! let classes = Batch::one_hot(&digits.train_labels)?; // 10 classes × 1,438
//! let encoder = Gaussian::new(
//!     Dense::<74, 64>::new(Relu), // 64 pixels and 10 classes
//!     Dense::<64, 4>::new(Identity),
//!     Dense::<64, 4>::new(Identity),
//! );
//! // 4 code units and 10 classes
//! let decoder = Dense::<14, 64>::new(Relu).then(Dense::<64, 64>::new(Identity));
//! let mut model = AutoEncoder::builder()
//!     .encoder(Conditioned::<64, 10, _>::new(encoder))
//!     .decoder(Conditioned::<4, 10, _>::new(decoder))
//!     .regularizer(Variational::default())
//!     .loss(BernoulliCrossEntropy)
//!     .build_conditional::<f32>()?;
//! Trainer::new(Adam::new(3e-3)?).epochs(5).fit_conditional(&mut model, &digits.train, &classes)?;
//!
//! let wanted = Batch::one_hot(&[0, 3, 3, 8])?;
//! let drawn = model.sample(&wanted, &mut seeded(1))?; // a zero, two threes, an eight
//! assert_eq!((drawn.features(), drawn.samples()), (64, 4));
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! # References
//! K. Sohn, H. Lee, X. Yan (2015), Learning structured output representation using deep conditional
//! generative models; D. Kingma, D. Rezende, S. Mohamed, M. Welling (2014), Semi-supervised learning with
//! deep generative models (there the condition is a label).

mod model;
mod part;
mod training;

use nalgebra::Const;

pub use model::ConditionalAutoEncoder;
pub use part::ConditionedPart;

use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::{Result, require};
use crate::layer::Module;
use crate::loss::Loss;
use crate::model::builder::{Build, Builder, Describe, Start, assemble};
use crate::numbers::scalar::Scalar;
use crate::random::keyed;
use crate::regularizer::Regularizer;

/// Describes an encoder or a decoder that is given a condition of `K` numbers beside its `N` inputs: of an
/// encoder the features, of a decoder the code units.
///
/// The part inside has `N + K` inputs: first those `N`, then the condition. From outside it has `N`, so that
/// encoder and decoder fit as those of any model do. Both are built by
/// [`Builder::build_conditional`](crate::Builder::build_conditional).
///
/// # Example
/// ```
/// use autoencoder::{Conditioned, Dense, activation::Tanh};
/// let encoder = Conditioned::<64, 10, _>::new(Dense::<74, 16>::new(Tanh));
/// let decoder = Conditioned::<16, 10, _>::new(Dense::<26, 64>::new(Tanh));
/// # let _ = (encoder, decoder);
/// ```
/// Sizes that do not add up are refused by the compiler, once it makes a program and not only checks it:
/// ```compile_fail
/// use autoencoder::{Conditioned, Dense, activation::Tanh};
/// let encoder = Conditioned::<64, 10, _>::new(Dense::<64, 16>::new(Tanh)); // where would the condition go?
/// ```
#[derive(Debug, Clone)]
pub struct Conditioned<const N: usize, const K: usize, P> {
    part: P,
}

impl<const N: usize, const K: usize, P: Describe> Conditioned<N, K, P> {
    /// Of a part with `N + K` inputs, any that a model can have but a [`Tied`](crate::Tied) decoder.
    pub fn new<const INPUTS: usize>(part: P) -> Self
    where
        P: Describe<Input = Const<INPUTS>>,
    {
        const {
            assert!(
                N > 0 && K > 0,
                "`Conditioned::<N, K, _>` needs at least one input and a condition"
            );
            assert!(
                N + K == INPUTS,
                "the part in `Conditioned::<N, K, _>` must have N + K inputs: of an encoder the features, \
                 of a decoder the code units, and then the K numbers of the condition"
            );
        }
        Self { part }
    }
}

impl<const N: usize, const K: usize, P: Describe> Describe for Conditioned<N, K, P> {
    type Input = Const<N>;
    type Output = P::Output;
}

impl<const N: usize, const K: usize, P> Conditioned<N, K, P> {
    fn build<T: Scalar>(
        self,
        start: &mut Start<'_, T>,
    ) -> ConditionedPart<P::Built, Const<N>, Const<K>>
    where
        P: Build<T>,
        P::Built: Module<Scalar = T>,
    {
        ConditionedPart::new(self.part.build_into(start), Const, Const)
    }
}

impl<const N: usize, const C: usize, const K: usize, E, D, R, L>
    Builder<Conditioned<N, K, E>, Conditioned<C, K, D>, R, L>
{
    /// As [`build`](Self::build), where encoder and decoder are [`Conditioned`]: a model that takes a condition
    /// wherever it takes a sample or a code. The normalizer is for samples; conditions are taken as they are.
    ///
    /// # Errors
    /// As [`build`](Self::build); and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a prior
    /// with [pseudo-inputs](crate::prior::VampPrior), which have no condition, and for a regularizer that
    /// [needs the Jacobian](Regularizer::needs_jacobian), such as [`Contractive`](crate::Contractive).
    #[allow(clippy::type_complexity)]
    pub fn build_conditional<T: Scalar>(
        self,
    ) -> Result<ConditionalAutoEncoder<E::Built, D::Built, Const<K>, R, L>>
    where
        E: Build<T>,
        D: Build<T>,
        E::Built: Encoder<Scalar = T, Code = Const<C>>,
        D::Built: Decoder<Scalar = T, Output = Const<N>>,
        R: Regularizer<ConditionedPart<E::Built, Const<N>, Const<K>>>,
        L: Loss<ConditionedPart<D::Built, Const<C>, Const<K>>>,
    {
        let Self { encoder, decoder, regularizer, loss, loss_parameters, normalizer, seed } = self;
        let mut rng = keyed(seed, 0, 0);
        let mut start = Start::new(&mut rng);
        let encoder = encoder.build(&mut start);
        let decoder = decoder.build(&mut start);
        let requirement =
            "left out of a conditional model: the derivative is not one by the sample alone";
        let name = "the number of regularizers that need the Jacobian";
        require(!regularizer.needs_jacobian(), name, 1.0, requirement)?;
        let inputs = regularizer
            .prior(&encoder)
            .map_or(0, |(_, prior)| prior.pseudo_inputs(&encoder).len() / N);
        let requirement = "0 in a conditional model: a pseudo-input has no condition";
        require(
            inputs == 0,
            "the number of the prior's pseudo-inputs",
            inputs as f64,
            requirement,
        )?;
        let (parts, loss) = ((encoder, decoder), (loss, loss_parameters));
        Ok(ConditionalAutoEncoder::new(assemble(parts, regularizer, loss, normalizer, start)?))
    }
}
