use super::conformal::Conformal;
use super::see::{rate, see};
use super::{AnomalyScore, AnomalyWorkspace, Column, Explanation, Reference, Seen, Threshold};
use crate::batch::{Batch, BatchView, Sample};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::{Result, require, require_size};
use crate::loss::Loss;
use crate::model::AutoEncoder;
use crate::model::one;
use crate::numbers::scalar::Scalar;
use crate::regularizer::Regularizer;
use nalgebra::Dim;

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
pub struct AnomalyDetector<E: Encoder, D, R, L, S> {
    model: AutoEncoder<E, D, R, L>,
    score: S,
    /// Of each feature, as the encoder takes it, over the reference.
    pub(super) medians: Vec<f64>,
    pub(super) conformal: Option<Conformal>,
    pub(super) threshold: Option<Threshold>,
}

impl<E, D, R, L, S> AnomalyDetector<E, D, R, L, S>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
    S: AnomalyScore<E>,
{
    /// Fits the score to normal samples.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for fewer
    /// samples than the score needs.
    pub fn fit(
        model: AutoEncoder<E, D, R, L>,
        mut score: S,
        reference: &Batch<E::Scalar, E::Input>,
    ) -> Result<Self> {
        let (features, units) = sizes(&model);
        let mut seen_reference = Reference::new(features, units);
        let mut workspace = AnomalyWorkspace::new(model.encoder());
        let mut buffer = Vec::new();
        let x = model.compared("AnomalyDetector::fit", reference.view(), &mut buffer)?;
        see(&model, score.draws(), x, true, &mut workspace, &mut |_, seen, _, _| {
            seen_reference.push(seen);
        });
        score.fit(&seen_reference)?;
        let mut column = Vec::with_capacity(reference.samples());
        let medians = (0..features).map(|feature| {
            column.clear();
            column.extend(seen_reference.iter().map(|seen| seen.x[feature].to_double()));
            column.sort_unstable_by(f64::total_cmp);
            crate::numbers::scalar::quantile_of_sorted(&column, 0.5)
        });
        let medians = medians.collect();
        Ok(Self { model, score, medians, conformal: None, threshold: None })
    }

    /// A detector from a file's parts.
    #[cfg(feature = "safetensors")]
    pub(super) fn from_parts(model: AutoEncoder<E, D, R, L>, score: S) -> Self {
        Self { model, score, medians: Vec::new(), conformal: None, threshold: None }
    }

    /// The model.
    pub fn model(&self) -> &AutoEncoder<E, D, R, L> {
        &self.model
    }

    /// The model, without the rest.
    pub fn into_model(self) -> AutoEncoder<E, D, R, L> {
        self.model
    }

    /// The fitted score.
    pub fn score_function(&self) -> &S {
        &self.score
    }

    /// How odd each sample is: the higher, the odder.
    ///
    /// A sample's score has the same bits in whatever batch it comes.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn scores(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(x.samples());
        self.each("scores", x, |score, _| scores.push(score))?;
        Ok(scores)
    }

    /// What each column contributes to each sample's score: `Input × samples`. Where their sum is less
    /// than the score, the rest is the code's.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn feature_scores(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Batch<f64, E::Input>> {
        let mut all = Vec::with_capacity(x.as_slice().len());
        self.each("feature_scores", x, |_, features| all.extend_from_slice(features))?;
        Batch::new(x.dim(), all)
    }

    /// Memory for [`score_one_into`](Self::score_one_into).
    pub fn workspace(&self) -> AnomalyWorkspace<E> {
        AnomalyWorkspace::new(self.model.encoder())
    }

    /// The score of one row. As accurate as [`scores`](Self::scores), though not to the last bit.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn score_one<X>(&self, x: &X) -> Result<f64>
    where
        X: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let mut features = vec![0.0; self.medians.len()];
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
        x: &X,
        features: &mut [f64],
        workspace: &mut AnomalyWorkspace<E>,
    ) -> Result<f64>
    where
        X: Sample<E::Scalar, E::Input> + ?Sized,
    {
        self.model.check_workspace(&workspace.model)?;
        let x = one("score_one", self.model.encoder().input_dim(), x.features())?;
        let expected = self.medians.len();
        require_size("the features of score_one_into", "values", expected, features.len())?;
        let mut buffer = std::mem::take(&mut workspace.model.taken);
        let score = self.model.compared("score_one", x, &mut buffer).map(|x| {
            self.score_taken(x, false, workspace, |_, score, of_features| {
                features.copy_from_slice(of_features);
                score
            })
        });
        workspace.model.taken = buffer;
        score
    }

    /// Which columns made a row odd, the oddest first.
    ///
    /// What the score has beyond the columns' own contributions is the code's. It is divided among columns
    /// by exchange: as far as it falls when a column alone takes its median over the reference. Where
    /// no exchange helps, it stays the code's.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn explain<X>(&self, x: &X) -> Result<Explanation>
    where
        X: Sample<E::Scalar, E::Input> + ?Sized,
    {
        let dim = self.model.encoder().input_dim();
        let row = one("explain", dim, x.features())?;
        let mut workspace = self.workspace();
        let mut buffer = Vec::new();
        let x = self.model.compared("explain", row, &mut buffer)?;
        let rest = |score: f64, features: &[f64]| score - features.iter().sum::<f64>();
        let (score, mut contributions) =
            self.score_taken(x, true, &mut workspace, |_, score, features| {
                (score, features.to_vec())
            });
        let mut of_code = rest(score, &contributions).max(0.0);
        // Rounding is no code.
        if of_code > 1e-9 * score.abs() {
            let features = x.features();
            let mut exchanged = Vec::with_capacity(features * features);
            for feature in 0..features {
                exchanged.extend_from_slice(x.as_slice());
                exchanged[feature * features + feature] = E::Scalar::of(self.medians[feature]);
            }
            let mut falls = vec![0.0; features];
            self.each_taken(BatchView::new(&exchanged, dim), true, &mut workspace, |at, s, f| {
                falls[at] = (of_code - rest(s, f)).max(0.0);
            });
            let all: f64 = falls.iter().sum();
            if all > 0.0 && all.is_finite() {
                for (to, fall) in contributions.iter_mut().zip(&falls) {
                    *to += of_code * fall / all;
                }
                of_code = 0.0;
            }
        }
        let reconstruction = self.model.reconstruct_one(row.as_slice())?;
        let infinite = contributions.iter().filter(|part| part.is_infinite()).count();
        let share = |part: f64| match part / score {
            _ if score <= 0.0 => 0.0,
            share if share.is_nan() => 1.0 / infinite as f64,
            share => share,
        };
        let columns = contributions.iter().enumerate().map(|(feature, &contribution)| Column {
            feature,
            value: row.as_slice()[feature].to_double(),
            reconstruction: reconstruction[feature].to_double(),
            contribution,
            share: share(contribution),
        });
        let mut columns: Vec<Column> = columns.collect();
        columns.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        Ok(Explanation {
            score,
            threshold: self.threshold.map(Threshold::value),
            p_value: self.conformal.as_ref().map(|conformal| conformal.p_value(score)),
            columns,
            code_share: if of_code > 0.0 { share(of_code) } else { 0.0 },
        })
    }

    /// Takes the scores of held-out normal samples for p-values. They must be other samples than
    /// those that the model was trained on and the score fitted to.
    ///
    /// # Errors
    /// See [`AnomalyDetector`].
    pub fn calibrate(&mut self, held_out: &Batch<E::Scalar, E::Input>) -> Result<&Conformal> {
        let mut scores = Vec::with_capacity(held_out.samples());
        self.each("calibrate", held_out, |score, _| scores.push(score))?;
        let conformal = Conformal::new(scores)?;
        Ok(self.conformal.insert(conformal))
    }

    /// The held-out scores, once [calibrated](Self::calibrate).
    pub fn conformal(&self) -> Option<&Conformal> {
        self.conformal.as_ref()
    }

    /// How rare each sample's score is among those of held-out normal samples; flagging p ≤ α has a
    /// false-alarm rate of at most α. See [`Conformal`].
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) before
    /// [`calibrate`](Self::calibrate).
    pub fn p_values(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Vec<f64>> {
        let conformal = self.calibrated()?;
        let mut p_values = Vec::with_capacity(x.samples());
        self.each("p_values", x, |score, _| p_values.push(conformal.p_value(score)))?;
        Ok(p_values)
    }

    /// Sets what [`detect`](Self::detect) flags.
    pub fn set_threshold(&mut self, threshold: Threshold) {
        self.threshold = Some(threshold);
    }

    /// Sets the threshold that has at most this share of false alarms, by the held-out scores.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) before [`calibrate`](Self::calibrate),
    /// and as [`Conformal::threshold`].
    pub fn set_false_alarm_rate(&mut self, alpha: f64) -> Result<Threshold> {
        let threshold = Threshold::at(self.calibrated()?.threshold(alpha)?)?;
        self.threshold = Some(threshold);
        Ok(threshold)
    }

    /// The threshold, if it is set.
    pub fn threshold(&self) -> Option<Threshold> {
        self.threshold
    }

    /// Which samples lie above the threshold.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) before a
    /// threshold is set.
    pub fn detect(&self, x: &Batch<E::Scalar, E::Input>) -> Result<Vec<bool>> {
        let requirement = "set: see `set_threshold`, `set_false_alarm_rate`";
        require(self.threshold.is_some(), "AnomalyDetector threshold", f64::NAN, requirement)?;
        let mut flags = Vec::with_capacity(x.samples());
        self.each("detect", x, |score, _| {
            flags.push(self.threshold.is_some_and(|threshold| threshold.is_exceeded_by(score)));
        })?;
        Ok(flags)
    }

    fn calibrated(&self) -> Result<&Conformal> {
        let none = || crate::error::Error::InvalidParameter {
            name: "number of held-out scores",
            value: crate::error::Number(0.0),
            requirement: "at least 1: see `calibrate`",
        };
        self.conformal.as_ref().ok_or_else(none)
    }

    /// Calls with the score and the contributions of each sample.
    fn each(
        &self,
        call: &'static str,
        x: &Batch<E::Scalar, E::Input>,
        mut each: impl FnMut(f64, &[f64]),
    ) -> Result<()> {
        let mut buffer = Vec::new();
        let x = self.model.compared(call, x.view(), &mut buffer)?;
        self.each_taken(x, true, &mut self.workspace(), |_, score, features| each(score, features));
        Ok(())
    }

    fn each_taken(
        &self,
        x: BatchView<'_, E::Scalar, E::Input>,
        is_padded: bool,
        workspace: &mut AnomalyWorkspace<E>,
        mut each: impl FnMut(usize, f64, &[f64]),
    ) {
        let mut call = |at: usize,
                        seen: Seen<'_, E::Scalar>,
                        features: &mut Vec<f64>,
                        scratch: &mut Vec<f64>| {
            let score = rate(&self.score, &seen, features, scratch);
            each(at, score, features);
        };
        see(&self.model, self.score.draws(), x, is_padded, workspace, &mut call);
    }

    /// The same of one sample.
    fn score_taken<O: Default>(
        &self,
        x: BatchView<'_, E::Scalar, E::Input>,
        is_padded: bool,
        workspace: &mut AnomalyWorkspace<E>,
        mut take: impl FnMut(usize, f64, &[f64]) -> O,
    ) -> O {
        let mut out = O::default();
        self.each_taken(x, is_padded, workspace, |at, score, features| {
            out = take(at, score, features);
        });
        out
    }
}

/// Features and code units of a model.
pub(super) fn sizes<E: Encoder, D, R, L>(model: &AutoEncoder<E, D, R, L>) -> (usize, usize) {
    (model.encoder().input_dim().value(), model.encoder().code_dim().value())
}
