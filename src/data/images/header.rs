//! What a picture says of itself before its pixels.

use super::decode::damaged;
use crate::batch::size::Shape;
use crate::data::input::{Input, Packing, Stream};
use crate::data::signature::{self, kind_of_binary};
use crate::error::{Error, Found, Place, Result};

/// The most pixels of a picture.
pub(super) const MOST_PIXELS: usize = 1 << 26;

/// Deflate packs at most so many bytes into one. A JPEG file has a bit at least for each block of 8 × 8 pixels of a
/// channel, and so at most 512 pixels a byte.
const MOST_PACKED: u64 = 1032;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
}

/// A picture's size and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: Format,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Whether its channels are red, green and blue.
    pub(super) is_colour: bool,
}

impl Header {
    /// The shape of the values, if they are left as they are.
    pub(super) fn shape(self) -> Shape {
        let channels = if self.is_colour { 3 } else { 1 };
        Shape { channels, height: self.height, width: self.width }
    }

    pub(super) fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Of a file whose name says that it has this format.
    pub(super) fn read(input: &Input, format: Format) -> Result<Self> {
        let (kind, expected) = match format {
            Format::Png => ("a PNG picture", "a PNG picture, as the name of the file says"),
            Format::Jpeg => ("a JPEG picture", "a JPEG picture, as the name of the file says"),
        };
        let found = kind_of_binary(&input.beginning(signature::LENGTH)?);
        if found != Some(kind) {
            let found = Found::Thing(found.unwrap_or("no picture"));
            return Err(input.malformed(Place::File, found, expected));
        }
        let mut stream = Stream::new(input.clone(), Packing::Plain);
        let (header, packed) = match format {
            Format::Png => of_png(&mut stream)?,
            Format::Jpeg => of_jpeg(&mut stream)?,
        };
        let refuse =
            |found, expected| Err(input.malformed(Place::File, Found::Thing(found), expected));
        let (height, width) = (header.height, header.width);
        if height == 0 || width == 0 {
            return refuse("a picture without pixels", "at least one row and one column");
        }
        if height.saturating_mul(width) > MOST_PIXELS {
            return refuse(
                "a picture that says it has more than 2²⁶ pixels",
                "at most 2²⁶ pixels (8192 × 8192): make it smaller first",
            );
        }
        if packed > input.len().saturating_mul(MOST_PACKED) {
            return refuse(
                "a size that no file of its length can hold",
                "a whole picture: this one is cut off or damaged",
            );
        }
        Ok(header)
    }
}

/// The header, and how many bytes the rows have at least, unpacked.
fn of_png(stream: &mut Stream) -> Result<(Header, u64)> {
    let mut bytes = [0; 29];
    fill(stream, &mut bytes)?;
    let number = |at: usize| {
        let four = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        u32::from_be_bytes(four)
    };
    if number(8) != 13 || &bytes[12..16] != b"IHDR" {
        return Err(refuse(stream.input(), 8, "another chunk", "the header of a PNG picture"));
    }
    let (width, height, bits) = (number(16), number(20), u64::from(bytes[24]));
    let (channels, is_colour) = match bytes[25] {
        0 => (1, false),
        2 => (3, true),
        3 => (1, true),
        4 => (2, false),
        6 => (4, true),
        _ => {
            let expected = "0, 2, 3, 4 or 6, for grey, RGB, a palette and both with transparency";
            return Err(refuse(stream.input(), 25, "another kind of colour", expected));
        }
    };
    let row = (u64::from(width) * bits * channels).div_ceil(8) + 1;
    let (height, width) = (height as usize, width as usize);
    let packed = row.saturating_mul(height as u64);
    Ok((Header { format: Format::Png, height, width, is_colour }, packed))
}

/// The header, and how many pixels there are.
fn of_jpeg(stream: &mut Stream) -> Result<(Header, u64)> {
    stream.seek(2)?;
    loop {
        let at = stream.at();
        let mut code = [0];
        fill(stream, &mut code)?;
        if code[0] != 0xff {
            let expected = "a marker of JPEG, which begins with 255";
            return Err(refuse(stream.input(), at, "another byte", expected));
        }
        while code[0] == 0xff {
            fill(stream, &mut code)?;
        }
        match code[0] {
            // No segment follows.
            0x01 | 0xd0..=0xd8 => continue,
            // Baseline, extended and progressive.
            0xc0..=0xc2 => return frame(stream),
            // Not frames: tables of Huffman and of arithmetic codes, and one that is reserved.
            0xc4 | 0xc8 | 0xcc => {}
            0xc3..=0xcf => {
                let found = "a JPEG picture without loss or in arithmetic codes";
                let expected = "a baseline or progressive one, as programs save them by default";
                return Err(refuse(stream.input(), at, found, expected));
            }
            0xd9 | 0xda => {
                let expected = "the size of the picture before its pixels";
                return Err(refuse(stream.input(), at, "the pixels or the end", expected));
            }
            _ => {}
        }
        let mut length = [0; 2];
        fill(stream, &mut length)?;
        let mut left = usize::from(u16::from_be_bytes(length)).saturating_sub(2);
        let mut dropped = [0; 1 << 10];
        while left > 0 {
            let count = left.min(dropped.len());
            fill(stream, &mut dropped[..count])?;
            left -= count;
        }
    }
}

fn frame(stream: &mut Stream) -> Result<(Header, u64)> {
    let at = stream.at();
    let mut bytes = [0; 8];
    fill(stream, &mut bytes)?;
    let [_, _, bits, height, height_low, width, width_low, channels] = bytes;
    match bits {
        8 => {}
        12 => {
            let expected = "one of 8 bits: save it again with 8";
            return Err(refuse(stream.input(), at + 2, "a JPEG picture of 12 bits", expected));
        }
        _ => return Err(refuse(stream.input(), at + 2, "damaged data", "8 bits a value")),
    }
    let is_colour = match channels {
        1 => false,
        3 => true,
        4 => {
            let expected = "a grey one or one of three colours: save it as RGB";
            return Err(refuse(stream.input(), at + 7, "a JPEG picture in CMYK", expected));
        }
        _ => return Err(refuse(stream.input(), at + 7, "damaged data", "one or three colours")),
    };
    let [height, width] =
        [[height, height_low], [width, width_low]].map(|two| usize::from(u16::from_be_bytes(two)));
    let header = Header { format: Format::Jpeg, height, width, is_colour };
    Ok((header, height as u64 * width as u64))
}

/// Fills all of `to`, if the file does not end before.
fn fill(stream: &mut Stream, to: &mut [u8]) -> Result<()> {
    let is_cut = stream.at().saturating_add(to.len() as u64) > stream.input().len();
    if is_cut { Err(damaged(stream.input(), true)) } else { stream.fill(to) }
}

fn refuse(input: &Input, at: u64, found: &'static str, expected: &'static str) -> Error {
    input.malformed(Place::Byte(at), Found::Thing(found), expected)
}
