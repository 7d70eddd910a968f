use rand::Rng;

use super::{Corruption, below, require_images};
use crate::batch::size::{ImageSize, Shape};
use crate::code::Facts;
use crate::error::{Result, require};
use crate::numbers::scalar::Float;

/// Cuts a piece of a given size out of an image, anywhere and of all channels alike, and stretches it to the size of
/// the image.
///
/// # Formula
/// A pixel of the result is the mean of the four nearest of the piece, by straight lines between their centres
/// (`align_corners=False` of PyTorch); beyond the outermost centres it is the outermost.
///
/// # Shapes
/// Samples of the image's size, channel by channel, which they keep. Other samples are refused when a model is built:
/// images of other sides, rows exchanged for columns among them, and plain features of another number, with
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch); windows, whose values lie in another order, with
/// [`Error::Unfit`](crate::Error::Unfit). Plain features of the same number are taken to be such images.
///
/// # Example
/// ```
/// use autoencoder::{Augment, corruption::Crop, size::Image};
/// let pieces = Augment::new(Crop::new(Image::<3, 32, 32>, 24, 24)?);
/// # let _ = pieces;
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    shape: Shape,
    height: usize,
    width: usize,
}

impl Crop {
    /// Pieces of so many rows and columns, each from 1 to those of the image.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(size: impl ImageSize, height: usize, width: usize) -> Result<Self> {
        let shape = size.shape();
        let requirement = "from 1 to the rows of the image";
        require((1..=shape.height).contains(&height), "Crop height", height as f64, requirement)?;
        let requirement = "from 1 to the columns of the image";
        require((1..=shape.width).contains(&width), "Crop width", width as f64, requirement)?;
        Ok(Self { shape, height, width })
    }
}

impl<T: Float> Corruption<T> for Crop {
    fn describe(&self) -> String {
        let Self { shape, height, width } = self;
        format!("Crop {{ size: {shape}, height: {height}, width: {width} }}")
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_images("Crop", self.shape, facts)
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        let Shape { height, width, .. } = self.shape;
        let top = below(height - self.height + 1, rng);
        let left = below(width - self.width + 1, rng);
        for plane in sample.chunks_exact_mut((height * width).max(1)) {
            for row in plane.chunks_exact_mut(width) {
                stretch(row, (0, 1, width), left, self.width);
            }
            for column in 0..width {
                stretch(plane, (column, width, height), top, self.height);
            }
        }
    }
}

/// Stretches a part of a line, which begins at `first` and has `length` values, to the whole line, in place: the line's
/// values are `start`, `start + stride`, …, `count` of them.
///
/// A place y of the result lies at s(y) in the line, and s rises by less than 1 from place to place. So up to some place
/// s(y) ≥ y, and from there on s(y) < y: what comes before is read from further on and is written in rising order, what
/// comes after in falling order, and the two places between them, which both sides read, come last.
fn stretch<T: Float>(
    values: &mut [T],
    (start, stride, count): (usize, usize, usize),
    first: usize,
    length: usize,
) {
    if length == count {
        return;
    }
    // The two values that a place lies between, and how far it is from the first of them.
    let source = |y: usize| {
        let at = (y as f64 + 0.5) * length as f64 / count as f64 - 0.5;
        let at = first as f64 + at.clamp(0.0, (length - 1) as f64);
        let below = at.floor() as usize;
        (below, (below + 1).min(first + length - 1), T::of(at - at.floor()))
    };
    let place = |y: usize| start + y * stride;
    let mixed = |values: &[T], (below, above, share): (usize, usize, T)| {
        let (below, above) = (values[place(below)], values[place(above)]);
        below + share * (above - below)
    };
    // The first place is never read from before itself; the last of those that are not comes before the other side.
    let is_before = |&y: &usize| source(y).0 >= y;
    let middle = (0..count).rev().find(is_before).unwrap_or(0);
    let after = (middle + 1).min(count - 1);
    for y in 0..middle {
        values[place(y)] = mixed(values, source(y));
    }
    for y in (after + 1..count).rev() {
        values[place(y)] = mixed(values, source(y));
    }
    let [at_middle, at_after] = [middle, after].map(|y| mixed(values, source(y)));
    values[place(middle)] = at_middle;
    values[place(after)] = at_after;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beside a line of its own, for all parts of lines of up to 12 values.
    #[test]
    fn in_place_is_as_if_it_were_not() {
        for count in 1..=12_usize {
            let line: Vec<f64> = (0..count).map(|y| ((y * y * 7 + 3 * y) % 13) as f64).collect();
            for length in 1..=count {
                for first in 0..=count - length {
                    let part = &line[first..][..length];
                    let expected = (0..count).map(|y| {
                        let at = (y as f64 + 0.5) * length as f64 / count as f64 - 0.5;
                        let at = at.clamp(0.0, (length - 1) as f64);
                        let (below, share) = (at as usize, at.fract());
                        (1.0 - share) * part[below] + share * part[(below + 1).min(length - 1)]
                    });
                    let expected: Vec<f64> = expected.collect();
                    // Every third value of a longer line; the others stay.
                    let mut spread = vec![-1.0; 3 * count + 1];
                    line.iter().enumerate().for_each(|(y, &x)| spread[1 + 3 * y] = x);
                    stretch(&mut spread, (1, 3, count), first, length);
                    for (at, &x) in spread.iter().enumerate() {
                        let expected = if at % 3 == 1 { expected[at / 3] } else { -1.0 };
                        assert!((x - expected).abs() < 1e-12, "{first}, {length} of {count}: {at}");
                    }
                }
            }
        }
    }
}
