use nalgebra::Dim;

use super::canvas::check;
use super::sheet::{Colours, Sheet, grey, on_scale, shape_of};
use super::{canvas::Plot, picture};
use crate::batch::Batch;
use crate::error::{Result, require_count, require_size};
use crate::numbers::scalar::Scalar;

/// Images as they were, as the encoder saw them, and as they came back, one below the other.
#[derive(Debug, Clone)]
pub struct Reconstructions {
    title: String,
    inputs: Vec<f64>,
    pixels: usize,
    corrupted: Option<Vec<f64>>,
    outputs: Vec<f64>,
    width: Option<usize>,
    most: usize,
}
picture!(Reconstructions);

fn doubles<T: Scalar, R: Dim>(batch: &Batch<T, R>) -> Vec<f64> {
    batch.as_slice().iter().map(|x| x.to_double()).collect()
}

impl Reconstructions {
    /// Of these inputs, and what [`reconstruct`](crate::AutoEncoder::reconstruct) makes of them.
    pub fn new<T: Scalar, R: Dim>(inputs: &Batch<T, R>, outputs: &Batch<T, R>) -> Self {
        Self {
            title: "Reconstructions".to_owned(),
            inputs: doubles(inputs),
            pixels: inputs.features(),
            corrupted: None,
            outputs: doubles(outputs),
            width: None,
            most: 10,
        }
    }

    /// What the encoder saw instead of the inputs.
    pub fn corrupted<T: Scalar, R: Dim>(self, corrupted: &Batch<T, R>) -> Self {
        Self { corrupted: Some(doubles(corrupted)), ..self }
    }

    /// The width of the images in pixels. Default: they are squares.
    pub fn width(self, width: usize) -> Self {
        Self { width: Some(width), ..self }
    }

    /// At most so many images are drawn, at least 1. Default: 10.
    pub fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "Reconstructions";
        require_count("Reconstructions most", self.most)?;
        let mut rows = vec![("input", &self.inputs)];
        rows.extend(self.corrupted.iter().map(|corrupted| ("corrupted", corrupted)));
        rows.push(("reconstruction", &self.outputs));
        for (_, values) in &rows {
            require_size(call, "values", self.inputs.len(), values.len())?;
            check(call, values, self.pixels)?;
        }
        let shape = shape_of(call, self.pixels, self.width)?;
        let shown = self.pixels * self.most.min(self.inputs.len() / self.pixels);
        let (low, high) = grey(rows.iter().flat_map(|(_, values)| &values[..shown]));
        let images = |values: &[f64]| {
            let images = values[..shown].chunks_exact(self.pixels);
            images.map(|image| on_scale(image, (low, high))).collect()
        };
        Ok(Sheet {
            title: self.title.clone(),
            row_labels: rows.iter().map(|(name, _)| (*name).to_owned()).collect(),
            rows: rows.iter().map(|(_, values)| images(values)).collect(),
            column_labels: Vec::new(),
            axes: [String::new(), String::new()],
            shape,
            colours: Colours::Grey { low, high },
        })
    }
}
