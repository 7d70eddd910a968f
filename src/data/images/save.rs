use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::batch::Batch;
use crate::batch::size::{ImageSize, Shape};
use crate::data::png::{Colour, encode};
use crate::error::{Error, Number, Result, require, require_size};
use crate::numbers::scalar::Float;

/// Writes each sample of a batch as a PNG file of 8 bits a value: grey of one channel, colour of three. A file that is
/// there is replaced.
///
/// 0 becomes black and 1 the brightest; what is below or above becomes so too, as reconstructions often go beyond a
/// little. What was read from files of 8 bits by an [`ImageFolder`](super::ImageFolder) is written as it was.
///
/// # Formula
/// The byte of a value x is 255 · min(max(x, 0), 1), rounded to the nearest.
///
/// # Errors
/// Before a file is touched: [`Error::SizeMismatch`] unless there is a path for each sample;
/// [`Error::InvalidParameter`] for other channels than 1 or 3, or for no pixels; [`Error::NotFinite`] for NaN and infinity;
/// [`Error::PictureFormat`] for a path that does not end in `.png`; [`Error::SamePath`] for two that lead to one file,
/// however they are spelled. [`Error::File`] if a file cannot be written, as where its folder does not exist.
///
/// # Example
/// ```
/// use autoencoder::data::save_images;
/// use autoencoder::{Batch, size::Image};
///
/// # let folder = std::env::temp_dir().join(format!("autoencoder-saved-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// let red_and_blue = Batch::new(Image::<3, 1, 2>, vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?;
/// save_images(&red_and_blue, [folder.join("red and blue.png")])?;
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn save_images<T: Float, R: ImageSize, P: AsRef<Path>>(
    images: &Batch<T, R>,
    paths: impl IntoIterator<Item = P>,
) -> Result<()> {
    const CALL: &str = "save_images";
    let Shape { channels, height, width } = images.size().shape();
    let colour = match channels {
        1 => Colour::Grey,
        _ => Colour::Rgb,
    };
    let requirement = "1, for grey, or 3, for red, green and blue";
    let is_valid = matches!(channels, 1 | 3);
    require(is_valid, "the channels of images that are saved", channels as f64, requirement)?;
    let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    let requirement = "at least 1, and at most 2³¹ − 1 rows and columns";
    let is_valid = |&(width, height): &(u32, u32)| {
        (1..1 << 31).contains(&width) && (1..1 << 31).contains(&height)
    };
    let Some(sides) = sides.filter(is_valid) else {
        let name = "the rows or columns of images that are saved";
        let is_wide = !(1..1 << 31).contains(&width);
        return require(false, name, if is_wide { width } else { height } as f64, requirement);
    };
    let paths: Vec<P> = paths.into_iter().collect();
    require_size(CALL, "paths, one for each image", images.samples(), paths.len())?;
    if let Some(at) = images.as_slice().iter().position(|x| !x.is_finite()) {
        let (feature, sample) = (at % images.features(), at / images.features());
        let value = Number(images.as_slice()[at].to_double());
        return Err(Error::NotFinite { call: CALL, feature, sample, value });
    }
    for path in &paths {
        let ending = path.as_ref().extension().and_then(|ending| ending.to_str());
        if !ending.is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
            return Err(Error::PictureFormat { path: path.as_ref().to_owned(), endings: ".png" });
        }
    }
    let mut given = HashMap::with_capacity(paths.len());
    for (second, path) in paths.iter().map(AsRef::as_ref).enumerate() {
        if let Some(first) = given.insert(file_of(path), second) {
            return Err(Error::SamePath { path: path.to_owned(), first, second });
        }
    }
    let (plane, mut pixels) = (height * width, vec![0; images.features()]);
    for (image, path) in images.iter().zip(&paths) {
        for (channel, values) in image.chunks_exact(plane).enumerate() {
            let to = pixels[channel..].iter_mut().step_by(channels);
            for (to, x) in to.zip(values) {
                // A cast takes what is beyond to the nearest byte.
                *to = (255.0 * x.to_double()).round() as u8;
            }
        }
        let path = path.as_ref();
        let written = encode(&pixels, sides, colour).and_then(|file| fs::write(path, file));
        written.map_err(|error| Error::File {
            path: path.to_owned(),
            action: "write",
            reason: error.kind(),
        })?;
    }
    Ok(())
}

/// The file that a path leads to, spelled in one way: `a.png` and `./a.png` are one file, and so are a link and what it leads
/// to. A path into a folder that is not there stays as it is: it cannot be written to.
fn file_of(path: &Path) -> PathBuf {
    if let Ok(file) = fs::canonicalize(path) {
        return file;
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return path.to_owned();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::canonicalize(folder).map_or_else(|_| path.to_owned(), |folder| folder.join(name))
}
