//! How samples are shown: as pictures or as rows of a table.

use serde_json::{Value, json};

use super::encode::{base64, diverging, number, numbers};
use crate::batch::BatchView;
use crate::batch::size::Shape;
use crate::numbers::scalar::Float;

/// The longest side of a picture, in pixels.
const SIDE: usize = 96;
/// Columns of a row that are shown.
pub(super) const COLUMNS: usize = 24;

/// How samples are shown.
pub(super) struct Shown {
    /// Width and height of an image, and those of its picture.
    image: Option<((usize, usize), (usize, usize))>,
    /// Whether images are planes of red, green and blue.
    is_colour: bool,
    /// Least and greatest value of all samples, which become black and white.
    span: (f64, f64),
    features: usize,
}

impl Shown {
    pub(super) fn new<T: Float>(x: BatchView<'_, T>, shape: Shape) -> Self {
        let span = span(x.as_slice().iter().map(|x| x.to_double()));
        let Shape { channels, height, width } = shape;
        let is_colour = channels == 3 && height > 1;
        let image = (height > 1).then(|| {
            // Of several channels that are no colours each lies below the one before.
            let sides = (width, if is_colour { height } else { channels * height });
            (sides, (sides.0.min(SIDE), sides.1.min(SIDE)))
        });
        // True colours, where all values lie from 0 to 1.
        let span = if is_colour { (span.0.min(0.0), span.1.max(1.0)) } else { span };
        Self { image, is_colour, span, features: x.features() }
    }

    /// How many columns are shown, of rows.
    pub(super) fn columns(&self) -> usize {
        if self.image.is_some() { 0 } else { self.features.min(COLUMNS) }
    }

    /// Numbers that a sample is shown by.
    fn len(&self) -> usize {
        match self.image {
            Some((_, (width, height))) => self.planes() * width * height,
            None => self.features.min(COLUMNS),
        }
    }

    /// Planes of a picture.
    fn planes(&self) -> usize {
        if self.is_colour { 3 } else { 1 }
    }

    /// How many samples fit, of pictures and of rows.
    pub(super) fn fit(&self, pixels: usize, cells: usize) -> usize {
        let room = if self.image.is_some() { pixels } else { cells };
        (room / self.len().max(1)).max(1)
    }

    /// The values of one sample, in the picture's size: the mean of the pixels that fall together, of those that are
    /// there; NaN where there is none.
    pub(super) fn values<T: Float>(&self, sample: &[T]) -> Vec<f64> {
        let Some(((width, height), (w, h))) = self.image else {
            return sample.iter().take(COLUMNS).map(|x| x.to_double()).collect();
        };
        let mut values = Vec::with_capacity(self.len());
        for (plane, row) in (0..self.planes()).flat_map(|plane| (0..h).map(move |row| (plane, row)))
        {
            let sample = &sample[plane * width * height..];
            let rows = row * height / h..(row + 1) * height / h;
            for column in 0..w {
                let columns = column * width / w..(column + 1) * width / w;
                let pixels = rows.clone().flat_map(|y| columns.clone().map(move |x| y * width + x));
                let there = pixels.map(|pixel| sample[pixel].to_double()).filter(|x| !x.is_nan());
                let count = there.clone().count();
                let mean = there.map(|x| x / count as f64).sum();
                values.push(if count > 0 { mean } else { f64::NAN });
            }
        }
        values
    }

    /// Samples as the page takes them: a list of rows, or the bytes of all pictures as base64; beside them, where pixels
    /// are missing, a bit for each, the first in the lowest.
    pub(super) fn samples<'s, T: Float>(&self, samples: impl Iterator<Item = &'s [T]>) -> Value {
        if self.image.is_none() {
            return samples.map(|sample| numbers(self.values(sample))).collect();
        }
        let (low, high) = self.span;
        let scale = if high > low { 255.0 / (high / 2.0 - low / 2.0) / 2.0 } else { 0.0 };
        let values: Vec<f64> = samples.flat_map(|sample| self.values(sample)).collect();
        // A cast takes what is beyond to the nearest byte, and NaN to 0.
        let bytes: Vec<u8> = values.iter().map(|x| ((x - low) * scale).round() as u8).collect();
        with_missing(&bytes, &values)
    }

    /// How far samples are from what is expected of them, as pictures in which what is as expected is in the middle, and
    /// the farthest of each is at an end.
    pub(super) fn residuals<'s, T: Float>(
        &self,
        pairs: impl Iterator<Item = (&'s [T], &'s [T])>,
    ) -> Value {
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        for (x, y) in pairs {
            let pairs = self.values(x).into_iter().zip(self.values(y));
            let of_pair = pairs.map(|(x, y)| x - y).collect::<Vec<f64>>();
            diverging(of_pair.iter().copied(), &mut bytes);
            values.extend(of_pair);
        }
        with_missing(&bytes, &values)
    }

    /// Width and height of a picture; nothing of rows.
    pub(super) fn picture(&self) -> Value {
        self.image.map_or(Value::Null, |(_, (width, height))| json!([width, height]))
    }

    /// Whether samples are shown as pictures.
    pub(super) fn is_picture(&self) -> bool {
        self.image.is_some()
    }

    /// Whether pictures have colours.
    pub(super) fn is_colour(&self) -> bool {
        self.is_colour
    }

    /// Least and greatest value of all samples.
    pub(super) fn span(&self) -> Value {
        json!([number(self.span.0), number(self.span.1)])
    }

    /// The least and the greatest value of each column that is shown.
    pub(super) fn column_spans<T: Float>(&self, x: BatchView<'_, T>) -> Vec<Value> {
        let span = |column: usize| {
            let (low, high) = span(x.iter().map(|sample| sample[column].to_double()));
            json!([number(low), number(high)])
        };
        (0..self.columns()).map(span).collect()
    }
}

/// The least and the greatest of the values that are there.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
        (f64::min(low, x), f64::max(high, x))
    })
}

/// Bytes as base64, with those that stand for no value, if there are some.
fn with_missing(bytes: &[u8], values: &[f64]) -> Value {
    if !values.iter().any(|x| x.is_nan()) {
        return base64(bytes).into();
    }
    let bit = |(at, x): (usize, &f64)| u8::from(x.is_nan()) << at;
    let byte = |eight: &[f64]| eight.iter().enumerate().map(bit).sum();
    let missing: Vec<u8> = values.chunks(8).map(byte).collect();
    json!({ "pixels": base64(bytes), "missing": base64(&missing) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of two halves, of which the second image lacks one and a half.
    #[test]
    fn pixels_that_fall_together_are_the_mean_of_those_there() {
        let (wide, nan) = (2 * SIDE, f64::NAN);
        let mut values = vec![0.25; 2 * 2 * wide];
        values[2 * wide..][..4].copy_from_slice(&[nan, nan, nan, 0.75]);
        values[3 * wide..][..4].copy_from_slice(&[nan, nan, 1.0, 0.75]);
        let shape = Shape { channels: 1, height: 2, width: wide };
        let view = BatchView::new(&values, 2 * wide);
        let shown = Shown::new(view, shape);
        let [first, second] = [0, 1].map(|at| shown.values(&values[at * 2 * wide..][..2 * wide]));
        assert_eq!(first, vec![0.25; 2 * SIDE]);
        // The first pixel of both rows is missing; the second is 0.75 alone, and the mean of 1 and 0.75.
        assert!(second[0].is_nan() && second[SIDE].is_nan());
        assert_eq!([second[1], second[SIDE + 1], second[2]], [0.75, 0.875, 0.25]);
        let all = shown.samples(view.iter());
        let bits = base64(&{
            let mut bits = vec![0_u8; 4 * SIDE / 8];
            (bits[2 * SIDE / 8], bits[3 * SIDE / 8]) = (1, 1);
            bits
        });
        assert_eq!(all["missing"], bits);
        assert!(shown.samples(std::iter::once(&values[..2 * wide])).is_string());
        // A residual of nothing is no residual.
        let pairs = view.iter().map(|x| (x, &values[..2 * wide]));
        assert_eq!(shown.residuals(pairs)["missing"], bits);
    }
}
