//! Files: what a model file looks like, and how it is replaced without ever being half written.

pub(crate) mod atomic;
mod dictionary;
mod disk;
mod header;
pub(crate) mod stored;
pub(crate) mod tensors;
#[cfg(test)]
pub(crate) mod tests;

#[cfg(fuzzing)]
pub use tensors::fuzz_model;
