use std::ops::RangeInclusive;

use super::canvas::short;
use super::sheet::{Images, Palette, Scale, Sheet};
use super::{canvas::Plot, picture};
use crate::batch::size::ImageSize;
use crate::error::{Result, require, require_count, require_size};
use crate::layer::Part;
use crate::loss::{LossFor, WithInput};
use crate::model::{AutoEncoder, OneInput, Scalar, Unlabelled};
use crate::report::passes::{self, shape_of};
use crate::train::examples::SamplesAlone;

/// Of codes that lie one after the other, all under one condition, if there is one.
fn decoded<E: Part, D: Part, R, L, T: Scalar>(
    model: &AutoEncoder<E, D, R, L, T>,
    codes: &[T],
    condition: Option<&[T]>,
) -> Result<Images> {
    let images = passes::decode(model.network(), codes, condition)?;
    Ok(Images::new(&images, shape_of(model.decoder().output(), model.encoder().input())))
}

/// Images in rows of so many.
fn sheet(
    call: &'static str,
    title: &str,
    images: &Images,
    columns: usize,
    palette: Option<Palette>,
) -> Result<Sheet> {
    images.check(call)?;
    let palette = images.palette(palette, Palette::Grey);
    let shape = images.sides(call, palette)?;
    let scale = Scale::of(palette, images.iter().flatten());
    let images: Vec<Vec<f64>> = images.iter().map(|image| scale.place(image)).collect();
    Ok(Sheet {
        title: title.to_owned(),
        rows: images.chunks(columns).map(<[_]>::to_vec).collect(),
        row_labels: Vec::new(),
        column_labels: Vec::new(),
        axes: [String::new(), String::new()],
        shape,
        palette,
        scale,
    })
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
    images: Images,
    unit: usize,
    values: Vec<f64>,
    palette: Option<Palette>,
}
picture!(Traversal);

impl Traversal {
    /// From this code, with this unit at so many values (from 1 to 100) of a range; of a conditional model from
    /// `(&code, &condition)`, under this condition throughout.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such unit or for another
    /// number of steps or a range that is not finite; for the code as
    /// [`decode`](AutoEncoder::decode).
    pub fn new<E, D, R, L, T, X>(
        model: &AutoEncoder<E, D, R, L, T>,
        code: X,
        unit: usize,
        range: RangeInclusive<f64>,
        steps: usize,
    ) -> Result<Self>
    where
        E: Part,
        D: Part,
        L: LossFor<D, Target = WithInput>,
        T: Scalar,
        X: OneInput<T, E::Output, E::Condition>,
    {
        let (units, (code, condition)) = (model.units(), code.parts());
        require(unit < units, "Traversal unit", unit as f64, "less than the number of code units")?;
        require_size("Traversal", "code units", units, code.len())?;
        let values = spread(&range, steps)?;
        let mut codes = code.repeat(steps);
        for (code, &value) in codes.chunks_exact_mut(units).zip(&values) {
            code[unit] = T::of(value);
        }
        let images = decoded(model, &codes, condition)?;
        let title = "Traversal of one code unit".to_owned();
        Ok(Self { title, images, unit, values, palette: None })
    }

    /// The size of the images, where the model has plain features, which are squares otherwise.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if it has another number of values.
    pub fn with_size(mut self, size: impl ImageSize) -> Result<Self> {
        self.images = self.images.with_size("Traversal::with_size", size)?;
        Ok(self)
    }

    /// The colours. Default: [`Palette::Colour`] for images of three channels, [`Palette::Grey`] for all others.
    pub fn palette(self, palette: Palette) -> Self {
        Self { palette: Some(palette), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let mut sheet =
            sheet("Traversal", &self.title, &self.images, self.values.len(), self.palette)?;
        sheet.column_labels = self.values.iter().map(|&value| short(value)).collect();
        sheet.axes[0] = format!("code unit {}", self.unit);
        Ok(sheet)
    }
}

/// What the decoder makes of codes of two units: the first from left to right, the second from below.
#[derive(Debug, Clone)]
pub struct CodeGrid {
    title: String,
    images: Images,
    x: Vec<f64>,
    y: Vec<f64>,
    palette: Option<Palette>,
}
picture!(CodeGrid);

impl CodeGrid {
    /// Of a model with a code of two units and without a condition, at so many values (from 1 to 100) of each
    /// range.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for a code of another number of units,
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for another number of steps or a range
    /// that is not finite.
    pub fn new<E, D, R, L, T>(
        model: &AutoEncoder<E, D, R, L, T>,
        x: RangeInclusive<f64>,
        y: RangeInclusive<f64>,
        steps: usize,
    ) -> Result<Self>
    where
        E: Part,
        D: Part,
        L: LossFor<D, Target = WithInput>,
        T: Scalar,
        SamplesAlone: Unlabelled<E::Condition>,
    {
        require_size("CodeGrid", "code units", 2, model.units())?;
        let (x, mut y) = (spread(&x, steps)?, spread(&y, steps)?);
        y.reverse();
        let codes: Vec<T> =
            y.iter().flat_map(|&y| x.iter().flat_map(move |&x| [x, y].map(T::of))).collect();
        let images = decoded(model, &codes, None)?;
        Ok(Self { title: "Decoded codes".to_owned(), images, x, y, palette: None })
    }

    /// The size of the images, where the model has plain features, which are squares otherwise.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if it has another number of values.
    pub fn with_size(mut self, size: impl ImageSize) -> Result<Self> {
        self.images = self.images.with_size("CodeGrid::with_size", size)?;
        Ok(self)
    }

    /// The colours. Default: [`Palette::Colour`] for images of three channels, [`Palette::Grey`] for all others.
    pub fn palette(self, palette: Palette) -> Self {
        Self { palette: Some(palette), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        let mut sheet = sheet("CodeGrid", &self.title, &self.images, self.x.len(), self.palette)?;
        sheet.column_labels = self.x.iter().map(|&value| short(value)).collect();
        sheet.row_labels = self.y.iter().map(|&value| short(value)).collect();
        sheet.axes = ["code unit 0".to_owned(), "code unit 1".to_owned()];
        Ok(sheet)
    }
}
