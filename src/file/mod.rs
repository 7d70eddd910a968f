//! Files: what a model file looks like, and how it is replaced without ever being half written.

pub(crate) mod atomic;
mod disk;
mod header;
pub(crate) mod tensors;
#[cfg(test)]
mod tests;

pub use atomic::Recovered;
#[cfg(fuzzing)]
pub use tensors::fuzz_model;
