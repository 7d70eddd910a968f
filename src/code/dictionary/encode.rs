//! From samples to codes.

use super::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
use crate::batch::sparse::{SparseBatch, SparseSample};
use crate::batch::{BatchView, check_finite};
use crate::error::{Error, Number, Result};
use crate::layer::sparse::{Preactivations, Room, Rule, select};
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, all_finite, sum, sum_pairs};

/// So many samples are encoded together.
pub(super) const TILE: usize = 256;

impl<T: Float> SparseDictionary<T> {
    /// The code of each sample: the units that are active, with their values.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of features, [`Error::NoSamples`], [`Error::NotFinite`];
    /// [`Error::ZeroSample`] where samples are [scaled to a norm](InputScale::Norm) and one has none;
    /// [`Error::NotSet`] where they are scaled by [a factor](InputScale::Factor) that is not known;
    /// [`Error::EntryNotFinite`] for a unit of which the encoder says more than the number type holds; one that is below all
    /// that it holds is not active.
    pub fn encode(&self, x: BatchView<'_, T>) -> Result<SparseBatch<T>> {
        self.check_input("SparseDictionary::encode", x)?;
        let mut codes = SparseBatch::empty(self.units());
        encode(&self.parts, &self.norms, x, &mut codes)?;
        Ok(codes)
    }

    /// Refuses what cannot be encoded.
    pub(super) fn check_input(&self, call: &'static str, x: BatchView<'_, T>) -> Result<()> {
        check_finite(call, self.inputs(), x)?;
        match self.input_scale() {
            InputScale::Factor => Err(Error::NotSet {
                call,
                missing: "the factor by which samples are scaled, which is not in the file",
                remedy: "`fold_input_factor` (√inputs over the mean norm of the samples trained on; 1 if they are \
                         scaled already)",
            }),
            InputScale::Norm { .. } => {
                let is_zero = |sample: &[T]| sample.iter().all(|&x| x == T::ZERO);
                match x.iter().position(is_zero) {
                    Some(sample) => Err(Error::ZeroSample { call, sample }),
                    None => Ok(()),
                }
            }
            InputScale::Plain | InputScale::LayerNorm { .. } => Ok(()),
        }
    }
}

/// How a sample was scaled: x = scale · x̄ + shift.
#[derive(Debug, Clone, Copy)]
pub(super) struct Undo<T> {
    pub scale: T,
    pub shift: T,
}

/// Scales a sample, and says how.
pub(super) fn scale<T: Float>(how: InputScale, sample: &mut [T]) -> Undo<T> {
    /// As SAELens has it, beside the standard deviation.
    const EPSILON: f64 = 1e-5;
    /// Squares of larger values, summed up, may be more than single precision holds.
    const LARGE: f64 = 1e12;
    let count = T::of(sample.len() as f64);
    match how {
        InputScale::Plain | InputScale::Factor => Undo { scale: T::ONE, shift: T::ZERO },
        InputScale::Norm { .. } => {
            // Squares of very large or small values are not to be infinite or 0.
            let largest = sample.iter().fold(T::ZERO, |most, x| most.max(x.abs()));
            let squares = sum(sample, |x| (x / largest) * (x / largest));
            let of_largest = squares.sqrt() / count.sqrt();
            sample.iter_mut().for_each(|x| *x = *x / largest / of_largest);
            Undo { scale: of_largest * largest, shift: T::ZERO }
        }
        InputScale::LayerNorm { .. } => {
            // Neither sums nor squares of very large values are to be infinite; others keep all their digits.
            let largest = sample.iter().fold(T::ZERO, |most, x| most.max(x.abs()));
            let unit = if largest > T::of(LARGE) { largest } else { T::ONE };
            sample.iter_mut().for_each(|x| *x /= unit);
            let mean = sum(sample, |x| x) / count;
            sample.iter_mut().for_each(|x| *x -= mean);
            let spread = (sum(sample, |x| x * x) / (count - T::ONE)).sqrt();
            let divisor = spread + T::of(EPSILON) / unit;
            sample.iter_mut().for_each(|x| *x /= divisor);
            Undo { scale: spread * unit, shift: mean * unit }
        }
    }
}

once! {
    /// Appends the codes of these samples.
    fn encode(
        parts: &'a DictionaryParts<T>,
        norms: &'a [T],
        x: BatchView<'b, T>,
        to: &'a mut SparseBatch<T>,
    ) -> Result<()> = encode_generic;
}

fn encode_generic<T: Float>(
    parts: &DictionaryParts<T>,
    norms: &[T],
    x: BatchView<'_, T>,
    to: &mut SparseBatch<T>,
) -> Result<()> {
    let (mut inputs, mut room) = (Vec::new(), Room::new());
    let mut found = SparseBatch::empty(parts.units);
    for tile in x.chunks(TILE) {
        inputs.clear();
        inputs.extend_from_slice(tile.as_slice());
        for sample in inputs.chunks_exact_mut(parts.inputs) {
            scale(parts.input_scale, sample);
            if let Some(pre_bias) = &parts.pre_bias {
                sample.iter_mut().zip(pre_bias).for_each(|(x, &bias)| *x -= bias);
            }
        }
        if let SparseActivation::MatchingPursuit { residual, most, ends_on_repetition } =
            parts.activation
        {
            let most = most.unwrap_or(parts.inputs);
            for left in inputs.chunks_exact_mut(parts.inputs) {
                pursue(parts, left, residual, most, ends_on_repetition, to)?;
            }
            continue;
        }
        let of = Preactivations {
            weights: BatchView::new(&parts.encoder, parts.inputs),
            biases: &parts.encoder_bias,
            x: BatchView::new(&inputs, parts.inputs),
            units: None,
            norms,
        };
        // The largest of a group is one of those above 0, or none.
        let rule = parts.activation.rule().unwrap_or(Rule::Above { threshold: T::ZERO });
        select(of, rule, &mut found, &mut room);
        if !norms.is_empty() {
            found.change_values(|unit, value| value * norms[unit]);
        }
        for code in found.iter() {
            push(parts, code, to);
            to.end_sample();
        }
    }
    if all_finite(to.values()) {
        return Ok(());
    }
    let mut active = to.iter().flat_map(|code| code.iter());
    let found = active.find(|(_, value)| !value.is_finite());
    found.map_or(Ok(()), |(unit, value)| Err(beyond(CALL, UNIT, unit, value)))
}

const CALL: &str = "SparseDictionary::encode";
const UNIT: &str = "the value of unit";

/// Refuses what is beyond the number type.
pub(crate) fn require_finite<T: Float>(
    call: &'static str,
    entry: &'static str,
    values: &[T],
) -> Result<()> {
    if all_finite(values) {
        return Ok(());
    }
    let found = values.iter().enumerate().find(|(_, value)| !value.is_finite());
    found.map_or(Ok(()), |(index, &value)| Err(beyond(call, entry, index, value)))
}

fn beyond<T: Float>(call: &'static str, entry: &'static str, index: usize, value: T) -> Error {
    Error::EntryNotFinite { call, entry, index, value: Number(value.to_double()) }
}

/// Appends what becomes of the units that were selected of a sample, without its end.
fn push<T: Float>(parts: &DictionaryParts<T>, code: SparseSample<'_, T>, to: &mut SparseBatch<T>) {
    // What is not finite is refused in the end.
    let is_active = |value: T| value > T::ZERO || !value.is_finite();
    match &parts.activation {
        SparseActivation::AbsTopK { .. } => {
            code.iter().for_each(|(unit, value)| to.push_value(unit, value));
        }
        SparseActivation::Gated { magnitude_bias, log_scale } => {
            for (unit, value) in code.iter() {
                let gate = parts.encoder_bias[unit];
                let magnitude = (value - gate) * log_scale[unit].exp() + magnitude_bias[unit];
                if is_active(magnitude) {
                    to.push_value(unit, magnitude);
                }
            }
        }
        SparseActivation::GroupMax { groups } => {
            let group = |unit: usize| unit / (parts.units / groups);
            let mut largest: Option<(usize, T)> = None;
            for (unit, value) in code.iter() {
                largest = match largest {
                    Some(of_group) if group(of_group.0) == group(unit) => {
                        let is_larger = value > of_group.1 || !value.is_finite();
                        Some(if is_larger { (unit, value) } else { of_group })
                    }
                    before => {
                        before.into_iter().for_each(|(unit, value)| to.push_value(unit, value));
                        Some((unit, value))
                    }
                };
            }
            largest.into_iter().for_each(|(unit, value)| to.push_value(unit, value));
        }
        _ => {
            let active = code.iter().filter(|&(_, value)| is_active(value));
            active.for_each(|(unit, value)| to.push_value(unit, value));
        }
    }
}

/// Matching pursuit of one sample, of which `left` is what is left in the end.
fn pursue<T: Float>(
    parts: &DictionaryParts<T>,
    left: &mut [T],
    residual: T,
    most: usize,
    ends_on_repetition: bool,
    to: &mut SparseBatch<T>,
) -> Result<()> {
    let mut code = std::collections::BTreeMap::<usize, T>::new();
    for _ in 0..most {
        let rows = parts.decoder.chunks_exact(parts.outputs).enumerate();
        let products = rows.map(|(unit, row)| (unit, sum_pairs(row, left, |a, b| a * b)));
        // One that is not finite stays the first, to be refused.
        let greater = |most: (usize, T), next: (usize, T)| {
            if most.1.is_finite() && (next.1 > most.1 || !next.1.is_finite()) { next } else { most }
        };
        let (unit, product) = products.fold((0, T::ZERO), greater);
        if !product.is_finite() {
            return Err(beyond(CALL, UNIT, unit, product));
        }
        let before = code.len();
        if product > T::ZERO {
            *code.entry(unit).or_insert(T::ZERO) += product;
            let direction = &parts.decoder[unit * parts.outputs..][..parts.outputs];
            left.iter_mut().zip(direction).for_each(|(x, &d)| *x -= product * d);
        }
        let is_repeated = ends_on_repetition && code.len() == before;
        let is_near = residual > T::ZERO && sum(left, |x| x * x).sqrt() < residual;
        // Nothing that is left has a product above 0, nor will it have one later.
        if is_repeated || is_near || product <= T::ZERO {
            break;
        }
    }
    code.into_iter().for_each(|(unit, value)| to.push_value(unit, value));
    to.end_sample();
    Ok(())
}
