use nalgebra::Dim;

use super::{Classifier, cross_entropy};
use crate::batch::{Batch, BatchView};
use crate::code::encoder::Encoder;
use crate::data::Normalizer;
use crate::error::{Result, require_size};
use crate::layer::layout::Layout;
use crate::metrics::Label;
#[cfg(feature = "safetensors")]
use crate::model::file::{Saved, SavedPart, Stored};
use crate::model::pass::{Seen, drawn_anew};
use crate::model::workspace::Workspace;
use crate::optimizer::Method;
use crate::random::Streams;
use crate::regularizer::Regularizer;
use crate::terms::Terms;
use crate::train::{Chosen, Trainable};
use crate::train::{Report, Trainer};

/// The name of the loss, in reports and files.
const LOSS: &str = "cross-entropy";

impl<E: Encoder, K: Dim, R: Regularizer<E>> Classifier<E, K, R> {
    /// The objective on these samples and, if wanted, its gradient, which is written over `gradient`.
    /// With `streams` it is the objective of a training step: corrupted, if the regularizer corrupts.
    ///
    /// # Errors
    /// As [`accuracy`](Self::accuracy); and [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless
    /// `gradient` is as long as the parameters.
    pub fn objective<N: Label>(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        labels: &[N],
        streams: Option<Streams<'_>>,
        gradient: Option<&mut [E::Scalar]>,
    ) -> Result<Terms> {
        let call = "objective";
        let labels = self.labels(call, labels, x.samples())?;
        let mut buffer = Vec::new();
        let x = self.taken(call, x.view(), &mut buffer)?;
        if let Some(gradient) = &gradient {
            require_size(call, "gradients", self.parameters.len(), gradient.len())?;
        }
        let mut workspace = Workspace::new(&self.encoder);
        let seen = Seen { x, shares: None, streams };
        self.pass_over(&self.parameters, &mut workspace, seen, &labels, gradient);
        Ok(workspace.terms)
    }

    fn pass_over(
        &self,
        parameters: &[E::Scalar],
        workspace: &mut Workspace<E>,
        seen: Seen<'_, E::Scalar, E::Input>,
        labels: &[usize],
        gradient: Option<&mut [E::Scalar]>,
    ) {
        let mut drawn = std::mem::take(&mut workspace.target);
        let x = drawn_anew(&self.regularizer, seen.x, seen.streams, &mut drawn);
        self.net().pass(
            parameters,
            workspace,
            Seen { x, ..seen },
            (LOSS, labels),
            |labels, logits, values, d, weights| cross_entropy(labels, logits, values, d, weights),
            gradient,
        );
        workspace.target = drawn;
    }

    #[cfg(feature = "safetensors")]
    pub(crate) fn stored(&self) -> Stored<'_, E::Scalar> {
        Stored {
            layout: &self.layout,
            parameters: &self.parameters,
            state: &self.state,
            normalizer: self.normalizer.as_ref(),
            loss: LOSS.to_owned(),
            regularizer: format!("{:?}", self.regularizer),
        }
    }

    #[cfg(feature = "safetensors")]
    pub(crate) fn replace(&mut self, Saved { parameters, state, normalizer }: Saved<E::Scalar>) {
        (self.parameters, self.state, self.normalizer) = (parameters, state, normalizer);
    }

    #[cfg(feature = "safetensors")]
    pub(crate) fn replace_part(&mut self, part: SavedPart<E::Scalar>) {
        part.write(&mut self.parameters);
        self.normalizer = part.normalizer;
    }
}

/// A classifier with the labels of what it is trained on.
struct Labelled<'a, E: Encoder, K, R> {
    classifier: &'a mut Classifier<E, K, R>,
    labels: Vec<usize>,
    held_out: Vec<usize>,
}

/// The memory of a pass.
struct LabelledWorkspace<E: Encoder> {
    workspace: Workspace<E>,
    /// Of the samples of a step.
    labels: Vec<usize>,
}

impl<E: Encoder, K: Dim, R: Regularizer<E>> Trainable for Labelled<'_, E, K, R> {
    type Scalar = E::Scalar;
    type Input = E::Input;
    type Workspace = LabelledWorkspace<E>;

    fn input_dim(&self) -> E::Input {
        self.classifier.encoder.input_dim()
    }

    fn normalizer(&self) -> Option<&Normalizer> {
        self.classifier.normalizer.as_ref()
    }

    fn layout(&self) -> &Layout {
        &self.classifier.layout
    }

    fn parameters(&self) -> &[E::Scalar] {
        &self.classifier.parameters
    }

    fn parameters_mut(&mut self) -> &mut Vec<E::Scalar> {
        &mut self.classifier.parameters
    }

    fn state(&self) -> &[E::Scalar] {
        &self.classifier.state
    }

    fn state_mut(&mut self) -> &mut [E::Scalar] {
        &mut self.classifier.state
    }

    fn workspace(&self) -> LabelledWorkspace<E> {
        let workspace = Workspace::new(&self.classifier.encoder);
        LabelledWorkspace { workspace, labels: Vec::new() }
    }

    fn terms(workspace: &LabelledWorkspace<E>) -> &Terms {
        &workspace.workspace.terms
    }

    fn pass(
        &self,
        parameters: &[E::Scalar],
        workspace: &mut LabelledWorkspace<E>,
        chosen: &Chosen<'_, E::Scalar, E::Input>,
        gradient: Option<&mut [E::Scalar]>,
    ) {
        let &Chosen { x, numbers, shares, streams } = chosen;
        let LabelledWorkspace { workspace, labels } = workspace;
        labels.clear();
        labels.extend(numbers.iter().map(|&number| self.labels[number]));
        let seen = Seen { x, shares, streams: Some(streams) };
        self.classifier.pass_over(parameters, workspace, seen, labels, gradient);
    }

    fn update_state(
        &mut self,
        LabelledWorkspace { workspace, .. }: &LabelledWorkspace<E>,
        shares: Option<&[E::Scalar]>,
    ) {
        let Classifier { encoder, regularizer, state, .. } = &mut *self.classifier;
        regularizer.update_state(encoder, &workspace.posterior, shares, state);
    }

    fn validate(
        &self,
        LabelledWorkspace { workspace, .. }: &mut LabelledWorkspace<E>,
        held_out: BatchView<'_, E::Scalar, E::Input>,
    ) {
        let (model, seen) = (&self.classifier, Seen { x: held_out, shares: None, streams: None });
        model.pass_over(&model.parameters, workspace, seen, &self.held_out, None);
    }

    fn check(
        &self,
        call: &'static str,
        block: BatchView<'_, E::Scalar, E::Input>,
        _lets_not_finite_through: bool,
    ) -> Result<()> {
        crate::batch::check_finite(call, self.input_dim(), block)
    }

    #[cfg(feature = "safetensors")]
    fn settings(&self) -> String {
        let bytes: Vec<u8> =
            self.labels.iter().flat_map(|&label| (label as u64).to_le_bytes()).collect();
        format!(", labels with digest {}", crate::train::digest(&bytes))
    }

    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, E::Scalar> {
        self.classifier.stored()
    }

    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<E::Scalar>) {
        self.classifier.replace(saved);
    }
}

impl<O> Trainer<'_, O> {
    /// Trains a classifier on these samples and their labels, whole numbers from 0.
    ///
    /// All settings serve it as they serve an autoencoder; the loss is called `cross-entropy`. Labelled
    /// samples are in memory: there is no stream of them.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); and [`Error::Label`](crate::Error::Label) for a label that is no class,
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is one for each sample.
    pub fn fit_classifier<E, K, R, N>(
        &mut self,
        classifier: &mut Classifier<E, K, R>,
        data: &Batch<E::Scalar, E::Input>,
        labels: &[N],
    ) -> Result<Report>
    where
        E: Encoder,
        K: Dim,
        R: Regularizer<E>,
        O: Method<E::Scalar>,
        N: Label,
    {
        let call = "fit_classifier";
        self.check::<E::Scalar>()?;
        let mut labels = classifier.labels(call, labels, data.samples())?;
        let mut buffer = Vec::new();
        let data = classifier.taken(call, data.view(), &mut buffer)?;
        let samples = data.samples();
        let held_out = self.held_out(samples)?;
        let (data, validation) = data.split_at(samples - held_out);
        let held_out = labels.split_off(samples - held_out);
        let validation = (!held_out.is_empty()).then_some(validation);
        self.train(&mut Labelled { classifier, labels, held_out }, data, validation)
    }

    /// As [`fit_classifier`](Self::fit_classifier), and validates the classifier on other samples after
    /// each epoch.
    ///
    /// # Errors
    /// As [`fit_classifier`](Self::fit_classifier); and
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is a `validation_split` as well.
    pub fn fit_classifier_validated<E, K, R, N>(
        &mut self,
        classifier: &mut Classifier<E, K, R>,
        (data, labels): (&Batch<E::Scalar, E::Input>, &[N]),
        (validation, validation_labels): (&Batch<E::Scalar, E::Input>, &[N]),
    ) -> Result<Report>
    where
        E: Encoder,
        K: Dim,
        R: Regularizer<E>,
        O: Method<E::Scalar>,
        N: Label,
    {
        let call = "fit_classifier";
        self.check_without_split::<E::Scalar>("left unset where validation samples are given")?;
        let labels = classifier.labels(call, labels, data.samples())?;
        let held_out = classifier.labels("validation", validation_labels, validation.samples())?;
        let (mut buffer, mut validation_buffer) = (Vec::new(), Vec::new());
        let data = classifier.taken(call, data.view(), &mut buffer)?;
        let validation =
            classifier.taken("validation", validation.view(), &mut validation_buffer)?;
        self.check_weights(data.samples(), 0)?;
        self.train(&mut Labelled { classifier, labels, held_out }, data, Some(validation))
    }
}
