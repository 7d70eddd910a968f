use super::sheet::{Images, Palette, Scale, Sheet};
use super::{canvas::Plot, picture};
use crate::batch::Batch;
use crate::batch::size::{SameSize, Size};
use crate::error::{Result, require_count, require_size};
use crate::numbers::scalar::Float;

/// [Images](crate::plot#images) as they were, as the encoder saw them, and as they came back, one below the other.
#[derive(Debug, Clone)]
pub struct Reconstructions {
    title: String,
    inputs: Images,
    corrupted: Option<Images>,
    outputs: Images,
    most: usize,
    palette: Option<Palette>,
}
picture!(Reconstructions);

impl Reconstructions {
    /// Of these inputs, and what [`reconstruct`](crate::AutoEncoder::reconstruct) makes of them.
    pub fn new<T, I, O>(inputs: &Batch<T, I>, outputs: &Batch<T, O>) -> Self
    where
        T: Float,
        I: Size,
        O: Size + SameSize<I>,
    {
        const { <O as SameSize<I>>::FITS };
        Self {
            title: "Reconstructions".to_owned(),
            inputs: Images::of(inputs),
            corrupted: None,
            outputs: Images::of(outputs),
            most: 10,
            palette: None,
        }
    }

    /// What the encoder saw instead of the inputs.
    pub fn corrupted<T: Float, R: Size>(self, corrupted: &Batch<T, R>) -> Self {
        Self { corrupted: Some(Images::of(corrupted)), ..self }
    }

    /// At most so many images are drawn, at least 1. Default: 10.
    pub fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The colours. Default: [`Palette::Colour`] for images of three channels, [`Palette::Grey`] for all others.
    pub fn palette(self, palette: Palette) -> Self {
        Self { palette: Some(palette), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let call = "Reconstructions";
        require_count("Reconstructions most", self.most)?;
        let mut rows = vec![("input", &self.inputs)];
        rows.extend(self.corrupted.iter().map(|corrupted| ("corrupted", corrupted)));
        rows.push(("reconstruction", &self.outputs));
        for (_, images) in &rows {
            images.check(call)?;
            require_size(call, "pixels", self.inputs.pixels(), images.pixels())?;
            require_size(call, "images", self.inputs.count(), images.count())?;
        }
        let palette = self.inputs.palette(self.palette, Palette::Grey);
        let shape = self.inputs.sides(call, palette)?;
        let all = rows.iter().flat_map(|(_, images)| images.iter().take(self.most).flatten());
        let scale = Scale::of(palette, all);
        let shown = |images: &Images| {
            images.iter().take(self.most).map(|image| scale.place(image)).collect()
        };
        Ok(Sheet {
            title: self.title.clone(),
            row_labels: rows.iter().map(|(name, _)| (*name).to_owned()).collect(),
            rows: rows.iter().map(|(_, images)| shown(images)).collect(),
            column_labels: Vec::new(),
            axes: [String::new(), String::new()],
            shape,
            palette,
            scale,
        })
    }
}
