//! Layers of images and windows that have no weights: pooling and upsampling.

mod fixed;
mod frame;
mod max;
mod passes;
mod pool;
mod side;
mod upsample;

pub use fixed::{Fixed, FixedMap};
pub use max::MaxPoolLayer;
pub use pool::{AveragePool, AveragePool1d, AveragePool2d, AveragePoolLayer, MaxPool1d, MaxPool2d};
pub use upsample::{Interpolation, Upsample1d, Upsample2d, UpsampleLayer, Upsampling};
