use super::judge::{Judge, Learned, fit};
use super::{AnomalyScore, AnomalyWorkspace, Conformal, Explanation, ScoreFor, Threshold};
use crate::batch::size::SameSize;
use crate::batch::{Batch, BatchView};
use crate::error::{Result, invalid, require, require_size};
use crate::layer::Part;
use crate::loss::LossFor;
use crate::model::inference::InMemory;
use crate::model::{AutoEncoder, OneInput, Scalar, Unlabelled};
use crate::numbers::scalar::Float;
use crate::train::examples::IntoExamples;

/// A trained model with a fitted score, and as far as they are set a threshold and the held-out scores
/// for p-values.
///
/// | call | gives |
/// |---|---|
/// | [`scores`](Self::scores) | how odd each sample is |
/// | [`feature_scores`](Self::feature_scores) | what each column contributes |
/// | [`score_one_into`](Self::score_one_into) | both of one row, without allocation |
/// | [`explain`](Self::explain) | which columns made one row odd, in words |
/// | [`p_values`](Self::p_values) | how rare scores are among held-out normal ones |
/// | [`detect`](Self::detect) | what lies above the threshold |
///
/// Samples are given as to the model: `&x` or, of a conditional model, `(&x, &conditions)`. A classifier's are given
/// without labels; its detector takes a score that needs no reconstruction, such as
/// [`CodeDistance`](super::CodeDistance).
///
/// Nothing of the model changes; [`model`](Self::model) lends it and [`into_model`](Self::into_model)
/// gives it back.
///
/// # Three sets of normal samples
/// The model is *trained* on the first. The score is *fitted* to the second, which may be the first for a
/// score that says so. The *calibration* for p-values takes a third, which neither has seen: else there is
/// no guarantee.
///
/// # Errors
/// All calls that take data refuse NaN and infinity, a wrong width, zero samples, and what the loss is not
/// defined on, naming the place, and then have changed nothing.
#[derive(Debug, Clone)]
pub struct AnomalyDetector<E, D, R, L, S, T: Float = f32> {
    model: AutoEncoder<E, D, R, L, T>,
    score: S,
    learned: Learned,
}

impl<E, D, R, L, S, T: Float> AnomalyDetector<E, D, R, L, S, T> {
    /// The model.
    pub fn model(&self) -> &AutoEncoder<E, D, R, L, T> {
        &self.model
    }

    /// The model, without the rest.
    pub fn into_model(self) -> AutoEncoder<E, D, R, L, T> {
        self.model
    }

    /// The fitted score.
    pub fn score_function(&self) -> &S {
        &self.score
    }

    /// The held-out scores, once [calibrated](Self::calibrate).
    pub fn conformal(&self) -> Option<&Conformal> {
        self.learned.conformal.as_ref()
    }

    /// Sets what [`detect`](Self::detect) flags.
    pub fn set_threshold(&mut self, threshold: Threshold) {
        self.learned.threshold = Some(threshold);
    }

    /// Sets the threshold that has at most this share of false alarms, by the held-out scores.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) before [`calibrate`](Self::calibrate),
    /// and as [`Conformal::threshold`].
    pub fn set_false_alarm_rate(&mut self, alpha: f64) -> Result<Threshold> {
        let threshold = Threshold::at(self.calibrated()?.threshold(alpha)?)?;
        self.learned.threshold = Some(threshold);
        Ok(threshold)
    }

    /// The threshold, if it is set.
    pub fn threshold(&self) -> Option<Threshold> {
        self.learned.threshold
    }

    /// Memory for [`score_one_into`](Self::score_one_into).
    pub fn workspace(&self) -> AnomalyWorkspace<T> {
        AnomalyWorkspace::new(self.model.network())
    }

    fn calibrated(&self) -> Result<&Conformal> {
        let none = || invalid("number of held-out scores", 0.0, "at least 1: see `calibrate`");
        self.learned.conformal.as_ref().ok_or_else(none)
    }

    /// A detector from its parts.
    #[cfg(feature = "safetensors")]
    pub(super) fn from_parts(
        model: AutoEncoder<E, D, R, L, T>,
        score: S,
        learned: Learned,
    ) -> Self {
        Self { model, score, learned }
    }

    #[cfg(feature = "safetensors")]
    pub(super) fn learned(&self) -> &Learned {
        &self.learned
    }
}

impl<E: Part, D, R, L, S, T: Scalar> AnomalyDetector<E, D, R, L, S, T>
where
    S: AnomalyScore<T>,
{
    /// Fits the score to normal samples.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for fewer
    /// samples than the score needs, and for a model that a score chosen at run time is not for.
    pub fn fit<'a, X>(model: AutoEncoder<E, D, R, L, T>, mut score: S, reference: X) -> Result<Self>
    where
        L: LossFor<D>,
        S: ScoreFor<E, L::Target>,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (call, size) = ("AnomalyDetector::fit", model.encoder().input());
        let reference = InMemory::unweighted(call, size, reference.into_examples())?;
        let learned = fit(model.network(), &mut score, reference)?;
        Ok(Self { model, score, learned })
    }

    pub(super) fn judge(&self) -> Judge<'_, T> {
        Judge { network: self.model.network(), score: &self.score }
    }

    /// How odd each sample is: the higher, the odder.
    ///
    /// A sample's score has the same bits in whatever batch it comes.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn scores<'a, X>(&self, x: X) -> Result<Vec<f64>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        self.scores_for("scores", x)
    }

    /// What each column contributes to each sample's score: `Input × samples`. Where their sum is less
    /// than the score, the rest is the code's.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn feature_scores<'a, X>(&self, x: X) -> Result<Batch<f64, X::Input>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (call, examples) = ("feature_scores", x.into_examples());
        let size = examples.size;
        let given = InMemory::unweighted(call, self.model.encoder().input(), examples)?;
        let all = self.judge().contributions(call, given)?;
        Batch::new(size, all)
    }

    /// The score of one row. As accurate as [`scores`](Self::scores), though not to the last bit.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn score_one<X>(&self, x: X) -> Result<f64>
    where
        X: OneInput<T, E::Input, E::Condition>,
    {
        let mut features = vec![0.0; self.learned.medians.len()];
        self.score_one_into(x, &mut features, &mut self.workspace())
    }

    /// The score of one row, and what each column contributes, written into a slice of the caller's;
    /// nothing is allocated once the workspace is large enough.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is one
    /// value for each feature.
    pub fn score_one_into<X>(
        &self,
        x: X,
        features: &mut [f64],
        workspace: &mut AnomalyWorkspace<T>,
    ) -> Result<f64>
    where
        X: OneInput<T, E::Input, E::Condition>,
    {
        self.model.network().check_workspace(&workspace.passes.model)?;
        let given = self.given_one("score_one", &x)?;
        let expected = self.learned.medians.len();
        require_size("the features of score_one_into", "values", expected, features.len())?;
        self.judge().score_one(given, features, workspace)
    }

    /// Which columns made a row odd, the oddest first.
    ///
    /// What the score has beyond the columns' own contributions is the code's. It is divided among columns
    /// by exchange: as far as it falls when a column alone takes its median over the reference. Where
    /// no exchange helps, it stays the code's.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn explain<X>(&self, x: X) -> Result<Explanation>
    where
        X: OneInput<T, E::Input, E::Condition>,
    {
        self.judge().explain(&self.learned, self.given_one("explain", &x)?)
    }

    /// Takes the scores of held-out normal samples for p-values. They must be other samples than
    /// those that the model was trained on and the score fitted to.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn calibrate<'a, X>(&mut self, held_out: X) -> Result<&Conformal>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let conformal = Conformal::new(self.scores_for("calibrate", held_out)?)?;
        Ok(self.learned.conformal.insert(conformal))
    }

    /// How rare each sample's score is among those of held-out normal samples; flagging p ≤ α has a
    /// false-alarm rate of at most α. See [`Conformal`].
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) before
    /// [`calibrate`](Self::calibrate).
    pub fn p_values<'a, X>(&self, x: X) -> Result<Vec<f64>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let conformal = self.calibrated()?;
        let scores = self.scores_for("p_values", x)?;
        Ok(scores.into_iter().map(|score| conformal.p_value(score)).collect())
    }

    /// Which samples lie above the threshold.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) before a
    /// threshold is set.
    pub fn detect<'a, X>(&self, x: X) -> Result<Vec<bool>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let requirement = "set: see `set_threshold`, `set_false_alarm_rate`";
        let threshold = self.learned.threshold;
        require(threshold.is_some(), "AnomalyDetector threshold", f64::NAN, requirement)?;
        let is_above = |score| threshold.is_some_and(|threshold| threshold.is_exceeded_by(score));
        Ok(self.scores_for("detect", x)?.into_iter().map(is_above).collect())
    }

    fn scores_for<'a, X>(&self, call: &'static str, x: X) -> Result<Vec<f64>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let size = self.model.encoder().input();
        self.judge().scores(call, InMemory::unweighted(call, size, x.into_examples())?)
    }

    /// One sample as a batch of one; its values are not looked at yet.
    fn given_one<'a, X>(&self, call: &'static str, x: &'a X) -> Result<InMemory<'a, T>>
    where
        X: OneInput<T, E::Input, E::Condition>,
    {
        const { <X as OneInput<T, E::Input, E::Condition>>::FITS };
        let facts = self.model.facts();
        let (x, condition) = x.parts();
        require_size(call, "features", facts.features, x.len())?;
        let condition = condition.filter(|given| !given.is_empty() || facts.condition > 0);
        let found = condition.map_or(facts.condition, <[T]>::len);
        require_size(call, "numbers of the condition", facts.condition, found)?;
        let conditions = condition.map(|given| BatchView::new(given, facts.condition));
        Ok(InMemory { x: BatchView::new(x, facts.features), conditions, labels: None })
    }
}
