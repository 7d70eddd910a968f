//! Pictures in colours.

use autoencoder::size::Image;
use autoencoder::{Batch, datasets};

const SIDE: usize = 12;
pub type Photo = Image<3, SIDE, SIDE>;

/// Discs in colours, of which red, green and blue are made of the same discs in different ways.
pub fn photos(count: usize) -> Batch<f32, Photo> {
    let grey = datasets::dead_leaves::<f32>(count, SIDE, 2.0..=9.0, 5).unwrap();
    let values = grey.iter().enumerate().flat_map(|(k, image)| {
        let tint = move |channel: usize, x: f32| match (k + channel) % 3 {
            0 => x,
            1 => 1.0 - x,
            _ => (2.0 * x - 1.0).abs(),
        };
        (0..3).flat_map(move |channel| image.iter().map(move |&x| tint(channel, x)))
    });
    Batch::new(Image, values.collect()).unwrap()
}
