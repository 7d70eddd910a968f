//! A bitmap whose texts are set by this crate.
//!
//! The bitmaps of `plotters` put each letter on a whole pixel and leave out the space before it, so that letters stand
//! unevenly, and their lines lie higher than in an SVG. Here a letter stands where the font has it, between two pixels
//! where that is so, and texts are as large and as high as in an SVG.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use plotters::backend::BitMapBackend;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

/// The font of PNG files.
pub(super) static FONT_FILE: &[u8] = include_bytes!("font.ttf");

static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(FONT_FILE).ok());

/// The em of a text, as a share of the size that `plotters` speaks of: that of its SVGs.
const EM: f64 = 1.0 / 1.24;
/// Half the height of the letter x, in ems.
const HALF_X: f64 = 0.5 * 1120.0 / 2048.0;

pub(super) struct Bitmap<'a>(BitMapBackend<'a>);

impl<'a> Bitmap<'a> {
    /// On pixels of three bytes each.
    pub(super) fn on(pixels: &'a mut [u8], size: (u32, u32)) -> Self {
        Self(BitMapBackend::with_buffer(pixels, size))
    }
}

type Drawn<'a> = Result<(), DrawingErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>>;

/// A letter and where it begins, from the beginning of its text.
type Letter = (char, f32);

/// The letters of a text, and its width.
fn letters(font: &FontRef<'static>, scale: PxScale, text: &str) -> (Vec<Letter>, f32) {
    let font = font.as_scaled(scale);
    let (mut letters, mut at, mut before) = (Vec::new(), 0.0, None);
    for letter in text.chars() {
        let id = font.glyph_id(letter);
        at += before.map_or(0.0, |before| font.kern(before, id));
        letters.push((letter, at));
        at += font.h_advance(id);
        before = Some(id);
    }
    (letters, at)
}

fn scale(font: &FontRef<'static>, size: f64) -> PxScale {
    let per_em = f64::from(font.height_unscaled() / font.units_per_em().unwrap_or(2048.0));
    PxScale::from((EM * size * per_em) as f32)
}

impl<'a> DrawingBackend for Bitmap<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.0.get_size()
    }

    fn ensure_prepared(&mut self) -> Drawn<'a> {
        self.0.ensure_prepared()
    }

    fn present(&mut self) -> Drawn<'a> {
        self.0.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Drawn<'a> {
        self.0.draw_pixel(point, colour)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn<'a> {
        self.0.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn<'a> {
        self.0.draw_rect(upper_left, bottom_right, style, fill)
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (left, top): BackendCoord,
    ) -> Drawn<'a> {
        // The file is a font; were it none, texts would be left out.
        let Some(font) = &*FONT else { return Ok(()) };
        let (colour, em) = (style.color(), EM * style.size());
        let scale = scale(font, style.size());
        let (letters, width) = letters(font, scale, text);
        let start = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -0.5 * width,
            HPos::Right => -width,
        };
        // On a whole pixel, so that the feet of letters are sharp.
        let line = match style.anchor().v_pos {
            VPos::Top => 0.76 * em,
            VPos::Center => HALF_X * em,
            VPos::Bottom => -HALF_X * em,
        };
        let line = line.round() as f32;
        let (turned, size) = (style.transform(), self.get_size());
        for (letter, at) in letters {
            let glyph =
                font.glyph_id(letter).with_scale_and_position(scale, point(start + at, line));
            let Some(outline) = font.outline_glyph(glyph) else { continue }; // a space
            let corner = outline.px_bounds().min;
            let mut drawn = Ok(());
            outline.draw(|x, y, share| {
                let (x, y) =
                    turned.transform(corner.x as i32 + x as i32, corner.y as i32 + y as i32);
                let (x, y) = (left + x, top + y);
                let is_inside = (0..size.0 as i32).contains(&x) && (0..size.1 as i32).contains(&y);
                if is_inside && drawn.is_ok() {
                    let alpha = colour.alpha * f64::from(share.min(1.0));
                    drawn = self.draw_pixel((x, y), BackendColor { alpha, ..colour });
                }
            });
            drawn?;
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let Some(font) = &*FONT else { return Ok((0, 0)) };
        let (_, width) = letters(font, scale(font, style.size()), text);
        Ok((width.ceil() as u32, (EM * style.size()) as u32))
    }

    fn blit_bitmap(&mut self, at: BackendCoord, size: (u32, u32), pixels: &[u8]) -> Drawn<'a> {
        self.0.blit_bitmap(at, size, pixels)
    }
}

#[cfg(test)]
mod tests {
    use plotters::prelude::*;

    use super::*;

    /// By columns and by rows, how dark they are.
    fn ink(text: &str, size: f64, at: (i32, i32)) -> [Vec<f64>; 2] {
        let (width, height) = (400, 60);
        let mut pixels = vec![0; 3 * width * height];
        let area = Bitmap::on(&mut pixels, (width as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE).unwrap();
        super::super::canvas::register();
        let style = super::super::canvas::text(size);
        area.draw(&Text::new(text, at, style)).unwrap();
        drop(area);
        let (mut columns, mut rows) = (vec![0.0; width], vec![0.0; height]);
        for (index, pixel) in pixels.chunks_exact(3).enumerate() {
            let dark = 1.0 - f64::from(pixel[0]) / 255.0;
            columns[index % width] += dark;
            rows[index / width] += dark;
        }
        [columns, rows]
    }

    /// In the font file `l` is 569 of 2048 units wide, and its line lies from 193 to 377 of them and up to 1556.
    #[test]
    fn letters_stand_where_the_font_has_them() {
        for size in [14.0, 15.0, 20.0] {
            let unit = size / 1.24 / 2048.0;
            let [columns, rows] = ink("llllllllllll", size, (20, 10));
            for (x, dark) in columns.iter().enumerate() {
                // As much of each column of pixels as the letters cover.
                let covered = (0..12).map(|letter| {
                    let begin = 20.0 + f64::from(letter) * 569.0 * unit;
                    let (from, to) = (begin + 193.0 * unit, begin + 377.0 * unit);
                    (to.min(x as f64 + 1.0) - from.max(x as f64)).max(0.0)
                });
                let (found, expected) = (dark / (1556.0 * unit), covered.sum::<f64>());
                assert!((found - expected).abs() < 0.02, "{size}, {x}: {found}, not {expected}");
            }
            // It stands on the line of an SVG, 0.76 em below the place.
            let line = 10 + (0.76 * size / 1.24).round() as usize;
            assert!(rows[line - 1] > 0.0 && rows[line..].iter().all(|&row| row == 0.0), "{size}");
            let height: f64 = rows.iter().sum::<f64>() / (12.0 * (377.0 - 193.0) * unit);
            assert!((height - 1556.0 * unit).abs() < 0.1, "{size}: {height}");
        }
    }
}
