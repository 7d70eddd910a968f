//! Training: the loop, its schedules, when it stops, what it reports.
//!
//! ```text
//! x (clean) ─corrupt─▶ x̃ ─encoder─▶ posterior ─draw─▶ z ─decoder─▶ y ─loss(x, y)
//!                          ▲            │                              │
//!                          └─ backward ◀┴─ penalty ◀───────────────────┘
//! gradient ─clip─▶ optimizer ─▶ parameters      or L-BFGS, which goes through all of this more often
//! ```

mod blocks;
#[cfg(feature = "safetensors")]
mod checkpoint;
mod divergence;
mod early_stopping;
mod log;
mod observer;
#[cfg(feature = "progress")]
mod progress;
mod report;
mod run;
pub use crate::random::schedule;
mod trainable;
mod trainer;
mod training;

#[cfg(feature = "safetensors")]
pub use crate::file::Recovered;
#[cfg(feature = "safetensors")]
pub use checkpoint::Checkpoints;
#[cfg(feature = "safetensors")]
pub(crate) use checkpoint::{digest, digest_of};
pub use divergence::{Divergence, DivergenceAction, OnDivergence};
pub use early_stopping::EarlyStopping;
pub use log::Log;
pub use observer::{BatchReport, Event, Observer};
#[cfg(feature = "progress")]
pub use progress::ProgressBar;
#[cfg(feature = "plot")]
pub(crate) use report::numbered as term_names;
pub use report::{Convergence, EpochReport, Report, StopReason};
pub use schedule::Schedule;
pub(crate) use trainable::{Chosen, Trainable};
pub use trainer::Trainer;
