use super::sheet::{Images, Palette, Scale, Sheet};
use super::{canvas::Plot, picture};
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::error::{Result, require_count};
use crate::numbers::scalar::Float;

/// Learned features as [images](crate::plot#images), such as those of [`units`](crate::units), each up to its own
/// largest value.
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`columns`](Self::columns) | features side by side | about as many as rows | at least 1 |
/// | [`palette`](Self::palette) | the colours | [`Palette::Colour`] for three channels, [`Palette::Diverging`] else | |
/// | [`title`](Self::title) | what is written above | `Learned features` | |
#[derive(Debug, Clone)]
pub struct FeatureGrid {
    title: String,
    features: Images,
    columns: Option<usize>,
    palette: Option<Palette>,
}
picture!(FeatureGrid);

impl FeatureGrid {
    /// Of these features, one a column.
    pub fn new<T: Float, R: Size>(features: &Batch<T, R>) -> Self {
        let features = Images::of(features);
        Self { title: "Learned features".to_owned(), features, columns: None, palette: None }
    }

    /// How many features lie side by side, at least 1. Default: the square root of their number, rounded up.
    pub fn columns(self, columns: usize) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// The colours. Default: [`Palette::Colour`] for images of three channels, [`Palette::Diverging`] for all others;
    /// in [`Palette::Grey`], 0 is the grey in the middle.
    pub fn palette(self, palette: Palette) -> Self {
        Self { palette: Some(palette), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "FeatureGrid";
        self.features.check(call)?;
        let palette = self.features.palette(self.palette, Palette::Diverging);
        let shape = self.features.sides(call, palette)?;
        let even = (self.features.count() as f64).sqrt().ceil() as usize;
        let columns = self.columns.unwrap_or(even);
        require_count("FeatureGrid columns", columns)?;
        let scale = Scale::OfEach;
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
