use std::ops::RangeInclusive;

use nalgebra::Dim;

use super::canvas::{check, short};
use super::sheet::{Colours, Sheet, grey, on_scale, shape_of};
use super::{canvas::Plot, picture};
use crate::batch::{Batch, Sample};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::{Result, require, require_count, require_size};
use crate::loss::Loss;
use crate::model::AutoEncoder;
use crate::numbers::scalar::Scalar;
use crate::regularizer::Regularizer;

/// Images with the codes they were decoded from.
#[derive(Debug, Clone)]
struct Decoded {
    images: Vec<f64>,
    pixels: usize,
    width: Option<usize>,
}

impl Decoded {
    fn new<E, D, R, L>(
        model: &AutoEncoder<E, D, R, L>,
        codes: impl IntoIterator<Item = Vec<E::Scalar>>,
    ) -> Result<Self>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
    {
        let codes = Batch::from_samples(model.encoder().code_dim(), codes)?;
        let images = model.decode(&codes)?;
        let pixels = images.features();
        let images = images.as_slice().iter().map(|x| x.to_double()).collect();
        Ok(Self { images, pixels, width: None })
    }

    fn sheet(&self, call: &'static str, title: &str, columns: usize) -> Result<Sheet> {
        check(call, &self.images, self.pixels)?;
        let shape = shape_of(call, self.pixels, self.width)?;
        let (low, high) = grey(&self.images);
        let images = self.images.chunks_exact(self.pixels);
        let images: Vec<Vec<f64>> = images.map(|image| on_scale(image, (low, high))).collect();
        Ok(Sheet {
            title: title.to_owned(),
            rows: images.chunks(columns).map(<[_]>::to_vec).collect(),
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            axes: [String::new(), String::new()],
            shape,
            colours: Colours::Grey { low, high },
        })
    }
}

/// So many values from one end of a range to the other; for one value, the middle.
fn spread(range: &RangeInclusive<f64>, steps: usize) -> Result<Vec<f64>> {
    require_count("steps of a picture's codes", steps)?;
    require(steps <= 100, "steps of a picture's codes", steps as f64, "at most 100")?;
    let (low, high) = (*range.start(), *range.end());
    require(low.abs() <= 1e100, "the least code of a picture", low, "from −1e100 to 1e100")?;
    require(high.abs() <= 1e100, "the greatest code of a picture", high, "from −1e100 to 1e100")?;
    let last = steps.max(2) as f64 - 1.0;
    let at = |step: usize| if steps == 1 { 0.5 } else { step as f64 / last };
    Ok((0..steps).map(|step| low + (high - low) * at(step)).collect())
}

/// What the decoder makes of a code as one of its units goes from one value to another.
#[derive(Debug, Clone)]
pub struct Traversal {
    title: String,
    decoded: Decoded,
    unit: usize,
    values: Vec<f64>,
}
picture!(Traversal);

impl Traversal {
    /// From this code, with this unit at so many values (from 1 to 100) of a range.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such unit or for another
    /// number of steps or a range that is not finite; for the code as
    /// [`decode`](AutoEncoder::decode).
    pub fn new<E, D, R, L, S>(
        model: &AutoEncoder<E, D, R, L>,
        code: &S,
        unit: usize,
        range: RangeInclusive<f64>,
        steps: usize,
    ) -> Result<Self>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
        S: Sample<E::Scalar, E::Code> + ?Sized,
    {
        let units = model.encoder().code_dim().value();
        require(unit < units, "Traversal unit", unit as f64, "less than the number of code units")?;
        require_size("Traversal", "code units", units, code.features().len())?;
        let values = spread(&range, steps)?;
        let codes = values.iter().map(|&value| {
            let mut code = code.features().to_vec();
            code[unit] = E::Scalar::of(value);
            code
        });
        let decoded = Decoded::new(model, codes)?;
        Ok(Self { title: "Traversal of one code unit".to_owned(), decoded, unit, values })
    }

    /// The width of the images in pixels. Default: they are squares.
    pub fn width(mut self, width: usize) -> Self {
        self.decoded.width = Some(width);
        self
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let mut sheet = self.decoded.sheet("Traversal", &self.title, self.values.len())?;
        sheet.column_labels = self.values.iter().map(|&value| short(value)).collect();
        sheet.axes[0] = format!("code unit {}", self.unit);
        Ok(sheet)
    }
}

/// What the decoder makes of codes of two units: the first from left to right, the second from below.
#[derive(Debug, Clone)]
pub struct CodeGrid {
    title: String,
    decoded: Decoded,
    x: Vec<f64>,
    y: Vec<f64>,
}
picture!(CodeGrid);

impl CodeGrid {
    /// Of a model with a code of two units, at so many values (from 1 to 100) of each range.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for a code of another number of units,
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for another number of steps or a range
    /// that is not finite.
    pub fn new<E, D, R, L>(
        model: &AutoEncoder<E, D, R, L>,
        x: RangeInclusive<f64>,
        y: RangeInclusive<f64>,
        steps: usize,
    ) -> Result<Self>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
    {
        require_size("CodeGrid", "code units", 2, model.encoder().code_dim().value())?;
        let (x, mut y) = (spread(&x, steps)?, spread(&y, steps)?);
        y.reverse();
        let codes =
            y.iter().flat_map(|&y| x.iter().map(move |&x| [x, y].map(E::Scalar::of).to_vec()));
        let decoded = Decoded::new(model, codes)?;
        Ok(Self { title: "Decoded codes".to_owned(), decoded, x, y })
    }

    /// The width of the images in pixels. Default: they are squares.
    pub fn width(mut self, width: usize) -> Self {
        self.decoded.width = Some(width);
        self
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let mut sheet = self.decoded.sheet("CodeGrid", &self.title, self.x.len())?;
        sheet.column_labels = self.x.iter().map(|&value| short(value)).collect();
        sheet.row_labels = self.y.iter().map(|&value| short(value)).collect();
        sheet.axes = ["code unit 0".to_owned(), "code unit 1".to_owned()];
        Ok(sheet)
    }
}
