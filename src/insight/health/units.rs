use crate::batch::size::Size;
use crate::batch::{Batch, check_finite};
use crate::error::Result;
use crate::numbers::scalar::Float;

/// The share of a bounded range that counts as its end: 0.05 of a sigmoid's, 0.1 of a tanh's.
const MARGIN: f64 = 0.05;
/// A tanh unit within so much of 0 says nothing.
const SILENT: f64 = 0.05;
/// The share of a code's greatest magnitude below which an unbounded unit is not active.
const NEGLIGIBLE: f64 = 1e-6;
/// The share of samples on which a saturated unit is at an end.
const STUCK: f64 = 0.95;
/// The share of samples on which it is at the upper end: below that it is sparse.
const OFTEN: f64 = 0.1;

/// Where the values of a code lie, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeRange {
    /// From 0 to 1, as a sigmoid's.
    ZeroToOne,
    /// From −1 to 1, as a tanh's.
    MinusOneToOne,
    /// 0 or more, as a rectifier's.
    FromZero,
    /// Any number, or another range.
    Unbounded,
}

impl CodeRange {
    /// With these ends, as [`Facts::range`](crate::Facts::range) has those of a model's code.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Dense, activation::{Identity, Tanh}, health::CodeRange};
    /// let model = AutoEncoder::builder()
    ///     .encoder(Dense::<4, 2>::new(Tanh))
    ///     .decoder(Dense::<2, 4>::new(Identity))
    ///     .build::<f32>()?;
    /// assert_eq!(CodeRange::of(model.facts().range), CodeRange::MinusOneToOne);
    /// assert_eq!(CodeRange::of((0.0, f64::INFINITY)), CodeRange::FromZero);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn of(ends: (f64, f64)) -> Self {
        match ends {
            (0.0, 1.0) => Self::ZeroToOne,
            (-1.0, 1.0) => Self::MinusOneToOne,
            (0.0, f64::INFINITY) => Self::FromZero,
            _ => Self::Unbounded,
        }
    }

    /// Its ends, where it has both.
    pub fn ends(self) -> Option<(f64, f64)> {
        match self {
            Self::ZeroToOne => Some((0.0, 1.0)),
            Self::MinusOneToOne => Some((-1.0, 1.0)),
            Self::FromZero | Self::Unbounded => None,
        }
    }

    /// Whether a unit of this value is active, in a code whose greatest magnitude is given.
    pub(super) fn is_active(self, value: f64, greatest: f64) -> bool {
        match self {
            Self::ZeroToOne => value > MARGIN,
            Self::MinusOneToOne => value.abs() > SILENT,
            Self::FromZero | Self::Unbounded => value.abs() > NEGLIGIBLE * greatest,
        }
    }
}

/// What a unit does over all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnitState {
    /// It varies.
    Alive,
    /// It says nothing, whatever the sample. In a code from 0 to 1 it never exceeds 0.05; from −1 to 1
    /// it never leaves ±0.05, or never exceeds −0.9 (which is "off" for a sparse code); of 0 or more it
    /// never exceeds a millionth of the code's greatest value (a rectifier is exactly 0); of any number
    /// it varies by no more than that.
    Dead,
    /// It sits at the ends of a bounded range, where the slope is small and little is learned: within 5 %
    /// of the range on at least 95 % of the samples, and at the upper end on at least 10 %. (At the
    /// lower end alone it is sparse, which may be wanted.)
    Saturated,
}

/// One code unit over all samples.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct UnitActivity {
    /// The least value.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The greatest value.
    pub max: f64,
    /// The standard deviation, with 1/n.
    pub deviation: f64,
    /// The share of samples on which it is active: above 0.05 in a code from 0 to 1, beyond ±0.05 in
    /// one from −1 to 1, else beyond a millionth of the code's greatest magnitude.
    pub active: f64,
    /// Whether it is dead or saturated.
    pub state: UnitState,
}

impl UnitActivity {
    /// The variance, with 1/n; at most the greatest number there is.
    pub fn variance(&self) -> f64 {
        (self.deviation * self.deviation).min(f64::MAX)
    }
}

/// How each code unit behaves over these codes, in their order.
///
/// # Errors
/// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::NotFinite`](crate::Error::NotFinite).
///
/// # Example
/// ```
/// use autoencoder::{Batch, health::{CodeRange, UnitState, unit_activity}};
/// let codes = Batch::from_iter([[0.0, 0.2, 1.0], [0.01, 0.6, 0.99]]);
/// let units = unit_activity(&codes, CodeRange::ZeroToOne)?;
/// assert_eq!(units[0].state, UnitState::Dead);
/// assert_eq!((units[1].mean, units[1].active), (0.4, 1.0));
/// assert_eq!(units[2].state, UnitState::Saturated);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn unit_activity<T: Float, C: Size>(
    codes: &Batch<T, C>,
    range: CodeRange,
) -> Result<Vec<UnitActivity>> {
    check_finite("unit_activity", codes.features(), codes.view())?;
    let greatest = greatest(codes);
    Ok((0..codes.features()).map(|unit| activity(codes, unit, range, greatest)).collect())
}

/// The greatest magnitude of all values.
pub(crate) fn greatest<T: Float, C: Size>(codes: &Batch<T, C>) -> f64 {
    codes.as_slice().iter().fold(0.0, |greatest, h| h.to_double().abs().max(greatest))
}

fn activity<T: Float, C: Size>(
    codes: &Batch<T, C>,
    unit: usize,
    range: CodeRange,
    greatest: f64,
) -> UnitActivity {
    let samples = codes.samples() as f64;
    let values = || codes.iter().map(|code| code[unit].to_double());
    let share = |is_counted: &dyn Fn(f64) -> bool| {
        values().filter(|&h| is_counted(h)).count() as f64 / samples
    };
    let (min, max) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), h| {
        (f64::min(min, h), f64::max(max, h))
    });
    // Halves and shares of the scale, so that nothing leaves the range of numbers; from the least
    // value on, so that a constant deviates by exactly 0.
    let half = max / 2.0 - min / 2.0;
    let position = |h: f64| if half > 0.0 { (h / 2.0 - min / 2.0) / half } else { 0.0 };
    let mean = values().map(position).sum::<f64>() / samples;
    let square = values().map(|h| (position(h) - mean).powi(2)).sum::<f64>() / samples;
    let active = share(&|h| range.is_active(h, greatest));

    let is_dead = match range {
        CodeRange::ZeroToOne | CodeRange::FromZero => active == 0.0,
        CodeRange::MinusOneToOne => active == 0.0 || max <= -1.0 + 2.0 * MARGIN,
        CodeRange::Unbounded => {
            let is_varying = half > 0.5 * NEGLIGIBLE * greatest;
            !is_varying
        }
    };
    let is_saturated = range.ends().is_some_and(|(low, high)| {
        let margin = MARGIN * (high - low);
        let at_high = share(&|h| h >= high - margin);
        at_high >= OFTEN && at_high + share(&|h| h <= low + margin) >= STUCK
    });
    let state = match (is_dead, is_saturated) {
        (true, _) => UnitState::Dead,
        (false, true) => UnitState::Saturated,
        (false, false) => UnitState::Alive,
    };
    let mean = (min + 2.0 * (half * mean)).clamp(min, max);
    // At most half the distance between the ends, and so finite.
    UnitActivity { min, mean, max, deviation: 2.0 * (half * square.sqrt()), active, state }
}
