//! What the training loop needs of what it trains.

use nalgebra::{Dim, Dyn};

use crate::batch::BatchView;
use crate::batch::{check_domain, check_finite};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::data::Normalizer;
use crate::error::{Error, Result};
use crate::layer::layout::Layout;
use crate::loss::Loss;
use crate::model::AutoEncoder;
#[cfg(feature = "safetensors")]
use crate::model::file::{Saved, Stored};
use crate::model::workspace::Workspace;
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use crate::regularizer::Regularizer;
use crate::terms::Terms;

/// The samples of one step.
pub(crate) struct Chosen<'a, T, I> {
    /// Their values, a column each.
    pub(crate) x: BatchView<'a, T, I>,
    /// The number of each in the training data, counted from 0: where to look up what belongs to it.
    pub(crate) numbers: &'a [usize],
    /// How much each counts, together 1, if they do not count alike.
    pub(crate) shares: Option<&'a [T]>,
    /// The randomness of the step.
    pub(crate) streams: Streams<'a>,
}

/// Parameters with an objective: what a [`Trainer`](super::Trainer) can train.
///
/// # Laws
/// 1. [`pass`](Self::pass) is a function of its arguments alone, whatever the workspace was used for
///    before; that is what makes a resumed training equal to one that was never stopped.
/// 2. It leaves the parameters alone, and the gradient of those that must not move is 0.
pub(crate) trait Trainable: Send {
    type Scalar: Scalar;
    type Input: Dim;
    /// The memory of a pass.
    type Workspace: Send;

    /// The number of values of a sample.
    fn input_dim(&self) -> Self::Input;

    /// What the values of a stream go through before they are samples.
    fn normalizer(&self) -> Option<&Normalizer>;

    /// Where each tensor lies in the parameters.
    fn layout(&self) -> &Layout;

    fn parameters(&self) -> &[Self::Scalar];

    /// As a vector, since a step exchanges all of them.
    fn parameters_mut(&mut self) -> &mut Vec<Self::Scalar>;

    /// What a step changes beside the parameters; of fixed length, and empty for most.
    fn state(&self) -> &[Self::Scalar];

    fn state_mut(&mut self) -> &mut [Self::Scalar];

    fn workspace(&self) -> Self::Workspace;

    /// The objective that the last pass left in the workspace, term by term.
    fn terms(workspace: &Self::Workspace) -> &Terms;

    /// The training objective at these parameters, left in the workspace, and, if wanted, its gradient,
    /// which is written over `gradient`.
    fn pass(
        &self,
        parameters: &[Self::Scalar],
        workspace: &mut Self::Workspace,
        chosen: &Chosen<'_, Self::Scalar, Self::Input>,
        gradient: Option<&mut [Self::Scalar]>,
    );

    /// Takes the samples of the last pass into the state.
    fn update_state(&mut self, workspace: &Self::Workspace, shares: Option<&[Self::Scalar]>);

    /// The objective on the validation samples, without randomness, left in the workspace.
    fn validate(
        &self,
        workspace: &mut Self::Workspace,
        held_out: BatchView<'_, Self::Scalar, Self::Input>,
    );

    /// Code units that tell hardly anything about the samples of the last pass or validation.
    fn collapsed_units(&self, workspace: &Self::Workspace) -> Vec<usize> {
        let _ = workspace;
        Vec::new()
    }

    /// Refuses samples of a stream that cannot be trained on; those that are not finite may be let
    /// through, to make their batch diverge.
    fn check(
        &self,
        call: &'static str,
        block: BatchView<'_, Self::Scalar, Self::Input>,
        lets_not_finite_through: bool,
    ) -> Result<()>;

    /// What else a resumed training must have in common with the one that was stopped, such as its
    /// labels; begins with a comma.
    #[cfg(feature = "safetensors")]
    fn settings(&self) -> String {
        String::new()
    }

    /// What goes into its file.
    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, Self::Scalar>;

    /// Takes back what was in a file that fits.
    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<Self::Scalar>);
}

/// Something [trainable](Trainable) with the memory of its passes, of whatever type: the loop knows no more
/// of it, and so is compiled for a number type and not for each model. What is not explained here is as there.
pub(super) trait Trainee<T: Scalar>: Send {
    /// The number of values of a sample.
    fn features(&self) -> usize;
    fn layout(&self) -> &Layout;
    fn parameters(&self) -> &[T];
    fn parameters_mut(&mut self) -> &mut Vec<T>;
    fn state(&self) -> &[T];
    fn state_mut(&mut self) -> &mut [T];
    /// The objective of the last pass, term by term.
    fn terms(&self) -> &Terms;
    /// The training objective at these parameters, its own if none are given, and its gradient.
    fn pass(&mut self, at: Option<&[T]>, chosen: &Chosen<'_, T, Dyn>, gradient: &mut [T]);
    fn update_state(&mut self, shares: Option<&[T]>);
    /// The objective on the validation samples.
    fn validate(&mut self, held_out: BatchView<'_, T, Dyn>);
    fn collapsed_units(&self) -> Vec<usize>;
    fn check(
        &self,
        call: &'static str,
        block: BatchView<'_, T, Dyn>,
        lets_not_finite_through: bool,
    ) -> Result<()>;
    #[cfg(feature = "safetensors")]
    fn normalizer(&self) -> Option<&Normalizer>;
    #[cfg(feature = "safetensors")]
    fn settings(&self) -> String;
    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, T>;
    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<T>);
}

/// A model and the memory of its passes.
pub(super) struct WithWorkspace<'a, M: Trainable> {
    model: &'a mut M,
    workspace: M::Workspace,
}

impl<'a, M: Trainable> WithWorkspace<'a, M> {
    pub(super) fn new(model: &'a mut M) -> Self {
        let workspace = model.workspace();
        Self { model, workspace }
    }
}

impl<M: Trainable> Trainee<M::Scalar> for WithWorkspace<'_, M> {
    fn features(&self) -> usize {
        self.model.input_dim().value()
    }

    fn layout(&self) -> &Layout {
        self.model.layout()
    }

    fn parameters(&self) -> &[M::Scalar] {
        self.model.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Vec<M::Scalar> {
        self.model.parameters_mut()
    }

    fn state(&self) -> &[M::Scalar] {
        self.model.state()
    }

    fn state_mut(&mut self) -> &mut [M::Scalar] {
        self.model.state_mut()
    }

    fn terms(&self) -> &Terms {
        M::terms(&self.workspace)
    }

    fn pass(
        &mut self,
        at: Option<&[M::Scalar]>,
        &Chosen { x, numbers, shares, streams }: &Chosen<'_, M::Scalar, Dyn>,
        gradient: &mut [M::Scalar],
    ) {
        let Self { model, workspace } = self;
        let x = BatchView::new(x.as_slice(), model.input_dim());
        let chosen = Chosen { x, numbers, shares, streams };
        model.pass(at.unwrap_or(model.parameters()), workspace, &chosen, Some(gradient));
    }

    fn update_state(&mut self, shares: Option<&[M::Scalar]>) {
        self.model.update_state(&self.workspace, shares);
    }

    fn validate(&mut self, held_out: BatchView<'_, M::Scalar, Dyn>) {
        let held_out = BatchView::new(held_out.as_slice(), self.model.input_dim());
        self.model.validate(&mut self.workspace, held_out);
    }

    fn collapsed_units(&self) -> Vec<usize> {
        self.model.collapsed_units(&self.workspace)
    }

    fn check(
        &self,
        call: &'static str,
        block: BatchView<'_, M::Scalar, Dyn>,
        lets_not_finite_through: bool,
    ) -> Result<()> {
        let block = BatchView::new(block.as_slice(), self.model.input_dim());
        self.model.check(call, block, lets_not_finite_through)
    }

    #[cfg(feature = "safetensors")]
    fn normalizer(&self) -> Option<&Normalizer> {
        self.model.normalizer()
    }

    #[cfg(feature = "safetensors")]
    fn settings(&self) -> String {
        self.model.settings()
    }

    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, M::Scalar> {
        self.model.stored()
    }

    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<M::Scalar>) {
        self.model.replace(saved);
    }
}

impl<E, D, R, L> Trainable for AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    type Scalar = E::Scalar;
    type Input = E::Input;
    type Workspace = Workspace<E>;

    fn input_dim(&self) -> E::Input {
        self.encoder().input_dim()
    }

    fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    fn layout(&self) -> &Layout {
        Self::layout(self)
    }

    fn parameters(&self) -> &[E::Scalar] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Vec<E::Scalar> {
        &mut self.parameters
    }

    fn state(&self) -> &[E::Scalar] {
        &self.state
    }

    fn state_mut(&mut self) -> &mut [E::Scalar] {
        &mut self.state
    }

    fn workspace(&self) -> Workspace<E> {
        Self::workspace(self)
    }

    fn terms(workspace: &Workspace<E>) -> &Terms {
        &workspace.terms
    }

    fn pass(
        &self,
        parameters: &[E::Scalar],
        workspace: &mut Workspace<E>,
        chosen: &Chosen<'_, E::Scalar, E::Input>,
        gradient: Option<&mut [E::Scalar]>,
    ) {
        let &Chosen { x, shares, streams, .. } = chosen;
        self.step(parameters, workspace, x, shares, Some(streams), gradient);
    }

    fn update_state(&mut self, workspace: &Workspace<E>, shares: Option<&[E::Scalar]>) {
        Self::update_state(self, &workspace.posterior, shares);
    }

    fn validate(&self, workspace: &mut Workspace<E>, held_out: BatchView<'_, E::Scalar, E::Input>) {
        self.step(&self.parameters, workspace, held_out, None, None, None);
    }

    fn collapsed_units(&self, workspace: &Workspace<E>) -> Vec<usize> {
        self.regularizer().collapsed_units(&workspace.posterior)
    }

    fn check(
        &self,
        call: &'static str,
        block: BatchView<'_, E::Scalar, E::Input>,
        lets_not_finite_through: bool,
    ) -> Result<()> {
        let loss = self.loss_function();
        match check_finite(call, self.encoder().input_dim(), block) {
            Err(Error::NotFinite { .. }) if lets_not_finite_through => {
                check_domain::<D, L>(call, loss, block, |x| !x.to_double().is_finite())
            }
            Err(error) => Err(error),
            Ok(()) => check_domain::<D, L>(call, loss, block, |_| false),
        }
    }

    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, E::Scalar> {
        Self::stored(self)
    }

    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<E::Scalar>) {
        Self::replace(self, saved);
    }
}
