//! Parts with their parameters, to build other models of.

use crate::layer::Module;
use crate::model::builder::{Build, Describe, Start};
use crate::numbers::scalar::Scalar;

/// A layer, encoder or decoder with the parameters it was trained to. It is a description: what is built
/// of it starts with these parameters instead of drawn ones.
///
/// Made by [`AutoEncoder::trained_encoder`](crate::AutoEncoder::trained_encoder) and its like. Parts can
/// be joined to others as any description can: as half of another model, or
/// [one after the other](crate::Then). What was frozen in the model stays frozen, until it is
/// [unfrozen](Trained::unfrozen). A model's normalizer is not a part of its encoder: another model of
/// the encoder needs the same one, by [`Builder::normalizer`](crate::Builder::normalizer).
///
/// # Example
/// A recognition model, trained elsewhere, with a generative half on top:
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Then, Trainer, activation::{Relu, Sigmoid}, datasets};
///
/// let digits = datasets::digits();
/// let mut first = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// Trainer::new(Adam::new(1e-2)?).epochs(2).fit(&mut first, &digits.train)?;
///
/// let mut joined = AutoEncoder::builder()
///     .encoder(first.trained_encoder().frozen())
///     .decoder(Dense::<16, 40>::new(Relu).then(Dense::<40, 64>::new(Sigmoid)))
///     .build::<f32>()?;
/// Trainer::new(Adam::new(1e-2)?).epochs(2).fit(&mut joined, &digits.train)?;
/// assert_eq!(joined.encode(&digits.test)?, first.encode(&digits.test)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trained<M: Module> {
    part: M,
    parameters: Vec<M::Scalar>,
    is_frozen: bool,
}

impl<M: Module> Trained<M> {
    pub(crate) fn new(part: M, parameters: Vec<M::Scalar>) -> Self {
        debug_assert_eq!(part.num_parameters(), parameters.len());
        Self { part, parameters, is_frozen: false }
    }

    /// The part, without its parameters.
    pub fn part(&self) -> &M {
        &self.part
    }

    /// Its parameters, in the order of its layout.
    pub fn parameters(&self) -> &[M::Scalar] {
        &self.parameters
    }

    /// Keeps its parameters: training changes the other parts only.
    pub fn frozen(mut self) -> Self {
        self.part.set_frozen(true);
        self.is_frozen = true;
        self
    }

    /// Lets it be trained again.
    pub fn unfrozen(mut self) -> Self {
        self.part.set_frozen(false);
        self.is_frozen = false;
        self
    }
}

impl<M: Module + Describe> Describe for Trained<M> {
    type Input = M::Input;
    type Output = M::Output;
}

impl<T: Scalar, M: Module<Scalar = T> + Describe> Build<T> for Trained<M> {
    type Built = M;
    fn build_into(self, start: &mut Start<'_, T>) -> M {
        start.take(self.parameters, self.is_frozen);
        self.part
    }
}
