//! PNG files as they are written: pictures of batches, and the bitmaps of plots.

use std::io::Write;

use flate2::{Compression, Crc, write::ZlibEncoder};

/// What a pixel of a PNG file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// A byte.
    #[cfg(feature = "image")]
    Grey,
    /// A byte of red, green and blue each.
    Rgb,
}

impl Colour {
    /// Bytes of a pixel.
    fn bytes(self) -> usize {
        match self {
            #[cfg(feature = "image")]
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }

    /// How the header calls it.
    fn code(self) -> u8 {
        match self {
            #[cfg(feature = "image")]
            Self::Grey => 0,
            Self::Rgb => 2,
        }
    }
}

/// A PNG file of 8 bits a value, of pixels that lie row by row.
///
/// # References
/// W3C (2003), Portable Network Graphics (PNG) Specification, second edition.
pub(crate) fn encode(
    pixels: &[u8],
    (width, height): (u32, u32),
    colour: Colour,
) -> std::io::Result<Vec<u8>> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8; 4], data: &[u8]| {
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(data);
        file.extend_from_slice(&(data.len() as u32).to_be_bytes());
        file.extend_from_slice(name);
        file.extend_from_slice(data);
        file.extend_from_slice(&crc.sum().to_be_bytes());
    };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, colour.code(), 0, 0, 0]); // 8 bits a value
    chunk(b"IHDR", &header);
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in pixels.chunks_exact(width as usize * colour.bytes()) {
        rows.write_all(&[0])?; // unfiltered
        rows.write_all(row)?;
    }
    // A chunk has at most 2³¹ − 1 bytes.
    rows.finish()?.chunks(1 << 30).for_each(|part| chunk(b"IDAT", part));
    chunk(b"IEND", &[]);
    Ok(file)
}
