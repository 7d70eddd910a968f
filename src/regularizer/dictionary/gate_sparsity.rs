use super::{add_norm_gradient, compare, norms_of_active, require_values};
use crate::batch::BatchViewMut;
use crate::code::Facts;
use crate::error::{Result, require_fit, require_weight};
use crate::layer::Layer;
use crate::layer::sparse::Gates;
use crate::numbers::scalar::Float;
use crate::random::schedule::Schedule;
use crate::random::scheduled::Scheduled;
use crate::regularizer::{
    Across, Auxiliary, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty,
};
use crate::terms::Terms;

/// Trains the gates of a [`GatedEncoder`](crate::layer::sparse::GatedEncoder): few of them open, and those that are
/// reconstruct by themselves.
///
/// # Formula
/// With gᵢ = relu(pᵢ + b_gateᵢ): λ · mean over samples of Σ gᵢ ‖dᵢ‖, its term `gate_l1`, and the mean of
/// ½ ‖x − (Σ gᵢ dᵢ + b)‖², its term `gate_reconstruction`. The second reaches atoms and bias too, as in most code, unless
/// it is to [leave the dictionary alone](Self::leaving_the_dictionary), as in the paper. In place of x is the target where the
/// model has one; a skip is added to what the gates reconstruct, and trained with atoms and bias.
///
/// # References
/// S. Rajamanoharan and others (2024), Improving dictionary learning with gated sparse autoencoders.
#[derive(Debug, Clone)]
pub struct GateSparsity {
    weight: Scheduled,
    leaves_dictionary: bool,
}

impl GateSparsity {
    /// With the weight λ, finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(weight: f64) -> Result<Self> {
        require_weight("GateSparsity weight", weight)?;
        Ok(Self { weight: Scheduled::constant(weight), leaves_dictionary: false })
    }

    /// Multiplies λ by a factor that changes in the course of the training, such as one that rises from 0. Default: none.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.weight.follow(schedule);
        self
    }

    /// Takes atoms, bias and a skip as they are: only the gates learn from what they reconstruct.
    pub fn leaving_the_dictionary(self) -> Self {
        Self { leaves_dictionary: true, ..self }
    }

    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        mut gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let (Some(gates), Some(decoder)) = (at.auxiliary, at.decoder.pair_decoder()) else {
            return;
        };
        let units = at.facts.units;
        let (norms, rest) = scratch.split_at_mut(units);
        let (scales, y) = rest.split_at_mut(units);
        norms_of_active(at, gates, norms);
        scales.fill(T::ZERO);
        let lambda = T::of(self.weight.at(at.progress()));
        let (mut total, mut number) = (T::ZERO, 0);
        for (sample, code) in gates.codes.iter().enumerate() {
            let share = lambda * at.share(sample);
            for (&unit, &value) in code.indices().iter().zip(code.values()) {
                let unit = unit as usize;
                total += share * value * norms[unit];
                scales[unit] += share * value;
                if let Some(gradient) = &mut gradient {
                    gradient.auxiliary[number] += share * norms[unit];
                }
                number += 1;
            }
        }
        terms.add("gate_l1", total);
        if let Some(gradient) = &mut gradient {
            add_norm_gradient(at, (scales, norms), gradient.parameters);
        }

        let (rows, mut total) = (at.output.features(), T::ZERO);
        let mut y = BatchViewMut::new(&mut y[..at.output.as_slice().len()], rows);
        decoder.decode_pairs(gates.parameters, gates.codes, units, true, y.reborrow());
        decoder.add_skip(gates.parameters, at.x, y.reborrow());
        let columns = y.as_mut_slice().chunks_exact_mut(rows).zip(at.target.iter());
        for (sample, (y, x)) in columns.enumerate() {
            total += compare(y, x, at.share(sample));
        }
        terms.add("gate_reconstruction", total);
        if let Some(PenaltyGradient { auxiliary, parameters, .. }) = gradient {
            let to = Some(&mut parameters[at.given_to_decoder()]);
            let mut to = to.filter(|_| !self.leaves_dictionary);
            let dy = y.as_view();
            decoder.decode_pairs_backward(gates, units, true, dy, auxiliary, to.as_deref_mut());
            if let Some(to) = to {
                decoder.add_skip_gradient(at.x, dy, to);
            }
        }
    }
}

impl<E: Gates> SuitedTo<E> for GateSparsity {}

impl<T: Float> Regularizer<T> for GateSparsity {
    fn describe(&self) -> String {
        let Self { weight, leaves_dictionary } = self;
        let (weight, schedule) = (weight.value, weight.describe());
        format!(
            "GateSparsity {{ weight: {weight:?}{schedule}, leaves_dictionary: {leaves_dictionary} }}"
        )
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        let auxiliary = Auxiliary::Gates;
        Needs {
            adds_to_parameters: true,
            takes_pairs: true,
            auxiliary,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_values("GateSparsity", facts)?;
        let fault = "trains gates, and this encoder has none";
        require_fit(facts.has_gates, "GateSparsity", fault, "take `GatedEncoder`")
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.weight.schedule().into_iter().collect()
    }

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        _draws: usize,
    ) -> usize {
        2 * facts.units + facts.outputs * samples
    }

    penalty!(GateSparsity);
}
