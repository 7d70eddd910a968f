use std::fmt;

use crate::batch::size::{SameSize, Size, require_alike};
use crate::batch::{Batch, BatchView};
use crate::error::{Error, Number, Result, require, require_size};
use crate::numbers::scalar::Float;
use crate::numbers::significant::short_and_apart;

/// Groups of about equal size that [`drift`] cuts the reference into.
const GROUPS: usize = 10;
/// More groups than anyone asks for.
const MOST_GROUPS: usize = 1 << 16;
/// What each group has beside its samples, so that none is empty.
const PRIOR: f64 = 0.5;
/// Terms of the series of Kolmogorov's distribution: the next is below 1e-18 from either side.
const TERMS: u32 = 6;
/// Where one series takes over from the other, at which both need few terms.
const MIDDLE: f64 = 1.0;

/// The values in ascending order, and how many more are absent.
fn sorted<T: Float>(call: &'static str, values: &[T]) -> Result<(Vec<f64>, usize)> {
    if values.is_empty() {
        return Err(Error::NoSamples { call });
    }
    if let Some(index) = values.iter().position(|x| x.to_double().is_infinite()) {
        let value = Number(values[index].to_double());
        return Err(Error::EntryNotFinite { call, entry: "value", index, value });
    }
    let present = present(values.iter().map(|x| x.to_double()));
    let absent = values.len() - present.len();
    Ok((present, absent))
}

/// The values that are there, in ascending order.
fn present(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut present: Vec<f64> = values.filter(|x| !x.is_nan()).collect();
    present.sort_unstable_by(f64::total_cmp);
    present
}

/// The population stability index of one column: how far the shares of its values have moved between a reference and
/// new samples. Below 0.1 little has changed, above 0.25 much, by a rule of thumb; of few samples it is larger by chance,
/// about (groups − 1)(1/n + 1/m).
///
/// The reference's quantiles cut it into `groups` of about equal size, 2 to 65,536; equal values stay together, and those that
/// are more than one group are one of their own. Absent values (NaN) are a group of their own.
///
/// # Formula
/// Σ (qᵢ − pᵢ) ln(qᵢ / pᵢ) over groups i, with the shares pᵢ of the reference and qᵢ of the new samples, of (nᵢ + ½) in
/// (n + ½ · groups), so that an empty group leaves it finite
///
/// # Errors
/// [`Error::InvalidParameter`] for another number of groups, [`Error::NoSamples`], [`Error::EntryNotFinite`] for infinity.
///
/// # Example
/// ```
/// use autoencoder::metrics::population_stability;
/// let reference: Vec<f64> = (0..100).map(f64::from).collect();
/// let shifted: Vec<f64> = (50..150).map(f64::from).collect();
/// assert_eq!(population_stability(&reference, &reference, 10)?, 0.0);
/// assert!(population_stability(&reference, &shifted, 10)? > 0.25);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// N. Siddiqi (2006), Credit Risk Scorecards. H. Jeffreys (1946), An Invariant Form for the Prior Probability in
/// Estimation Problems, for the divergence and the ½.
pub fn population_stability<T: Float>(reference: &[T], new: &[T], groups: usize) -> Result<f64> {
    let call = "population_stability";
    let requirement = "at least 2 and at most 65,536";
    let valid = (2..=MOST_GROUPS).contains(&groups);
    require(valid, "groups of population_stability", groups as f64, requirement)?;
    let (reference, absent) = sorted(call, reference)?;
    let (new, new_absent) = sorted(call, new)?;
    Ok(stability((&reference, absent), (&new, new_absent), groups))
}

fn stability(
    (reference, absent): (&[f64], usize),
    (new, new_absent): (&[f64], usize),
    groups: usize,
) -> f64 {
    let quantile = |k: usize| (k * reference.len()).div_ceil(groups).max(1) - 1;
    let mut ends: Vec<f64> =
        (1..groups).filter_map(|k| reference.get(quantile(k)).copied()).collect();
    ends.dedup();
    let counts = |sorted: &[f64], absent: usize| {
        let mut from = 0;
        let mut counts = Vec::with_capacity(2 * groups);
        let mut end_at = |to: usize| counts.push(to - std::mem::replace(&mut from, to));
        for &end in &ends {
            // A group ends with the last value that equals its quantile. What makes up more than a group is one of its
            // own: so a constant or a level that changes is seen in either direction.
            let alike = [reference, sorted]
                .map(|all| all.partition_point(|&x| x < end)..all.partition_point(|&x| x <= end));
            if alike[0].len() * groups > reference.len() {
                end_at(alike[1].start);
            }
            end_at(alike[1].end);
        }
        end_at(sorted.len());
        counts.push(absent);
        counts
    };
    let (old, new) = (counts(reference, absent), counts(new, new_absent));
    // A group that both lack says nothing.
    let pairs: Vec<(usize, usize)> =
        old.into_iter().zip(new).filter(|&(old, new)| old + new > 0).collect();
    let total = |of: fn(&(usize, usize)) -> usize| {
        pairs.iter().map(of).sum::<usize>() as f64 + PRIOR * pairs.len() as f64
    };
    let (all_old, all_new) = (total(|pair| pair.0), total(|pair| pair.1));
    let terms = pairs.iter().map(|&(old, new)| {
        let (p, q) = ((old as f64 + PRIOR) / all_old, (new as f64 + PRIOR) / all_new);
        (q - p) * (q / p).ln()
    });
    terms.sum()
}

/// What [`kolmogorov_smirnov`] finds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct KolmogorovSmirnov {
    /// The largest distance between the two distribution functions, in \[0, 1\].
    pub statistic: f64,
    /// The probability of a distance at least as large between samples of one and the same distribution, in \[0, 1\].
    pub p_value: f64,
}

/// The two-sample test of Kolmogorov and Smirnov: whether two sets of values can be of one distribution. Of many
/// samples a small difference has a small probability too: look at the statistic for how much it is.
///
/// Absent values (NaN) are left out.
///
/// # Formula
/// D = max ∣F(x) − G(x)∣ over x; p = 2 Σₖ (−1)ᵏ⁻¹ exp(−2 k² λ²), λ = D √(n m/(n + m)): what holds for many samples; of a
/// few dozen it is off by up to 0.1, mostly too large, and so it is for values with many ties.
///
/// # Errors
/// [`Error::NoSamples`] unless either has a value, [`Error::EntryNotFinite`] for infinity.
///
/// # Example
/// ```
/// use autoencoder::metrics::kolmogorov_smirnov;
/// let reference: Vec<f64> = (0..100).map(f64::from).collect();
/// let shifted: Vec<f64> = (50..150).map(f64::from).collect();
/// let found = kolmogorov_smirnov(&reference, &shifted)?;
/// assert_eq!(found.statistic, 0.5);
/// assert!(found.p_value < 1e-10);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Kolmogorov (1933); N. Smirnov (1948), Table for Estimating the Goodness of Fit of Empirical Distributions.
pub fn kolmogorov_smirnov<T: Float>(reference: &[T], new: &[T]) -> Result<KolmogorovSmirnov> {
    let call = "kolmogorov_smirnov";
    let (reference, new) = (sorted(call, reference)?.0, sorted(call, new)?.0);
    distance(&reference, &new).ok_or(Error::NoSamples { call })
}

/// Nothing where one side has no value.
fn distance(old: &[f64], new: &[f64]) -> Option<KolmogorovSmirnov> {
    if old.is_empty() || new.is_empty() {
        return None;
    }
    let (n, m) = (old.len() as u128, new.len() as u128);
    // Times n · m, so that it is exact.
    let (mut i, mut j, mut farthest) = (0, 0, 0);
    while i < old.len() && j < new.len() {
        // Equal values rise together.
        let x = old[i].min(new[j]);
        i += old[i..].iter().take_while(|&&value| value <= x).count();
        j += new[j..].iter().take_while(|&&value| value <= x).count();
        farthest = farthest.max((i as u128 * m).abs_diff(j as u128 * n));
    }
    let statistic = farthest as f64 / (n * m) as f64;
    let (n, m) = (n as f64, m as f64);
    let lambda = statistic * (n * m / (n + m)).sqrt();
    Some(KolmogorovSmirnov { statistic, p_value: beyond(lambda) })
}

/// The probability that Kolmogorov's variable is beyond λ.
fn beyond(lambda: f64) -> f64 {
    use std::f64::consts::PI;
    if lambda < MIDDLE {
        // The same function by the other of Jacobi's series.
        let exponent = |k: u32| -(f64::from(2 * k - 1) * PI / lambda).powi(2) / 8.0;
        let below: f64 = (1..=TERMS).map(|k| exponent(k).exp()).sum();
        let below = if lambda > 0.0 { below * (2.0 * PI).sqrt() / lambda } else { 0.0 };
        return 1.0 - below;
    }
    let term = |k: u32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * (f64::from(k) * lambda).powi(2)).exp()
    };
    (1..=TERMS).map(term).sum()
}

/// How far one column has moved.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ColumnDrift {
    /// The column, counted from 0.
    pub feature: usize,
    /// The [`population_stability`] index, of ten groups.
    pub stability: f64,
    /// The [test](kolmogorov_smirnov); none where one side has no value in this column.
    pub test: Option<KolmogorovSmirnov>,
    /// The mean of the reference and of the new samples, without absent values; NaN where there is no value.
    pub means: (f64, f64),
    /// The share of absent values in the reference and in the new samples.
    pub absent: (f64, f64),
}

/// How far each column of new samples has moved from those of a reference, by [`population_stability`] and
/// [`kolmogorov_smirnov`].
///
/// Of scores, such as a detector's, the two functions tell the same.
///
/// # Errors
/// [`Error::NoSamples`], [`Error::SizeMismatch`], [`Error::NotFinite`] for infinity.
///
/// # Example
/// ```
/// use autoencoder::{Batch, metrics::drift};
/// let reference: Batch<f64, _> = Batch::from_iter((0..50).map(|i| [f64::from(i), f64::from(i % 7)]));
/// let new = Batch::from_iter((0..50).map(|i| [f64::from(i + 20), f64::from(i % 7)]));
/// let drift = drift(&reference, &new)?;
/// assert!(drift.columns()[0].stability > 0.25 && drift.columns()[1].stability == 0.0);
/// println!("{drift}"); // the columns that moved most, as a table
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn drift<T: Float, I, J>(reference: &Batch<T, I>, new: &Batch<T, J>) -> Result<Drift>
where
    I: Size,
    J: Size + SameSize<I>,
{
    const { <J as SameSize<I>>::FITS };
    require_alike("drift", reference.size(), new.size())?;
    Drift::between(reference.view(), new.view())
}

/// What [`drift`] finds: every column, and as a table those that have moved most.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    columns: Vec<ColumnDrift>,
    names: Vec<String>,
}

impl Drift {
    pub(crate) fn between<T: Float>(
        reference: BatchView<'_, T>,
        new: BatchView<'_, T>,
    ) -> Result<Self> {
        require_size("drift", "features", reference.features(), new.features())?;
        for (call, view) in [("drift, the reference", reference), ("drift, the new samples", new)] {
            if view.samples() == 0 {
                return Err(Error::NoSamples { call });
            }
            let infinite = view.as_slice().iter().position(|x| x.to_double().is_infinite());
            if let Some(at) = infinite {
                let (sample, feature) = (at / view.features(), at % view.features());
                let value = Number(view.as_slice()[at].to_double());
                return Err(Error::NotFinite { call, feature, sample, value });
            }
        }
        let column = |view: BatchView<'_, T>, feature: usize| {
            present(view.iter().map(|x| x[feature].to_double()))
        };
        let columns = (0..reference.features()).map(|feature| {
            let (old, now) = (column(reference, feature), column(new, feature));
            let (n, m) = (reference.samples(), new.samples());
            let absent = (n - old.len(), m - now.len());
            let mean = |all: &[f64]| match all.len() {
                0 => f64::NAN,
                count => {
                    let (sum, count) = (all.iter().sum::<f64>(), count as f64);
                    // Shares, where the sum is beyond all numbers.
                    let shares = || all.iter().map(|x| x / count).sum();
                    if sum.is_finite() { sum / count } else { shares() }
                }
            };
            ColumnDrift {
                feature,
                stability: stability((&old, absent.0), (&now, absent.1), GROUPS),
                test: distance(&old, &now),
                means: (mean(&old), mean(&now)),
                absent: (absent.0 as f64 / n as f64, absent.1 as f64 / m as f64),
            }
        });
        Ok(Self { columns: columns.collect(), names: Vec::new() })
    }

    /// With the names of the columns, for the table. Default: their numbers, from 0.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] unless there is one for each.
    pub fn named<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Result<Self> {
        self.names = names.into_iter().map(Into::into).collect();
        require_size("Drift::named", "names", self.columns.len(), self.names.len())?;
        Ok(self)
    }

    /// The columns, in the order of the features.
    pub fn columns(&self) -> &[ColumnDrift] {
        &self.columns
    }
}

/// Rows of the table.
const SHOWN: usize = 20;

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut order: Vec<&ColumnDrift> = self.columns.iter().collect();
        order.sort_by(|a, b| b.stability.total_cmp(&a.stability));
        let name = |column: &ColumnDrift| match self.names.get(column.feature) {
            Some(name) => name.clone(),
            None => column.feature.to_string(),
        };
        let longest = order.iter().take(SHOWN).map(|column| name(column).chars().count()).max();
        let width = longest.unwrap_or(0).max("column".len());
        let heads = ["stability", "distance", "p-value", "mean before", "mean now", "absent"];
        let [stability, distance, p_value, before, now, absent] = heads;
        writeln!(
            f,
            "{:width$}  {stability:>9}  {distance:>8}  {p_value:>8}  {before:>12}  {now:>12}  {absent}",
            "column"
        )?;
        for column in order.iter().take(SHOWN) {
            let test = column.test;
            let [statistic, p] = match test {
                Some(test) => [format!("{:.3}", test.statistic), format!("{:.2e}", test.p_value)],
                None => ["–".to_owned(), "–".to_owned()],
            };
            let [before, now] = short_and_apart(column.means.0, column.means.1);
            let (were, are) = (100.0 * column.absent.0, 100.0 * column.absent.1);
            writeln!(
                f,
                "{:width$}  {:>9.3}  {statistic:>8}  {p:>8}  {before:>12}  {now:>12}  {were:.1} → {are:.1} %",
                name(column),
                column.stability,
            )?;
        }
        if order.len() > SHOWN {
            writeln!(f, "and {} others that moved less", order.len() - SHOWN)?;
        }
        Ok(())
    }
}
