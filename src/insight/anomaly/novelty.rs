//! What no normal sample shows, so that no score has a measure for it: a column that never changed changes, a level
//! that was never seen is there, a value lies beyond those that the loss is defined for.

use crate::batch::BatchView;
use crate::data::Normalizer;
use crate::loss::{Loss, wrong_total};
use crate::numbers::scalar::{Float, is_nan};

/// By how much of itself a constant may move without meaning, in ε of its number type: a few units in the last place.
const ROUNDING: f64 = 2.0;
/// From so many normal samples on a column without change is taken for one that cannot change, if nothing else tells.
const ENOUGH: usize = 10;
/// About so many scores of normal samples are looked at, to know how odd they can be.
pub(super) const LOOKED_AT: usize = 1000;
/// How many times the greatest score of a normal sample one with a changed constant column has at least: from the first
/// number, for the smallest change, towards the second, for the largest. Not many times, as of large changes the score
/// says more itself, in the order that it gives them.
const CHANGE: (f64, f64) = (1.25, 1.5);
/// The same for what lies outside the loss, which the score may not say anything of: for each 1 that shares miss, and
/// for the square of what a value is beyond.
const OUTSIDE: f64 = 3.0;
/// So much is added at most, so that sums are finite.
const MOST: f64 = 1e300;

/// A column that normal samples have the same value in, but for rounding, in the user's units.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Constant {
    feature: usize,
    least: f64,
    greatest: f64,
    /// By how much of itself it may move without meaning.
    rounding: f64,
}

impl Constant {
    fn of<T: Float>(feature: usize, least: f64, greatest: f64) -> Self {
        let was_single = was_single(least) || was_single(greatest);
        let single = if was_single { f64::from(f32::EPSILON) } else { 0.0 };
        let rounding = ROUNDING * T::default_epsilon().to_double().max(single);
        Self { feature, least, greatest, rounding }
    }

    fn is_it(self) -> bool {
        self.greatest - self.least <= self.rounding * self.size()
    }

    fn size(self) -> f64 {
        self.least.abs().max(self.greatest.abs())
    }

    /// How far from it a value is, as a share of it, or of 1 if it is 0; nothing for rounding, and if it is missing.
    fn distance(self, x: f64) -> Option<f64> {
        if x.is_nan() {
            return None;
        }
        let nearest = x.clamp(self.least, self.greatest);
        let unit = if self.size() > 0.0 { self.size() } else { 1.0 };
        let distance = (x / unit - nearest / unit).abs().min(f64::MAX);
        (x != nearest && (distance > self.rounding || self.size() == 0.0)).then_some(distance)
    }
}

/// Whether a value was read in single precision before it came here, so that the same may come in double: 0.1 is then
/// 0.10000000149, a number of single precision whose own digits say another in double. Of 7 or 0.5 both are the same.
fn was_single(x: f64) -> bool {
    let single = f64::from(f32::of(x));
    let is_single = (x - single).abs() <= ROUNDING * f64::EPSILON * x.abs();
    is_single && f32::of(x).to_string().parse() != Ok(single)
}

/// The constant columns, and how odd normal samples can be.
#[derive(Debug, Clone)]
pub(super) struct Novelty {
    constants: Vec<Constant>,
    /// The greatest score of a normal sample, of those that the score was fitted to.
    fitted: f64,
    /// The same, with those of the calibration.
    greatest: f64,
    /// From which score on samples are flagged, or 0: chosen by other samples, it may lie above those scores by far.
    threshold: f64,
}

/// Of a detector that knows no column to be constant.
impl Default for Novelty {
    fn default() -> Self {
        Self { constants: Vec::new(), fitted: 1.0, greatest: 1.0, threshold: 0.0 }
    }
}

impl Novelty {
    /// From normal samples as the user gives them. A column that was not constant in training, as far as the
    /// normalizer tells, is not taken for one because few samples happen to agree in it.
    pub(super) fn of<T: Float>(normal: BatchView<'_, T>, normalizer: Option<&Normalizer>) -> Self {
        let ranges = (0..normal.features()).map(|feature| {
            let values = normal.iter().map(|x| x[feature].to_double());
            // What is missing is no value of the column.
            let there = values.filter(|x| !x.is_nan());
            let begin = (f64::INFINITY, f64::NEG_INFINITY, 0);
            let (least, greatest, count) = there.fold(begin, |(least, greatest, count), x| {
                (x.min(least), x.max(greatest), count + 1)
            });
            (Constant::of::<T>(feature, least, greatest), count)
        });
        let is_constant = |(column, count): &(Constant, usize)| {
            let told =
                normalizer.and_then(|fitted| fitted.was_constant(column.feature, column.rounding));
            *count > 0 && column.is_it() && told.unwrap_or(*count >= ENOUGH)
        };
        let constants = ranges.filter(is_constant).map(|(column, _)| column).collect();
        Self { constants, ..Self::default() }
    }

    /// Weighed by scores of normal samples.
    pub(super) fn weighed(mut self, scores: impl Iterator<Item = f64>) -> Self {
        let greatest = greatest(scores);
        self.fitted = if greatest > 0.0 { greatest } else { 1.0 };
        self.greatest = self.fitted;
        self
    }

    /// Without the columns that change in these normal samples: they are not constant.
    pub(super) fn unchanged_by<T: Float>(mut self, normal: BatchView<'_, T>) -> Self {
        let changes = |column: &Constant, x: &[T]| column.distance(x[column.feature].to_double());
        self.constants.retain(|column| normal.iter().all(|x| changes(column, x).is_none()));
        self
    }

    /// Weighed by the scores of normal samples of the calibration too, so that changes are odder than these.
    pub(super) fn weighed_again(mut self, scores: impl Iterator<Item = f64>) -> Self {
        self.greatest = self.fitted.max(greatest(scores));
        self
    }

    /// From now on changes are odder than this threshold too, whatever samples it was chosen by.
    pub(super) fn rise_above(&mut self, threshold: f64) {
        self.threshold = threshold.min(MOST);
    }

    /// The features of the constant columns.
    pub(super) fn constants(&self) -> impl Iterator<Item = usize> {
        self.constants.iter().map(|column| column.feature)
    }

    /// Whether a constant column has another value than it ever had, be it by rounding.
    pub(super) fn is_off<T: Float>(&self, x: &[T]) -> bool {
        self.constants.iter().any(|column| {
            let x = x[column.feature].to_double();
            x < column.least || x > column.greatest
        })
    }

    /// Gives constant columns of samples a value that they always had: those that are off by rounding, or all.
    pub(super) fn hold<T: Float>(&self, features: usize, samples: &mut [T], holds_all: bool) {
        for x in samples.chunks_exact_mut(features) {
            for column in &self.constants {
                let x = &mut x[column.feature];
                if holds_all || column.distance(x.to_double()).is_none() {
                    *x = x.clamp(T::of(column.least), T::of(column.greatest));
                }
            }
        }
    }

    /// The constant columns that have changed in a sample, and how odd each of them makes it, at the least.
    pub(super) fn changes<T: Float>(&self, x: &[T]) -> impl Iterator<Item = (usize, f64)> {
        self.constants.iter().filter_map(|column| {
            let distance = column.distance(x[column.feature].to_double())?;
            // Odd however small it is, and odder the farther.
            let times = CHANGE.0 + (CHANGE.1 - CHANGE.0) * (distance / (1.0 + distance));
            Some((column.feature, times * self.greatest.max(self.threshold)))
        })
    }

    /// Whether samples may have a novelty: there is a constant column, a group that adds up to 1, or a value that the
    /// loss compares.
    pub(super) fn is_possible<T: Float>(&self, loss: &dyn Loss<T>, is_compared: bool) -> bool {
        let mut has_groups = false;
        loss.each_whole(&mut |_| has_groups = true);
        is_compared || has_groups || !self.constants.is_empty()
    }

    /// The score of a sample with what lies outside the loss, which is added to the columns' contributions too: that of
    /// groups, and where it is compared by the loss that of values.
    pub(super) fn add<T: Float>(
        &self,
        taken: &[T],
        loss: &dyn Loss<T>,
        is_compared: bool,
        score: f64,
        contributions: &mut [f64],
    ) -> f64 {
        let mut all = 0.0;
        let mut add = |feature: usize, times: f64| {
            let amount = (OUTSIDE * self.fitted * times).min(MOST);
            contributions[feature] += amount;
            all += amount;
        };
        loss.each_whole(&mut |group| {
            if let Some(total) = wrong_total(&taken[group.clone()]) {
                let share = (total - 1.0).abs() / group.len() as f64;
                group.for_each(|feature| add(feature, share));
            }
        });
        if is_compared {
            for (feature, &x) in taken.iter().enumerate().filter(|(_, x)| !is_nan(**x)) {
                let nearest = nearest(loss, x, feature);
                let beyond = x.to_double() - nearest.to_double();
                // Little for what is little beyond the range of training, as normal samples may be.
                add(feature, beyond * beyond);
            }
        }
        if score < 0.0 && all > 0.0 {
            // Contributions are together not more than the score.
            let share = (score + all).max(0.0) / contributions.iter().sum::<f64>().max(all);
            contributions.iter_mut().for_each(|part| *part *= share.min(1.0));
        }
        score + all
    }

    /// The score of a sample, but not less than its [`changes`](Self::changes) ask for; what it lacks goes to their
    /// contributions too.
    pub(super) fn lift<T: Float>(&self, given: &[T], score: f64, contributions: &mut [f64]) -> f64 {
        let least: f64 = self.changes(given).map(|(_, amount)| amount).sum();
        // Without a change it stays, also below 0; and if it is NaN.
        if least > 0.0 && score < least {
            let missing = least - score.max(0.0);
            for (feature, amount) in self.changes(given) {
                contributions[feature] += missing * (amount / least);
            }
            return least;
        }
        score
    }

    /// Gives what the shares of a whole contribute to those of them that are constant and have changed, where there are
    /// some, and the shares still add up.
    pub(super) fn gather<T: Float>(
        &self,
        given: &[T],
        taken: &[T],
        loss: &dyn Loss<T>,
        contributions: &mut [f64],
    ) {
        loss.each_whole(&mut |group| {
            let own = |(feature, _): &(usize, f64)| group.contains(feature);
            let changed: f64 = self.changes(given).filter(own).map(|(_, amount)| amount).sum();
            if changed > 0.0 && wrong_total(&taken[group.clone()]).is_none() {
                let all: f64 = contributions[group.clone()].iter().sum();
                contributions[group.clone()].fill(0.0);
                for (feature, amount) in self.changes(given).filter(own) {
                    contributions[feature] = all * (amount / changed);
                }
            }
        });
    }

    /// The constant columns one after the other, each as feature, least and greatest value; and the greatest scores.
    #[cfg(feature = "safetensors")]
    pub(super) fn numbers(&self) -> (Vec<f64>, [f64; 2]) {
        let of = |column: &Constant| [column.feature as f64, column.least, column.greatest];
        (self.constants.iter().flat_map(of).collect(), [self.fitted, self.greatest])
    }

    /// From what [`numbers`](Self::numbers) gave.
    #[cfg(feature = "safetensors")]
    pub(super) fn from_numbers<T: Float>(
        constants: &[f64],
        [fitted, greatest]: [f64; 2],
        features: usize,
    ) -> crate::error::Result<Self> {
        use crate::error::{require, require_positive, require_size};
        let place = "the constant columns of a detector's file";
        require_size(place, "values", constants.len().next_multiple_of(3), constants.len())?;
        let mut columns: Vec<Constant> = Vec::new();
        for numbers in constants.chunks_exact(3) {
            let (feature, least, greatest) = (numbers[0], numbers[1], numbers[2]);
            let is_next = columns.last().is_none_or(|last| feature > last.feature as f64);
            let valid = is_next && feature.fract() == 0.0 && feature < features as f64;
            let requirement = "the number of a feature, each greater than the one before";
            require(valid && feature >= 0.0, "a detector's constant column", feature, requirement)?;
            require(least.is_finite(), "a detector's constant value", least, "finite")?;
            let valid = greatest >= least && greatest.is_finite();
            let requirement = "finite and not less than the least";
            require(valid, "a detector's greatest constant value", greatest, requirement)?;
            columns.push(Constant::of::<T>(feature as usize, least, greatest));
        }
        require_positive("a detector's greatest score of normal samples", fitted)?;
        let valid = greatest >= fitted && greatest.is_finite();
        let requirement = "finite and not less than that of the reference";
        require(valid, "a detector's greatest score of normal samples", greatest, requirement)?;
        Ok(Self { constants: columns, fitted, greatest, ..Self::default() })
    }
}

/// The greatest absolute score of those that are finite.
fn greatest(scores: impl Iterator<Item = f64>) -> f64 {
    scores.map(f64::abs).filter(|size| size.is_finite()).fold(0.0, f64::max).min(MOST)
}

/// What a loss compares in place of a value that it is not defined for; what is missing stays so.
pub(super) fn nearest<T: Float>(loss: &dyn Loss<T>, x: T, feature: usize) -> T {
    if is_nan(x) || loss.accepts(x, feature) { x } else { loss.nearest_accepted(x, feature) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Normalization, Normalizer};
    use crate::loss::{BernoulliCrossEntropy, Categorical, SquaredError};

    /// Of one feature that was always this.
    fn of(value: f64) -> Novelty {
        Novelty::of(BatchView::new(&[value; ENOUGH], 1), None).weighed([1.0, -2.0, 0.5].into_iter())
    }

    fn added<T: Float>(
        novelty: &Novelty,
        loss: &dyn Loss<T>,
        x: &[T],
        score: f64,
    ) -> (f64, Vec<f64>) {
        let mut contributions = vec![0.0; x.len()];
        let score = novelty.add(x, loss, true, score, &mut contributions);
        let score = novelty.lift(x, score, &mut contributions);
        (score, contributions)
    }

    #[test]
    fn what_is_added_is_the_formula() {
        // Of the greatest score, which is 2: 1.25 + 0.25 d/(1 + d), with d = |8 − 7|/7.
        let expected = 2.0 * (1.25 + 0.25 * (1.0 / 7.0) / (8.0 / 7.0));
        let (score, contributions) = added(&of(7.0), &SquaredError, &[8.0], 0.25);
        assert!(
            (score - expected).abs() < 1e-12 && (contributions[0] - score + 0.25).abs() < 1e-12
        );
        // Where the score is greater it stays; where it is less than nothing, all is the column's.
        assert_eq!(added(&of(7.0), &SquaredError, &[8.0], 8.0), (8.0, vec![0.0]));
        assert_eq!(added(&of(7.0), &SquaredError, &[8.0], -5.0), (score, vec![score]));
        assert_eq!(added(&of(7.0), &SquaredError, &[7.0_f64.next_up()], 0.25).0, 0.25);
        assert_eq!(added(&of(7.0), &SquaredError, &[7.0], -5.0), (-5.0, vec![0.0]));
        assert!(added(&of(7.0), &SquaredError, &[7.0 + 8e-15], 0.25).0 >= 2.5);
        // Of 0: 2 (1.25 + 0.25 · 3/4).
        assert_eq!(added(&of(0.0), &SquaredError, &[-3.0], 0.0), (2.875, vec![2.875]));
        // With a calibration it is the greatest of both; outside the loss it stays.
        let more = of(0.0).weighed_again([4.0, 1.0].into_iter());
        assert_eq!(added(&more, &SquaredError, &[-3.0], 0.0).0, 5.75);
        let less = more.weighed_again([1.0].into_iter());
        assert_eq!(added(&less, &SquaredError, &[-3.0], 0.0).0, 2.875);
        // With a threshold above both it is that one.
        let mut high = less.clone();
        high.rise_above(10.0);
        assert_eq!(added(&high, &SquaredError, &[-3.0], 0.0).0, 14.375);
        assert_eq!(added(&high, &SquaredError, &[0.0], 0.25).0, 0.25);
        high.rise_above(1.0);
        assert_eq!(added(&high, &SquaredError, &[-3.0], 0.0).0, 2.875);
        // A group of three that adds up to 0.4, and one that is whole: 6 · 0.6 among three.
        let two = Categorical::new(&[3, 2]).unwrap();
        let novelty = Novelty { fitted: 2.0, greatest: 5.0, ..Novelty::default() };
        let (score, contributions) = added(&novelty, &two, &[0.4, 0.0, 0.0, 0.5, 0.5], 1.0);
        assert!((score - 4.6).abs() < 1e-12);
        assert!(contributions[..3].iter().all(|part| (part - 1.2).abs() < 1e-12));
        assert_eq!(contributions[3..], [0.0, 0.0]);
        // Half beyond [0, 1]: 6 · ½².
        assert_eq!(
            added(&novelty, &BernoulliCrossEntropy, &[1.5, 0.5], 0.0),
            (1.5, vec![1.5, 0.0])
        );
        assert_eq!(added(&novelty, &BernoulliCrossEntropy, &[-0.5, 1.0], 0.0).0, 1.5);
        // Of a score below 0 they are together not more than it comes to.
        assert_eq!(
            added(&novelty, &BernoulliCrossEntropy, &[1.5, 0.5], -0.5),
            (1.0, vec![1.0, 0.0])
        );
        assert_eq!(
            added(&novelty, &BernoulliCrossEntropy, &[1.5, 0.5], -2.0),
            (-0.5, vec![0.0, 0.0])
        );
    }

    #[test]
    fn what_is_added_is_finite_and_in_order() {
        for value in [0.0, 1e-300, -7.0, 1e300] {
            let mut last = 0.0;
            for times in [1.0, 2.0, 1e3, 1e6] {
                let x = if value == 0.0 { times } else { value * (1.0 + times) };
                let (score, _) = added(&of(value), &SquaredError, &[x], 0.0);
                assert!(score > last && score.is_finite(), "{value} {x} {score}");
                last = score;
            }
            for x in [f64::MAX, -f64::MAX] {
                assert!(added(&of(value), &SquaredError, &[x], 0.0).0.is_finite());
            }
        }
        let huge = Novelty { fitted: MOST, greatest: MOST, ..Novelty::default() };
        assert!(added(&huge, &BernoulliCrossEntropy, &[f64::MAX, 1e9], 0.0).0.is_finite());
        // Scores that are infinite or nothing say nothing of how odd a sample can be.
        assert_eq!(of(1.0).weighed([f64::INFINITY, 0.0].into_iter()).fitted, 1.0);
        assert_eq!(of(1.0).weighed([f64::MAX].into_iter()).fitted, MOST);
    }

    #[test]
    fn a_constant_is_held() {
        let novelty = of(7.0);
        let mut x = [9.0, 7.0, -1.0, 7.0_f64.next_up()];
        let is_off = [0, 1, 2, 3].map(|at| novelty.is_off(&x[at..=at]));
        assert_eq!(is_off, [true, false, true, true]);
        novelty.hold(1, &mut x, false);
        assert_eq!(x, [9.0, 7.0, -1.0, 7.0]);
        novelty.hold(1, &mut x, true);
        assert_eq!(x, [7.0; 4]);
    }

    /// Of 16 777 217 integers single precision has not each, and of 0.1 it has another number than double.
    #[test]
    fn rounding_is_that_of_the_number_type() {
        let is_change = |value: f64, x: f64| of(value).changes(&[x]).next().is_some();
        for value in [7.0, 1e7, 0.1, -3.3e-20] {
            assert!(!is_change(value, value.next_up()) && is_change(value, value * (1.0 + 1e-14)));
        }
        // Read once in single and once in double precision.
        for value in [0.1_f32, 273.15, -1e-20, 3.3e20] {
            let double: f64 = value.to_string().parse().unwrap();
            assert!(was_single(value.into()) && !was_single(double), "{value}");
            assert!(!is_change(value.into(), double), "{value}");
            assert!(is_change(value.into(), double * (1.0 + 1e-6)), "{value}");
        }
        assert!(!was_single(7.0) && !was_single(-0.5) && !was_single(1e300) && !was_single(0.0));
        // Neighbours in single precision are a change in double.
        let varied = Novelty::of(BatchView::new(&[1e7, 1e7 + 1.0].repeat(ENOUGH), 1), None);
        assert_eq!(varied.constants().count(), 0);
        let single = Novelty::of(BatchView::new(&[1e7_f32; ENOUGH], 1), None);
        assert!(single.changes(&[1e7_f32.next_up()]).next().is_none());
        assert!(single.changes(&[1e7_f32 + 4.0]).next().is_some());
    }

    #[test]
    fn a_normalizer_tells_what_varied() {
        let x = [1.0, 2.0, 7.0, 3.0, 2.0, 7.0];
        let batch = crate::batch::Batch::new(nalgebra::Dyn(3), x.to_vec()).unwrap();
        // The second column is left out below; the third is constant.
        let told = |normalization| {
            let fitted = Normalizer::fit(normalization, &batch).unwrap().leaving(1..2).unwrap();
            [0, 1, 2].map(|feature| fitted.was_constant(feature, 1e-15))
        };
        let (low, high) = (0.0, 1.0);
        assert_eq!(told(Normalization::MinMax { low, high }), [Some(false), None, Some(true)]);
        // Its deviation is 1, as that of the first column happens to be.
        assert_eq!(told(Normalization::Standardize), [None; 3]);
        let of = |means: [f64; 2], scales: [f64; 2]| {
            let fitted = Normalizer::from_parts(Normalization::Standardize, means, scales).unwrap();
            [0, 1].map(|feature| fitted.was_constant(feature, 1e-15))
        };
        assert_eq!(of([5.0, 5.0], [1e-9, 1e-16]), [Some(false), Some(true)]);
    }

    #[cfg(feature = "safetensors")]
    #[test]
    fn what_no_file_has_is_refused() {
        let (numbers, weight) = of(7.0).numbers();
        assert_eq!((&numbers[..], weight), (&[0.0, 7.0, 7.0][..], [2.0, 2.0]));
        let again = |numbers: &[f64], weight| Novelty::from_numbers::<f64>(numbers, weight, 2);
        assert_eq!(again(&numbers, weight).unwrap().constants, of(7.0).constants);
        for numbers in [
            &[0.0, 7.0][..],
            &[2.0, 7.0, 7.0],
            &[-1.0, 7.0, 7.0],
            &[0.5, 7.0, 7.0],
            &[f64::NAN, 7.0, 7.0],
            &[0.0, 7.0, 6.0],
            &[0.0, f64::NAN, 6.0],
            &[0.0, 7.0, f64::INFINITY],
            &[1.0, 7.0, 7.0, 0.0, 7.0, 7.0],
            &[1.0, 7.0, 7.0, 1.0, 7.0, 7.0],
        ] {
            assert!(again(numbers, [1.0; 2]).is_err(), "{numbers:?}");
        }
        assert_eq!(again(&[], [1.0, 2.0]).unwrap().greatest, 2.0);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(again(&[], [wrong; 2]).is_err() && again(&[], [1.0, wrong]).is_err());
        }
    }
}
