//! A softmax classifier on top of an encoder.
//!
//! What an autoencoder learns without labels is often a better start for a classifier than random
//! weights, and the accuracy on a code says how much of the classes the code has kept.

mod builder;
#[cfg(feature = "safetensors")]
mod file;
mod training;

use std::fmt;

use nalgebra::Dim;

use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::batch::{check_finite, taken};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::code::posterior::Posterior;
use crate::data::Normalizer;
use crate::error::{Result, require_size};
use crate::layer::activation::Identity;
use crate::layer::layout::Layout;
use crate::layer::{DenseLayer, Module};
use crate::metrics::{ConfusionMatrix, Label, checked_labels};
use crate::model::AutoEncoder;
use crate::model::pass::{Net, Weights, generate, in_blocks, infer};
use crate::model::workspace::Workspace;
use crate::numbers::scalar::Scalar;
use crate::numbers::scalar::log_sum_exp;
use crate::regularizer::{NoRegularizer, Regularizer};

pub use builder::ClassifierBuilder;

/// An encoder with a softmax head: which of `K` classes a sample belongs to.
///
/// # Formula
/// p(k | x) = exp aₖ / Σⱼ exp aⱼ with a = W h + b, where h is the code of x (of a Gaussian posterior,
/// its mean). Training makes the mean of −ln p(label | x) small, plus what the regularizer adds.
///
/// Made by [`AutoEncoder::classifier`], from a trained encoder, or by [`Classifier::builder`]; trained by
/// [`Trainer::fit_classifier`](crate::Trainer::fit_classifier).
///
/// # Shapes
/// Inputs are `Input × samples`, probabilities `K × samples`. Labels are whole numbers from 0, below
/// `K`, of any integer type.
///
/// # Example
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
///
/// let digits = datasets::digits();
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 30>::new(Sigmoid))
///     .decoder(Dense::<30, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let mut trainer = Trainer::new(Adam::new(1e-2)?).epochs(10);
/// trainer.fit(&mut model, &digits.train)?;
///
/// let mut classifier = model.classifier::<10>().build()?;
/// trainer.fit_classifier(&mut classifier, &digits.train, &digits.train_labels)?;
/// assert!(classifier.accuracy(&digits.test, &digits.test_labels)? > 0.8);
/// println!("{}", classifier.confusion(&digits.test, &digits.test_labels)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// G. Hinton, R. Salakhutdinov (2006), Reducing the dimensionality of data with neural networks;
/// A. Ng, J. Ngiam and others (2011), UFLDL tutorial, exercise: stacked autoencoders.
#[derive(Clone)]
pub struct Classifier<E: Encoder, K, R = NoRegularizer> {
    encoder: E,
    head: Head<E, K>,
    regularizer: R,
    normalizer: Option<Normalizer>,
    layout: Layout,
    parameters: Vec<E::Scalar>,
    state: Vec<E::Scalar>,
}

/// From a code to the logits of the classes.
type Head<E, K> = DenseLayer<<E as Module>::Scalar, <E as Encoder>::Code, K, Identity>;

/// Its parts and the number of its parameters, not their values.
impl<E: Encoder, K: Dim, R: fmt::Debug> fmt::Debug for Classifier<E, K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("encoder", &self.encoder)
            .field("classes", &self.head_dim().value())
            .field("regularizer", &self.regularizer)
            .field("num_parameters", &self.parameters.len())
            .finish()
    }
}

impl<E: Encoder, K: Dim, R> Classifier<E, K, R> {
    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.head_dim().value()
    }

    /// The regularizer.
    pub fn regularizer(&self) -> &R {
        &self.regularizer
    }

    /// What inputs go through before the encoder sees them.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    /// Where each tensor lies in [`parameters`](Self::parameters); prints as a summary table.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of parameters.
    pub fn num_parameters(&self) -> usize {
        self.parameters.len()
    }

    /// All parameters: the encoder's, then the head's.
    pub fn parameters(&self) -> &[E::Scalar] {
        &self.parameters
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    /// As [`AutoEncoder::set_parameters`].
    pub fn set_parameters(&mut self, parameters: &[E::Scalar]) -> Result<()> {
        let call = "set_parameters";
        require_size(call, "parameters", self.parameters.len(), parameters.len())?;
        let rows = nalgebra::Dyn(parameters.len());
        check_finite(call, rows, BatchView::new(parameters, rows))?;
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }

    /// Freezes the encoder, so that only the head is trained, or lets it be trained again.
    pub fn set_encoder_frozen(&mut self, is_frozen: bool) {
        self.encoder.set_frozen(is_frozen);
        self.layout.freeze(0..self.encoder.num_parameters(), is_frozen);
    }

    /// A copy of the encoder with its parameters, to be a part of another model.
    pub fn trained_encoder(&self) -> crate::layer::trained::Trained<E>
    where
        E: Clone,
    {
        let own = &self.parameters[..self.encoder.num_parameters()];
        crate::layer::trained::Trained::new(self.encoder.clone(), own.to_vec())
    }

    fn head_dim(&self) -> K {
        Decoder::output_dim(&self.head)
    }
}

impl<E: Encoder, K: Dim, R: Regularizer<E>> Classifier<E, K, R> {
    /// The probability of each class for each sample: `K × samples`, each column adding up to 1.
    ///
    /// # Errors
    /// As [`AutoEncoder::encode`].
    pub fn probabilities(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Batch<E::Scalar, K>> {
        let mut probabilities = self.logits("probabilities", x)?;
        for column in probabilities.as_mut_slice().chunks_exact_mut(self.classes()) {
            softmax(column);
        }
        Ok(probabilities)
    }

    /// The most probable class of each sample, from 0; of equals the first.
    ///
    /// # Errors
    /// As [`AutoEncoder::encode`].
    pub fn predict(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Vec<usize>> {
        let logits = self.logits("predict", x)?;
        let most = |column: &[E::Scalar]| {
            let all = column.iter().enumerate();
            all.fold((0, E::Scalar::of(f64::NEG_INFINITY)), |most, (class, &logit)| {
                if logit > most.1 { (class, logit) } else { most }
            })
        };
        Ok(logits.iter().map(|column| most(column).0).collect())
    }

    /// The share of samples whose most probable class is their label.
    ///
    /// # Errors
    /// As [`AutoEncoder::encode`]; [`Error::Label`](crate::Error::Label) for a label that is no class,
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is one for each sample.
    pub fn accuracy<N: Label>(&self, x: &Batch<E::Scalar, E::Input>, labels: &[N]) -> Result<f64> {
        let labels = self.labels("accuracy", labels, x.samples())?;
        crate::metrics::accuracy(&self.predict(x)?, &labels)
    }

    /// Which class is taken for which.
    ///
    /// # Errors
    /// As [`accuracy`](Self::accuracy).
    pub fn confusion<N: Label>(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        labels: &[N],
    ) -> Result<ConfusionMatrix> {
        let labels = self.labels("confusion", labels, x.samples())?;
        ConfusionMatrix::new(self.classes(), &self.predict(x)?, &labels)
    }

    /// The mean over samples of −ln p(label | x), in nats.
    ///
    /// # Errors
    /// As [`accuracy`](Self::accuracy).
    pub fn cross_entropy<N: Label>(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        labels: &[N],
    ) -> Result<f64> {
        let labels = self.labels("cross_entropy", labels, x.samples())?;
        let logits = self.logits("cross_entropy", x)?;
        let losses = logits
            .iter()
            .zip(&labels)
            .map(|(logits, &label)| (log_sum_exp(logits) - logits[label]).to_double());
        Ok(losses.sum::<f64>() / labels.len() as f64)
    }

    fn logits(
        &self,
        call: &'static str,
        x: &Batch<E::Scalar, E::Input>,
    ) -> Result<Batch<E::Scalar, K>> {
        let mut buffer = Vec::new();
        let x = self.taken(call, x.view(), &mut buffer)?;
        let mut logits = Batch::zeros(self.head_dim(), x.samples());
        let (own, rest) = self.parameters.split_at(self.encoder.num_parameters());
        let head = &rest[..self.head.num_parameters()];
        let mut workspace = Workspace::new(&self.encoder);
        in_blocks(x, logits.view_mut(), &mut workspace, |workspace, x, out| {
            infer(&self.encoder, own, x, workspace);
            let Workspace { posterior, output, decoder_tape, .. } = workspace;
            generate(&self.head, head, posterior.mean(), output, decoder_tape);
            out.copy_from_slice(&output[..out.len()]);
        });
        Ok(logits)
    }

    /// The samples as the encoder takes them: checked and normalized.
    fn taken<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, E::Scalar, E::Input>,
        buffer: &'a mut Vec<E::Scalar>,
    ) -> Result<BatchView<'a, E::Scalar, E::Input>> {
        taken(call, self.encoder.input_dim(), self.normalizer.as_ref(), x, buffer)
    }

    /// Checks that there is a label for each sample, and that each is a class.
    fn labels<N: Label>(
        &self,
        call: &'static str,
        labels: &[N],
        samples: usize,
    ) -> Result<Vec<usize>> {
        checked_labels(call, self.classes(), labels, samples)
    }

    fn net(&self) -> Net<'_, E, Head<E, K>, R> {
        Net {
            encoder: &self.encoder,
            decoder: &self.head,
            regularizer: &self.regularizer,
            layout: &self.layout,
            state: &self.state,
        }
    }
}

impl<E: Encoder + Clone, D, R, L> AutoEncoder<E, D, R, L>
where
    D: Decoder<Scalar = E::Scalar>,
{
    /// A classifier of `K` classes on a copy of this model's encoder and its normalizer, still to be
    /// built: [`regularizer`](ClassifierBuilder::regularizer) and others can be set.
    #[allow(clippy::type_complexity)]
    pub fn classifier<const K: usize>(
        &self,
    ) -> ClassifierBuilder<crate::layer::trained::Trained<E>, nalgebra::Const<K>> {
        let builder = ClassifierBuilder::new(self.trained_encoder(), nalgebra::Const);
        match &self.normalizer {
            Some(normalizer) => builder.normalizer(normalizer.clone()),
            None => builder,
        }
    }
}

/// Logits become probabilities.
fn softmax<T: Scalar>(logits: &mut [T]) {
    let log_sum = log_sum_exp(logits);
    logits.iter_mut().for_each(|a| *a = (*a - log_sum).exp());
}

/// −ln p(label) of each sample and, if wanted, the gradient of the sum of each times its weight:
/// p − 1 at the label, p elsewhere.
fn cross_entropy<T: Scalar, K: Dim>(
    labels: &[usize],
    logits: BatchView<'_, T, K>,
    values: &mut [T],
    mut gradient: Option<BatchViewMut<'_, T, K>>,
    weights: Weights<'_, T>,
) {
    let classes = logits.features();
    for (sample, ((logits, &label), value)) in logits.iter().zip(labels).zip(values).enumerate() {
        let log_sum = log_sum_exp(logits);
        *value = log_sum - logits[label];
        if let Some(gradient) = &mut gradient {
            let weight = weights.of(sample);
            let gradient = &mut gradient.as_mut_slice()[sample * classes..][..classes];
            for (g, &a) in gradient.iter_mut().zip(logits) {
                *g = weight * (a - log_sum).exp();
            }
            gradient[label] -= weight;
        }
    }
}
