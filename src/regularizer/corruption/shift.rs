use rand::Rng;

use super::{Corruption, below, require_images};
use crate::batch::size::{ImageSize, Shape};
use crate::code::Facts;
use crate::error::{Result, require};
use crate::numbers::scalar::Float;

/// Moves an image, all of its channels alike, by up to so many rows and columns.
///
/// # Formula
/// x̃(r, c) = x(r − a, c − b), with a and b uniform among the whole numbers from −rows to rows and from −columns to
/// columns; where that lies outside of the image, it is filled.
///
/// # Shapes
/// Samples of the image's size, channel by channel, which they keep. Other samples are refused when a model is built:
/// images of other sides, rows exchanged for columns among them, and plain features of another number, with
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch); windows, whose values lie in another order, with
/// [`Error::Unfit`](crate::Error::Unfit). Plain features of the same number are taken to be such images.
///
/// # Example
/// ```
/// use autoencoder::{Augment, corruption::Shift, size::Image};
/// let digits = Augment::new(Shift::new(Image::<1, 28, 28>, 2, 2)?);
/// let photographs = Augment::new(Shift::new(Image::<3, 32, 32>, 4, 4)?.edge());
/// # let _ = (digits, photographs);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    shape: Shape,
    rows: usize,
    columns: usize,
    /// What is outside; without, the nearest pixel.
    fill: Option<f64>,
}

impl Shift {
    /// By at most so many rows and columns, each from 0 to what leaves one of the image. What comes in is 0, as the
    /// encoder sees it: behind a normalizer, if the model has one.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(size: impl ImageSize, rows: usize, columns: usize) -> Result<Self> {
        let shape = size.shape();
        let requirement = "less than the rows of the image";
        require(rows < shape.height, "Shift rows", rows as f64, requirement)?;
        let requirement = "less than the columns of the image";
        require(columns < shape.width, "Shift columns", columns as f64, requirement)?;
        Ok(Self { shape, rows, columns, fill: Some(0.0) })
    }

    /// Fills with another value. Default: 0. Takes the place of [`edge`](Self::edge).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite.
    pub fn fill(self, value: f64) -> Result<Self> {
        require(value.is_finite(), "Shift fill", value, "finite")?;
        Ok(Self { fill: Some(value), ..self })
    }

    /// Fills with the nearest pixel of the image. Takes the place of [`fill`](Self::fill).
    pub fn edge(self) -> Self {
        Self { fill: None, ..self }
    }
}

impl<T: Float> Corruption<T> for Shift {
    fn describe(&self) -> String {
        let Self { shape, rows, columns, fill } = self;
        let fill = fill.map_or("edge".to_owned(), |fill| format!("{fill:?}"));
        format!("Shift {{ size: {shape}, rows: {rows}, columns: {columns}, fill: {fill} }}")
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_images("Shift", self.shape, facts)
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        let Shape { height, width, .. } = self.shape;
        let [down, right] =
            [self.rows, self.columns].map(|most| below(2 * most + 1, rng) as isize - most as isize);
        for plane in sample.chunks_exact_mut((height * width).max(1)) {
            // In place: each pixel is written before it is read no more, from the side that all go to.
            for row in 0..height {
                let row = if down > 0 { height - 1 - row } else { row };
                for column in 0..width {
                    let column = if right > 0 { width - 1 - column } else { column };
                    let inside = |at: usize, by: isize, length: usize| {
                        let from = at.checked_add_signed(-by).filter(|&from| from < length);
                        // The nearest, if there is none.
                        from.ok_or(if by > 0 { 0 } else { length - 1 })
                    };
                    let from = (inside(row, down, height), inside(column, right, width));
                    plane[row * width + column] = match (from, self.fill) {
                        ((Ok(row), Ok(column)), _) => plane[row * width + column],
                        (_, Some(fill)) => T::of(fill),
                        ((row, column), None) => {
                            let either = |from: std::result::Result<usize, usize>| match from {
                                Ok(at) | Err(at) => at,
                            };
                            plane[either(row) * width + either(column)]
                        }
                    };
                }
            }
        }
    }
}
