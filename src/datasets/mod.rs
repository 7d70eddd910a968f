//! Data sets that come with the crate.

mod digits;
mod sensors;

pub use digits::{Digits, digits};
pub use sensors::{Fault, SENSOR_CHANNELS, Sensors, sensors};
