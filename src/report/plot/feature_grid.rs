use super::sheet::{Colours, Images, Sheet};
use super::{canvas::Plot, picture};
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::error::Result;
use crate::numbers::scalar::Float;

/// Learned features as [images](crate::plot#images), such as those of [`units`](crate::units): what is
/// negative blue, 0 white, what is positive orange, each feature up to its own largest value.
#[derive(Debug, Clone)]
pub struct FeatureGrid {
    title: String,
    features: Images,
}
picture!(FeatureGrid);

impl FeatureGrid {
    /// Of these features, one a column.
    pub fn new<T: Float, R: Size>(features: &Batch<T, R>) -> Self {
        Self { title: "Learned features".to_owned(), features: Images::of(features) }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "FeatureGrid";
        self.features.check(call)?;
        let shape = self.features.sides(call)?;
        let columns = (self.features.count() as f64).sqrt().ceil() as usize;
        let images: Vec<Vec<f64>> = self
            .features
            .iter()
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
