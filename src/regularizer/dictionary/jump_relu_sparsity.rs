use super::{add_norm_gradient, norms_of_active, require_pairs};
use crate::code::Facts;
use crate::error::{Result, require_fit, require_positive, require_weight};
use crate::layer::Layer;
use crate::layer::sparse::TrainedThresholds;
use crate::numbers::scalar::Float;
use crate::random::schedule::Schedule;
use crate::random::scheduled::Scheduled;
use crate::regularizer::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::terms::Terms;

/// Keeps few units above their thresholds, by moving the thresholds of a [`JumpRelu`](crate::layer::sparse::JumpRelu).
///
/// # Formula
/// | made by | term, over the mean over samples |
/// |---|---|
/// | [`step`](Self::step) | λ · mean L0, with L0 = Σ 1(zᵢ > θᵢ) |
/// | [`quadratic`](Self::quadratic) | λ (mean L0 / L0* − 1)², with the wanted L0* |
/// | [`tanh`](Self::tanh) | λ · mean of Σ tanh(c fᵢ ‖dᵢ‖) |
///
/// L0 has no derivative; taken is ∂1(z > θ)/∂θ = −(1/ε) K((z − θ)/ε), with the kernel and the bandwidth of the
/// selection, and none in z. The third is differentiated as it stands, by the selection's own rule in θ. Its term is
/// `jump_relu_sparsity`.
///
/// # Example
/// ```
/// use autoencoder::layer::sparse::{Dictionary, JumpRelu, SparseEncoder};
/// use autoencoder::regularizer::JumpReluSparsity;
/// use autoencoder::AutoEncoder;
/// let model = AutoEncoder::builder()
///     .encoder(SparseEncoder::<64, 256>::new(JumpRelu::default()))
///     .decoder(Dictionary::new())
///     .regularizer(JumpReluSparsity::quadratic(0.1, 12.0)?)
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// S. Rajamanoharan and others (2024), Jumping ahead: improving reconstruction fidelity with JumpReLU sparse
/// autoencoders; T. Conerly and others (2025), Circuits updates, January (tanh).
#[derive(Debug, Clone)]
pub struct JumpReluSparsity {
    weight: Scheduled,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Step,
    Quadratic { wanted: f64 },
    Tanh { scale: f64 },
}

impl JumpReluSparsity {
    /// λ · mean L0, with a weight that is finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn step(weight: f64) -> Result<Self> {
        Self::new(weight, Form::Step)
    }

    /// λ (mean L0 / L0* − 1)², with the wanted L0* greater than 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn quadratic(weight: f64, wanted: f64) -> Result<Self> {
        require_positive("JumpReluSparsity L0", wanted)?;
        Self::new(weight, Form::Quadratic { wanted })
    }

    /// λ · mean of Σ tanh(c fᵢ ‖dᵢ‖), with c greater than 0; 4 is usual.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn tanh(weight: f64, scale: f64) -> Result<Self> {
        require_positive("JumpReluSparsity scale", scale)?;
        Self::new(weight, Form::Tanh { scale })
    }

    fn new(weight: f64, form: Form) -> Result<Self> {
        require_weight("JumpReluSparsity weight", weight)?;
        Ok(Self { weight: Scheduled::constant(weight), form })
    }

    /// Multiplies λ by a factor that changes in the course of the training, such as one that rises from 0. Default: none.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.weight.follow(schedule);
        self
    }

    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let lambda = T::of(self.weight.at(at.progress()));
        let value = match self.form {
            Form::Tanh { scale } => add_tanh(at, gradient, scratch, (lambda, T::of(scale))),
            Form::Step => {
                add_slopes(at, gradient, lambda);
                lambda * mean_active(at)
            }
            Form::Quadratic { wanted } => {
                let wanted = T::of(wanted);
                let over = mean_active(at) / wanted - T::ONE;
                add_slopes(at, gradient, T::of(2.0) * lambda * over / wanted);
                lambda * over * over
            }
        };
        terms.add("jump_relu_sparsity", value);
    }
}

/// The mean over samples of L0.
fn mean_active<T: Float>(at: &Encoded<'_, T>) -> T {
    let Some(pairs) = at.pairs else { return T::ZERO };
    let counts = pairs.codes.iter().enumerate();
    counts.fold(T::ZERO, |sum, (sample, code)| sum + at.share(sample) * T::of(code.count() as f64))
}

/// Adds to the gradient of thresholds that of so many times the mean L0.
fn add_slopes<T: Float>(
    at: &Encoded<'_, T>,
    gradient: Option<&mut PenaltyGradient<'_, T>>,
    times: T,
) {
    let thresholds = at.encoder.pair_encoder().and_then(|encoder| encoder.trained_thresholds());
    let (Some(gradient), Some(pairs), Some((place, bandwidth))) = (gradient, at.pairs, thresholds)
    else {
        return;
    };
    let (width, half) = (T::of(bandwidth), T::of(bandwidth / 2.0));
    let thresholds = &at.parameters[place.clone()];
    let to = &mut gradient.parameters[place];
    for (sample, code) in pairs.codes.iter().enumerate() {
        let slope = times * at.share(sample) / width;
        for (&unit, &value) in code.indices().iter().zip(code.values()) {
            let unit = unit as usize;
            // What is stored as 0 is below its threshold by less than half the width.
            if value == T::ZERO || value - thresholds[unit] < half {
                to[unit] -= slope;
            }
        }
    }
}

fn add_tanh<T: Float>(
    at: &Encoded<'_, T>,
    mut gradient: Option<&mut PenaltyGradient<'_, T>>,
    scratch: &mut [T],
    (lambda, scale): (T, T),
) -> T {
    let Some(pairs) = at.pairs else { return T::ZERO };
    let (norms, scales) = scratch[..2 * at.facts.units].split_at_mut(at.facts.units);
    norms_of_active(at, pairs, norms);
    scales.fill(T::ZERO);
    let (mut total, mut number) = (T::ZERO, 0);
    for (sample, code) in pairs.codes.iter().enumerate() {
        let share = lambda * at.share(sample);
        for (&unit, &value) in code.indices().iter().zip(code.values()) {
            let unit = unit as usize;
            let height = (scale * value * norms[unit]).tanh();
            total += share * height;
            let slope = share * scale * (T::ONE - height * height);
            scales[unit] += slope * value;
            if let Some(gradient) = &mut gradient {
                gradient.pairs[number] += slope * norms[unit];
            }
            number += 1;
        }
    }
    if let Some(gradient) = gradient {
        add_norm_gradient(at, (scales, norms), gradient.parameters);
    }
    total
}

impl<E: TrainedThresholds> SuitedTo<E> for JumpReluSparsity {}

impl<T: Float> Regularizer<T> for JumpReluSparsity {
    fn describe(&self) -> String {
        let form = match self.form {
            Form::Step => "step".to_owned(),
            Form::Quadratic { wanted } => format!("quadratic, wanted: {wanted:?}"),
            Form::Tanh { scale } => format!("tanh, scale: {scale:?}"),
        };
        let Self { weight, .. } = self;
        format!(
            "JumpReluSparsity {{ weight: {:?}{}, form: {form} }}",
            weight.value,
            weight.describe()
        )
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        // What is wanted of L0 is wanted of its mean.
        let across = match self.form {
            Form::Quadratic { .. } => Across::Batch,
            Form::Step | Form::Tanh { .. } => Across::Nothing,
        };
        Needs { adds_to_parameters: true, takes_pairs: true, across, ..Needs::nothing() }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_pairs("JumpReluSparsity", facts)?;
        let fault = "moves thresholds that are trained, and this encoder has none";
        require_fit(facts.trains_thresholds, "JumpReluSparsity", fault, "take `JumpRelu`")
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.weight.schedule().into_iter().collect()
    }

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        _samples: usize,
        _draws: usize,
    ) -> usize {
        if matches!(self.form, Form::Tanh { .. }) { 2 * facts.units } else { 0 }
    }

    penalty!(JumpReluSparsity);
}
