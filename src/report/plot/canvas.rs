//! What pictures are drawn on: formats, colours, text.

use std::path::Path;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::register_font;

use super::bitmap::{Bitmap, FONT_FILE};
use crate::data::png::{Colour, encode};
use crate::error::{Error, Number, Result, require};

/// A family of this crate's own, so that fonts of others stay as they are. In an SVG it is a list.
pub(super) const FONT: &str = "DejaVu Sans, sans-serif";

/// Okabe and Ito's colours but black and yellow, those that differ most first.
pub(super) const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Frames and the like.
pub(super) const GREY: RGBColor = RGBColor(119, 119, 119);

pub(super) type Area<DB> = DrawingArea<DB, Shift>;
pub(super) type Drawn<DB, T = ()> =
    std::result::Result<T, DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Something that is ready to be drawn.
pub(super) trait Plot {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    fn draw<DB: DrawingBackend>(&self, area: &Area<DB>) -> Drawn<DB>;
}

pub(super) fn register() {
    static ONCE: Once = Once::new();
    // The file is a font; if it were not, drawing would say so.
    ONCE.call_once(|| drop(register_font(FONT, FontStyle::Normal, FONT_FILE)));
}

fn failed(picture: &'static str) -> impl Fn(String) -> Error {
    move |reason| Error::Picture { picture, reason }
}

fn on<DB: DrawingBackend>(area: &Area<DB>, plot: &impl Plot) -> std::result::Result<(), String> {
    register();
    let drawn = area.fill(&WHITE).and_then(|()| plot.draw(area)).and_then(|()| area.present());
    drawn.map_err(|error| error.to_string())
}

pub(super) fn svg(picture: &'static str, plot: &impl Plot) -> Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, plot.size()).into_drawing_area();
    let drawn = on(&area, plot);
    drop(area);
    drawn.map_err(failed(picture))?;
    Ok(svg)
}

pub(super) fn png(picture: &'static str, plot: &impl Plot) -> Result<Vec<u8>> {
    let (width, height) = plot.size();
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let area = Bitmap::on(&mut pixels, (width, height)).into_drawing_area();
    let drawn = on(&area, plot);
    drop(area);
    drawn.map_err(failed(picture))?;
    encode(&pixels, (width, height), Colour::Rgb)
        .map_err(|error| failed(picture)(error.to_string()))
}

pub(super) fn save(picture: &'static str, plot: &impl Plot, path: &Path) -> Result<()> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let bytes = match ending.as_deref() {
        Some("svg") => svg(picture, plot)?.into_bytes(),
        Some("png") => png(picture, plot)?,
        _ => return Err(Error::PictureFormat { path: path.to_owned(), endings: ".svg or .png" }),
    };
    let written = std::fs::write(path, bytes);
    let failed = |error: std::io::Error| Error::File {
        path: path.into(),
        action: "write",
        reason: error.kind(),
    };
    written.map_err(failed)
}

/// A text without what no XML can hold, at most 100 characters of it.
pub(super) fn clean(text: &str) -> String {
    let allowed = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    let mut shown: String = text.chars().filter(allowed).take(101).collect();
    if let Some((at, _)) = shown.char_indices().nth(100) {
        shown.truncate(at);
        shown.push('…');
    }
    shown
}

/// A number as an axis shows it.
pub(super) fn short(x: f64) -> String {
    if x != 0.0 && !(1e-3..1e5).contains(&x.abs()) {
        return format!("{x:.1e}").replace(".0e", "e").replace('-', "−");
    }
    let text = format!("{x:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

pub(super) fn text(size: f64) -> FontDesc<'static> {
    (FONT, size).into_font()
}

/// About how wide a text is, in pixels.
pub(super) fn width_of(text: &str, size: f64) -> i32 {
    (text.chars().count() as f64 * size * 0.56).ceil() as i32
}

/// The largest value that is drawn, so that sums and lengths of axes are finite.
pub(super) const LARGEST: f64 = 1e100;

/// Refuses values that cannot be drawn; they come as samples of so many features.
pub(super) fn check(call: &'static str, values: &[f64], features: usize) -> Result<()> {
    if values.is_empty() {
        return Err(Error::NoSamples { call });
    }
    for (at, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            let (feature, sample) = (at % features.max(1), at / features.max(1));
            return Err(Error::NotFinite { call, feature, sample, value: Number(value) });
        }
        require(value.abs() <= LARGEST, "a value of a picture", value, "from −1e100 to 1e100")?;
    }
    Ok(())
}
