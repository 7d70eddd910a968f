//! Files: what a model file looks like, and how it is replaced without ever being half written.

mod atomic;
mod disk;
mod header;
mod model;
mod problem;
mod tensor;
mod tensors;
#[cfg(test)]
mod tests;

pub use model::{Description, inspect};
pub use problem::Problem;
pub use tensor::Element;
#[cfg(fuzzing)]
pub use tensors::fuzz_model;
