//! The points of a reference, and how far from a place they are: all are looked at, in blocks.

use std::iter::repeat;

use super::Numbers;
use crate::error::{Error, Result, require};
use crate::numbers::scalar::{is_nan, sum_pairs};
use crate::numbers::vector::vectorize;

/// Points, kept twice: one after the other, and in blocks that are looked at together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Points {
    points: Vec<f64>,
    /// The same in blocks of [`BLOCK`], coordinate by coordinate, the last filled up with ∞.
    blocks: Vec<f64>,
}

/// Points whose distances are taken together: the first coordinate of each, then the second, and so on.
const BLOCK: usize = 32;

impl Points {
    /// These, one after the other, of so many coordinates, of which the first are the features; a missing one, NaN, is
    /// the mean of what others have there.
    ///
    /// # Errors
    /// [`Error::EmptyFeature`] if none has anything there: from nothing there is no distance.
    pub(super) fn new(points: Vec<f64>, d: usize) -> Result<Self> {
        let points = filled(points, d)?;
        let samples = points.len() / d.max(1);
        let mut blocks = Vec::with_capacity(samples.next_multiple_of(BLOCK) * d);
        for block in points.chunks(BLOCK * d.max(1)) {
            for coordinate in 0..d {
                let of_coordinate = block[coordinate..].iter().step_by(d).copied();
                // Nothing is near a place that is not taken.
                blocks.extend(of_coordinate.chain(repeat(f64::INFINITY)).take(BLOCK));
            }
        }
        Ok(Self { points, blocks })
    }

    /// For a search of the k nearest, of which one may be left out.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::InvalidParameter`] by this name unless there are more than k.
    pub(super) fn of_more_than(
        k: usize,
        name: &'static str,
        points: Vec<f64>,
        d: usize,
    ) -> Result<Self> {
        let is_enough = k < points.len() / d.max(1);
        require(is_enough, name, k as f64, "less than the number of reference samples")?;
        Self::new(points, d)
    }

    /// What a file has under a name.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for a number too many or too few.
    pub(super) fn list(numbers: &Numbers, list: &str, d: usize) -> Result<Vec<f64>> {
        let samples = numbers.list(list).len() / d.max(1);
        Ok(numbers.exactly(list, samples * d)?.to_vec())
    }

    /// The points one after the other.
    pub(super) fn all(&self) -> &[f64] {
        &self.points
    }

    /// The length of a list with a number for each point, and for each place of the last block that is not taken.
    pub(super) fn places(&self, d: usize) -> usize {
        (self.points.len() / d.max(1)).next_multiple_of(BLOCK)
    }

    /// Writes the squared distance from x to each point; ∞ for a place that is not taken.
    pub(super) fn squares(&self, x: &[f64], to: &mut [f64]) {
        let blocks = self.blocks.chunks_exact(BLOCK * x.len().max(1));
        for (columns, to) in blocks.zip(to.as_chunks_mut::<BLOCK>().0) {
            block_distances(x, columns, to, f64::INFINITY, square);
        }
    }

    /// Writes the least distances from x in ascending order, as many as there is room for, and which points they are
    /// to; one may be left out. A distance is the sum over coordinates of what `of_pair` makes of the two, which is 0
    /// of one that x misses.
    fn find(
        &self,
        x: &[f64],
        left_out: Option<usize>,
        (distances, indices): (&mut [f64], &mut [f64]),
        of_pair: impl Fn(f64, f64) -> f64 + Copy,
    ) {
        let (d, last) = (x.len(), distances.len() - 1);
        // More than what rounding can make of a sum of so many in another order.
        let slack = 1.0 + 4.0 * d as f64 * f64::EPSILON;
        distances.fill(f64::INFINITY);
        indices.fill(0.0);
        let mut sums = [0.0; BLOCK];
        for (block, columns) in self.blocks.chunks_exact(BLOCK * d.max(1)).enumerate() {
            let limit = distances[last] * slack;
            let is_near = block_distances(x, columns, &mut sums, limit, of_pair);
            if !is_near {
                continue;
            }
            let first = block * BLOCK;
            for (index, &sum) in (first..).zip(&sums) {
                // A comparison with NaN is false, which makes a candidate.
                if sum > limit || left_out == Some(index) {
                    continue;
                }
                let Some(y) = self.points.get(index * d..(index + 1) * d) else { break };
                let distance = sum_pairs(x, y, of_pair);
                if distance < distances[last] {
                    let at = distances.partition_point(|&other| other <= distance);
                    distances[at..].rotate_right(1);
                    indices[at..].rotate_right(1);
                    (distances[at], indices[at]) = (distance, index as f64);
                }
            }
        }
    }

    /// The squared distances from x to the nearest points, of which one may be left out, and these points, in the order
    /// of their distances: as many as half of the room given.
    pub(super) fn by_squares<'a>(
        &'a self,
        x: &[f64],
        left_out: Option<usize>,
        room: &'a mut [f64],
    ) -> impl Iterator<Item = (f64, &'a [f64])> {
        let (distances, indices) = room.split_at_mut(room.len() / 2);
        self.find(x, left_out, (distances, indices), square);
        self.found(x.len(), distances, indices)
    }

    /// The same with sums of absolute differences in place of squared ones.
    pub(super) fn by_sizes<'a>(
        &'a self,
        x: &[f64],
        left_out: Option<usize>,
        room: &'a mut [f64],
    ) -> impl Iterator<Item = (f64, &'a [f64])> {
        let (distances, indices) = room.split_at_mut(room.len() / 2);
        self.find(x, left_out, (distances, indices), size);
        self.found(x.len(), distances, indices)
    }

    fn found<'a>(
        &'a self,
        d: usize,
        distances: &'a [f64],
        indices: &'a [f64],
    ) -> impl Iterator<Item = (f64, &'a [f64])> {
        let pairs = distances.iter().zip(indices);
        pairs.map(move |(&distance, &index)| (distance, &self.points[index as usize * d..][..d]))
    }
}

/// What is missing tells of no distance.
#[inline(always)]
pub(super) fn square(x: f64, y: f64) -> f64 {
    let squared = (x - y) * (x - y);
    if is_nan(x) { 0.0 } else { squared }
}

/// As [`square`].
#[inline(always)]
pub(super) fn size(x: f64, y: f64) -> f64 {
    let size = (x - y).abs();
    if is_nan(x) { 0.0 } else { size }
}

/// Points of so many coordinates, where a missing one is the mean of what others have there.
fn filled(mut points: Vec<f64>, d: usize) -> Result<Vec<f64>> {
    if !points.iter().any(|&x| is_nan(x)) {
        return Ok(points);
    }
    for coordinate in 0..d {
        let of_coordinate = || points[coordinate..].iter().step_by(d).filter(|&&x| !is_nan(x));
        let count = match of_coordinate().count() {
            0 => {
                let call = "AnomalyDetector::fit";
                return Err(Error::EmptyFeature { call, feature: coordinate });
            }
            count => count as f64,
        };
        let mean = of_coordinate().map(|x| x / count).sum::<f64>();
        let missing = points[coordinate..].iter_mut().step_by(d).filter(|x| is_nan(**x));
        missing.for_each(|x| *x = mean);
    }
    Ok(points)
}

/// The distances from x of a block of points, and whether any is at most the limit.
fn block_distances(
    x: &[f64],
    block: &[f64],
    to: &mut [f64; BLOCK],
    limit: f64,
    of_pair: impl Fn(f64, f64) -> f64 + Copy,
) -> bool {
    vectorize(
        #[inline(always)]
        || {
            let mut sums = [0.0; BLOCK];
            for (&x, of_coordinate) in x.iter().zip(block.chunks_exact(BLOCK)) {
                for (sum, &y) in sums.iter_mut().zip(of_coordinate) {
                    *sum += of_pair(x, y);
                }
            }
            *to = sums;
            // Counted without a branch; a comparison with NaN is false, which makes a candidate.
            let beyond: u32 = sums.iter().map(|&sum| u32::from(sum > limit)).sum();
            beyond as usize != BLOCK
        },
    )
}
