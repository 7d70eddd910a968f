//! The value of an objective, term by term.

use std::borrow::Cow;
use std::fmt;

use crate::numbers::scalar::Float;
use crate::numbers::significant::to_five_decimals;

/// The named terms of an objective: first the loss, then what the regularizers add, each with its
/// weight already in it. Their sum is what training makes small.
///
/// # Example
/// ```
/// let mut terms = autoencoder::Terms::new();
/// terms.add("squared_error", 1.5);
/// terms.add("sparse_kl", 0.25);
/// assert_eq!(terms.total(), 1.75);
/// assert_eq!(terms.get("sparse_kl"), Some(0.25));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Terms {
    entries: Vec<(Cow<'static, str>, f64)>,
}

impl Terms {
    /// No terms yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a term. A name that is there already stands for a part of its own.
    pub fn add<T: Float>(&mut self, name: &'static str, value: T) {
        self.entries.push((Cow::Borrowed(name), value.to_double()));
    }

    /// The terms in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> + '_ {
        self.entries.iter().map(|(name, value)| (&**name, *value))
    }

    /// The first term of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|&(other, _)| other == name).map(|(_, value)| value)
    }

    /// The loss alone: the first term, the mean over samples of the reconstruction's loss.
    pub fn reconstruction(&self) -> f64 {
        self.entries.first().map_or(0.0, |(_, value)| *value)
    }

    /// The sum of all terms.
    pub fn total(&self) -> f64 {
        // From 0, as an empty sum would be −0.
        self.iter().fold(0.0, |sum, (_, value)| sum + value)
    }

    /// Terms of these names and values, as a file has them.
    #[cfg(feature = "safetensors")]
    pub(crate) fn of(entries: impl Iterator<Item = (String, f64)>) -> Self {
        Self { entries: entries.map(|(name, value)| (Cow::Owned(name), value)).collect() }
    }

    /// Multiplies all values.
    pub(crate) fn scale(&mut self, factor: f64) {
        self.entries.iter_mut().for_each(|(_, value)| *value *= factor);
    }

    /// Takes over other terms, in the memory that is there.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.entries.clear();
        self.entries.extend_from_slice(&other.entries);
    }

    /// Adds all terms of others behind these.
    pub(crate) fn append(&mut self, others: &Self) {
        self.entries.extend_from_slice(&others.entries);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Adds `share` times the values of other terms of the same names in the same order.
    pub(crate) fn accumulate(&mut self, other: &Self, share: f64) {
        if self.entries.is_empty() {
            self.entries.extend(other.entries.iter().map(|(name, _)| (name.clone(), 0.0)));
        }
        for (sum, (_, value)) in self.entries.iter_mut().zip(other.iter()) {
            sum.1 += share * value;
        }
    }

    /// Appends all terms as bytes.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            to.extend(value.to_ne_bytes());
            to.extend((name.len() as u32).to_ne_bytes());
            to.extend(name.as_bytes());
        }
    }

    /// As [`accumulate`](Self::accumulate), of terms that were written as bytes; `None` where these are none. Names are
    /// those of `known` terms where they are the same.
    pub(crate) fn accumulate_written(
        &mut self,
        mut bytes: &[u8],
        share: f64,
        known: &Self,
    ) -> Option<()> {
        for number in 0.. {
            let Some((value, rest)) = bytes.split_first_chunk() else { break };
            let (length, rest) = rest.split_first_chunk()?;
            let (name, rest) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
            bytes = rest;
            let value = share * f64::from_ne_bytes(*value);
            if let Some((_, sum)) = self.entries.get_mut(number) {
                *sum += value;
                continue;
            }
            let name = std::str::from_utf8(name).ok()?;
            let same = known.entries.get(number).filter(|(known, _)| *known == name);
            let name = same.map_or_else(|| name.to_owned().into(), |(known, _)| known.clone());
            // As a sum that begins with 0.
            self.entries.push((name, 0.0 + value));
        }
        bytes.is_empty().then_some(())
    }
}

/// `total (name value, name value, …)`
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_five_decimals(self.total()))?;
        for (index, (name, value)) in self.iter().enumerate() {
            let before = if index == 0 { " (" } else { ", " };
            write!(f, "{before}{name} {}", to_five_decimals(value))?;
        }
        if self.entries.is_empty() { Ok(()) } else { write!(f, ")") }
    }
}
