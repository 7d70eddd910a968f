//! Files: what a model file looks like, and how it is replaced without ever being half written.

pub(crate) mod atomic;
mod classifier;
mod disk;
mod header;
pub(crate) mod model;
mod problem;
pub(crate) mod tensor;
pub(crate) mod tensors;
#[cfg(test)]
mod tests;

pub use atomic::Recovered;
pub use model::{Description, inspect};
pub use problem::Problem;
pub use tensor::Element;
#[cfg(fuzzing)]
pub use tensors::fuzz_model;
