use crate::batch::Batch;
use crate::batch::size::Image;
use crate::numbers::scalar::Float;

/// Pixels of an image, and images.
const PIXELS: usize = 64;
const IMAGES: usize = 1797;
/// Images in the training part of the split.
const TRAIN: usize = 1438;

/// All pixels, image by image and row by row, values 0 to 16; then all labels.
static BYTES: &[u8; IMAGES * (PIXELS + 1)] = include_bytes!("digits.bin");

/// The scanned digits, split into two parts. See [`digits`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Digits<T> {
    /// The first 1,438 images, of one channel, 8 rows and 8 columns, each value in [0, 1].
    pub train: Batch<T, Image<1, 8, 8>>,
    /// What each image of `train` shows, 0 to 9.
    pub train_labels: Vec<u8>,
    /// The last 359 images, of one channel, 8 rows and 8 columns, each value in [0, 1].
    pub test: Batch<T, Image<1, 8, 8>>,
    /// What each image of `test` shows, 0 to 9.
    pub test_labels: Vec<u8>,
}

impl<T: Float> Digits<T> {
    /// All 1,797 images in their published order.
    pub fn all(&self) -> Batch<T, Image<1, 8, 8>> {
        let (train, test) = (self.train.as_slice(), self.test.as_slice());
        let mut all = Batch::zeros(Image, self.train.samples() + self.test.samples());
        let (first, last) = all.as_mut_slice().split_at_mut(train.len());
        first.copy_from_slice(train);
        last.copy_from_slice(test);
        all
    }
}

/// 1,797 scanned handwritten digits of 8×8 pixels, with labels: the test set of *Optical Recognition
/// of Handwritten Digits*.
///
/// Pixels are stored row by row, divided by 16 so that they lie in [0, 1]. The first 1,438 images
/// in the published order are the training part, the last 359 (a fifth) the test part.
///
/// # Shapes
/// Images of 1 × 8 × 8 pixels, as their type says. A layer of as many plain features takes them too:
/// `Dense::<64, 16>`.
///
/// # Example
/// ```
/// let digits = autoencoder::datasets::digits::<f32>();
/// assert_eq!((digits.train.samples(), digits.test.samples()), (1438, 359));
/// assert_eq!(digits.train_labels[..5], [0, 1, 2, 3, 4]);
/// ```
///
/// # References
/// E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
/// Repository, doi 10.24432/C50P49. Licensed under CC BY 4.0; the same images as scikit-learn's
/// `load_digits`. Changed here only in scale.
pub fn digits<T: Float>() -> Digits<T> {
    let (pixels, labels) = BYTES.split_at(IMAGES * PIXELS);
    let images = |from: usize, to: usize| {
        let mut images = Batch::zeros(Image, to - from);
        let pixels = images.as_mut_slice().iter_mut().zip(&pixels[from * PIXELS..]);
        pixels.for_each(|(to, &pixel)| *to = T::of(f64::from(pixel) / 16.0));
        images
    };
    Digits {
        train: images(0, TRAIN),
        train_labels: labels[..TRAIN].to_vec(),
        test: images(TRAIN, IMAGES),
        test_labels: labels[TRAIN..].to_vec(),
    }
}
