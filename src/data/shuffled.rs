use std::ops::Range;

use rand::RngExt;

use super::{Refusal, Source, require_left, require_wanted};
use crate::batch::size::Size;
use crate::batch::{Batch, BatchViewMut};
use crate::error::{Result, require_count, require_size, reserved};
use crate::numbers::scalar::Float;
use crate::random::{StreamRng, keyed};

/// Samples that are read from the source in one go, at most.
const AHEAD: usize = 64;

/// Another source in a random order, through a buffer of so many samples: neighbours, such as the tokens of a text, part.
///
/// The buffer is filled at first. Then the next sample is any one in it, and the source's next one takes its place. With
/// room for all samples, every order is as likely as any other. The order depends on the seed, on the capacity and on the
/// number of samples alone. It is the same in every pass, as that of every source is: sources beside each other
/// (activations, and the class of each) stay in step with the same seed and capacity, and a resumed training has the
/// same samples with those that it was stopped with, which no checkpoint knows.
///
/// A [`Trainer`](crate::Trainer) has an order of its own for every epoch, but takes a stream block by block
/// ([`shuffle_buffer`](crate::Trainer::shuffle_buffer)): samples of one block stay together in all epochs. Behind a
/// `Shuffled`, those of a block come from many places.
///
/// # Formula
/// A sample that comes when the buffer is full leaves after w others have left, P(w) = (1 − 1/c)ʷ / c for a capacity c:
/// after c − 1 of them in the mean.
///
/// # Example
/// ```
/// use autoencoder::data::{InMemory, Shuffled, Source};
/// use autoencoder::Batch;
///
/// let batch: Batch<f32, _> = Batch::from_iter((0..1000).map(|sample| [sample as f32]));
/// let mut shuffled = Shuffled::new(InMemory::from(&batch), 100, 7)?;
/// let order = shuffled.load()?.into_vec();
/// assert_ne!(order, batch.as_slice());
/// assert_eq!(shuffled.load()?.into_vec(), order); // in every pass
/// let mut sorted = order.clone();
/// sorted.sort_by(f32::total_cmp);
/// assert_eq!(sorted, batch.as_slice()); // each one once
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug)]
pub struct Shuffled<S: Source> {
    source: S,
    seed: u64,
    rng: StreamRng,
    capacity: usize,
    /// As many samples as the capacity at most, then those that were read ahead.
    buffer: Vec<S::Scalar>,
    /// Samples that wait for their turn.
    held: usize,
    /// Samples that were given or passed over.
    given: usize,
    /// Those of the samples that were read ahead that are left.
    ahead: Range<usize>,
    is_full: bool,
    refusal: Refusal,
}

impl<S: Source> Shuffled<S> {
    /// Behind a source, with a buffer of so many samples, at least 1; with 1 the order stays. There is no more room than
    /// the source has samples.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no capacity, for one beyond all memory, and for a
    /// source without features.
    pub fn new(source: S, capacity: usize, seed: u64) -> Result<Self> {
        require_count("capacity of Shuffled", capacity)?;
        require_count("features of the source of Shuffled", source.size().value())?;
        let capacity = capacity.min(source.samples()).max(1);
        let values = capacity.saturating_add(AHEAD).saturating_mul(source.size().value());
        let mut buffer = reserved("the values in the buffer of Shuffled", values)?;
        buffer.resize(values, S::Scalar::ZERO);
        let (rng, refusal) = (Self::generator(seed), Refusal::default());
        let mut shuffled = Self {
            source,
            seed,
            rng,
            capacity,
            buffer,
            held: 0,
            given: 0,
            ahead: 0..0,
            is_full: false,
            refusal,
        };
        shuffled.rewind()?;
        Ok(shuffled)
    }

    fn generator(seed: u64) -> StreamRng {
        keyed(seed, u64::MAX - 3, 0)
    }

    /// Reads samples into places of the buffer and says how many there were.
    fn take(&mut self, places: Range<usize>) -> Result<usize> {
        let features = self.source.size().value();
        let values = &mut self.buffer[places.start * features..places.end * features];
        let read = self.source.read(BatchViewMut::new(values, features))?;
        require_wanted(places.len(), read)
    }

    fn fill(&mut self) -> Result<()> {
        while self.held < self.capacity {
            match self.take(self.held..self.capacity)? {
                0 => break,
                read => self.held += read,
            }
        }
        self.is_full = true;
        Ok(())
    }

    /// Puts the next sample of the source into this place, or the last one that is held where the source has no more.
    fn replace(&mut self, place: usize) -> Result<()> {
        if self.ahead.is_empty() {
            let read = self.take(self.capacity..self.capacity + AHEAD)?;
            self.ahead = self.capacity..self.capacity + read;
        }
        let from = self.ahead.next().unwrap_or_else(|| {
            self.held -= 1;
            self.held
        });
        let features = self.source.size().value();
        self.buffer.copy_within(from * features..(from + 1) * features, place * features);
        Ok(())
    }

    fn read_on(&mut self, mut to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
        let features = self.source.size().value();
        if !self.is_full && to.samples() > 0 {
            self.fill()?;
        }
        let mut count = 0;
        for to in to.as_mut_slice().chunks_exact_mut(features) {
            if self.held == 0 {
                break;
            }
            let place = self.rng.random_range(0..self.held);
            to.copy_from_slice(&self.buffer[place * features..(place + 1) * features]);
            self.replace(place)?;
            count += 1;
            self.given += 1;
        }
        Ok(count)
    }
}

impl<S: Source> Source for Shuffled<S> {
    type Scalar = S::Scalar;
    type Features = S::Features;
    fn size(&self) -> S::Features {
        self.source.size()
    }
    fn samples(&self) -> usize {
        self.source.samples()
    }
    #[cfg(feature = "table")]
    fn schema(&self) -> Option<&super::Schema> {
        self.source.schema()
    }
    fn rewind(&mut self) -> Result<()> {
        self.refusal.forget();
        (self.held, self.given, self.ahead, self.is_full) = (0, 0, 0..0, false);
        self.rng = Self::generator(self.seed);
        let rewound = self.source.rewind();
        self.refusal.note(rewound)
    }
    fn read(&mut self, to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
        require_size("Source::read", "features", self.size().value(), to.features())?;
        self.refusal.check()?;
        let read = self.read_on(to);
        self.refusal.note(read)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.refusal.check()?;
        require_left(samples, self.samples().saturating_sub(self.given))?;
        // Passed over one by one, as the order of those behind depends on it.
        let mut passed = Batch::zeros(self.size(), samples.min(AHEAD));
        let mut left = samples;
        while left > 0 {
            let (wanted, _) = passed.view_mut().split_at(left.min(AHEAD));
            match self.read(wanted)? {
                0 => return require_left(samples, samples - left),
                count => left -= count,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::InMemory;
    use crate::error::Error;
    use nalgebra::{Const, Dyn};

    fn order(samples: usize, capacity: usize, seed: u64) -> Vec<usize> {
        let batch: Batch<f64, Const<1>> = (0..samples).map(|sample| [sample as f64]).collect();
        let mut shuffled = Shuffled::new(InMemory::from(batch), capacity, seed).unwrap();
        shuffled.load().unwrap().into_vec().into_iter().map(|sample| sample as usize).collect()
    }

    #[test]
    fn each_sample_comes_once_and_none_before_its_time() {
        for (samples, capacity) in
            [(1, 1), (5, 1), (5, 3), (300, 7), (300, 64), (300, 300), (300, 999)]
        {
            let order = order(samples, capacity, 1);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..samples).collect::<Vec<_>>(), "{samples} by {capacity}");
            // The buffer has had no more than its capacity beyond what has left.
            let is_in_time = |(place, &sample): (usize, &usize)| sample < place + capacity;
            assert!(order.iter().enumerate().all(is_in_time), "{samples} by {capacity}");
            assert_eq!(capacity == 1 || samples == 1, order == sorted);
        }
    }

    /// Geometric: mean c − 1 and variance c(c − 1).
    #[test]
    fn samples_wait_as_long_as_the_formula_says() {
        let (samples, capacity) = (60_000, 100);
        let order = order(samples, capacity, 3);
        // Those that came when it was full, and left long before the source ended.
        let waits = order
            .iter()
            .enumerate()
            .filter(|&(_, &sample)| (capacity..samples / 2).contains(&sample));
        let waits: Vec<f64> =
            waits.map(|(place, &sample)| (place - (sample + 1 - capacity)) as f64).collect();
        let (count, c) = (waits.len() as f64, capacity as f64);
        let mean = waits.iter().sum::<f64>() / count;
        let deviation = (c * (c - 1.0) / count).sqrt();
        assert!((mean - (c - 1.0)).abs() < 4.0 * deviation, "{mean}");
        // P(w > c) = (1 − 1/c)^(c + 1).
        let long = waits.iter().filter(|&&wait| wait > c).count() as f64 / count;
        let share = (1.0 - 1.0 / c).powi(101);
        assert!((long - share).abs() < 4.0 * (share * (1.0 - share) / count).sqrt(), "{long}");
    }

    /// Of all orders of four samples, each 1 in 24; χ² of 23 degrees of freedom is above 49.7 once in a thousand times.
    #[test]
    fn with_room_for_all_every_order_is_as_likely() {
        let mut counts = std::collections::BTreeMap::<_, u32>::new();
        for seed in 0..4800 {
            *counts.entry(order(4, 4, seed)).or_default() += 1;
        }
        assert_eq!(counts.len(), 24);
        let chi_squared: f64 =
            counts.values().map(|&count| (f64::from(count) - 200.0).powi(2) / 200.0).sum();
        assert!(chi_squared < 49.7, "{chi_squared}");
    }

    #[test]
    fn what_has_no_features_or_no_samples_left_is_refused() {
        let empty = InMemory::from(Batch::<f32, _>::zeros(Dyn(0), 0));
        let error = Shuffled::new(empty, 3, 1).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { .. }), "{error}");
        let batch: Batch<f64, Const<1>> = (0..10).map(|sample| [f64::from(sample)]).collect();
        let mut shuffled = Shuffled::new(InMemory::from(batch), 4, 1).unwrap();
        let order = shuffled.load().unwrap().into_vec();
        shuffled.rewind().unwrap();
        shuffled.skip(3).unwrap();
        let error = shuffled.skip(8).unwrap_err();
        let expected = (8, 7);
        let found = match error {
            Error::SizeMismatch { expected, found, .. } => (expected, found),
            other => panic!("{other}"),
        };
        assert_eq!(found, expected);
        // It has not moved, and is not refused from now on.
        let mut next = Batch::<f64, Const<1>>::zeros(Const, 7);
        assert_eq!(shuffled.read(next.view_mut()).unwrap(), 7);
        assert_eq!(next.as_slice(), &order[3..]);
    }
}
