mod decode;
mod folder;
mod header;
mod options;
mod resize;
mod save;

use std::path::{Path, PathBuf};

use super::file_size::FileSize;
use super::input::Input;
use super::{Refusal, Source, require_left};
use crate::batch::BatchViewMut;
use crate::batch::size::{DynImage, Image, ImageSize, Shape, Size};
use crate::error::{Error, Found, Place, Result, require_size};
use crate::numbers::scalar::Float;

use decode::Decoder;
use folder::Listed;
use header::Header;
pub use options::ImageOptions;
pub use save::save_images;

/// The size that images of a folder can have: an [`Image`] or a [`DynImage`].
///
/// A model of plain features takes them too: `Dense::<784, 32>` an `Image<1, 28, 28>`, a layer of dynamic size a
/// `DynImage`.
#[diagnostic::on_unimplemented(
    message = "images of a folder have no such size: `{Self}`",
    label = "neither `Image<C, H, W>` nor `DynImage`",
    note = "read them as images, which a model of plain features takes too; `with_size` of a batch makes plain \
            features of them"
)]
pub trait FolderSize: ImageSize + FileSize {
    /// What is known of it before a file is seen.
    #[doc(hidden)]
    fn known() -> Option<Shape>;
    /// The size of this shape, which is the known one if there is one.
    #[doc(hidden)]
    fn of_shape(shape: Shape) -> Self;
}

impl<const C: usize, const H: usize, const W: usize> FolderSize for Image<C, H, W> {
    fn known() -> Option<Shape> {
        Some(Self.shape())
    }
    fn of_shape(_: Shape) -> Self {
        Self
    }
}

impl FolderSize for DynImage {
    fn known() -> Option<Shape> {
        None
    }
    fn of_shape(Shape { channels, height, width }: Shape) -> Self {
        Self { channels, height, width }
    }
}

/// A folder of PNG and JPEG files, each of which is a sample: grey or colour, of 8 or 16 bits, of which 0 becomes 0
/// and the greatest becomes 1.
///
/// A file is decoded when its sample is read, so memory holds one file at a time and the names of all. Samples come class
/// by class: to train on more than 8,192 of them, set [`shuffle_buffer`](crate::Trainer::shuffle_buffer) to all of them, or
/// [`load`](Source::load) them. A [`validation_split`](crate::Trainer::validation_split) of what is loaded would hold out the
/// last class: validate on samples of another folder, or mix them first by [`select`](crate::Batch::select).
///
/// | in the folder | what becomes of it |
/// |---|---|
/// | names that end in `.png`, `.jpg` or `.jpeg`, in any case | samples, in the order of the bytes of their names: `10.png` before `2.png` |
/// | folders, where there are no such files beside them | classes: their files are samples, and their names say [of which class](Self::labels); [`classes`](ImageOptions::classes) of the options fixes which there are, and without it one without a picture is refused |
/// | hidden files, whose names begin with a dot; `Thumbs.db`, `desktop.ini` | left out: the system puts them there |
/// | other files, and folders in folders of classes | refused, or left out [if so asked](ImageOptions::skip_other_files) |
///
/// | file | is read as |
/// |---|---|
/// | grey, for one channel | it is |
/// | red, green and blue, for three channels; a palette too | it is |
/// | grey, for an `Image<3, H, W>` or after [`colour`](ImageOptions::colour) | three equal channels |
/// | colour, for one channel | refused, unless [`grey`](ImageOptions::grey) is asked for |
/// | with transparent pixels | refused, unless there is a [`background`](ImageOptions::background); opaque throughout, it is read as if nothing were said of that |
/// | of another size | refused, unless [`resize`](ImageOptions::resize) brings all to one |
///
/// Values are those of the file: no colour profile and no gamma are applied, and no picture is turned as the notes of a
/// camera (EXIF) say. Of an animated PNG the still picture is read.
///
/// # Shapes
/// Channels × rows × columns of each file, plane by plane: see [`Image`]. An image has at most 2²⁶ pixels
/// (8192 × 8192).
///
/// # Example
/// ```
/// use autoencoder::data::{ImageFolder, Source, save_images};
/// use autoencoder::{Batch, size::Image};
///
/// # let folder = std::env::temp_dir().join(format!("autoencoder-images-{}", std::process::id()));
/// for (class, level) in [("dark", 0.0), ("light", 0.8)] {
///     std::fs::create_dir_all(folder.join(class)).unwrap();
///     let image = Batch::new(Image::<1, 2, 3>, vec![level; 6])?;
///     save_images(&image, [folder.join(class).join("a.png")])?;
/// }
/// let mut images: ImageFolder<f32, Image<1, 2, 3>> = ImageFolder::open(&folder)?;
/// assert_eq!(images.classes(), ["dark", "light"]);
/// assert_eq!(images.labels(), [0, 1]);
/// let batch: Batch<f32, Image<1, 2, 3>> = images.load()?;
/// assert_eq!(batch.sample(1), [0.8; 6]); // 204 of 255
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug)]
pub struct ImageFolder<T, R> {
    listed: Listed,
    size: R,
    options: ImageOptions,
    decoder: Decoder<T>,
    next: usize,
    refusal: Refusal,
}

impl<T: Float, R: FolderSize> ImageFolder<T, R> {
    /// Opens a folder with the default [options](ImageOptions), and looks at the header of every file in it, so that
    /// what cannot be used is refused here and not in the middle of a training.
    ///
    /// # Errors
    /// As [`ImageOptions::open`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        ImageOptions::new().open(folder)
    }

    fn with_options(folder: &Path, options: &ImageOptions) -> Result<Self> {
        let listed = folder::list(folder, options.skips_other_files, options.classes.as_deref())?;
        let mut size = match R::known() {
            Some(shape) => Some(options.of_known(shape)?),
            None => None,
        };
        for path in &listed.files {
            let (input, format) = folder::open(path)?;
            let header = Header::read(&input, format)?;
            let size = *size.get_or_insert_with(|| options.of_first(header.shape()));
            check::<R>(&input, header, size, options)?;
        }
        // A folder without a file was refused.
        let shape = size.unwrap_or(Shape { channels: 1, height: 0, width: 0 });
        let (decoder, refusal) = (Decoder::default(), Refusal::default());
        let options = options.clone();
        Ok(Self { listed, size: R::of_shape(shape), options, decoder, next: 0, refusal })
    }

    fn read_one(&mut self, to: &mut [T]) -> Result<()> {
        // It may have changed since the folder was opened.
        let (input, format) = folder::open(&self.listed.files[self.next])?;
        let header = Header::read(&input, format)?;
        let shape = self.size.shape();
        check::<R>(&input, header, shape, &self.options)?;
        self.decoder.decode(&input, header, (shape, self.options.background), to)
    }
}

impl<T, R> ImageFolder<T, R> {
    /// The file of each sample, in the order of the samples.
    pub fn files(&self) -> &[PathBuf] {
        &self.listed.files
    }

    /// The class of each sample, as its index in [`classes`](Self::classes): for a
    /// [`Classifier`](crate::Classifier), say. Without folders of classes there are none. Two folders whose classes are
    /// not the same number them differently, unless [`ImageOptions::classes`] gives both the same.
    pub fn labels(&self) -> &[usize] {
        &self.listed.labels
    }

    /// The names of the classes, in the order of their numbers: those of [`ImageOptions::classes`], also of a class that has
    /// no folder or no picture in it, or else those of the folders, in the order of their bytes, in which what is no Unicode
    /// is replaced.
    pub fn classes(&self) -> &[String] {
        &self.listed.classes
    }

    /// What was left out because [`skip_other_files`](ImageOptions::skip_other_files) asked for it.
    pub fn skipped(&self) -> &[PathBuf] {
        &self.listed.skipped
    }
}

/// Refuses a picture that is not read as one of this shape.
fn check<R: FolderSize>(
    input: &Input,
    header: Header,
    shape: Shape,
    options: &ImageOptions,
) -> Result<()> {
    let is_asked = options.channels == Some(shape.channels);
    let refuse = |found, expected| Err(input.malformed(Place::File, Found::Thing(found), expected));
    match (header.is_colour, shape.channels) {
        (true, 1) if !is_asked => {
            return refuse(
                "a picture in colour",
                "a grey one; `ImageOptions::grey` makes grey of colour",
            );
        }
        (false, 3) if !is_asked && R::known().is_none() => {
            return refuse(
                "a grey picture",
                "one in colour like the first of the folder; `ImageOptions::colour` makes three equal channels of grey",
            );
        }
        _ => {}
    }
    let (expected, found) = ((shape.height, shape.width), (header.height, header.width));
    if options.size.is_none() && found != expected {
        let path = input.path().to_path_buf();
        return Err(Error::ImageSize { path, expected, found });
    }
    Ok(())
}

impl<T: Float, R: FolderSize> Source for ImageFolder<T, R> {
    type Scalar = T;
    type Features = R;
    fn size(&self) -> R {
        self.size
    }
    fn samples(&self) -> usize {
        self.listed.files.len()
    }
    fn rewind(&mut self) -> Result<()> {
        self.refusal.forget();
        self.next = 0;
        Ok(())
    }
    fn read(&mut self, mut to: BatchViewMut<'_, T>) -> Result<usize> {
        let features = self.size.value();
        require_size("Source::read", "features", features, to.features())?;
        self.refusal.check()?;
        let count = to.samples().min(self.samples() - self.next);
        for sample in to.as_mut_slice().chunks_exact_mut(features).take(count) {
            let read = self.read_one(sample);
            self.refusal.note(read)?;
            self.next += 1;
        }
        Ok(count)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.refusal.check()?;
        require_left(samples, self.samples() - self.next)?;
        self.next += samples;
        Ok(())
    }
}
