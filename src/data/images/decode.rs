//! The pixels of PNG and JPEG files as planes of values from 0 to 1.

use std::io::Cursor;

use png::Transformations;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::header::{Format, Header};
use super::resize::resize;
use crate::batch::size::Shape;
use crate::data::input::{Input, Packing, Stream};
use crate::error::{Error, Found, Place, Result};
use crate::numbers::scalar::Float;

/// The longest file: more than the most pixels have, of which each has at most 8 bytes.
const MOST_BYTES: u64 = 1 << 30;

/// What is used again from file to file.
#[derive(Debug)]
pub(super) struct Decoder<T> {
    file: Vec<u8>,
    pixels: Vec<u8>,
    planes: Vec<T>,
}

impl<T> Default for Decoder<T> {
    fn default() -> Self {
        Self { file: Vec::new(), pixels: Vec::new(), planes: Vec::new() }
    }
}

/// How the values of decoded pixels lie.
struct Layout {
    /// Values a pixel: of a colour or of a grey, and how opaque it is.
    values: usize,
    /// Bytes a value, the first of which counts most.
    bytes: usize,
}

impl<T: Float> Decoder<T> {
    /// Fills `to` with the planes of a picture as one of this shape, over this background.
    pub(super) fn decode(
        &mut self,
        input: &Input,
        header: Header,
        (shape, background): (Shape, Option<f64>),
        to: &mut [T],
    ) -> Result<()> {
        if input.len() > MOST_BYTES {
            let expected = "at most 2³⁰ bytes";
            return Err(refuse(input, "a file of more than 2³⁰ bytes", expected));
        }
        self.file.resize(input.len() as usize, 0);
        Stream::new(input.clone(), Packing::Plain).fill(&mut self.file)?;
        let layout = match header.format {
            Format::Png => self.png(input, header)?,
            Format::Jpeg => self.jpeg(input, header)?,
        };
        let (from, wanted) = ((header.height, header.width), (shape.height, shape.width));
        let planes = if from == wanted {
            &mut *to
        } else {
            self.planes.resize(shape.channels * header.pixels(), T::ZERO);
            &mut self.planes
        };
        if !to_planes(&self.pixels, layout, shape.channels, background, planes) {
            let expected =
                "opaque ones; `ImageOptions::background` says what is seen through the others";
            return Err(refuse(input, "transparent pixels", expected));
        }
        if from != wanted {
            resize(&self.planes, from, to, wanted);
        }
        Ok(())
    }

    fn png(&mut self, input: &Input, header: Header) -> Result<Layout> {
        let failed = |error: png::DecodingError| {
            damaged(input, matches!(&error, png::DecodingError::IoError(_)))
        };
        // What chunks other than the pixels may take, which are bounded by the size.
        let limits = png::Limits { bytes: self.file.len().saturating_add(1 << 20) };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(&*self.file), limits);
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let mut reader = decoder.read_info().map_err(failed)?;
        let length = reader.output_buffer_size();
        let most = 8 * header.pixels();
        let Some(length) = length.filter(|&length| length <= most) else {
            return Err(damaged(input, false));
        };
        self.pixels.resize(length, 0);
        let info = reader.next_frame(&mut self.pixels).map_err(failed)?;
        reader.finish().map_err(failed)?;
        let layout = Layout {
            values: info.color_type.samples(),
            bytes: if info.bit_depth == png::BitDepth::Sixteen { 2 } else { 1 },
        };
        self.expect(input, layout, header)
    }

    fn jpeg(&mut self, input: &Input, header: Header) -> Result<Layout> {
        if !ends(&self.file) {
            return Err(damaged(input, true));
        }
        let colours = if header.is_colour { ColorSpace::RGB } else { ColorSpace::Luma };
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(header.width)
            .set_max_height(header.height)
            .jpeg_set_out_colorspace(colours);
        let values = header.shape().channels;
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*self.file), options);
        self.pixels.resize(values * header.pixels(), 0);
        let decoded = decoder.decode_headers().and_then(|()| {
            let is_right = decoder.output_buffer_size() == Some(self.pixels.len());
            if is_right { decoder.decode_into(&mut self.pixels).map(|()| true) } else { Ok(false) }
        });
        if !matches!(decoded, Ok(true)) {
            return Err(damaged(input, false));
        }
        self.expect(input, Layout { values, bytes: 1 }, header)
    }

    /// Refuses pixels that are not those of the header, which was read apart.
    fn expect(&self, input: &Input, layout: Layout, header: Header) -> Result<Layout> {
        let is_right = header.pixels().checked_mul(layout.values * layout.bytes)
            == Some(self.pixels.len())
            && (layout.values > 2) == header.is_colour;
        if is_right { Ok(layout) } else { Err(damaged(input, false)) }
    }
}

/// Whether the pixels of a JPEG file come to their end, which decoders make up where it is missing: whether its mark
/// comes after its segments and scans. What lies behind it is not the picture's.
fn ends(file: &[u8]) -> bool {
    // Among the pixels 0xff is followed by 0, by a mark of restart, or by itself as filling.
    let is_mark = |two: &[u8]| two[0] == 0xff && !matches!(two[1], 0 | 0xff | 0xd0..=0xd7);
    let mut rest = file;
    while let Some(at) = rest.windows(2).position(is_mark) {
        let (mark, segment) = (rest[at + 1], &rest[at + 2..]);
        let len = match (mark, segment) {
            (0xd9, _) => return true,
            (0x01 | 0xd8, _) => 0, // marks without a segment
            (_, [high, low, ..]) => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return false,
        };
        rest = segment.get(len..).unwrap_or_default();
    }
    false
}

fn refuse(input: &Input, found: &'static str, expected: &'static str) -> Error {
    input.malformed(Place::File, Found::Thing(found), expected)
}

/// The error of a picture that does not come to its end, or is damaged.
pub(super) fn damaged(input: &Input, is_cut: bool) -> Error {
    Error::DamagedPicture { path: input.path().to_path_buf(), is_cut }
}

/// Pixels as one plane of grey, or three of colours; says whether nothing is transparent or seen through.
fn to_planes<T: Float>(
    pixels: &[u8],
    layout: Layout,
    channels: usize,
    background: Option<f64>,
    planes: &mut [T],
) -> bool {
    let Layout { values, bytes } = layout;
    let plane = planes.len() / channels;
    let greatest = if bytes == 2 { 65_535.0 } else { 255.0 };
    let value = |pixel: &[u8], k: usize| match bytes {
        1 => f64::from(pixel[k]) / greatest,
        _ => f64::from(u16::from_be_bytes([pixel[2 * k], pixel[2 * k + 1]])) / greatest,
    };
    for (at, pixel) in pixels.chunks_exact(values * bytes).enumerate() {
        let mut colour = if values > 2 {
            [value(pixel, 0), value(pixel, 1), value(pixel, 2)]
        } else {
            [value(pixel, 0); 3]
        };
        if values % 2 == 0 {
            let opaque = value(pixel, values - 1);
            match background {
                Some(behind) => {
                    colour = colour.map(|x| opaque * x + (1.0 - opaque) * behind);
                }
                None if opaque < 1.0 => return false,
                None => {}
            }
        }
        if channels == 1 {
            planes[at] = T::of(luma(colour));
        } else {
            for (channel, x) in colour.into_iter().enumerate() {
                planes[channel * plane + at] = T::of(x);
            }
        }
    }
    true
}

/// The grey of a colour; that of three equal channels is exactly one of them.
fn luma([red, green, blue]: [f64; 3]) -> f64 {
    if red == green && green == blue {
        return red;
    }
    0.299 * red + 0.587 * green + 0.114 * blue
}
