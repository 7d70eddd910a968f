use std::fmt;

use super::judge::{Judge, Learned, fit};
use super::{AnomalyScore, AnomalyWorkspace, Conformal, Explanation, ScoreFor, Threshold};
use crate::batch::size::SameSize;
use crate::batch::{Batch, BatchView};
use crate::error::{Error, Result, require_size};
use crate::layer::Part;
use crate::loss::LossFor;
use crate::model::inference::{InMemory, alone};
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
/// | `score_rows`, `explain_row` | the same of a table's rows as they come, with the feature `table` |
/// | [`p_values`](Self::p_values) | how rare scores are among held-out normal ones |
/// | [`detect`](Self::detect) | what lies above the threshold |
/// | `html::AnomalyReport` | all of it on one page, with the feature `html` |
///
/// Samples are given as to the model: `&x` or, of a conditional model, `(&x, &conditions)`. A classifier's are given
/// without labels; its detector takes a score that needs no reconstruction, such as
/// [`CodeDistance`](super::CodeDistance) or [`NearestNeighbours`](super::NearestNeighbours). `scores`, `p_values` and
/// `detect` take streams; all others take samples in memory and refuse a stream ([`Error::Stream`]). A table that is read
/// by another schema than the model's is refused ([`Error::Unfit`]).
///
/// Nothing of the model changes; [`model`](Self::model) lends it and [`into_model`](Self::into_model)
/// gives it back.
///
/// # Three sets of normal samples
/// The model is *trained* on the first. The score is *fitted* to the second, which may be the first for a
/// score that says so. The *calibration* for p-values takes a third, which neither has seen: else there is
/// no guarantee. The detector remembers what it was fitted to, by eight bytes a sample, and
/// [`calibrate`](Self::calibrate) finds the same samples again. Which ones the model was trained on it cannot know:
/// that they are others is up to you.
///
/// # What normal samples never show
/// Three things no score has a measure for. They make a sample odder than normal ones, whose greatest score is s, of
/// those that the score was fitted to:
///
/// | novelty | the score | if |
/// |---|---|---|
/// | a column changes that never did | is at least (1.25 + 0.25 d/(1 + d)) s for each, with d = ∣change/value∣, or ∣change∣ of a value of 0; after [`calibrate`](Self::calibrate) s is that of the samples there, or the threshold once [it is set](Self::set_threshold), if it is greater | the change is more than 2 ε of the value, which may be rounding, with the ε of the number type; of `f32` too for values that were read in it |
/// | a group of categories does not add up to 1: a level that was never seen is 0 throughout | has 3 ∣sum − 1∣ s added | the loss is [`Categorical`](crate::loss::Categorical), in [`Mixed`](crate::Mixed) too |
/// | a value lies beyond those that the loss is defined for | has 3 (x − nearest)² s added, normalized | the score draws codes, and so compares by the loss |
///
/// So a change of a constant column is odd in whatever unit the column is. [`constant_columns`](Self::constant_columns)
/// says which ones these are: those that have the same value in all samples that the score was fitted to, unless the
/// model's normalizer has seen them vary. If it cannot tell, as with none, ten samples or more are needed for that. A
/// column that changes in samples of [`calibrate`](Self::calibrate), which are normal too, is from then on none of them.
///
/// Scores that compare a sample with its reconstruction, and those of the code, take values beyond the domain of the
/// loss as they are; one that compares by the loss is given the nearest value inside. A range of \[0, 1\], fitted to the
/// rows of a training, is thus no obstacle for a row outside it.
///
/// # Errors
/// All calls that take data refuse NaN and infinity, a wrong width and zero samples, naming the place, and then have
/// changed nothing; where the model's normalizer [takes missing values](crate::Normalizer::fit_with_missing) NaN is one,
/// and a row without any value is refused ([`Error::EmptySample`]); [`fit`](Self::fit) also groups of categories that do not add up to 1, as normal samples have a level
/// in each, and a value a million times as large as the root mean square of the others of its feature
/// ([`Error::Outlier`]), beside which all are alike.
#[derive(Debug, Clone)]
pub struct AnomalyDetector<E, D, R, L, S, T: Float = f32> {
    pub(super) model: AutoEncoder<E, D, R, L, T>,
    score: S,
    pub(super) learned: Learned,
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

    /// The held-out scores, once calibrated with [samples](Self::calibrate) or [blocks](Self::calibrate_blocks) of them.
    pub fn conformal(&self) -> Option<&Conformal> {
        self.learned.conformal.as_ref()
    }

    /// How many of the samples of [`calibrate`](Self::calibrate) the score was also fitted to: 0, unless samples repeat
    /// by chance, as those of a few categories do. With others the p-values are too small.
    pub fn shared_samples(&self) -> usize {
        self.learned.shared
    }

    /// The columns that never change, in ascending order: a change of one is odd.
    pub fn constant_columns(&self) -> Vec<usize> {
        self.learned.novelty.constants().collect()
    }

    /// Sets what [`detect`](Self::detect) flags. Scores above it, and so flagged, are from then on also those of all
    /// samples in which a constant column [changes](Self#what-normal-samples-never-show); other scores stay.
    pub fn set_threshold(&mut self, threshold: Threshold) {
        self.learned.set_threshold(threshold);
    }

    /// The threshold, if it is set.
    pub fn threshold(&self) -> Option<Threshold> {
        self.learned.threshold
    }

    /// Memory for [`score_one_into`](Self::score_one_into).
    pub fn workspace(&self) -> AnomalyWorkspace<T> {
        AnomalyWorkspace::new(self.model.network())
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

    #[cfg(any(feature = "safetensors", feature = "table", feature = "html"))]
    pub(crate) fn learned(&self) -> &Learned {
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
    /// samples than the score needs, and for a model that a score chosen at run time is not for;
    /// [`Error::EmptyFeature`] for a feature that is missing in all of them, if the score is one of distances
    /// ([`NearestNeighbours`](super::NearestNeighbours), [`KernelDensity`](super::KernelDensity)), and
    /// [`Error::TableColumn`] with the name of its column for one of a table.
    pub fn fit<'a, X>(model: AutoEncoder<E, D, R, L, T>, mut score: S, reference: X) -> Result<Self>
    where
        L: LossFor<D>,
        S: ScoreFor<E, L::Target>,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (call, network) = ("AnomalyDetector::fit", model.network());
        let reference = InMemory::unweighted(call, network.inputs(), reference.into_examples())?;
        let learned = fit(network, &mut score, reference)?;
        Ok(Self { model, score, learned })
    }

    pub(crate) fn judge(&self) -> Judge<'_, T> {
        let novelty = &self.learned.novelty;
        Judge { network: self.model.network(), score: &self.score, novelty }
    }

    /// How odd each sample is: the higher, the odder.
    ///
    /// A sample's score has the same bits in whatever batch it comes. From a stream, `&mut source`, samples are read some
    /// thousands at a time, wide ones fewer, in memory that does not grow with it; so for [`p_values`](Self::p_values) and
    /// [`detect`](Self::detect).
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
        let given = InMemory::unweighted(call, self.model.network().inputs(), examples)?;
        let all = self.judge().contributions(call, given)?;
        Batch::new(size, all)
    }

    /// The score of one row, with the bits that [`scores`](Self::scores) gives it.
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
    /// It is asked what would have to be different. The score is divided among columns in proportion to how far it
    /// falls when one alone takes its median over the reference, and when it takes what the model expects of it given
    /// the others; the two falls are added. So a column is not blamed for what the fault of another has made of its
    /// reconstruction, as [`feature_scores`](Self::feature_scores), which are the score's own terms, may do. Novelties
    /// (above) are their columns' own. Where no exchange helps, the score's terms are taken, and what they leave is the
    /// code's.
    ///
    /// # How far to trust it
    /// One column of 12 normal rows was moved by so many of its deviations, in every column; shares of rows in which it
    /// was named first, in brackets by the score's own terms. Models are those of the
    /// [public sets](crate::anomaly#ten-public-sets), trained on two thirds of their rows and fitted to the rest:
    ///
    /// | rows | deviations | [`ScaledResidual`](super::ScaledResidual) | [`NearestReconstruction`](super::NearestReconstruction) | [`CodeDistance`](super::CodeDistance) | the first and the last, [`Both`](super::Both) |
    /// |---|---|---|---|---|---|
    /// | [`sensors`](crate::datasets::sensors) | 2 | 0.97 (0.97) | 0.99 (0.93) | 0.49 | 0.97 (0.97) |
    /// | | 4 | 1.00 (0.99) | 1.00 (0.99) | 0.69 | 1.00 (0.99) |
    /// | | 8 | 1.00 (1.00) | 1.00 (1.00) | 0.91 | 1.00 (1.00) |
    /// | thyroid | 2 | 0.92 (0.47) | 0.90 (0.62) | 0.68 | 0.96 (0.47) |
    /// | | 4 | 1.00 (0.42) | 1.00 (0.71) | 0.89 | 1.00 (0.42) |
    /// | | 8 | 1.00 (0.54) | 0.99 (0.93) | 0.96 | 1.00 (0.54) |
    /// | cardio | 2 | 0.56 (0.53) | 0.34 (0.22) | 0.14 | 0.29 (0.53) |
    /// | | 4 | 0.86 (0.74) | 0.65 (0.58) | 0.27 | 0.60 (0.74) |
    /// | | 8 | 0.98 (0.87) | 0.81 (0.75) | 0.42 | 0.77 (0.87) |
    /// | pendigits | 2 | 0.96 (0.92) | 0.99 (0.92) | 0.28 | 0.97 (0.92) |
    /// | | 4 | 1.00 (0.95) | 1.00 (0.96) | 0.50 | 1.00 (0.95) |
    /// | | 8 | 1.00 (1.00) | 1.00 (1.00) | 0.70 | 1.00 (1.00) |
    ///
    /// A fault within the spread of normal samples is hard to place, and the distance of a code, which has no terms of
    /// columns, least of all tells by which one it was reached.
    ///
    /// # Cost
    /// Columns are exchanged one by one, which takes ten passes and two scores for each: the time grows with the square
    /// of their number, as a pass takes longer too. The memory grows with their number only, as rows are looked at 256
    /// at a time.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn explain<X>(&self, x: X) -> Result<Explanation>
    where
        X: OneInput<T, E::Input, E::Condition>,
    {
        self.judge().explain(&self.learned, self.given_one("explain", &x)?)
    }

    /// Which samples lie above the threshold.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::NotSet`] before a threshold is set.
    pub fn detect<'a, X>(&self, x: X) -> Result<Vec<bool>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let (call, missing) = ("detect", "a threshold");
        let remedy = "`set_threshold`, or `calibrate` and then `set_false_alarm_rate`";
        let threshold = self.learned.threshold.ok_or(Error::NotSet { call, missing, remedy })?;
        let scores = self.scores_for(call, x)?.into_iter();
        Ok(scores.map(|score| threshold.is_exceeded_by(score)).collect())
    }

    pub(super) fn scores_for<'a, X>(&self, call: &'static str, x: X) -> Result<Vec<f64>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let expected = self.model.network().inputs();
        self.judge().scores(call, alone(call, expected, x.into_examples())?)
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

/// What it judges by, and what to beware of.
impl<E, D, R, L, S: AnomalyScore<T>, T: Float> fmt::Display for AnomalyDetector<E, D, R, L, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let learned = &self.learned;
        write!(f, "{} of {} columns", self.score.describe(), learned.medians.len())?;
        let constants = self.constant_columns();
        if !constants.is_empty() {
            write!(f, "\nconstant columns, of which any change is odd: {constants:?}")?;
        }
        match learned.threshold {
            Some(threshold) => write!(f, "\nflagged are scores above {threshold}")?,
            None => write!(f, "\nno threshold yet: see `set_threshold`, `calibrate`")?,
        }
        if let Some(conformal) = &learned.conformal {
            write!(f, "\ncalibrated with {} ", conformal.scores().len())?;
            match conformal.block() {
                1 => write!(f, "samples")?,
                block => write!(f, "blocks of {block} samples")?,
            }
        }
        if learned.shared > 0 {
            let count = learned.shared;
            write!(
                f,
                "\nwarning: the score was fitted to {count} of these samples, so p-values are too small"
            )?;
        }
        Ok(())
    }
}
