//! Pictures made of images.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, COLOURS, Drawn, GREY, Plot, check, clean, short, text, width_of};
use crate::batch::Batch;
use crate::batch::size::{ImageSize, Shape, Size};
use crate::error::{Error, Result, require, require_count, require_size};
use crate::numbers::scalar::Float;

/// Images that know how large they are.
#[derive(Debug, Clone)]
pub(super) struct Images {
    values: Vec<f64>,
    /// Values of an image, as many as of the shape.
    pixels: usize,
    shape: Shape,
}

impl Images {
    /// Each sample is an image of its size's shape.
    pub(super) fn of<T: Float, S: Size>(batch: &Batch<T, S>) -> Self {
        Self::new(batch, batch.size().shape())
    }

    /// Each sample is an image of this shape, which has as many pixels.
    pub(super) fn new<T: Float, S: Size>(batch: &Batch<T, S>, shape: Shape) -> Self {
        let values = batch.as_slice().iter().map(|x| x.to_double()).collect();
        Self { values, pixels: batch.features(), shape }
    }

    /// The same images as ones of another size.
    pub(super) fn with_size(mut self, call: &'static str, size: impl ImageSize) -> Result<Self> {
        require_count("the pixels of the size of a picture's images", size.value())?;
        require_size(call, "pixels", size.value(), self.pixels)?;
        self.shape = size.shape();
        Ok(self)
    }

    pub(super) fn pixels(&self) -> usize {
        self.pixels
    }

    pub(super) fn count(&self) -> usize {
        self.values.len().checked_div(self.pixels).unwrap_or(0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.pixels.max(1))
    }

    /// Refuses values that cannot be drawn.
    pub(super) fn check(&self, call: &'static str) -> Result<()> {
        check(call, &self.values, self.pixels)
    }

    /// The palette that was asked for; else colours for red, green and blue, and for all others the given one.
    pub(super) fn palette(&self, asked: Option<Palette>, otherwise: Palette) -> Palette {
        let is_colour = self.shape.channels == 3 && self.shape.height > 1;
        asked.unwrap_or(if is_colour { Palette::Colour } else { otherwise })
    }

    /// Width and height as they are drawn. Plain features are squares; of several channels that are no colours each
    /// lies below the one before, as it does in memory.
    pub(super) fn sides(&self, call: &'static str, palette: Palette) -> Result<(usize, usize)> {
        let Shape { channels, height, width } = self.shape;
        if palette == Palette::Colour {
            let requirement =
                "3, for red, green and blue, to be drawn in colour; with_size says how values lie";
            let name = "the channels of a picture's images";
            require(channels == 3 && height > 0, name, channels as f64, requirement)?;
            return Ok((width, height));
        }
        if (height, width) == (1, 1) {
            let side = channels.isqrt();
            return match side * side == channels && side > 0 {
                true => Ok((side, side)),
                false => Err(Error::NotAnImage { picture: call, features: channels }),
            };
        }
        // A window of several channels lies step by step and not channel by channel.
        let is_image = channels == 1 || height > 1;
        let requirement = "more than 1, as samples of several channels in one row are no images; with_size says \
                           how they lie";
        require(is_image, "the height of a picture's images", height as f64, requirement)?;
        Ok((width, channels * height))
    }
}

/// The colours of the pixels of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Palette {
    /// From black, the least, to white, the greatest; or from one end of a [range](super::FeatureGrid::range) to the other.
    Grey,
    /// What is negative blue, 0 white, what is positive orange; on a [range](super::FeatureGrid::range), white is its middle.
    Diverging,
    /// Three channels as red, green and blue, each from 0, or what is less, to 1, or what is more: so values from 0 to
    /// 1 have their true colours; or on a [range](super::FeatureGrid::range) from its one end to the other. What is drawn up
    /// to its own largest value is grey where it is 0.
    Colour,
}

/// What the ends of a palette stand for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// The same for all images.
    Shared { low: f64, high: f64 },
    /// Of each image its largest value, negative and positive.
    OfEach,
}

impl Scale {
    /// For all of these values: from the least to the greatest, or, where the middle of the palette is 0, as far below
    /// it as above.
    pub(super) fn of<'a>(palette: Palette, values: impl IntoIterator<Item = &'a f64>) -> Self {
        let ends = |(low, high): (f64, f64), &value: &f64| (low.min(value), high.max(value));
        let (low, high) = values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        match palette {
            Palette::Grey if low < high => Self::Shared { low, high },
            Palette::Grey => Self::Shared { low: low - 0.5, high: high + 0.5 },
            Palette::Colour => Self::Shared { low: low.min(0.0), high: high.max(1.0) },
            Palette::Diverging => {
                let largest = largest_of([low, high].iter());
                Self::Shared { low: -largest, high: largest }
            }
        }
    }

    /// Where the values of an image lie on the scale, from 0 to 1.
    pub(super) fn place(self, image: &[f64]) -> Vec<f64> {
        let (low, high) = match self {
            Self::Shared { low, high } => (low, high),
            Self::OfEach => {
                let largest = largest_of(image.iter());
                (-largest, largest)
            }
        };
        image.iter().map(|value| (value - low) / (high - low)).collect()
    }
}

/// The largest absolute value; 1 where all are 0.
fn largest_of<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let largest = values.fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest > 0.0 { largest } else { 1.0 }
}

pub(super) struct Sheet {
    pub(super) title: String,
    /// Rows of images, whose pixels are from 0 to 1 on the scale of colours.
    pub(super) rows: Vec<Vec<Vec<f64>>>,
    pub(super) row_labels: Vec<String>,
    pub(super) column_labels: Vec<String>,
    /// What lies along and across, or nothing.
    pub(super) axes: [String; 2],
    pub(super) shape: (usize, usize),
    pub(super) palette: Palette,
    pub(super) scale: Scale,
}

const GAP: i32 = 4;
const TOP: i32 = 56;

impl Sheet {
    fn columns(&self) -> i32 {
        self.rows.iter().map(Vec::len).max().unwrap_or(0) as i32
    }

    /// Screen pixels of a pixel.
    fn zoom(&self) -> i32 {
        let (width, height) = (self.shape.0 as i32, self.shape.1 as i32);
        let (columns, rows) = (self.columns(), self.rows.len() as i32);
        (900 / (columns * width).max(1)).min(700 / (rows * height).max(1)).clamp(1, 12)
    }

    fn cell(&self) -> (i32, i32) {
        (self.shape.0 as i32 * self.zoom() + GAP, self.shape.1 as i32 * self.zoom() + GAP)
    }

    fn left(&self) -> i32 {
        let widest = self.row_labels.iter().map(|label| width_of(&clean(label), 15.0)).max();
        20 + widest.map_or(0, |width| width + 10) + if self.axes[1].is_empty() { 0 } else { 26 }
    }

    /// Where the images end, below.
    fn bottom(&self) -> i32 {
        TOP + self.rows.len() as i32 * self.cell().1
    }

    /// The colour of a pixel of an image.
    fn colour_of(&self, image: &[f64], pixel: usize) -> RGBColor {
        if self.palette != Palette::Colour {
            return self.colour(image[pixel]);
        }
        let plane = self.shape.0 * self.shape.1;
        let part = |channel: usize| (255.0 * image[channel * plane + pixel]).round() as u8;
        RGBColor(part(0), part(1), part(2))
    }

    fn colour(&self, at: f64) -> RGBColor {
        let mix = |a: RGBColor, b: RGBColor, share: f64| {
            let part =
                |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
            RGBColor(part(a.0, b.0), part(a.1, b.1), part(a.2, b.2))
        };
        let at = at.clamp(0.0, 1.0);
        match self.palette {
            Palette::Grey | Palette::Colour => mix(BLACK, WHITE, at),
            Palette::Diverging if at < 0.5 => mix(COLOURS[0], WHITE, 2.0 * at),
            Palette::Diverging => mix(WHITE, COLOURS[1], 2.0 * at - 1.0),
        }
    }

    fn draw_image<DB: DrawingBackend>(
        &self,
        area: &Area<DB>,
        (left, top): (i32, i32),
        image: &[f64],
    ) -> Drawn<DB> {
        let (width, zoom) = (self.shape.0, self.zoom());
        for row in 0..self.shape.1 {
            let y = top + row as i32 * zoom;
            let colour_at = |column: usize| self.colour_of(image, row * width + column);
            let mut from = 0;
            while from < width {
                // Neighbours of one colour are one rectangle.
                let colour = colour_at(from);
                let same = (from..width).take_while(|&x| colour_at(x) == colour).count();
                let x = |pixel: usize| left + pixel as i32 * zoom;
                let corners = [(x(from), y), (x(from + same), y + zoom)];
                area.draw(&Rectangle::new(corners, colour.filled()))?;
                from += same;
            }
        }
        let corner = (left + width as i32 * zoom, top + self.shape.1 as i32 * zoom);
        area.draw(&Rectangle::new([(left, top), corner], GREY))
    }

    fn draw_scale<DB: DrawingBackend>(&self, area: &Area<DB>) -> Drawn<DB> {
        const STEPS: i32 = 50;
        let (left, top) = (self.left(), self.size().1 as i32 - 46);
        for step in 0..STEPS {
            let at = f64::from(step) / f64::from(STEPS - 1);
            let part = (255.0 * at).round() as u8;
            let of_each = [RGBColor(part, 0, 0), RGBColor(0, part, 0), RGBColor(0, 0, part)];
            let colours =
                if self.palette == Palette::Colour { of_each } else { [self.colour(at); 3] };
            for (third, colour) in (0..).zip(colours) {
                let top = top + 4 * third;
                let corners = [(left + 4 * step, top), (left + 4 * step + 4, top + 4)];
                area.draw(&Rectangle::new(corners, colour.filled()))?;
            }
        }
        area.draw(&Rectangle::new([(left, top), (left + 4 * STEPS, top + 12)], GREY))?;
        let mut labels = match self.scale {
            Scale::Shared { low, high } => vec![(0, short(low)), (2, short(high))],
            Scale::OfEach => vec![(0, "−max".into()), (1, "0".into()), (2, "max of each".into())],
        };
        if let (Palette::Diverging, Scale::Shared { low, high }) = (self.palette, self.scale) {
            labels.insert(1, (1, short(f64::midpoint(low, high))));
        }
        for (place, label) in labels {
            let anchor = Pos::new([HPos::Left, HPos::Center, HPos::Center][place], VPos::Top);
            let at = (left + 2 * STEPS * place as i32, top + 18);
            area.draw(&Text::new(label, at, text(14.0).into_text_style(area).pos(anchor)))?;
        }
        Ok(())
    }
}

impl Plot for Sheet {
    fn size(&self) -> (u32, u32) {
        let width = self.left() + self.columns() * self.cell().0 + 20;
        let title = width_of(&clean(&self.title), 20.0) + 40;
        let labels = if self.column_labels.is_empty() { 0 } else { 22 };
        let axis = if self.axes[0].is_empty() { 0 } else { 24 };
        (width.max(title).max(340) as u32, (self.bottom() + labels + axis + 60) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &Area<DB>) -> Drawn<DB> {
        let at = |h, v| Pos::new(h, v);
        let style = |size: f64, pos| text(size).into_text_style(area).pos(pos);
        let top_left = at(HPos::Left, VPos::Top);
        area.draw(&Text::new(clean(&self.title), (20, 16), style(20.0, top_left)))?;
        let (left, (width, height)) = (self.left(), self.cell());
        for (row, images) in self.rows.iter().enumerate() {
            let y = TOP + row as i32 * height;
            if let Some(label) = self.row_labels.get(row) {
                let middle = (left - 10, y + (height - GAP) / 2);
                let style = style(15.0, at(HPos::Right, VPos::Center));
                area.draw(&Text::new(clean(label), middle, style))?;
            }
            for (column, image) in images.iter().enumerate() {
                self.draw_image(area, (left + column as i32 * width, y), image)?;
            }
        }
        for (column, label) in self.column_labels.iter().enumerate() {
            let middle = (left + column as i32 * width + (width - GAP) / 2, self.bottom() + 4);
            let style = style(14.0, at(HPos::Center, VPos::Top));
            area.draw(&Text::new(clean(label), middle, style))?;
        }
        let [along, across] = &self.axes;
        let middle = (left + self.columns() * width / 2, self.bottom() + 26);
        area.draw(&Text::new(along.clone(), middle, style(15.0, at(HPos::Center, VPos::Top))))?;
        let middle = (6, (TOP + self.bottom()) / 2);
        let turned = text(15.0).transform(FontTransform::Rotate270).into_text_style(area);
        let turned = turned.pos(at(HPos::Center, VPos::Top));
        area.draw(&Text::new(across.clone(), middle, turned))?;
        self.draw_scale(area)
    }
}
