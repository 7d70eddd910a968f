use nalgebra::Dim;

use super::ConditionalAutoEncoder;
use super::model::{Decoding, Encoding};
use super::part::Told;
use crate::batch::{Batch, BatchView};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::data::Normalizer;
use crate::error::Result;
use crate::layer::layout::Layout;
use crate::loss::Loss;
#[cfg(feature = "safetensors")]
use crate::model::file::{Saved, Stored};
use crate::model::pass::Seen;
use crate::model::workspace::Workspace;
use crate::optimizer::Method;
use crate::regularizer::Regularizer;
use crate::terms::Terms;
use crate::train::{Chosen, Trainable};
use crate::train::{Report, Trainer};

/// A conditional model with the conditions of what it is trained on, one after the other.
struct WithConditions<'a, E, D, K, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    conditional: &'a mut ConditionalAutoEncoder<E, D, K, R, L>,
    conditions: &'a [E::Scalar],
    held_out: &'a [E::Scalar],
}

/// The memory of a pass, and the parts that it goes through.
struct ToldWorkspace<E, D, K>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    workspace: Workspace<Encoding<E, D, K>>,
    parts: Told<E, D, K>,
}

impl<E, D, K, R, L> Trainable for WithConditions<'_, E, D, K, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
    R: Regularizer<Encoding<E, D, K>>,
    L: Loss<Decoding<E, D, K>>,
{
    type Scalar = E::Scalar;
    type Input = D::Output;
    type Workspace = ToldWorkspace<E, D, K>;

    fn input_dim(&self) -> D::Output {
        self.conditional.model.input_dim()
    }

    fn normalizer(&self) -> Option<&Normalizer> {
        self.conditional.normalizer()
    }

    fn layout(&self) -> &Layout {
        self.conditional.layout()
    }

    fn parameters(&self) -> &[E::Scalar] {
        self.conditional.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Vec<E::Scalar> {
        &mut self.conditional.model.parameters
    }

    fn state(&self) -> &[E::Scalar] {
        &self.conditional.model.state
    }

    fn state_mut(&mut self) -> &mut [E::Scalar] {
        &mut self.conditional.model.state
    }

    fn workspace(&self) -> ToldWorkspace<E, D, K> {
        ToldWorkspace {
            workspace: self.conditional.model.workspace(),
            parts: self.conditional.parts(),
        }
    }

    fn terms(workspace: &ToldWorkspace<E, D, K>) -> &Terms {
        &workspace.workspace.terms
    }

    fn pass(
        &self,
        parameters: &[E::Scalar],
        workspace: &mut ToldWorkspace<E, D, K>,
        chosen: &Chosen<'_, E::Scalar, D::Output>,
        gradient: Option<&mut [E::Scalar]>,
    ) {
        let &Chosen { x, numbers, shares, streams } = chosen;
        let ToldWorkspace { workspace, parts } = workspace;
        let width = parts.encoder.condition_dim().value();
        parts.tell(numbers.iter().map(|&number| &self.conditions[number * width..][..width]));
        let seen = Seen { x, shares, streams: Some(streams) };
        let model = &self.conditional.model;
        let parts = (&parts.encoder, &parts.decoder);
        model.step_through(parts, parameters, workspace, seen, gradient);
    }

    fn update_state(&mut self, told: &ToldWorkspace<E, D, K>, shares: Option<&[E::Scalar]>) {
        self.conditional.model.update_state(&told.workspace.posterior, shares);
    }

    fn validate(
        &self,
        workspace: &mut ToldWorkspace<E, D, K>,
        held_out: BatchView<'_, E::Scalar, D::Output>,
    ) {
        let ToldWorkspace { workspace, parts } = workspace;
        parts.tell(std::iter::once(self.held_out));
        let seen = Seen { x: held_out, shares: None, streams: None };
        let model = &self.conditional.model;
        let parts = (&parts.encoder, &parts.decoder);
        model.step_through(parts, &model.parameters, workspace, seen, None);
    }

    fn collapsed_units(&self, told: &ToldWorkspace<E, D, K>) -> Vec<usize> {
        self.conditional.regularizer().collapsed_units(&told.workspace.posterior)
    }

    fn check(
        &self,
        call: &'static str,
        block: BatchView<'_, E::Scalar, D::Output>,
        lets_not_finite_through: bool,
    ) -> Result<()> {
        self.conditional.model.check(call, block, lets_not_finite_through)
    }

    #[cfg(feature = "safetensors")]
    fn settings(&self) -> String {
        let digest = crate::train::digest_of(&[self.conditions]);
        format!(", conditions with digest {digest}")
    }

    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, E::Scalar> {
        self.conditional.model.stored()
    }

    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<E::Scalar>) {
        self.conditional.model.replace(saved);
    }
}

impl<O> Trainer<'_, O> {
    /// Trains a conditional model on these samples, each with its condition.
    ///
    /// All settings serve it as they serve an autoencoder. Samples with conditions are in memory: there is no
    /// stream of them.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); and [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is a
    /// condition for each sample, [`Error::NotFinite`](crate::Error::NotFinite) for NaN or infinity in one.
    pub fn fit_conditional<E, D, K, R, L>(
        &mut self,
        model: &mut ConditionalAutoEncoder<E, D, K, R, L>,
        data: &Batch<E::Scalar, D::Output>,
        conditions: &Batch<E::Scalar, K>,
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar>,
        K: Dim,
        R: Regularizer<Encoding<E, D, K>>,
        L: Loss<Decoding<E, D, K>>,
        O: Method<E::Scalar>,
    {
        self.check::<E::Scalar>()?;
        let mut buffer = Vec::new();
        let data = model.model.compared("fit_conditional", data.view(), &mut buffer)?;
        let samples = data.samples();
        model.check_conditions("the conditions of fit_conditional", conditions, samples)?;
        let held_out = self.held_out(samples)?;
        let (data, validation) = data.split_at(samples - held_out);
        let train = (samples - held_out) * conditions.features();
        let (conditions, held_out) = conditions.as_slice().split_at(train);
        let validation = (!held_out.is_empty()).then_some(validation);
        self.train(
            &mut WithConditions { conditional: model, conditions, held_out },
            data,
            validation,
        )
    }

    /// As [`fit_conditional`](Self::fit_conditional), and validates the model on other samples with their
    /// conditions after each epoch.
    ///
    /// # Errors
    /// As [`fit_conditional`](Self::fit_conditional); and
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is a `validation_split` as well.
    #[allow(clippy::type_complexity)]
    pub fn fit_conditional_validated<E, D, K, R, L>(
        &mut self,
        model: &mut ConditionalAutoEncoder<E, D, K, R, L>,
        (data, conditions): (&Batch<E::Scalar, D::Output>, &Batch<E::Scalar, K>),
        (validation, held_out): (&Batch<E::Scalar, D::Output>, &Batch<E::Scalar, K>),
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar>,
        K: Dim,
        R: Regularizer<Encoding<E, D, K>>,
        L: Loss<Decoding<E, D, K>>,
        O: Method<E::Scalar>,
    {
        self.check_without_split::<E::Scalar>("left unset where validation samples are given")?;
        let (mut buffer, mut validation_buffer) = (Vec::new(), Vec::new());
        let data = model.model.compared("fit_conditional", data.view(), &mut buffer)?;
        let place = "the conditions of fit_conditional";
        model.check_conditions(place, conditions, data.samples())?;
        let validation =
            model.model.compared("validation", validation.view(), &mut validation_buffer)?;
        model.check_conditions("the conditions of validation", held_out, validation.samples())?;
        self.check_weights(data.samples(), 0)?;
        let (conditions, held_out) = (conditions.as_slice(), held_out.as_slice());
        self.train(
            &mut WithConditions { conditional: model, conditions, held_out },
            data,
            Some(validation),
        )
    }
}
