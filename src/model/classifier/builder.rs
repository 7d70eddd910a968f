use nalgebra::{Const, Dim, Dyn};

use super::Classifier;
use crate::code::encoder::Encoder;
use crate::data::Normalizer;
use crate::error::{Result, require, require_size};
use crate::layer::activation::Identity;
use crate::layer::init::Initializer;
use crate::layer::layout::Layout;
use crate::layer::{DenseDescription, DenseLayer, Module};
use crate::model::builder::{Build, Describe, Start, Unset, add_own};
use crate::numbers::scalar::Scalar;
use crate::random::keyed;
use crate::regularizer::{NoRegularizer, Regularizer};

/// Collects the parts of a [`Classifier`]: the encoder, the classes, then the rest.
///
/// | part | purpose | default |
/// |---|---|---|
/// | [`encoder`](Self::encoder) | input → code; a trained one or a new one | required |
/// | [`classes`](Self::classes) | code → probabilities | required |
/// | [`regularizer`](Self::regularizer) | as for an autoencoder: weight decay, denoising … | none |
/// | [`normalizer`](Self::normalizer) | takes features to one scale | none |
/// | [`init`](Self::init) | the head's first weights | [`Glorot`](crate::init::Glorot) |
/// | [`seed`](Self::seed) | of the first weights | 0 |
#[derive(Debug, Clone)]
pub struct ClassifierBuilder<E = Unset, K = Unset, R = NoRegularizer> {
    encoder: E,
    classes: K,
    regularizer: R,
    normalizer: Option<Normalizer>,
    init: Option<std::sync::Arc<dyn Initializer>>,
    seed: u64,
}

impl Classifier<DenseLayer<f32, Const<1>, Const<1>, Identity>, Const<1>> {
    /// Starts to collect the parts of a classifier of any type.
    pub fn builder() -> ClassifierBuilder {
        ClassifierBuilder::new(Unset, Unset)
    }
}

impl<E, K> ClassifierBuilder<E, K> {
    pub(super) fn new(encoder: E, classes: K) -> Self {
        let regularizer = NoRegularizer;
        Self { encoder, classes, regularizer, normalizer: None, init: None, seed: 0 }
    }
}

impl<E, K, R> ClassifierBuilder<E, K, R> {
    /// The encoder: any that an autoencoder can have, most often a
    /// [trained](crate::AutoEncoder::trained_encoder) one.
    pub fn encoder<E2: Describe>(self, encoder: E2) -> ClassifierBuilder<E2, K, R> {
        let Self { classes, regularizer, normalizer, init, seed, .. } = self;
        ClassifierBuilder { encoder, classes, regularizer, normalizer, init, seed }
    }

    /// The number of classes, at least 2, as a type.
    pub fn classes<const N: usize>(self) -> ClassifierBuilder<E, Const<N>, R> {
        self.with_classes(Const)
    }

    /// The number of classes, at least 2, known at run time only.
    pub fn classes_dynamic(self, classes: usize) -> ClassifierBuilder<E, Dyn, R> {
        self.with_classes(Dyn(classes))
    }

    fn with_classes<K2>(self, classes: K2) -> ClassifierBuilder<E, K2, R> {
        let Self { encoder, regularizer, normalizer, init, seed, .. } = self;
        ClassifierBuilder { encoder, classes, regularizer, normalizer, init, seed }
    }

    /// What keeps it from learning the training samples by heart; a tuple for several.
    pub fn regularizer<R2>(self, regularizer: R2) -> ClassifierBuilder<E, K, R2> {
        let Self { encoder, classes, normalizer, init, seed, .. } = self;
        ClassifierBuilder { encoder, classes, regularizer, normalizer, init, seed }
    }

    /// What inputs go through before the encoder sees them.
    pub fn normalizer(self, normalizer: Normalizer) -> Self {
        Self { normalizer: Some(normalizer), ..self }
    }

    /// How the head's first weights are drawn.
    pub fn init(self, init: impl Initializer + 'static) -> Self {
        Self { init: Some(std::sync::Arc::new(init)), ..self }
    }

    /// The seed of the first weights.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Builds the classifier in the number type `T`, `f32` or `f64`, and draws the weights that are
    /// not trained yet.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) where sizes known only at run time do not
    /// fit together, [`Error::InvalidParameter`](crate::Error::InvalidParameter) for less than two
    /// classes, and for what a regularizer [refuses](Regularizer::check).
    pub fn build<T: Scalar>(self) -> Result<Classifier<E::Built, K, R>>
    where
        E: Build<T>,
        E::Built: Encoder<Scalar = T, Input = E::Input, Code = E::Output>,
        K: Dim,
        R: Regularizer<E::Built>,
    {
        let Self { encoder, classes, regularizer, normalizer, init, seed } = self;
        let count = classes.value();
        require(count > 1, "Classifier classes", count as f64, "at least 2")?;
        let mut rng = keyed(seed, 0, 0);
        let mut start = Start::new(&mut rng);
        let encoder = encoder.build_into(&mut start);
        encoder.check_sizes()?;
        if let Some(features) = normalizer.as_ref().and_then(Normalizer::features) {
            require_size("the normalizer", "features", encoder.input_dim().value(), features)?;
        }
        regularizer.check(&encoder)?;
        let mut head = DenseDescription::new(encoder.code_dim(), classes, Identity);
        if let Some(init) = init {
            head = head.init(init);
        }
        let head: DenseLayer<T, _, _, _> = head.build_into(&mut start);
        let mut layout = Layout::new();
        layout.scope("encoder", |layout| encoder.layout(layout));
        layout.scope("classifier", |layout| head.layout(layout));
        let (mut parameters, rng) = start.finish(&mut layout);
        add_own(&encoder, &regularizer, &mut layout, &mut parameters, rng);
        let state = vec![T::ZERO; regularizer.state_len(&encoder)];
        Ok(Classifier { encoder, head, regularizer, normalizer, layout, parameters, state })
    }
}
