//! What only a model with a head can do: say which class a sample belongs to.
//!
//! What an autoencoder learns without labels is often a better start for a classifier than random
//! weights, and the accuracy on a code says how much of the classes the code has kept.

use nalgebra::Const;

use super::builder::{Builder, Given, NoEncoder};
use super::inference::{InMemory, Unlabelled};
use super::scalar;
use super::{AutoEncoder, Scalar};
use crate::batch::Batch;
use crate::batch::size::{SameSize, Size};
use crate::error::Result;
use crate::layer::activation::Identity;
use crate::layer::trained::Trained;
use crate::layer::{DenseLayer, Detach, Part, SameCondition, Unconditioned};
use crate::loss::CrossEntropy;
use crate::metrics::{ConfusionMatrix, Label, checked_labels};
use crate::numbers::scalar::{Float, log_sum_exp};
use crate::regularizer::NoRegularizer;
use crate::train::examples::IntoExamples;

/// An encoder with a softmax head: which of `K` classes a sample belongs to.
///
/// # Formula
/// p(k | x) = exp aₖ / Σⱼ exp aⱼ with a = W h + b, where h is the code of x (of a Gaussian posterior,
/// its mean). Training makes the mean of −ln p(label | x) small, plus what the regularizer adds.
///
/// It is a model as any other, with a head where an autoencoder has a decoder: made by [`AutoEncoder::classifier`],
/// from a trained encoder, or by [`Builder::classes`](crate::Builder::classes) and
/// [`Builder::head`](crate::Builder::head); trained by [`Trainer::fit`](crate::Trainer::fit) on `(&x, &labels)`.
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
/// let mut classifier = model.classifier::<10>().build::<f32>()?;
/// trainer.fit(&mut classifier, (&digits.train, &digits.train_labels))?;
/// assert!(classifier.accuracy(&digits.test, &digits.test_labels)? > 0.8);
/// println!("{}", classifier.confusion(&digits.test, &digits.test_labels)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// G. Hinton, R. Salakhutdinov (2006), Reducing the dimensionality of data with neural networks;
/// A. Ng, J. Ngiam and others (2011), UFLDL tutorial, exercise: stacked autoencoders.
pub type Classifier<E, D, R = NoRegularizer, T = f32> = AutoEncoder<E, D, R, CrossEntropy, T>;

impl<E: Part, D: Part, R, T: Scalar> AutoEncoder<E, D, R, CrossEntropy, T> {
    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.network().outputs()
    }

    /// The probability of each class for each sample: `K × samples`, each column adding up to 1.
    ///
    /// # Errors
    /// As [`AutoEncoder::encode`].
    pub fn probabilities<'a, X>(&self, x: X) -> Result<Batch<T, D::Output>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let given = self.given("probabilities", x)?;
        let mut outputs = self.logits("probabilities", given)?;
        self.network().restore(outputs.view_mut())?;
        Ok(outputs)
    }

    /// The most probable class of each sample, from 0; of equals the first.
    ///
    /// # Errors
    /// As [`AutoEncoder::encode`].
    pub fn predict<'a, X>(&self, x: X) -> Result<Vec<usize>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let given = self.given("predict", x)?;
        Ok(most_probable(&self.logits("predict", given)?))
    }

    /// The share of samples whose most probable class is their label.
    ///
    /// # Errors
    /// As [`AutoEncoder::encode`]; [`Error::Label`](crate::Error::Label) for a label that is no class,
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is one for each sample.
    pub fn accuracy<'a, X, N: Label>(&self, x: X, labels: &[N]) -> Result<f64>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let (labels, predicted) = self.compared_with("accuracy", x, labels)?;
        crate::metrics::accuracy(&predicted, &labels)
    }

    /// Which class is taken for which.
    ///
    /// # Errors
    /// As [`accuracy`](Self::accuracy).
    pub fn confusion<'a, X, N: Label>(&self, x: X, labels: &[N]) -> Result<ConfusionMatrix>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let (labels, predicted) = self.compared_with("confusion", x, labels)?;
        ConfusionMatrix::new(self.classes(), &predicted, &labels)
    }

    /// The mean over samples of −ln p(label | x), in nats.
    ///
    /// # Errors
    /// As [`accuracy`](Self::accuracy).
    pub fn cross_entropy<'a, X, N: Label>(&self, x: X, labels: &[N]) -> Result<f64>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let call = "cross_entropy";
        let given = self.given(call, x)?;
        let labels = checked_labels(call, self.classes(), labels, given.x.samples())?;
        let logits = self.logits(call, given)?;
        let losses = logits
            .iter()
            .zip(&labels)
            .map(|(logits, &label)| (log_sum_exp(logits) - logits[label]).to_double());
        Ok(losses.sum::<f64>() / labels.len() as f64)
    }

    /// Checked labels, and what is predicted.
    fn compared_with<'a, X, N: Label>(
        &self,
        call: &'static str,
        x: X,
        labels: &[N],
    ) -> Result<(Vec<usize>, Vec<usize>)>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let given = self.given(call, x)?;
        let labels = checked_labels(call, self.classes(), labels, given.x.samples())?;
        Ok((labels, most_probable(&self.logits("predict", given)?)))
    }

    /// The samples alone, which are looked at by what takes them.
    fn given<'a, X>(&self, call: &'static str, x: X) -> Result<InMemory<'a, T>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        InMemory::unweighted(call, self.network().inputs(), x.into_examples())
    }

    fn logits(&self, call: &'static str, given: InMemory<'_, T>) -> Result<Batch<T, D::Output>> {
        let mut buffer = Vec::new();
        let rows = given.taken(self.network(), call, &mut buffer)?;
        let mut logits = Batch::zeros(self.decoder().output(), rows.x.samples());
        scalar::pass_rows(self.network(), rows, logits.view_mut(), &mut self.workspace())?;
        Ok(logits)
    }
}

/// The class with the greatest logit of each sample, of equals the first.
pub(crate) fn most_probable<T: Float, K: Size>(logits: &Batch<T, K>) -> Vec<usize> {
    let greater = |most: (usize, T), (class, &logit): (usize, &T)| {
        if logit > most.1 { (class, logit) } else { most }
    };
    let none = (0, T::of(f64::NEG_INFINITY));
    logits.iter().map(|column| column.iter().enumerate().fold(none, greater).0).collect()
}

/// What [`AutoEncoder::classifier`] begins.
type Begun<P, T, const K: usize> = Builder<
    Given<Trained<<P as Detach<T>>::Detached, T>>,
    Given<DenseLayer<<P as Part>::Output, Const<K>, Identity>>,
    NoRegularizer,
    CrossEntropy,
>;

impl<E: Part + Detach<T>, D: Part, R, L, T: Scalar> AutoEncoder<E, D, R, L, T> {
    /// A classifier of `K` classes on a copy of this model's encoder and its normalizer, still to be
    /// built: a regularizer and others can be set.
    pub fn classifier<const K: usize>(&self) -> Begun<E, T, K>
    where
        <E::Detached as Part>::Condition: SameCondition<Unconditioned>,
    {
        let builder = AutoEncoder::<NoEncoder, super::builder::NoDecoder>::builder();
        let builder = builder.encoder(self.trained_encoder()).classes::<K>();
        match self.normalizer() {
            Some(normalizer) => builder.normalizer(normalizer.clone()),
            None => builder,
        }
    }
}
