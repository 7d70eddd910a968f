//! A detector's held-out scores: what a false-alarm rate and p-values are taken from.

use std::ops::Range;

use super::{AnomalyDetector, AnomalyScore, Conformal, Threshold};
use crate::batch::size::SameSize;
use crate::error::{Error, Result};
use crate::layer::Part;
use crate::model::inference::InMemory;
use crate::model::{Scalar, Unlabelled};
use crate::numbers::scalar::Float;
use crate::train::examples::IntoExamples;

impl<E, D, R, L, S, T: Float> AnomalyDetector<E, D, R, L, S, T> {
    /// Sets the threshold that has at most this share of false alarms, by the held-out scores: of samples, or after
    /// [`calibrate_blocks`](Self::calibrate_blocks) of blocks.
    ///
    /// # Errors
    /// [`Error::NotSet`] before [`calibrate`](Self::calibrate), and as [`Conformal::threshold`]:
    /// [`Error::TooFewForRate`] says how many samples a rate takes.
    pub fn set_false_alarm_rate(&mut self, alpha: f64) -> Result<Threshold> {
        let threshold = Threshold::at(self.calibrated("set_false_alarm_rate")?.threshold(alpha)?)?;
        self.learned.set_threshold(threshold);
        Ok(threshold)
    }

    fn calibrated(&self, call: &'static str) -> Result<&Conformal> {
        let (missing, remedy) = ("scores of held-out normal samples", "`calibrate`");
        self.learned.conformal.as_ref().ok_or(Error::NotSet { call, missing, remedy })
    }
}

impl<E: Part, D, R, L, S, T: Scalar> AnomalyDetector<E, D, R, L, S, T>
where
    S: AnomalyScore<T>,
{
    /// Takes the scores of held-out normal samples for p-values; windows that overlap go to
    /// [`calibrate_blocks`](Self::calibrate_blocks). They must be other samples than those that the model was trained on
    /// and the score fitted to. Those that the score was fitted to are found again, bit for bit:
    /// [`shared_samples`](Self::shared_samples) says how many there are, as some may be the same by chance.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::InvalidParameter`] if the score was fitted to half of them or more, and
    /// not by chance: only those count of which it was fitted to no other that is the same, unless these are just those
    /// that it was fitted to. Of rows that repeat at random about 37 % are such, at most.
    pub fn calibrate<'a, X>(&mut self, held_out: X) -> Result<&Conformal>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        self.calibrate_with("calibrate", held_out, None)
    }

    /// Takes the scores of held-out normal samples that follow one another, as windows of a series do, for p-values: of
    /// each block the greatest. A [false-alarm rate](Self::set_false_alarm_rate) is from then on that of blocks: how often
    /// anything at all is flagged in as many normal samples in a row. See
    /// [what that promises](Conformal#windows-of-a-series), and what no calibration does for windows that overlap.
    ///
    /// The held-out windows must share no step with those that the model was trained on and the score fitted to. Only
    /// windows that are the same are found, as by [`calibrate`](Self::calibrate), and not those that overlap.
    ///
    /// # Errors
    /// As [`calibrate`](Self::calibrate), and for blocks as [`Conformal::of_blocks`].
    ///
    /// # Example
    /// ```
    /// use autoencoder::activation::{Identity, Tanh};
    /// use autoencoder::anomaly::{AnomalyDetector, NearestNeighbours};
    /// use autoencoder::data::{InMemory, Source, Windows};
    /// use autoencoder::{AutoEncoder, Batch, Dense, random::seeded, size::Window, Float};
    ///
    /// let rng = &mut seeded(1);
    /// let mut level = 0.0;
    /// let mut step = || {
    ///     level = 0.8 * level + f64::draw_normal(rng);
    ///     [level]
    /// };
    /// let [first, held_out]: [Batch<f64, _>; 2] = [400, 2000].map(|steps| (0..steps).map(|_| step()).collect());
    /// let model = AutoEncoder::builder()
    ///     .encoder(Dense::<8, 2>::new(Tanh))
    ///     .decoder(Dense::<2, 8>::new(Identity))
    ///     .build::<f64>()?;
    /// let first = Windows::new(InMemory::from(&first), Window::<1, 8>)?.load()?;
    /// let mut detector = AnomalyDetector::fit(model, NearestNeighbours::new(1)?, &first)?;
    ///
    /// let mut windows = Windows::new(InMemory::from(&held_out), Window::<1, 8>)?;
    /// let blocks: Vec<_> = windows.blocks(24)?.into_iter().step_by(2).collect(); // every second one
    /// detector.calibrate_blocks(&windows.load()?, &blocks)?;
    /// detector.set_false_alarm_rate(0.05)?; // in 24 windows in a row, not in each
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn calibrate_blocks<'a, X>(
        &mut self,
        held_out: X,
        blocks: &[Range<usize>],
    ) -> Result<&Conformal>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        self.calibrate_with("calibrate_blocks", held_out, Some(blocks))
    }

    fn calibrate_with<'a, X>(
        &mut self,
        call: &'static str,
        held_out: X,
        blocks: Option<&[Range<usize>]>,
    ) -> Result<&Conformal>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (expected, examples) = (self.model.network().inputs(), held_out.into_examples());
        let given = InMemory::unweighted(call, expected, examples)?;
        let reference = &self.learned.reference;
        let (conformal, shared, novelty) =
            self.judge().calibration(call, reference, given, blocks)?;
        (self.learned.shared, self.learned.novelty) = (shared, novelty);
        Ok(self.learned.conformal.insert(conformal))
    }

    /// How rare each sample's score is among those of held-out normal samples; flagging p ≤ α has a
    /// false-alarm rate of at most α. See [`Conformal`], for windows of a series above all.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; and [`Error::NotSet`] before [`calibrate`](Self::calibrate).
    pub fn p_values<'a, X>(&self, x: X) -> Result<Vec<f64>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        let conformal = self.calibrated("p_values")?;
        let scores = self.scores_for("p_values", x)?;
        Ok(scores.into_iter().map(|score| conformal.p_value(score)).collect())
    }
}
