//! Penalties on sparse codes and the dictionary that decodes them.

mod aux_k;
mod gate_sparsity;
mod jump_relu_sparsity;
mod l1;
mod matryoshka;
mod resampling;

pub use aux_k::AuxK;
pub use gate_sparsity::GateSparsity;
pub use jump_relu_sparsity::JumpReluSparsity;
pub use l1::DictionaryL1;
pub use matryoshka::Matryoshka;
pub use resampling::Resampling;

use super::Encoded;
use crate::batch::sparse::SparseBatch;
use crate::code::Facts;
use crate::error::{Result, require, require_fit};
use crate::layer::sparse::PairsPass;
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, is_nan, sum};

/// Refuses a model whose codes do not come as pairs, where a box hid that.
fn require_pairs(name: &'static str, facts: &Facts) -> Result<()> {
    let fault = "is for sparse codes and the dictionary that decodes them";
    let remedy = "take a `SparseEncoder` and a `Dictionary`, or `CodeL1`";
    require_fit(facts.has_pairs, name, fault, remedy)
}

/// The same for what reconstructs by itself, and compares by squared differences.
fn require_values(name: &'static str, facts: &Facts) -> Result<()> {
    require_pairs(name, facts)?;
    let fault =
        "compares the dictionary's outputs with the samples, and this loss takes them for logits";
    require_fit(!facts.takes_logits, name, fault, "take `SquaredError`")
}

/// Counts beyond this are no longer exact in f32.
const MOST_COUNTED: usize = 1 << 24;

/// Refuses a number of samples that cannot be counted.
fn require_counted(name: &'static str, samples: usize) -> Result<()> {
    let fits = (1..=MOST_COUNTED).contains(&samples);
    require(fits, name, samples as f64, "from 1 to 2²⁴")
}

once! {
    /// Counts for each unit the samples since it was active.
    fn count_silent(codes: &'a SparseBatch<T>, counts: &'a mut [T]) = count_silent_generic;
    /// Appends the units that were silent for so many samples.
    fn name_dead(counts: &'a [T], dead_after: usize, units: &'a mut Vec<u32>) = name_dead_generic;
}

fn count_silent_generic<T: Float>(codes: &SparseBatch<T>, counts: &mut [T]) {
    let most = T::of(MOST_COUNTED as f64);
    let samples = T::of(codes.samples() as f64);
    for count in counts.iter_mut() {
        *count = if *count + samples < most { *count + samples } else { most };
    }
    for (&unit, &value) in codes.indices().iter().zip(codes.values()) {
        if value != T::ZERO {
            counts[unit as usize] = T::ZERO;
        }
    }
}

fn name_dead_generic<T: Float>(counts: &[T], dead_after: usize, units: &mut Vec<u32>) {
    let dead = |&(_, &count): &(usize, &T)| count.to_double() >= dead_after as f64;
    units.extend(counts.iter().enumerate().filter(dead).map(|(unit, _)| unit as u32));
}

/// ‖dᵢ‖ of each unit that some sample has among these, 0 of all others.
fn norms_of_active<T: Float>(at: &Encoded<'_, T>, pairs: PairsPass<'_, T>, norms: &mut [T]) {
    let Some(decoder) = at.decoder.pair_decoder() else { return };
    let atoms = decoder.atoms(pairs.parameters);
    for (unit, (norm, atom)) in norms.iter_mut().zip(atoms.iter()).enumerate() {
        let squared = |atom: &[T]| {
            sum(
                atom,
                #[inline(always)]
                |value| value * value,
            )
        };
        let is_active = pairs.by_unit.of(unit).len() > 0;
        *norm = if is_active { squared(atom).sqrt() } else { T::ZERO };
    }
}

/// Adds scaleᵢ dᵢ / ‖dᵢ‖ to the gradient of each atom.
fn add_norm_gradient<T: Float>(
    at: &Encoded<'_, T>,
    (scales, norms): (&[T], &[T]),
    gradient: &mut [T],
) {
    let (Some(pairs), Some(decoder)) = (at.pairs, at.decoder.pair_decoder()) else { return };
    let atoms = decoder.atoms(pairs.parameters);
    let to = &mut gradient[at.given_to_decoder()][decoder.place_of_atoms()];
    let columns = to.chunks_exact_mut(atoms.features()).zip(atoms.iter());
    for ((to, atom), (&scale, &norm)) in columns.zip(scales.iter().zip(norms)) {
        if scale != T::ZERO && norm > T::ZERO {
            let factor = scale / norm;
            to.iter_mut().zip(atom).for_each(|(to, &value)| *to += factor * value);
        }
    }
}

/// ½ ‖y − x‖² of a sample times its share, and that gradient in place of y; of what is missing nothing.
fn compare<T: Float>(y: &mut [T], x: &[T], share: T) -> T {
    let mut squares = T::ZERO;
    for (y, &x) in y.iter_mut().zip(x) {
        let difference = if is_nan(x) { T::ZERO } else { *y - x };
        squares += difference * difference;
        *y = share * difference;
    }
    T::of(0.5) * share * squares
}
