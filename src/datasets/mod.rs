//! Data sets that come with the crate.

mod digits;

pub use digits::{Digits, digits};
