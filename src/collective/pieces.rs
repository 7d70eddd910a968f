use std::ops::Range;

use super::Collective;
use crate::error::Result;
use crate::numbers::scalar::Float;

/// Bytes that are on their way at a time: they stay in the cache, and are far fewer than the two billion that MPI can
/// count.
const TOGETHER: usize = 1 << 18;
/// But never fewer from one process to another, or messages would take longer to begin than to end.
const LEAST: usize = 1 << 14;

/// Moves the numbers of one slice among processes piece by piece, each of which owns a place in it.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    mine: Vec<u8>,
    theirs: Vec<u8>,
    to: Vec<usize>,
    from: Vec<usize>,
}

impl Pieces {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// What is on its way at a time: of each place the numbers from one of these on, and how many at most.
    fn spans<T>(places: &[Range<usize>]) -> impl Iterator<Item = Range<usize>> + use<T> {
        let at_once = (TOGETHER / places.len()).max(LEAST) / size_of::<T>();
        let longest = places.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        (0..longest).step_by(at_once).map(move |first| first..first + at_once)
    }

    /// Adds `scale` times the values of those who take part, in the order of the processes, to what this process has of
    /// the sum: that of its place. If it is the first, the sum begins with it.
    pub(crate) fn add<T: Float>(
        &mut self,
        all: &mut dyn Collective,
        values: &[T],
        scale: T,
        (places, takes_part): (&[Range<usize>], &[bool]),
        is_first: bool,
        sum: &mut Vec<T>,
    ) -> Result<()> {
        let (rank, own) = (all.rank(), &places[all.rank()]);
        sum.resize(own.len(), T::ZERO);
        for span in Self::spans::<T>(places) {
            let piece = |place: &Range<usize>| part_at(place, &span);
            self.mine.clear();
            self.to.clear();
            for (other, place) in places.iter().enumerate() {
                let before = self.mine.len();
                if takes_part[rank] && other != rank {
                    let piece = &values[piece(place)];
                    self.mine.resize(before + size_of_val(piece), 0);
                    T::write_scaled(piece, scale, &mut self.mine[before..]);
                }
                self.to.push(self.mine.len() - before);
            }
            let own_piece = piece(own);
            let length = own_piece.len() * size_of::<T>();
            self.from.clear();
            let others = takes_part.iter().enumerate();
            let of_each = |(other, &takes): (usize, &bool)| {
                if takes && other != rank { length } else { 0 }
            };
            self.from.extend(others.map(of_each));
            self.theirs.resize(self.from.iter().sum(), 0);
            all.exchange(&self.mine, &self.to, &mut self.theirs, &self.from)?;

            let to = &mut sum[own_piece.start - own.start..own_piece.end - own.start];
            let mut theirs = &self.theirs[..];
            let mut is_new = is_first;
            for (other, _) in takes_part.iter().enumerate().filter(|(_, takes)| **takes) {
                if other == rank {
                    add_scaled(&values[own_piece.clone()], scale, is_new, to);
                } else {
                    let (part, rest) = theirs.split_at(length);
                    T::add_read(part, is_new, to);
                    theirs = rest;
                }
                is_new = false;
            }
        }
        Ok(())
    }

    /// Gives all processes the places of all others.
    pub(crate) fn gather<T: Float>(
        &mut self,
        all: &mut dyn Collective,
        values: &mut [T],
        places: &[Range<usize>],
    ) -> Result<()> {
        if all.size() == 1 {
            return Ok(());
        }
        let rank = all.rank();
        for span in Self::spans::<T>(places) {
            let piece = |place: &Range<usize>| part_at(place, &span);
            self.from.clear();
            self.from.extend(places.iter().map(|place| piece(place).len() * size_of::<T>()));
            let own = &values[piece(&places[rank])];
            self.mine.resize(size_of_val(own), 0);
            T::write_scaled(own, T::ONE, &mut self.mine);
            self.theirs.resize(self.from.iter().sum(), 0);
            all.gather(&self.mine, &mut self.theirs, &self.from)?;
            let mut theirs = &self.theirs[..];
            for (other, (place, &length)) in places.iter().zip(&self.from).enumerate() {
                let (part, rest) = theirs.split_at(length);
                theirs = rest;
                if other != rank {
                    T::add_read(part, true, &mut values[piece(place)]);
                }
            }
        }
        Ok(())
    }
}

/// The part of a place that lies there, counted from its start.
fn part_at(place: &Range<usize>, span: &Range<usize>) -> Range<usize> {
    let at = |offset: usize| place.end.min(place.start + offset);
    at(span.start)..at(span.end)
}

/// Adds `scale` times these values to others, or writes them over others.
fn add_scaled<T: Float>(values: &[T], scale: T, is_new: bool, to: &mut [T]) {
    let pairs = to.iter_mut().zip(values);
    if is_new {
        pairs.for_each(|(to, &value)| *to = scale * value);
    } else {
        pairs.for_each(|(to, &value)| *to += scale * value);
    }
}
