//! Training: the loop, its schedules, when it stops, what it reports.
//!
//! ```text
//! x (clean) ─corrupt─▶ x̃ ─encoder─▶ posterior ─draw─▶ z ─decoder─▶ y ─loss(x, y)
//!                          ▲            │                              │
//!                          └─ backward ◀┴─ penalty ◀───────────────────┘
//! gradient ─clip─▶ optimizer ─▶ parameters      or L-BFGS, which goes through all of this more often
//! ```
//!
//! | item | is |
//! |---|---|
//! | [`Trainer`] | all settings, and the one [`fit`](Trainer::fit) |
//! | [`Examples`] | what `fit` takes: samples with their labels or conditions, weights, and samples held out |
//! | [`schedule`] | the course of the learning rate |
//! | [`EarlyStopping`], [`OnDivergence`] | when a training ends before its last epoch |
//! | `Checkpoints`, with the feature `safetensors` | a training that goes on after a break with the same bits |
//! | [`Observer`] | is told of each step and epoch: [`Log`], a closure; with the feature `progress` `ProgressBar` |
//! | [`Control`] | what an observer says: the training goes on, or it [stops](Observer#stop-a-training), after Ctrl-C for example |
//! | [`Shared`] | an observer that can be read while a trainer has it |
//! | [`Report`] | what a training did, epoch by epoch; prints as a table |
//!
//! # Write your own
//! An observer of your own; it is shared with the trainer, so that it can be read at any time:
//! ```
//! use autoencoder::train::{Control, Event, Observer, Shared};
//! use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
//!
//! /// The longest gradient of each epoch.
//! #[derive(Debug, Default)]
//! struct Longest {
//!     so_far: f64,
//!     of_epochs: Vec<f64>,
//! }
//! impl Observer for Longest {
//!     fn observe(&mut self, event: &Event<'_>) -> Control {
//!         match event {
//!             Event::Batch(batch) => self.so_far = self.so_far.max(batch.gradient_norm),
//!             Event::Epoch(_) => self.of_epochs.push(std::mem::take(&mut self.so_far)),
//!             _ => {}
//!         }
//!         Control::Continue
//!     }
//! }
//!
//! let digits = datasets::digits();
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<64, 8>::new(Sigmoid))
//!     .decoder(Dense::<8, 64>::new(Sigmoid))
//!     .build::<f32>()?;
//! let longest = Shared::new(Longest::default());
//! let mut trainer = Trainer::new(Adam::new(1e-2)?).epochs(3).observer(longest.clone());
//! trainer.fit(&mut model, &digits.train)?;
//! let of_epochs = longest.with(|longest| longest.of_epochs.clone());
//! assert!(of_epochs.len() == 3 && of_epochs[0] > of_epochs[2]);
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! # Speed
//! A training step allocates nothing after the first; products and element-wise work run in the widest vector
//! instructions of the machine, and what comes next from memory is fetched while something else is multiplied. With the
//! feature `parallel` [`Trainer`]`::threads` divides large steps among threads, to the same bits.
//!
//! A step in µs, and how many times ours: `f32`, sigmoid everywhere, squared error, Adam, one core of a Zen 4 server
//! processor, one short round of `python3 benches/peers/run.py` in the repository. The libraries are PyTorch 2.15
//! (eager, and compiled), JAX 0.10, scikit-learn 1.9, Burn 0.22 and candle 0.11.
//!
//! | net | batch | ours | PyTorch | compiled | JAX | scikit-learn | Burn | candle |
//! |---|---|---:|---:|---:|---:|---:|---:|---:|
//! | 64-32-64 | 128 | 50 | 353 (7.0×) | 346 (6.9×) | 106 (2.1×) | 341 (6.8×) | 226 (4.5×) | 294 (5.9×) |
//! | 784-128-784 | 128 | 1,724 | 2,955 (1.7×) | 2,045 (1.2×) | 1,582 (0.92×) | 2,907 (1.7×) | 3,833 (2.2×) | 8,847 (5.1×) |
//! | 784-256-64-256-784 | 128 | 3,651 | 4,209 (1.2×) | 4,347 (1.2×) | 3,494 (0.96×) | 5,621 (1.5×) | 6,677 (1.8×) | 16,852 (4.6×) |
//! | 784-1000-500-250-30-…-784 | 128 | 26,181 | 26,540 (1.0×) | 26,027 (0.99×) | 24,325 (0.93×) | 42,254 (1.6×) | 47,591 (1.8×) | 124,570 (4.8×) |
//! | the same | 512 | 85,039 | 89,592 (1.1×) | 87,128 (1.0×) | 81,205 (0.95×) | 111,513 (1.3×) | 112,861 (1.3×) | 186,083 (2.2×) |
//!
//! The same on two cores:
//!
//! | net | batch | ours | PyTorch | compiled | JAX | scikit-learn | Burn | candle |
//! |---|---|---:|---:|---:|---:|---:|---:|---:|
//! | 64-32-64 | 128 | 49 | 364 (7.4×) | 508 (10×) | 114 (2.3×) | 332 (6.8×) | 302 (6.2×) | 179 (3.7×) |
//! | 784-128-784 | 128 | 1,109 | 3,074 (2.8×) | 1,315 (1.2×) | 1,138 (1.0×) | 2,812 (2.5×) | 4,715 (4.3×) | 10,005 (9.0×) |
//! | 784-256-64-256-784 | 128 | 2,531 | 3,186 (1.3×) | 2,434 (0.96×) | 2,360 (0.93×) | 5,370 (2.1×) | 7,935 (3.1×) | 17,292 (6.8×) |
//! | 784-1000-500-250-30-…-784 | 128 | 15,443 | 16,311 (1.1×) | 18,956 (1.2×) | 14,272 (0.92×) | 32,517 (2.1×) | 54,289 (3.5×) | 135,147 (8.8×) |
//! | the same | 512 | 45,587 | 50,045 (1.1×) | 47,231 (1.0×) | 49,516 (1.1×) | 73,114 (1.6×) | 99,862 (2.2×) | 164,962 (3.6×) |
//!
//! Large nets are bound by their products, which take 78 to 93 % of our step on one core. One sample is encoded in
//! 0.20 µs (64→32) and 3.8 µs (784→128), where ONNX Runtime takes 5.4 and 10.2 and PyTorch 9.3 and 15.7.
//!
//! `cargo bench -p autoencoder-benches --bench throughput` prints steps beside their bare products; with `-- --plugins`
//! what each plugin costs, with `-- --objectives` what each [generative one](crate::regularizer#what-they-cost) does,
//! with `-- --growth` how the cost grows. `cargo bench -p autoencoder-benches --bench plugins` times every plugin and
//! call.

pub(crate) mod blocks;
#[cfg(feature = "safetensors")]
pub(crate) mod checkpoint;
mod course;
mod divergence;
mod early_stopping;
pub(crate) mod examples;
mod log;
mod observer;
pub(crate) mod prepared;
#[cfg(feature = "progress")]
mod progress;
mod report;
mod run;
mod schedules;
pub(crate) mod settings;
pub(crate) mod survey;
pub(crate) mod trainable;
pub(crate) mod trainer;
mod training;
mod warning;

#[cfg(feature = "safetensors")]
pub use crate::file::atomic::Recovered;
pub use crate::random::schedule;
pub use crate::random::schedule::Schedule;
#[cfg(feature = "safetensors")]
pub use checkpoint::Checkpoints;
pub use divergence::{Divergence, DivergenceAction, OnDivergence};
pub use early_stopping::EarlyStopping;
pub use examples::{
    Examples, GoesWith, IntoExamples, Labels, SamplesAlone, Suits, WithConditions,
    WithConditionsAndLabels, WithLabels,
};
pub use log::{Log, LogFile};
pub use observer::{BatchReport, Control, Event, Observer, Shared, Start};
#[cfg(feature = "progress")]
pub use progress::ProgressBar;
#[cfg(feature = "plot")]
pub(crate) use report::numbered as term_names;
pub use report::{Convergence, EpochReport, Report, StopReason};
pub use settings::Plan;
pub use trainable::{Takes, Trainable};
pub use trainer::Trainer;
pub use warning::Warning;
