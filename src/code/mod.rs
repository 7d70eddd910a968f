//! What lies between encoder and decoder: how a code is found, what is said of it, and where it may lie.

pub mod decoder;
pub mod encoder;
pub mod posterior;
pub mod prior;
