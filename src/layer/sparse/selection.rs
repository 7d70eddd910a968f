//! Which units of a sparse code are active: a rule over all pre-activations of a sample, or of a batch.

use std::fmt::Debug;

use crate::error::{
    Forgotten, Result, Unwrapped, require, require_count, require_fraction, require_positive,
    require_weight,
};
use crate::layer::activation::Relu;
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;
use crate::random::schedule::{Progress, Schedule};
use crate::random::scheduled::Scheduled;

/// What units are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The pre-activation; what is not above 0 is never active.
    Value,
    /// Its size, with either sign; 0 is never active.
    Size,
    /// The pre-activation, whatever its sign.
    Any,
}

/// Which pre-activations z become the values of a code; all others are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Rule<'a, T> {
    /// The largest of each sample.
    Largest {
        /// How many; fewer where fewer can be active.
        count: usize,
        /// What they are ranked by.
        by: By,
    },
    /// The largest of all samples of the batch together.
    LargestTogether {
        /// How many for each sample in the mean; of all together this times the samples, rounded down.
        count: f64,
        /// What they are ranked by.
        by: By,
    },
    /// Those above the threshold.
    Above {
        /// The threshold.
        threshold: T,
    },
    /// Those above the threshold of the unit. What is below it by less than the window is stored as 0, for the gradient
    /// of the threshold.
    AboveEach {
        /// One for each unit.
        thresholds: &'a [T],
        /// The width below the threshold; 0 stores nothing.
        window: T,
    },
}

impl<T: Float> Rule<'_, T> {
    /// Writes what it says of thresholds into those of an encoder; whether there is room for it. Thresholds that are
    /// trained are not below 0, and neither are codes.
    pub(super) fn write_thresholds(self, to: &mut [T]) -> bool {
        match (self, to) {
            (Self::Above { threshold }, [to]) => *to = threshold,
            (Self::AboveEach { thresholds, .. }, to) if to.len() == thresholds.len() => {
                let above = thresholds.iter().map(|&at| if at > T::ZERO { at } else { T::ZERO });
                to.iter_mut().zip(above).for_each(|(to, at)| *to = at);
            }
            (Self::AboveEach { thresholds: [threshold, others @ ..], .. }, [to]) => {
                *to = *threshold;
                return others.iter().all(|other| other == threshold);
            }
            (Self::AboveEach { .. }, _) => return false,
            (_, to) => return to.is_empty(),
        }
        true
    }

    /// Whether it is the same as another, of which thresholds were written into this one's.
    pub(super) fn is_of_kind(self, other: Self) -> bool {
        match (self, other) {
            (Self::Above { .. } | Self::AboveEach { .. }, Self::AboveEach { .. }) => true,
            _ => self == other,
        }
    }
}

/// Where in a training a code is found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    /// Whether it is one of a training step; else the model is in use.
    pub is_training: bool,
    /// How far the training has come; none where everything has its final value.
    pub progress: Option<Progress>,
}

/// Which units of a [`SparseEncoder`](super::SparseEncoder) are active.
///
/// # Laws
/// 1. In use a [`rule`](Self::rule) is about each sample alone, so that a sample has the same code in any batch.
/// 2. Values of a code are pre-activations, but for rounding where there are norms, or 0.
/// 3. What [ranks by norm](Selects::is_by_norm) has no thresholds that are trained by a [bandwidth](Self::bandwidth).
pub trait Selection<T: Float>: Selects + Debug + Send + Sync + Clone + 'static {
    /// What tells it from others in summaries and files: `TopK { k: 32 }`.
    fn describe(&self) -> String;

    /// The rule at this moment, with these thresholds.
    fn rule<'a>(&self, at: Moment, thresholds: &'a [T]) -> Rule<'a, T>;

    /// The first value of its thresholds.
    fn first_threshold(&self) -> f64 {
        0.0
    }

    /// The bandwidth ε of the kernel by which the gradient of thresholds is found, where they are trained.
    fn bandwidth(&self) -> Option<f64> {
        None
    }

    /// The thresholds after a training step whose least positive value was this, [by norm](Selects::is_by_norm) times the
    /// norm; nothing where no value was positive.
    fn settle(&self, thresholds: &mut [T], least: Option<T>) {
        let _ = (thresholds, least);
    }

    /// The schedules that it follows, as [`Regularizer::schedules`](crate::Regularizer::schedules).
    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        Vec::new()
    }
}

/// What types say of a selection.
pub trait Selects {
    /// Where the values of a code lie.
    type Range: Range;

    /// How many thresholds there are for so many units, which are parameters of the encoder: none, one, or one each.
    fn thresholds(&self, units: usize) -> usize {
        let _ = units;
        0
    }

    /// Whether the rule is about pre-activations times the norm of their unit's atom. The encoder then keeps these norms
    /// among its parameters.
    fn is_by_norm(&self) -> bool {
        false
    }

    /// Refuses a number of units that it cannot select from.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) then.
    fn check(&self, units: usize) -> Result<()> {
        let _ = units;
        Ok(())
    }
}

/// The k largest pre-activations of each sample, if they are above 0.
///
/// # Formula
/// f = relu(top k of z); [by norm](Self::by_norm) f = z where z ‖d‖ is among the k largest and above 0, else 0.
///
/// # References
/// A. Makhzani, B. Frey (2013), k-sparse autoencoders; L. Gao and others (2024), Scaling and evaluating sparse
/// autoencoders.
#[derive(Debug, Clone)]
pub struct TopK {
    k: Scheduled,
    is_by_norm: bool,
}

impl TopK {
    /// So many units of each sample; at least 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(k: usize) -> Result<Self> {
        require_count("TopK k", k)?;
        Ok(Self { k: Scheduled::constant(k as f64), is_by_norm: false })
    }

    /// Ranks units by z ‖d‖, with d the atom of the unit: by how much they would add to the output. Values of codes are
    /// still z. For [free](super::Dictionary::free) atoms, whose lengths drift apart; where atoms have length 1, nothing
    /// changes but for rounding. A unit whose atom has no length is never active. The norms are kept by the encoder, as a
    /// tensor `norm`, and taken from the dictionary after every step; so they are those of its last dictionary where an
    /// encoder is used without one.
    ///
    /// # Example
    /// ```
    /// use autoencoder::AutoEncoder;
    /// use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
    /// let model = AutoEncoder::builder()
    ///     .encoder(SparseEncoder::<64, 256>::new(TopK::new(8)?.by_norm()))
    ///     .decoder(Dictionary::free(0.5)?)
    ///     .build::<f64>()?;
    /// let norms = model.parameter("encoder.0.norm").unwrap();
    /// assert!(norms.len() == 256 && norms.iter().all(|norm| (norm - 0.5).abs() < 1e-15));
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn by_norm(self) -> Self {
        Self { is_by_norm: true, ..self }
    }

    /// Multiplies k by a factor that changes in the course of the training, such as one that falls to 1; rounded to the
    /// nearest whole number, and at least 1. A classifier on such an encoder is trained with k itself. Default: none.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.k.follow(schedule);
        self
    }
}

impl Selects for TopK {
    type Range = range::NonNegative;
    fn is_by_norm(&self) -> bool {
        self.is_by_norm
    }
    fn check(&self, units: usize) -> Result<()> {
        check_k("TopK k", &self.k, units)
    }
}

impl<T: Float> Selection<T> for TopK {
    fn describe(&self) -> String {
        describe_k("TopK", &self.k, self.is_by_norm)
    }
    fn rule<'a>(&self, at: Moment, _thresholds: &'a [T]) -> Rule<'a, T> {
        Rule::Largest { count: count(&self.k, at), by: By::Value }
    }
    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.k.schedule().into_iter().collect()
    }
}

/// The k pre-activations of each sample that are largest in size, with their sign.
///
/// # Formula
/// f = z where |z| is among the k largest, else 0; [by norm](Self::by_norm), where |z| ‖d‖ is. A unit is active where f ≠ 0.
///
/// # References
/// X. Zhu and others (2025), AbsTopK: rethinking sparse autoencoders for bidirectional features.
#[derive(Debug, Clone)]
pub struct AbsTopK {
    k: Scheduled,
    is_by_norm: bool,
}

impl AbsTopK {
    /// So many units of each sample; at least 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(k: usize) -> Result<Self> {
        require_count("AbsTopK k", k)?;
        Ok(Self { k: Scheduled::constant(k as f64), is_by_norm: false })
    }

    /// Ranks units by |z| ‖d‖, as [`TopK::by_norm`].
    pub fn by_norm(self) -> Self {
        Self { is_by_norm: true, ..self }
    }

    /// As [`TopK::schedule`].
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.k.follow(schedule);
        self
    }
}

impl Selects for AbsTopK {
    type Range = range::Real;
    fn is_by_norm(&self) -> bool {
        self.is_by_norm
    }
    fn check(&self, units: usize) -> Result<()> {
        check_k("AbsTopK k", &self.k, units)
    }
}

impl<T: Float> Selection<T> for AbsTopK {
    fn describe(&self) -> String {
        describe_k("AbsTopK", &self.k, self.is_by_norm)
    }
    fn rule<'a>(&self, at: Moment, _thresholds: &'a [T]) -> Rule<'a, T> {
        Rule::Largest { count: count(&self.k, at), by: By::Size }
    }
    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.k.schedule().into_iter().collect()
    }
}

/// In training the k·samples largest pre-activations of a batch, so that a sample may have more units than another; in use
/// those above a threshold that was kept, the same for all units.
///
/// # Formula
/// In training f = relu(z) where z is among the ⌊k B⌋ largest of the B samples' positive ones. The threshold θ is the
/// moving average of the least value that was kept, θ ← θ + rate (least − θ), from the first step's on. In use
/// f = z · 1(z > θ); before any training, when there is no θ yet, the k largest of each sample. A classifier on such an
/// encoder is trained on codes as they are in use, and leaves θ as it is. A sample of weight 0 is chosen from as any other.
/// [By norm](Self::by_norm) z ‖d‖ stands in place of z in what is compared, and so in θ; the value of a code is z.
///
/// # References
/// B. Bussmann, P. Leask, N. Nanda (2024), BatchTopK sparse autoencoders.
#[derive(Debug, Clone)]
pub struct BatchTopK {
    k: Scheduled,
    rate: f64,
    is_by_norm: bool,
}

impl BatchTopK {
    /// So many units of a sample in the mean; at least 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) below 1, and for what is not finite.
    pub fn new(k: f64) -> Result<Self> {
        require(k >= 1.0 && k.is_finite(), "BatchTopK k", k, "finite and at least 1")?;
        Ok(Self { k: Scheduled::constant(k), rate: 0.01, is_by_norm: false })
    }

    /// Ranks units by z ‖d‖, as [`TopK::by_norm`]; the threshold is one of z ‖d‖ then.
    pub fn by_norm(self) -> Self {
        Self { is_by_norm: true, ..self }
    }

    /// As [`TopK::schedule`], but k is not rounded.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.k.follow(schedule);
        self
    }

    /// How fast the threshold follows, in (0, 1]. Default: 0.01.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn threshold_rate(self, rate: f64) -> Result<Self> {
        require_fraction("BatchTopK threshold_rate", rate)?;
        require_positive("BatchTopK threshold_rate", rate)?;
        Ok(Self { rate, ..self })
    }
}

impl Selects for BatchTopK {
    type Range = range::NonNegative;
    fn thresholds(&self, _units: usize) -> usize {
        1
    }
    fn is_by_norm(&self) -> bool {
        self.is_by_norm
    }
    fn check(&self, units: usize) -> Result<()> {
        check_k("BatchTopK k", &self.k, units)
    }
}

/// A threshold that is none yet.
const NO_THRESHOLD: f64 = -1.0;

impl<T: Float> Selection<T> for BatchTopK {
    fn describe(&self) -> String {
        let Self { k, rate, is_by_norm } = self;
        let rate =
            if *rate == 0.01 { String::new() } else { format!(", threshold_rate: {rate:?}") };
        let by_norm = by_norm(*is_by_norm);
        format!("BatchTopK {{ k: {:?}{}{rate}{by_norm} }}", k.value, k.describe())
    }
    fn rule<'a>(&self, at: Moment, thresholds: &'a [T]) -> Rule<'a, T> {
        if at.is_training {
            let k = self.k.at(at.progress).max(1.0);
            return Rule::LargestTogether { count: k, by: By::Value };
        }
        match thresholds {
            [threshold] if *threshold >= T::ZERO => Rule::Above { threshold: *threshold },
            _ => Rule::Largest { count: count(&self.k, at), by: By::Value },
        }
    }
    fn first_threshold(&self) -> f64 {
        NO_THRESHOLD
    }
    fn settle(&self, thresholds: &mut [T], least: Option<T>) {
        let (Some(least), [threshold]) = (least, thresholds) else { return };
        let is_first = *threshold < T::ZERO;
        *threshold =
            if is_first { least } else { *threshold + T::of(self.rate) * (least - *threshold) };
    }
    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.k.schedule().into_iter().collect()
    }
}

/// Pre-activations above a threshold of each unit, which is trained.
///
/// # Formula
/// f = z · 1(z > θ), with θ ≥ 0. In z the derivative is 1(z > θ); θ has none in the common sense, so it is trained by
/// a kernel estimate: ∂f/∂θ = −(θ/ε) K((z − θ)/ε) with K(u) = 1(|u| < ½) and the bandwidth ε. After each step θ is
/// brought back to θ ≥ 0. It is trained itself and not its logarithm, which Adam would hardly move. What is below θ by less
/// than ε/2 has a part in that gradient in training; an [`objective`](crate::AutoEncoder::objective) without streams is that
/// of use, where it has none. A classifier on such an encoder leaves thresholds as they are.
///
/// Penalise it with [`JumpReluSparsity`](crate::regularizer::JumpReluSparsity).
///
/// # References
/// S. Rajamanoharan and others (2024), Jumping ahead: improving reconstruction fidelity with JumpReLU sparse
/// autoencoders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JumpRelu {
    threshold: f64,
    bandwidth: f64,
}

impl JumpRelu {
    /// With the first threshold θ of all units, at least 0, and the bandwidth ε, greater than 0; both in the units of
    /// pre-activations.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn new(threshold: f64, bandwidth: f64) -> Result<Self> {
        require_weight("JumpRelu threshold", threshold)?;
        require_positive("JumpRelu bandwidth", bandwidth)?;
        Ok(Self { threshold, bandwidth })
    }
}

/// θ = 0.01 and ε = 0.05.
impl Default for JumpRelu {
    fn default() -> Self {
        Self { threshold: 0.01, bandwidth: 0.05 }
    }
}

impl Selects for JumpRelu {
    type Range = range::NonNegative;
    fn thresholds(&self, units: usize) -> usize {
        units
    }
}

impl<T: Float> Selection<T> for JumpRelu {
    fn describe(&self) -> String {
        format!("JumpRelu {{ bandwidth: {:?} }}", self.bandwidth)
    }
    fn rule<'a>(&self, at: Moment, thresholds: &'a [T]) -> Rule<'a, T> {
        let window = if at.is_training { T::of(self.bandwidth / 2.0) } else { T::ZERO };
        Rule::AboveEach { thresholds, window }
    }
    fn first_threshold(&self) -> f64 {
        self.threshold
    }
    fn bandwidth(&self) -> Option<f64> {
        Some(self.bandwidth)
    }
    fn settle(&self, thresholds: &mut [T], _least: Option<T>) {
        for threshold in thresholds.iter_mut().filter(|threshold| **threshold < T::ZERO) {
            *threshold = T::ZERO;
        }
    }
}

/// All pre-activations above 0; a penalty keeps them few.
impl Selects for Relu {
    type Range = range::NonNegative;
}

impl<T: Float> Selection<T> for Relu {
    fn describe(&self) -> String {
        "Relu".to_owned()
    }
    fn rule<'a>(&self, _at: Moment, _thresholds: &'a [T]) -> Rule<'a, T> {
        Rule::Above { threshold: T::ZERO }
    }
}

/// Says that a `?` is missing.
impl<R, X> Selects for std::result::Result<R, X>
where
    Forgotten<X>: Unwrapped,
{
    type Range = range::NonNegative;
}

/// A forgotten `?`, of which enough has been said before a model is built.
impl<T: Float, R, X> Selection<T> for std::result::Result<R, X>
where
    Self: Selects + Debug + Send + Sync + Clone + 'static,
{
    fn describe(&self) -> String {
        String::new()
    }
    fn rule<'a>(&self, _at: Moment, _thresholds: &'a [T]) -> Rule<'a, T> {
        Rule::Above { threshold: T::ZERO }
    }
}

/// k at this moment, as a whole number.
fn count(k: &Scheduled, at: Moment) -> usize {
    (k.at(at.progress.filter(|_| at.is_training)).round() as usize).max(1)
}

fn describe_k(name: &str, k: &Scheduled, is_by_norm: bool) -> String {
    format!("{name} {{ k: {}{}{} }}", k.value, k.describe(), by_norm(is_by_norm))
}

fn by_norm(is_by_norm: bool) -> &'static str {
    if is_by_norm { ", by_norm: true" } else { "" }
}

fn check_k(name: &'static str, k: &Scheduled, units: usize) -> Result<()> {
    require(k.value <= units as f64, name, k.value, "at most the number of units")
}
