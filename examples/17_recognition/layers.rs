//! The net that is cut: three convolutions, and a dense layer to a narrow code.

use autoencoder::activation::{Identity, Relu};
use autoencoder::layer::{Any, AnyPart};
use autoencoder::{Conv2d, ConvTranspose2d, Dense, Result, nalgebra::Dyn, size::DynImage};

pub const DEPTH: usize = 4;
pub const CODE: usize = 10;

/// The sizes between layers: 8, 8, 4 and 2 rows, or 28, 28, 14 and 7.
fn sizes(image: DynImage) -> [DynImage; 4] {
    let DynImage { height, width, .. } = image;
    let of = |channels, parts| DynImage { channels, height: height / parts, width: width / parts };
    [image, of(8, 1), of(8, 2), of(16, 4)]
}

/// So many layers, each with less room than the one before.
pub fn encoder(image: DynImage, depth: usize) -> Result<Any<f32>> {
    let sizes = sizes(image);
    let convolutions = [(0, 1), (1, 2), (2, 2)].map(|(at, stride)| {
        Conv2d::between(sizes[at], sizes[at + 1], 3, Relu).stride(stride).boxed()
    });
    let dense = Dense::between(sizes[3], Dyn(CODE), Identity).boxed();
    Any::of(convolutions.into_iter().chain([dense]).take(depth))
}

/// Back from them, to logits of pixels.
pub fn decoder(image: DynImage, depth: usize) -> Result<Any<f32>> {
    let sizes = sizes(image);
    let dense = Dense::between(Dyn(CODE), sizes[3], Relu).boxed();
    let [third, second] = [3, 2]
        .map(|at| ConvTranspose2d::between(sizes[at], sizes[at - 1], 3, Relu).stride(2).boxed());
    let first = ConvTranspose2d::between(sizes[1], image, 3, Identity).stride(1).boxed();
    Any::of([dense, third, second, first].into_iter().skip(DEPTH - depth))
}
