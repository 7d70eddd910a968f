use nalgebra::Dim;

use super::canvas::check;
use super::sheet::{Colours, Sheet, shape_of};
use super::{canvas::Plot, picture};
use crate::batch::Batch;
use crate::error::Result;
use crate::numbers::scalar::Scalar;

/// Learned features as images, such as those of [`features`](crate::features): what is negative blue, 0
/// white, what is positive orange, each feature up to its own largest value.
#[derive(Debug, Clone)]
pub struct FeatureGrid {
    title: String,
    features: Vec<f64>,
    pixels: usize,
    width: Option<usize>,
}
picture!(FeatureGrid);

impl FeatureGrid {
    /// Of these features, one a column.
    pub fn new<T: Scalar, R: Dim>(features: &Batch<T, R>) -> Self {
        Self {
            title: "Learned features".to_owned(),
            features: features.as_slice().iter().map(|x| x.to_double()).collect(),
            pixels: features.features(),
            width: None,
        }
    }

    /// The width of a feature in pixels. Default: they are squares.
    pub fn width(self, width: usize) -> Self {
        Self { width: Some(width), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "FeatureGrid";
        check(call, &self.features, self.pixels)?;
        let shape = shape_of(call, self.pixels, self.width)?;
        let count = self.features.len() / self.pixels;
        let columns = (count as f64).sqrt().ceil() as usize;
        let images: Vec<Vec<f64>> = self
            .features
            .chunks_exact(self.pixels)
            .map(|feature| {
                let largest = feature.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
                let scale = if largest > 0.0 { largest } else { 1.0 };
                feature.iter().map(|x| 0.5 + 0.5 * (x / scale)).collect()
            })
            .collect();
        Ok(Sheet {
            title: self.title.clone(),
            rows: images.chunks(columns).map(<[_]>::to_vec).collect(),
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            axes: [String::new(), String::new()],
            shape,
            colours: Colours::Diverging,
        })
    }
}
