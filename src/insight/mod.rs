//! What a trained model tells: odd samples, the code's shape, its health, what its units see.

pub mod anomaly;
pub mod health;
pub mod latent;
#[cfg(any(feature = "html", feature = "plot"))]
pub(crate) mod principal;
pub mod probe;
pub mod units;
