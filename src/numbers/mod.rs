//! Numbers: the two types models compute in, their mathematics, products of matrices, work in parts, and how
//! numbers read.

#[cfg(feature = "safetensors")]
pub(crate) mod bytes;
pub(crate) mod correlation;
pub(crate) mod half;
pub(crate) mod lanes;
pub(crate) mod once;
pub(crate) mod parallel;
pub(crate) mod product;
pub(crate) mod room;
pub(crate) mod scalar;
pub(crate) mod significant;
pub(crate) mod vector;
