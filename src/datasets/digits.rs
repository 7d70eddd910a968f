use nalgebra::Const;

use crate::batch::Batch;
use crate::numbers::scalar::Scalar;

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
    /// The first 1,438 images: 64 pixels × 1,438, each in [0, 1].
    pub train: Batch<T, Const<64>>,
    /// What each image of `train` shows, 0 to 9.
    pub train_labels: Vec<u8>,
    /// The last 359 images: 64 pixels × 359, each in [0, 1].
    pub test: Batch<T, Const<64>>,
    /// What each image of `test` shows, 0 to 9.
    pub test_labels: Vec<u8>,
}

impl<T: Scalar> Digits<T> {
    /// All 1,797 images in their published order.
    pub fn all(&self) -> Batch<T, Const<64>> {
        let samples = self.train.iter().chain(self.test.iter());
        samples.map(|image| std::array::from_fn(|pixel| image[pixel])).collect()
    }
}

/// 1,797 scanned handwritten digits of 8×8 pixels, with labels: the test set of *Optical Recognition
/// of Handwritten Digits*.
///
/// Pixels are stored row by row, divided by 16 so that they lie in [0, 1]. The first 1,438 images
/// in the published order are the training part, the last 359 (a fifth) the test part.
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
pub fn digits<T: Scalar>() -> Digits<T> {
    let (pixels, labels) = BYTES.split_at(IMAGES * PIXELS);
    let images = |from: usize, to: usize| {
        let images = pixels[from * PIXELS..to * PIXELS].chunks_exact(PIXELS);
        let image = |image: &[u8]| -> [T; 64] {
            std::array::from_fn(|pixel| T::of(f64::from(image[pixel]) / 16.0))
        };
        images.map(image).collect()
    };
    Digits {
        train: images(0, TRAIN),
        train_labels: labels[..TRAIN].to_vec(),
        test: images(TRAIN, IMAGES),
        test_labels: labels[TRAIN..].to_vec(),
    }
}
