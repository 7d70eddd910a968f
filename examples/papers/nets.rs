//! Convolutional nets of sizes that a row chooses.

use autoencoder::activation::{Identity, Relu};
use autoencoder::layer::{Any, AnyPart};
use autoencoder::nalgebra::Dyn;
use autoencoder::size::DynImage;
use autoencoder::{Conv2d, ConvTranspose2d, Dense};

use crate::data::Stop;

/// Two convolutions of stride 2 with kernels of 3 × 3 and rectified units, and transposed ones back.
#[derive(Debug, Clone, Copy)]
pub struct Strided {
    /// Rows and columns of an image, a multiple of 4.
    pub side: usize,
    /// Behind the first and the second convolution.
    pub channels: (usize, usize),
}

impl Strided {
    /// The image, a quarter of its pixels, a sixteenth.
    fn sizes(&self) -> [DynImage; 3] {
        let of = |channels, side| DynImage { channels, height: side, width: side };
        let (first, second) = self.channels;
        [of(1, self.side), of(first, self.side / 2), of(second, self.side / 4)]
    }

    /// Numbers behind the second convolution.
    pub fn features(&self) -> usize {
        let [.., last] = self.sizes();
        last.channels * last.height * last.width
    }

    /// From an image to these.
    pub fn convolutions(&self) -> Result<Any<f32>, Stop> {
        let [pixels, halves, quarters] = self.sizes();
        let first = Conv2d::between(pixels, halves, 3, Relu).stride(2);
        let second = Conv2d::between(halves, quarters, 3, Relu).stride(2);
        Ok(Any::of([first.boxed(), second.boxed()])?)
    }

    /// Back, to values of any size.
    pub fn transposed(&self) -> Result<Any<f32>, Stop> {
        let [pixels, halves, quarters] = self.sizes();
        let second = ConvTranspose2d::between(quarters, halves, 3, Relu).stride(2);
        let first = ConvTranspose2d::between(halves, pixels, 3, Identity).stride(2);
        Ok(Any::of([second.boxed(), first.boxed()])?)
    }

    /// With a dense layer to a code.
    pub fn encoder(&self, code: usize) -> Result<Any<f32>, Stop> {
        let dense = Dense::between(Dyn(self.features()), Dyn(code), Identity);
        Ok(Any::of([self.convolutions()?, dense.boxed()])?)
    }

    /// With a dense layer from a code.
    pub fn decoder(&self, code: usize) -> Result<Any<f32>, Stop> {
        let dense = Dense::between(Dyn(code), Dyn(self.features()), Relu);
        Ok(Any::of([dense.boxed(), self.transposed()?])?)
    }
}
