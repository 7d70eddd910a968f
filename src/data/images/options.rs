use std::collections::HashSet;
use std::path::Path;

use super::header::MOST_PIXELS;
use super::{FolderSize, ImageFolder};
use crate::batch::size::Shape;
use crate::error::{Error, Result, require, require_count, require_fraction, require_size};
use crate::numbers::scalar::Float;

/// How a folder of pictures is read.
///
/// | option | default | purpose |
/// |---|---|---|
/// | [`grey`](Self::grey) | no: colour is refused where one channel is wanted | makes one channel of colour |
/// | [`colour`](Self::colour) | an `Image<3, H, W>` has it; a `DynImage` is as the first file | makes three equal channels of grey |
/// | [`resize`](Self::resize) | no: other sizes are refused | brings all pictures to one size |
/// | [`background`](Self::background) | none: transparent pixels are refused | the grey that is seen through them |
/// | [`classes`](Self::classes) | the folders that there are, in the order of their names | gives classes the same numbers in each folder |
/// | [`skip_other_files`](Self::skip_other_files) | no: they are refused | leaves out what is no PNG or JPEG file |
///
/// # Example
/// ```no_run
/// use autoencoder::data::{ImageFolder, ImageOptions};
/// use autoencoder::size::Image;
///
/// let options = ImageOptions::new().grey().resize(32, 32)?.skip_other_files();
/// let photos: ImageFolder<f32, Image<1, 32, 32>> = options.open("photos")?;
/// for file in photos.skipped() {
///     println!("left out: {}", file.display());
/// }
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageOptions {
    pub(super) channels: Option<usize>,
    /// Rows and columns.
    pub(super) size: Option<(usize, usize)>,
    pub(super) background: Option<f64>,
    /// Their names, in the order of their numbers.
    pub(super) classes: Option<Vec<String>>,
    pub(super) skips_other_files: bool,
}

impl ImageOptions {
    /// Nothing is converted and nothing left out.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes one channel of colour: its luma, of which equal channels are themselves. Takes the place of
    /// [`colour`](Self::colour).
    ///
    /// # Formula
    /// 0.299 · red + 0.587 · green + 0.114 · blue.
    ///
    /// # References
    /// International Telecommunication Union (2011), Recommendation BT.601-7, section 2.5.1.
    pub fn grey(mut self) -> Self {
        self.channels = Some(1);
        self
    }

    /// Makes three equal channels of grey. Takes the place of [`grey`](Self::grey).
    pub fn colour(mut self) -> Self {
        self.channels = Some(3);
        self
    }

    /// Brings all pictures to this many rows and columns, each at least 1 and together at most 2²⁶ pixels, whatever
    /// their proportions: a wide picture becomes narrower where the new size is.
    ///
    /// # Formula
    /// Along rows and columns each, a pixel of the result is the mean of the pixels of the file, weighted by a triangle
    /// around its place that reaches as far as the next pixel of the coarser of the two pictures. So nothing is passed
    /// over where a picture becomes smaller (as Pillow's `BILINEAR` and `antialias=True` of torchvision have it), and
    /// where it becomes larger, this is bilinear interpolation. What the triangle leaves over the edge is left out of
    /// the mean.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn resize(mut self, height: usize, width: usize) -> Result<Self> {
        let requirement = "at least 1, and the rows times the columns at most 2²⁶";
        let fits = height.saturating_mul(width) <= MOST_PIXELS;
        let name = "ImageOptions resize height";
        require(height > 0 && fits, name, height as f64, requirement)?;
        require(width > 0, "ImageOptions resize width", width as f64, requirement)?;
        self.size = Some((height, width));
        Ok(self)
    }

    /// Lays pictures over this grey, from 0 (black) to 1 (white), which is then seen through their transparent pixels.
    ///
    /// # Formula
    /// α · value + (1 − α) · background, in the values of the file.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn background(mut self, grey: f64) -> Result<Self> {
        require_fraction("ImageOptions background", grey)?;
        self.background = Some(grey);
        Ok(self)
    }

    /// Fixes the classes, at least one, and their numbers, in this order: so a folder of test pictures that lacks a class, or
    /// has an empty folder of it, numbers the others as the folder of the training does, whose
    /// [`classes`](ImageFolder::classes) it is given. Samples come class by class in this order. Default: the folders that there are, in the order of the bytes of their names.
    ///
    /// [`open`](Self::open) then refuses a folder whose name is not among them, and pictures that lie in no folder of a
    /// class, whatever else is left out.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no names, and
    /// [`Error::NamedTwice`](crate::Error::NamedTwice) for a name that is there before.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::{ImageFolder, ImageOptions, save_images};
    /// use autoencoder::{Batch, size::Image};
    ///
    /// # let folder = std::env::temp_dir().join(format!("autoencoder-classes-{}", std::process::id()));
    /// # let (train, test) = (folder.join("train"), folder.join("test"));
    /// # for class in [train.join("cats"), train.join("dogs"), test.join("dogs")] {
    /// #     std::fs::create_dir_all(&class).unwrap();
    /// #     save_images(&Batch::new(Image::<1, 1, 1>, vec![0.5])?, [class.join("a.png")])?;
    /// # }
    /// let train: ImageFolder<f32, Image<1, 1, 1>> = ImageFolder::open(&train)?;
    /// assert_eq!(train.classes(), ["cats", "dogs"]);
    /// // There are only dogs in the other one.
    /// let test: ImageFolder<f32, Image<1, 1, 1>> =
    ///     ImageOptions::new().classes(train.classes())?.open(&test)?;
    /// assert_eq!(test.labels(), [1]);
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn classes<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        require_count("the number of classes that ImageOptions::classes names", names.len())?;
        let mut seen = HashSet::new();
        if let Some(name) = names.iter().find(|&name| !seen.insert(name)) {
            return Err(Error::NamedTwice { call: "ImageOptions::classes", name: name.clone() });
        }
        self.classes = Some(names);
        Ok(self)
    }

    /// Leaves out files that are not called PNG or JPEG files, and folders in folders of classes;
    /// [`ImageFolder::skipped`] names them.
    pub fn skip_other_files(mut self) -> Self {
        self.skips_other_files = true;
        self
    }

    /// Opens a folder and looks at the header of every file in it, so that what cannot be used is refused here and not
    /// in the middle of a training. What only the pixels tell, that a file is damaged or transparent, is refused when
    /// the sample is read.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read the folder or a file;
    /// [`Error::Malformed`](crate::Error::Malformed) with the name of a file that is no picture, not the kind of its
    /// name's ending, of colour where grey is wanted, or larger than a file of its length or of ours can be, and of
    /// what else is in the folder, a class that is not among those that were named included;
    /// [`Error::DamagedPicture`](crate::Error::DamagedPicture) for a file that ends before its size is told, and when a
    /// sample is read also for others that are cut short or damaged; [`Error::ImageSize`](crate::Error::ImageSize) with both sizes if a picture has
    /// another one; [`Error::InvalidParameter`](crate::Error::InvalidParameter) if `R` has neither one channel nor
    /// three; [`Error::SizeMismatch`](crate::Error::SizeMismatch) if it has others than the options ask for.
    pub fn open<T: Float, R: FolderSize>(
        &self,
        folder: impl AsRef<Path>,
    ) -> Result<ImageFolder<T, R>> {
        ImageFolder::with_options(folder.as_ref(), self)
    }

    /// The shape that samples have as their type says, if the options do not say otherwise.
    pub(super) fn of_known(&self, shape: Shape) -> Result<Shape> {
        let Shape { channels, height, width } = shape;
        let requirement = "1, for grey, or 3, for red, green and blue";
        let is_valid = matches!(channels, 1 | 3);
        require(is_valid, "the channels of images of a folder", channels as f64, requirement)?;
        require(height > 0, "the rows of images of a folder", height as f64, "at least 1")?;
        require(width > 0, "the columns of images of a folder", width as f64, "at least 1")?;
        if let Some(asked) = self.channels {
            let place = if asked == 1 { "ImageOptions::grey" } else { "ImageOptions::colour" };
            require_size(place, "channels, which the type of the samples has", channels, asked)?;
        }
        if let Some((rows, columns)) = self.size {
            let place = "ImageOptions::resize";
            require_size(place, "rows, which the type of the samples has", height, rows)?;
            require_size(place, "columns, which the type of the samples has", width, columns)?;
        }
        Ok(shape)
    }

    /// The shape of all samples where the first file has this one.
    pub(super) fn of_first(&self, first: Shape) -> Shape {
        let channels = self.channels.unwrap_or(first.channels);
        let (height, width) = self.size.unwrap_or((first.height, first.width));
        Shape { channels, height, width }
    }
}
