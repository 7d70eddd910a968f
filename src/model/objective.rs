//! What training makes small, and its gradient: one pass forward and one back.

use super::inference::InMemory;
use super::scalar;
use super::step::Seen;
use super::{AutoEncoder, Scalar};
use crate::batch::sample_weights;
use crate::batch::size::SameSize;
use crate::error::{Result, require_size};
use crate::layer::Part;
use crate::layer::part::End;
use crate::random::Streams;
use crate::terms::Terms;
use crate::train::Trainable;
use crate::train::examples::{IntoExamples, Suits};

impl<E: Part, D: Part, R, L, T: Scalar> AutoEncoder<E, D, R, L, T> {
    /// The objective on these samples, term by term, without any randomness: no corruption, the
    /// posterior's mean as the code. This is what validation and early stopping look at; for a
    /// variational model it lies below the negative [`elbo`](Self::elbo), which draws.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn loss<'a, X>(&self, x: X) -> Result<Terms>
    where
        Self: Trainable,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<Self as Trainable>::Wanted>,
    {
        self.checked_objective("loss", self.parameters(), x, None, None)
    }

    /// The objective on one batch and, if wanted, its gradient, which is written over `gradient`.
    ///
    /// With `streams` it is the objective of a training step: corrupted, with drawn codes; without
    /// them it is [`loss`](Self::loss). With [weights](crate::train::Examples::weights) the means over samples are
    /// Σᵢ wᵢ ·ᵢ / Σᵢ wᵢ.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless `gradient` is as long as
    /// the parameters.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Batch, CodeL1, Dense, activation::{Identity, Tanh}, train::Examples};
    ///
    /// let model = AutoEncoder::builder()
    ///     .encoder(Dense::<2, 1>::new(Tanh))
    ///     .decoder(Dense::<1, 2>::new(Identity))
    ///     .regularizer(CodeL1::new(0.1)?)
    ///     .build::<f64>()?;
    /// let (one, other) = ([0.1, 0.2], [0.9, 0.3]);
    /// let x = Batch::from_iter([one, other]);
    /// let weighted = model.objective(Examples::of(&x).weights(&[1.0, 2.0]), None, None)?;
    /// let repeated = model.loss(&Batch::from_iter([one, other, other]))?;
    /// assert!((weighted.total() - repeated.total()).abs() < 1e-15);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn objective<'a, X>(
        &self,
        x: X,
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [T]>,
    ) -> Result<Terms>
    where
        Self: Trainable,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<Self as Trainable>::Wanted>,
    {
        self.checked_objective("objective", self.parameters(), x, streams, gradient)
    }

    /// The objective of a training step at other parameters than the model's own, as a finite
    /// difference or a line search needs it.
    ///
    /// # Errors
    /// As [`objective`](Self::objective).
    pub fn objective_at<'a, X>(
        &self,
        parameters: &[T],
        x: X,
        streams: Option<Streams<'_>>,
    ) -> Result<Terms>
    where
        Self: Trainable,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<Self as Trainable>::Wanted>,
    {
        self.checked_objective("objective_at", parameters, x, streams, None)
    }

    fn checked_objective<'a, X>(
        &self,
        call: &'static str,
        parameters: &[T],
        x: X,
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [T]>,
    ) -> Result<Terms>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let network = self.network();
        let (mut buffer, mut targets) = (Vec::new(), Vec::new());
        let examples = x.into_examples();
        if streams.is_some() {
            network.require_trained_on(call, End::of(examples.size))?;
        }
        let (given, weights) = InMemory::weighted(call, network.inputs(), examples)?;
        let rows = given.compared(network, call, (&mut buffer, &mut targets))?;
        require_size(call, "parameters", self.num_parameters(), parameters.len())?;
        let mut shares = Vec::new();
        let shares = sample_weights::shares_of_all(call, weights, rows.x.samples(), &mut shares)?;
        if let Some(gradient) = &gradient {
            require_size(call, "gradients", self.num_parameters(), gradient.len())?;
        }
        let mut workspace = self.workspace();
        let seen = Seen { rows, shares, streams, within: None };
        scalar::step(network, parameters, &mut workspace, seen, gradient);
        Ok(workspace.terms)
    }
}
