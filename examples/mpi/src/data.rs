//! Images to train on: MNIST's files, or generated ones.

use std::path::Path;

use autoencoder::data::Idx;
use autoencoder::nalgebra::Const;
use autoencoder::{BatchViewMut, Error, Result, Source};

/// Images of 28 × 28 pixels from 0 to 1, wherever they come from.
pub type Images = Box<dyn Source<Scalar = f32, Features = Const<784>>>;

const SIDE: usize = 28;

/// A file of MNIST, packed or not.
pub fn mnist(folder: &Path, name: &str) -> Result<Images> {
    let plain = folder.join(name);
    let path = if plain.exists() { plain } else { folder.join(format!("{name}.gz")) };
    Ok(Box::new(Idx::open(path)?.scale(1.0 / 255.0)?))
}

/// Some images of a source.
#[derive(Debug)]
pub struct Part {
    pub of: Images,
    pub first: usize,
    pub samples: usize,
    pub next: usize,
}

impl Source for Part {
    type Scalar = f32;
    type Features = Const<784>;

    fn size(&self) -> Const<784> {
        Const
    }

    fn samples(&self) -> usize {
        self.samples
    }

    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        self.of.rewind()?;
        self.of.skip(self.first)
    }

    fn read(&mut self, mut to: BatchViewMut<'_, f32>) -> Result<usize> {
        let wanted = to.samples().min(self.samples - self.next);
        let features = to.features();
        let front = &mut to.as_mut_slice()[..wanted * features];
        let count = self.of.read(BatchViewMut::new(front, features))?;
        self.next += count;
        Ok(count)
    }

    fn skip(&mut self, samples: usize) -> Result<()> {
        require_left(samples, self.samples - self.next)?;
        self.next += samples;
        self.of.skip(samples)
    }
}

/// Refuses to skip more than there is.
fn require_left(expected: usize, found: usize) -> Result<()> {
    let (place, unit) = ("Source::skip", "samples left");
    if expected > found {
        return Err(Error::SizeMismatch { place, unit, expected, found });
    }
    Ok(())
}

/// Images of two round spots of light each. An image is a function of its number, so that a process gets to its part
/// without what lies before.
#[derive(Debug)]
pub struct Spots {
    /// The number of the first.
    pub first: usize,
    pub samples: usize,
    pub next: usize,
    /// A value that is another one, for tests.
    pub odd: Option<usize>,
}

impl Spots {
    fn draw(number: usize, image: &mut [f32]) {
        image.fill(0.0);
        for spot in 0..2 {
            let mut bits = mixed(2 * number as u64 + spot);
            let mut share = || {
                bits = mixed(bits);
                (bits >> 40) as f32 / (1 << 24) as f32
            };
            let (row, column, width) =
                (4.0 + 20.0 * share(), 4.0 + 20.0 * share(), 1.5 + 2.5 * share());
            // Quotients and no exponentials, whose last bit differs between systems.
            let light = |place: f32, at: usize| 1.0 / (1.0 + ((at as f32 - place) / width).powi(2));
            for (at, pixel) in image.iter_mut().enumerate() {
                *pixel = pixel.max(light(row, at / SIDE) * light(column, at % SIDE));
            }
        }
    }
}

/// Each number well mixed, as by SplitMix64.
fn mixed(number: u64) -> u64 {
    let bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Source for Spots {
    type Scalar = f32;
    type Features = Const<784>;

    fn size(&self) -> Const<784> {
        Const
    }

    fn samples(&self) -> usize {
        self.samples
    }

    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        Ok(())
    }

    fn read(&mut self, mut to: BatchViewMut<'_, f32>) -> Result<usize> {
        let count = to.samples().min(self.samples - self.next);
        for image in to.as_mut_slice().chunks_exact_mut(SIDE * SIDE).take(count) {
            Self::draw(self.first + self.next, image);
            if self.odd == Some(self.next) {
                image[0] = 1.0;
            }
            self.next += 1;
        }
        Ok(count)
    }

    fn skip(&mut self, samples: usize) -> Result<()> {
        require_left(samples, self.samples - self.next)?;
        self.next += samples;
        Ok(())
    }
}
