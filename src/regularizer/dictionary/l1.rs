use super::{add_norm_gradient, norms_of_active, require_pairs};
use crate::batch::sparse::SparseBatch;
use crate::code::Facts;
use crate::error::{Result, require, require_weight};
use crate::layer::Part;
use crate::layer::sparse::SparseCode;
use crate::numbers::scalar::Float;
use crate::random::schedule::{Progress, Schedule};
use crate::random::scheduled::Scheduled;
use crate::regularizer::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::terms::Terms;

/// Keeps the values of a sparse code small, each counted by the length of its atom, so that longer atoms of smaller
/// codes gain nothing.
///
/// # Formula
/// λ · mean over samples of Σ |fᵢ| ‖dᵢ‖. With [`anneal`](Self::anneal) λ · mean of Σ m^(1−p) |fᵢ|ᵖ ‖dᵢ‖ with a power p
/// that falls from 1, which pulls at small values more and at large ones less; m is the mean of active values so far, by
/// which a value of that size is penalised as ever. Its term is `dictionary_l1`.
///
/// The loss of this crate is half the squared error; against one that is not halved, λ is half as large.
///
/// # Example
/// ```
/// use autoencoder::activation::Relu;
/// use autoencoder::layer::sparse::{Dictionary, SparseEncoder};
/// use autoencoder::regularizer::DictionaryL1;
/// use autoencoder::AutoEncoder;
/// let model = AutoEncoder::builder()
///     .encoder(SparseEncoder::<64, 256>::new(Relu))
///     .decoder(Dictionary::free(0.1)?)
///     .regularizer(DictionaryL1::new(0.05)?)
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// T. Conerly and others (2024), Update on how we train SAEs; A. Karvonen and others (2024), Measuring progress in
/// dictionary learning for language model interpretability (p-annealing).
#[derive(Debug, Clone)]
pub struct DictionaryL1 {
    weight: Scheduled,
    /// The power at the end, and the share of the training after which it begins to fall.
    anneal: Option<(f64, f64)>,
}

impl DictionaryL1 {
    /// With the weight λ, finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(weight: f64) -> Result<Self> {
        require_weight("DictionaryL1 weight", weight)?;
        Ok(Self { weight: Scheduled::constant(weight), anneal: None })
    }

    /// Multiplies λ by a factor that changes in the course of the training, such as one that rises from 0. Default: none.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.weight.follow(schedule);
        self
    }

    /// Lets the power fall in a straight line from 1 to this, in (0, 1], beginning after such a share of the training, in
    /// [0, 1). Outside a training it is what it falls to.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn anneal(self, to: f64, after: f64) -> Result<Self> {
        require(to > 0.0 && to <= 1.0, "DictionaryL1 power", to, "in (0, 1]")?;
        require((0.0..1.0).contains(&after), "DictionaryL1 beginning", after, "in [0, 1)")?;
        Ok(Self { anneal: Some((to, after)), ..self })
    }

    /// The power at this moment.
    fn power(&self, progress: Option<Progress>) -> f64 {
        let Some((to, after)) = self.anneal else { return 1.0 };
        let share = progress.map_or(1.0, |at| ((at.fraction() - after) / (1.0 - after)).max(0.0));
        1.0 + (to - 1.0) * share
    }

    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let Some(pairs) = at.pairs else { return };
        let (norms, scales) = scratch[..2 * at.facts.units].split_at_mut(at.facts.units);
        norms_of_active(at, pairs, norms);
        scales.fill(T::ZERO);
        let lambda = T::of(self.weight.at(at.progress()));
        let power = self.power(at.progress());
        let exponent = T::of(power);
        // Before the first step there is no mean yet.
        let mean = at.state.first().copied().filter(|&mean| mean > T::ZERO).unwrap_or(T::ONE);
        let factor = if power == 1.0 { T::ONE } else { mean.powf(T::ONE - exponent) };
        let cost = |size: T| if power == 1.0 { size } else { factor * size.powf(exponent) };

        let (mut total, mut number) = (T::ZERO, 0);
        let mut d_pairs = gradient;
        for (sample, code) in pairs.codes.iter().enumerate() {
            let share = lambda * at.share(sample);
            for (&unit, &value) in code.indices().iter().zip(code.values()) {
                let (unit, size) = (unit as usize, value.abs());
                if size > T::ZERO {
                    total += share * cost(size) * norms[unit];
                    scales[unit] += share * cost(size);
                    if let Some(gradient) = &mut d_pairs {
                        let slope = exponent * cost(size) / size;
                        gradient.pairs[number] += share * slope * norms[unit] * value.signum();
                    }
                }
                number += 1;
            }
        }
        terms.add("dictionary_l1", total);
        if let Some(gradient) = d_pairs {
            add_norm_gradient(at, (scales, norms), gradient.parameters);
        }
    }
}

impl<E: Part<Posterior: SparseCode>> SuitedTo<E> for DictionaryL1 {}

impl<T: Float> Regularizer<T> for DictionaryL1 {
    fn describe(&self) -> String {
        let Self { weight, anneal } = self;
        let power = anneal
            .map_or(String::new(), |(to, after)| format!(", power: {to:?}, after: {after:?}"));
        format!("DictionaryL1 {{ weight: {:?}{}{power} }}", weight.value, weight.describe())
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        let state = usize::from(self.anneal.is_some());
        Needs {
            adds_to_parameters: true,
            takes_pairs: true,
            state,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_pairs("DictionaryL1", facts)
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.weight.schedule().into_iter().collect()
    }

    fn scratch_len(
        &self,
        _encoder: &dyn crate::layer::Layer<T>,
        facts: &Facts,
        _samples: usize,
        _draws: usize,
    ) -> usize {
        2 * facts.units
    }

    /// The mean of active values, a moving one.
    fn update_state_of_pairs(&self, _facts: &Facts, codes: &SparseBatch<T>, state: &mut [T]) {
        const RATE: f64 = 0.01;
        let sizes = codes.values().iter().map(|value| value.abs());
        let (count, total) = (codes.count(), sizes.fold(T::ZERO, |sum, size| sum + size));
        let ([mean], true) = (state, count > 0) else { return };
        let found = total / T::of(count as f64);
        *mean = if *mean > T::ZERO { *mean + T::of(RATE) * (found - *mean) } else { found };
    }

    penalty!(DictionaryL1);
}
