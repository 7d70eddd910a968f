//! What is done again gives the same bits, allocates nothing anew, and does not grow.

mod allocations;
mod bits;
#[cfg(feature = "safetensors")]
mod soak;
mod stream_memory;
#[cfg(feature = "parallel")]
mod threads;
