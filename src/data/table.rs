//! Samples in a stream of numbers of one type: what IDX and NPY have in common.

use super::element::{Element, Kind};
use super::input::Stream;
use super::long_double::{Writer, is_foreign};
use super::{Refusal, require_left};
use crate::error::{Error, Found, Number, Place, Result, require_size};
use crate::numbers::scalar::Float;

/// Numbers that are decoded in one go.
const BLOCK: usize = 1 << 13;

/// Deflate packs at most so many bytes into one.
const MOST_PACKED: u64 = 1032;

/// In which order the numbers lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// One sample after the other.
    Samples,
    /// One feature of all samples after the other, as Fortran does.
    Features,
}

/// Samples of numbers, from a place in a stream to its end.
#[derive(Debug)]
pub(crate) struct Table {
    stream: Stream,
    start: u64,
    element: Element,
    order: Order,
    shape: Vec<usize>,
    features: usize,
    scale: f64,
    next: usize,
    bytes: Vec<u8>,
    refusal: Refusal,
}

impl Table {
    /// A table of this shape that begins at the stream's place, if the stream is long enough for it.
    /// Numbers by features are read here and there, so their stream must be plain.
    pub(crate) fn new(
        stream: Stream,
        element: Element,
        order: Order,
        shape: &[u64],
    ) -> Result<Self> {
        let start = stream.at();
        let input = stream.input();
        let refuse = |found, expected| {
            Err(input.malformed(Place::Byte(start), Found::Thing(found), expected))
        };
        if shape.is_empty() {
            return refuse("no dimension", "at least one dimension");
        }
        // Without a sample, the number of features could be any: nothing in the file would bear it out.
        if shape[0] == 0 {
            return refuse("no samples", "at least one sample");
        }
        if shape[1..].contains(&0) {
            return refuse("samples without features", "at least one feature");
        }
        let too_large = "a shape that no file can hold";
        let bytes = shape.iter().try_fold(element.size() as u64, |all, &n| all.checked_mul(n));
        let Some(end) = bytes.and_then(|bytes| bytes.checked_add(start)) else {
            return refuse(too_large, "a shape that fits the file");
        };
        if stream.plain().is_some() {
            if end != input.len() {
                return Err(input.mismatch(Place::File, "bytes", end, input.len()));
            }
        } else if end > input.len().saturating_mul(MOST_PACKED) {
            return refuse(
                "a shape that no file of its length can hold",
                "a shape that fits the file",
            );
        }
        let sizes: std::result::Result<Vec<usize>, _> =
            shape.iter().map(|&n| usize::try_from(n)).collect();
        let features = sizes.ok().and_then(|sizes| {
            let features = sizes[1..].iter().try_fold(1, |all: usize, &n| all.checked_mul(n))?;
            Some((sizes, features))
        });
        let Some((shape, features)) = features else {
            return refuse(too_large, "a shape that fits this machine's memory");
        };
        let refusal = Refusal::default();
        let (scale, next, bytes) = (1.0, 0, Vec::new());
        let mut table =
            Self { stream, start, element, order, shape, features, scale, next, bytes, refusal };
        if matches!(element.kind, Kind::F80 { .. }) {
            table.check_long_doubles()?;
        }
        Ok(table)
    }

    /// Refuses long doubles that are not x86's, for which all of them are looked at.
    fn check_long_doubles(&mut self) -> Result<()> {
        const EXPECTED: &str = "long doubles of x86: save `array.astype(\"f8\")`";
        let (size, mut left) = (self.element.size(), self.samples() as u64 * self.features as u64);
        let mut writer = Writer::default();
        while left > 0 {
            let count = left.min(BLOCK as u64) as usize;
            let at = self.stream.at();
            self.bytes.resize(count * size, 0);
            self.stream.fill(&mut self.bytes)?;
            for (k, bits) in self.element.bits(&self.bytes).enumerate() {
                if is_foreign(bits) {
                    let found = "a long double of another machine";
                    return Err(self.refuse(at + (k * size) as u64, found, EXPECTED));
                }
                writer.look_at(bits);
            }
            left -= count as u64;
        }
        if writer.is_in_doubt() {
            let found =
                "long doubles that another machine may have written: in x86's all would be 0";
            return Err(self.refuse(self.start, found, EXPECTED));
        }
        self.stream.seek(self.start)
    }

    /// Multiplies every number.
    pub(crate) fn set_scale(&mut self, scale: f64) {
        self.scale = scale;
    }

    /// All sizes, the number of samples first.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn samples(&self) -> usize {
        self.shape[0]
    }

    /// A refusal of what is at a byte.
    pub(crate) fn refuse(&self, at: u64, found: &'static str, expected: &'static str) -> Error {
        self.stream.input().malformed(Place::Byte(at), Found::Thing(found), expected)
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(crate) fn rewind(&mut self) -> Result<()> {
        self.refusal.forget();
        let sought = self.stream.seek(self.start);
        self.next = 0;
        self.refusal.note(sought)
    }

    /// Fills whole samples of so many features and says how many.
    pub(crate) fn read<T: Float>(&mut self, features: usize, to: &mut [T]) -> Result<usize> {
        require_size("Source::read", "features", self.features, features)?;
        self.refusal.check()?;
        let count = (to.len() / features).min(self.samples() - self.next);
        let read = self.read_samples(&mut to[..count * features]);
        self.refusal.note(read)?;
        self.next += count;
        let ended = self.check_end(count);
        self.refusal.note(ended)?;
        Ok(count)
    }

    /// Checks the end with the last sample, so that a pass is not believed before it.
    fn check_end(&mut self, count: usize) -> Result<()> {
        let is_at_end = count > 0 && self.next == self.samples() && self.order == Order::Samples;
        if is_at_end { self.stream.finish() } else { Ok(()) }
    }

    fn read_samples<T: Float>(&mut self, to: &mut [T]) -> Result<()> {
        let size = self.element.size();
        match self.order {
            Order::Samples => {
                for to in to.chunks_mut(BLOCK) {
                    self.bytes.resize(to.len() * size, 0);
                    self.stream.fill(&mut self.bytes)?;
                    self.element.decode(&self.bytes, self.scale, to.iter_mut());
                }
            }
            Order::Features => {
                let mut first = self.next;
                for to in to.chunks_mut(BLOCK.saturating_mul(self.features)) {
                    let count = to.len() / self.features;
                    self.bytes.resize(count * size, 0);
                    for feature in 0..self.features {
                        let column = column(&self.shape[1..], feature);
                        let number = column as u64 * self.samples() as u64 + first as u64;
                        self.stream.read_at(self.place_of(number), &mut self.bytes)?;
                        let to = to[feature..].iter_mut().step_by(self.features);
                        self.element.decode(&self.bytes, self.scale, to);
                    }
                    first += count;
                }
            }
        }
        self.check_finite(to)
    }

    /// The first byte of a number of the table, or of its end. A file has more bytes than a machine's memory may
    /// have, but not more than a `u64` counts, which was checked.
    fn place_of(&self, number: u64) -> u64 {
        self.start + number * self.element.size() as u64
    }

    fn check_finite<T: Float>(&mut self, values: &[T]) -> Result<()> {
        // x · 0 is 0 for every finite x, and NaN otherwise: a sum without a branch.
        if crate::numbers::scalar::sum(values, |x| x * T::ZERO) == T::ZERO {
            return Ok(());
        }
        match values.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(at) => {
                let sample = (self.next + at / self.features) as u64;
                let place = Place::Value { sample, feature: (at % self.features) as u64 };
                let value = self.stored(at)?;
                let found = Found::Number(Number(value));
                let is_long = matches!(self.element.kind, Kind::F80 { .. });
                let expected = if value.is_finite() {
                    too_large::<T>(self.scale)
                } else if is_long {
                    "a finite number within the range of `f64`, which is less than that of a long double"
                } else {
                    "a finite number"
                };
                Err(self.stream.input().malformed(place, found, expected))
            }
        }
    }

    /// A number of the samples that are read as the file has it, without the scale and in the widest type: it is read
    /// once more, as only what has been made of it is left. Leaves the stream elsewhere.
    fn stored(&mut self, at: usize) -> Result<f64> {
        let (row, feature) = (self.next + at / self.features, at % self.features);
        let number = match self.order {
            Order::Samples => row as u64 * self.features as u64 + feature as u64,
            Order::Features => {
                column(&self.shape[1..], feature) as u64 * self.samples() as u64 + row as u64
            }
        };
        self.bytes.resize(self.element.size(), 0);
        self.stream.seek(self.place_of(number))?;
        self.stream.fill(&mut self.bytes)?;
        let mut value = 0.0;
        self.element.decode(&self.bytes, 1.0, std::iter::once(&mut value));
        Ok(value)
    }

    pub(crate) fn skip(&mut self, samples: usize) -> Result<()> {
        self.refusal.check()?;
        require_left(samples, self.samples() - self.next)?;
        self.next += samples;
        let at = self.place_of(self.next as u64 * self.features as u64);
        let skipped = match self.order {
            Order::Samples => self.stream.seek(at).and_then(|()| self.check_end(samples)),
            Order::Features => Ok(()),
        };
        self.refusal.note(skipped)
    }
}

/// What belongs in place of a finite number that is too large for the type it is read as.
fn too_large<T: Float>(scale: f64) -> &'static str {
    match (size_of::<T>() < size_of::<f64>(), scale == 1.0) {
        (true, true) => "a number within the range of `f32` (`f64` has a wider one)",
        (true, false) => {
            "a number that times the scale is within the range of `f32` (`f64` has a wider one)"
        }
        (false, _) => "a number that times the scale is within the range of `f64`",
    }
}

/// Where a feature lies among features whose first index moves fastest, when `feature` counts them
/// with the last index fastest.
fn column(sizes: &[usize], feature: usize) -> usize {
    let mut left = feature;
    let mut column = 0;
    for (k, &size) in sizes.iter().enumerate().rev() {
        column += left % size * sizes[..k].iter().product::<usize>();
        left /= size;
    }
    column
}

#[cfg(test)]
mod tests {
    use super::column;

    #[test]
    fn features_of_a_fortran_array() {
        // numpy.arange(6).reshape(2, 3) flattened by C and found in its Fortran order [0 3 1 4 2 5].
        let columns: Vec<usize> = (0..6).map(|feature| column(&[2, 3], feature)).collect();
        assert_eq!(columns, [0, 2, 4, 1, 3, 5]);
        assert_eq!(column(&[7], 4), 4);
        assert_eq!(column(&[], 0), 0);
    }
}
