use std::ops::RangeInclusive;

use super::canvas::{LARGEST, Plot};
use super::picture;
use super::sheet::{Images, Palette, Scale, Sheet};
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::error::{Result, require, require_count};
use crate::numbers::scalar::Float;

/// [Images](crate::plot#images) side by side: learned features, such as those of [`units`](crate::units), each up to its
/// own largest value, or pictures, all on one [`range`](Self::range).
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`columns`](Self::columns) | features side by side | about as many as rows | at least 1 |
/// | [`range`](Self::range) | which values the ends of the palette are | of each feature its largest value and the negative of it | within ±10¹⁰⁰, the first end below the last |
/// | [`palette`](Self::palette) | the colours | [`Palette::Colour`] for three channels; else [`Palette::Diverging`], with a range [`Palette::Grey`] | |
/// | [`title`](Self::title) | what is written above | `Learned features` | |
///
/// # Example
/// Without the range, where 0 is the colour in the middle, what lies from 0 to 1 would look washed out:
/// ```
/// use autoencoder::{datasets, plot::FeatureGrid, size::Image};
/// let digits = datasets::digits::<f32>().test.with_size(Image::<1, 8, 8>)?;
/// let ten = digits.select(0..10);
/// let svg = FeatureGrid::new(&ten).range(0.0..=1.0).columns(10).title("Digits").to_svg()?;
/// # assert!(svg.contains("Digits"));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FeatureGrid {
    title: String,
    features: Images,
    columns: Option<usize>,
    range: Option<RangeInclusive<f64>>,
    palette: Option<Palette>,
}
picture!(FeatureGrid);

impl FeatureGrid {
    /// Of these features, one a column.
    pub fn new<T: Float, R: Size>(features: &Batch<T, R>) -> Self {
        let features = Images::of(features);
        let title = "Learned features".to_owned();
        Self { title, features, columns: None, range: None, palette: None }
    }

    /// How many features lie side by side, at least 1. Default: the square root of their number, rounded up.
    pub fn columns(self, columns: usize) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// Draws all on one scale, whose ends are the first and the last colour of the palette: `0.0..=1.0` for pictures, as
    /// patches, means of classes, decoded samples and images of files are. What is beyond an end is drawn as that end.
    /// Default: of each feature its largest value, negative and positive, so that 0 is the colour in the middle.
    pub fn range(self, range: RangeInclusive<f64>) -> Self {
        Self { range: Some(range), ..self }
    }

    /// The colours. Default: [`Palette::Colour`] for images of three channels; for all others [`Palette::Grey`] where a
    /// [`range`](Self::range) is given, and else [`Palette::Diverging`]. In [`Palette::Grey`] without a range, 0 is the
    /// grey in the middle.
    pub fn palette(self, palette: Palette) -> Self {
        Self { palette: Some(palette), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "FeatureGrid";
        self.features.check(call)?;
        let otherwise = if self.range.is_some() { Palette::Grey } else { Palette::Diverging };
        let palette = self.features.palette(self.palette, otherwise);
        let shape = self.features.sides(call, palette)?;
        let even = (self.features.count() as f64).sqrt().ceil() as usize;
        let columns = self.columns.unwrap_or(even);
        require_count("FeatureGrid columns", columns)?;
        let scale = self.range.as_ref().map_or(Ok(Scale::OfEach), shared)?;
        let images: Vec<Vec<f64>> =
            self.features.iter().map(|feature| scale.place(feature)).collect();
        Ok(Sheet {
            title: self.title.clone(),
            rows: images.chunks(columns).map(<[_]>::to_vec).collect(),
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            axes: [String::new(), String::new()],
            shape,
            palette,
            scale,
        })
    }
}

/// The scale from one end of a range to the other.
fn shared(range: &RangeInclusive<f64>) -> Result<Scale> {
    let (low, high) = (*range.start(), *range.end());
    let (within, last) = ("from −1e100 to 1e100", "the high end of FeatureGrid range");
    require(low.abs() <= LARGEST, "the low end of FeatureGrid range", low, within)?;
    require(high.abs() <= LARGEST, last, high, within)?;
    require(low < high, last, high, "more than the low end")?;
    Ok(Scale::Shared { low, high })
}
