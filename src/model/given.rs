//! What a call gives a network, as the network takes it: samples, conditions and targets, checked, and normalized.

use std::ops::Range;

use super::network::Network;
use crate::batch::{BatchView, BatchViewMut, check_finite, check_present};
use crate::error::{Error, Number, Result, require_size};
use crate::loss::{Target, wrong_total};
use crate::numbers::scalar::{Float, count_present, is_nan};
use crate::train::blocks::{conditions_of, targets_of};

impl<T: Float> Network<T> {
    /// Refuses samples of another width, none at all, and values that are not finite, but for those that may be missing.
    pub(crate) fn check_samples(&self, call: &'static str, x: BatchView<'_, T>) -> Result<()> {
        let features = self.facts.features;
        match self.fills() {
            None => check_finite(call, features, x),
            Some(_) => check_present(call, features, x),
        }
    }

    /// The samples as the encoder takes them: checked, and normalized into the buffer if there is a normalizer, with
    /// what stands for missing values in their place.
    pub(crate) fn taken<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, T>,
        buffer: &'a mut Vec<T>,
    ) -> Result<BatchView<'a, T>> {
        self.normalized(call, x, buffer, true)
    }

    /// The samples, checked and normalized, with their missing values filled, or as NaN.
    fn normalized<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, T>,
        buffer: &'a mut Vec<T>,
        fills: bool,
    ) -> Result<BatchView<'a, T>> {
        self.check_samples(call, x)?;
        let Some(normalizer) = &self.normalizer else { return Ok(x) };
        buffer.clear();
        buffer.extend_from_slice(x.as_slice());
        let mut samples = BatchViewMut::new(buffer, x.features());
        normalizer.apply(samples.reborrow())?;
        if fills {
            normalizer.fill(samples);
        }
        Ok(BatchView::new(buffer, x.features()))
    }

    /// Checks the conditions of so many samples: one for each, finite, of the right width, and only where the
    /// model takes some.
    pub(crate) fn check_conditions(
        &self,
        call: &'static str,
        conditions: Option<BatchView<'_, T>>,
        samples: usize,
    ) -> Result<()> {
        let call = conditions_of(call);
        let Some(conditions) = conditions else {
            return require_size(call, "numbers of a condition", self.facts.condition, 0);
        };
        require_size(call, "conditions", samples, conditions.samples())?;
        check_finite(call, self.facts.condition, conditions)
    }

    /// The targets of so many samples: one for each, of the right width, finite, and such that the loss is defined on
    /// them; what is not finite may be let through.
    pub(crate) fn check_targets<'a>(
        &self,
        call: &'static str,
        targets: Option<BatchView<'a, T>>,
        samples: usize,
        lets_not_finite_through: bool,
    ) -> Result<BatchView<'a, T>> {
        let call = targets_of(call);
        let targets = targets.unwrap_or(BatchView::new(&[], self.outputs()));
        require_size(call, "targets", samples, targets.samples())?;
        match check_finite(call, self.outputs(), targets) {
            Err(Error::NotFinite { .. }) if lets_not_finite_through => {}
            checked => checked?,
        }
        let is_left_out = |x: T| !x.to_double().is_finite();
        self.check_values(call, targets, |x, _| is_left_out(x))?;
        self.check_wholes(call, targets, is_left_out)?;
        Ok(targets)
    }

    /// Refuses targets on which the loss is not defined, but for values that are left out or may be missing.
    pub(crate) fn check_domain(
        &self,
        call: &'static str,
        targets: BatchView<'_, T>,
        is_left_out: impl Fn(T) -> bool + Copy,
    ) -> Result<()> {
        let takes_missing = self.fills().is_some();
        self.check_values(call, targets, |x, _| is_left_out(x) || takes_missing && is_nan(x))?;
        self.check_wholes(call, targets, is_left_out)
    }

    /// Refuses single values on which the loss is not defined.
    pub(crate) fn check_values(
        &self,
        call: &'static str,
        targets: BatchView<'_, T>,
        is_left_out: impl Fn(T, usize) -> bool,
    ) -> Result<()> {
        let loss = &self.loss;
        for (sample, x) in targets.iter().enumerate() {
            let mut values = x.iter().enumerate();
            let is_refused =
                |(feature, &x): (usize, &T)| !loss.accepts(x, feature) && !is_left_out(x, feature);
            if let Some(feature) = values.position(is_refused) {
                return Err(Error::OutsideDomain {
                    call,
                    loss: loss.name(),
                    feature,
                    sample,
                    value: Number(x[feature].to_double()),
                    is_normalized: self.normalizer.is_some() && self.loss.target() == Target::Input,
                    requirement: loss.domain(feature),
                });
            }
        }
        Ok(())
    }

    /// Refuses samples with a group that must add up to 1 and does not, or of which only a part is missing.
    pub(crate) fn check_wholes(
        &self,
        call: &'static str,
        targets: BatchView<'_, T>,
        is_left_out: impl Fn(T) -> bool,
    ) -> Result<()> {
        let takes_missing = self.fills().is_some();
        let mut found: Option<(usize, Range<usize>, f64)> = None;
        self.loss.each_whole(&mut |group| {
            for (sample, x) in targets.iter().enumerate() {
                // The first sample is told of, as for single values.
                if found.as_ref().is_some_and(|(first, ..)| *first <= sample) {
                    break;
                }
                let shares = &x[group.clone()];
                let missing = if takes_missing { shares.len() - count_present(shares) } else { 0 };
                if missing > 0 && missing < shares.len() {
                    found = Some((sample, group.clone(), f64::NAN));
                } else if let Some(total) = wrong_total(shares)
                    && !shares.iter().any(|&x| is_left_out(x))
                {
                    found = Some((sample, group.clone(), total));
                }
            }
        });
        let Some((sample, group, total)) = found else { return Ok(()) };
        let (loss, first, last) = (self.loss.name(), group.start, group.end.saturating_sub(1));
        if total.is_nan() {
            return Err(Error::PartlyMissing { call, loss, first, last, sample });
        }
        Err(Error::NotShares { call, loss, first, last, sample, total: Number(total) })
    }

    /// The samples as a step takes them: as [`taken`](Self::taken), but what is missing is still NaN, and where the loss
    /// compares with them refused are values on which it is not defined.
    pub(crate) fn compared<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, T>,
        buffer: &'a mut Vec<T>,
    ) -> Result<BatchView<'a, T>> {
        let x = self.normalized(call, x, buffer, false)?;
        if self.loss.target() == Target::Input {
            self.check_domain(call, x, |_| false)?;
        }
        Ok(x)
    }
}
