//! Data sets that come with the crate: digits, and generators whose truth is known.
//!
//! | data | what is known of it |
//! |---|---|
//! | [`digits`] | 1,797 scanned digits and what they show |
//! | [`curves`] | images of curves, and the six numbers behind each |
//! | [`bars`] | images of bars, and which bars each has |
//! | [`swiss_roll`] | points in space, and where on the rolled-up sheet they lie |
//! | [`k_sparse`] | mixtures of a few atoms, the atoms, and the mixture |
//! | [`SyntheticFeatures`] | mixtures of features that fire by frequency, family and correlation, with all of it, in memory or as a stream |
//! | [`sensors`] | sensor rows, which are faulty and in which channel |
//! | [`dead_leaves`] | images of discs that hide each other, with the statistics of natural images |
//!
//! [`patches`] cuts pieces out of images. What generates takes a seed: the same seed gives the same
//! samples, and more samples begin with the fewer.
//!
//! Images say in their type that they are images: [`digits`] are batches of
//! [`Image<1, 8, 8>`](crate::size::Image), and [`dead_leaves`], whose size is a number of the running
//! program, of [`DynImage`](crate::size::DynImage). Layers of as many plain features take them as they are:
//! `Dense::<64, 16>` the digits. All else is plain features.

mod bars;
mod curves;
mod dead_leaves;
mod digits;
mod k_sparse;
mod patches;
mod sensors;
mod swiss_roll;
mod synthetic_features;

pub use bars::{Bars, bars};
pub use curves::{Curves, curves};
pub use dead_leaves::dead_leaves;
pub use digits::{Digits, digits};
pub use k_sparse::{KSparse, k_sparse};
pub use patches::patches;
pub use sensors::{Fault, SENSOR_CHANNELS, Sensors, sensors};
pub use swiss_roll::{SwissRoll, swiss_roll};
pub use synthetic_features::{FeatureSource, Hierarchy, KnownFeatures, SyntheticFeatures};

use crate::random::{StreamRng, keyed};

/// What draws, each with randomness of its own.
#[derive(Debug, Clone, Copy)]
enum Generator {
    Curves = 1,
    Bars,
    SwissRoll,
    KSparse,
    DeadLeaves,
    Patches,
    SyntheticFeatures,
}

impl Generator {
    /// The generator of the sample of this number.
    fn sample(self, seed: u64, index: usize) -> StreamRng {
        // Stream 0 is for what all samples share.
        let mut rng = self.shared(seed);
        rng.set_stream(index as u64 + 1);
        rng
    }

    /// The generator of what all samples share.
    fn shared(self, seed: u64) -> StreamRng {
        keyed(seed, u64::MAX - 1, self as u64)
    }
}
