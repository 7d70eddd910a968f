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
//! A training step allocates nothing after the first (a thread's first product takes its workspace); products and
//! element-wise work run in the widest vector instructions of the machine, and what comes next from memory is fetched
//! while something else is multiplied. With the feature `parallel` [`Trainer`]`::threads` divides large steps among
//! threads, to the same bits.
//!
//! A step in µs, and how many times ours: `f32`, sigmoid everywhere, squared error, Adam, one core of an Intel Xeon of
//! 2023 with AVX-512, one round of `python3 benches/peers/run.py` in the repository. The libraries are PyTorch 2.15
//! (eager, and compiled), JAX 0.10 and scikit-learn 1.9; the last column is how many times as long our step takes as its
//! bare products do by the crate `gemm` 0.19.
//!
//! | net | batch | ours | PyTorch | compiled | JAX | scikit-learn | over products |
//! |---|---|---:|---:|---:|---:|---:|---:|
//! | 64-32-64 | 128 | 35 | 349 (9.9×) | 351 (9.9×) | 83 (2.4×) | 373 (11×) | 1.90 |
//! | 784-128-784 | 128 | 1,123 | 1,819 (1.6×) | 1,763 (1.6×) | 1,599 (1.4×) | 3,650 (3.3×) | 1.09 |
//! | 784-256-64-256-784 | 128 | 2,747 | 3,229 (1.2×) | 3,074 (1.1×) | 2,824 (1.0×) | 6,238 (2.3×) | 1.47 |
//! | 784-1000-500-250-30-…-784 | 128 | 18,690 | 18,881 (1.0×) | 17,606 (0.94×) | 19,190 (1.0×) | 47,671 (2.6×) | 1.27 |
//! | the same | 512 | 60,986 | 62,473 (1.0×) | 59,706 (0.98×) | 63,227 (1.0×) | 93,866 (1.5×) | 1.15 |
//!
//! The same on two cores:
//!
//! | net | batch | ours | PyTorch | compiled | JAX | scikit-learn | over products |
//! |---|---|---:|---:|---:|---:|---:|---:|
//! | 64-32-64 | 128 | 35 | 363 (10×) | 375 (11×) | 82 (2.3×) | 366 (10×) | 1.88 |
//! | 784-128-784 | 128 | 865 | 1,364 (1.6×) | 1,279 (1.5×) | 1,049 (1.2×) | 2,817 (3.3×) | 1.35 |
//! | 784-256-64-256-784 | 128 | 1,507 | 2,291 (1.5×) | 2,201 (1.5×) | 1,988 (1.3×) | 5,773 (3.8×) | 0.99 |
//! | 784-1000-500-250-30-…-784 | 128 | 9,420 | 10,726 (1.1×) | 10,368 (1.1×) | 11,391 (1.2×) | 41,482 (4.4×) | 0.88 |
//! | the same | 512 | 33,057 | 33,432 (1.0×) | 32,547 (0.98×) | 33,774 (1.0×) | 71,541 (2.2×) | 1.08 |
//!
//! Regularized, one core: a variational step takes PyTorch 1.35 times as long (compiled 1.24, JAX 1.23), a sparse one of
//! 784-1024-784 1.11 (1.08, 1.07), an exact contractive one 1.76 (1.46, 1.10), a denoising one 1.83 (2.01, 1.44).
//! One sample is encoded in 0.33 µs (64→32) and 7.0 µs (784→128), where ONNX Runtime takes 5.7 and 9.6 and PyTorch 10.1
//! and 16.2; eight in 0.66 and 11.5, where they take 6.1 and 17.6, and 11.0 and 25. `sample` takes 1.03 times as long as
//! in PyTorch, `negative_log_likelihood` 0.80 times,
//! [`AnomalyDetector::scores`](crate::anomaly::AnomalyDetector::scores) on a million rows 0.74 times, and
//! [`nearest`](crate::metrics::nearest) a quarter to three quarters of the time of the faster of PyTorch and scikit-learn.
//!
//! Large nets are bound by their products, which take 80 to 87 % of our step on one core, and by the memory that weights,
//! gradients and moments go through: of the deep net's step at batch 128 Adam takes 15 %.
//!
//! `cargo bench -p autoencoder-benches --bench throughput` prints steps beside the same products by nalgebra; with
//! `-- --plugins` what each plugin costs, with `-- --objectives` what each
//! [generative one](crate::regularizer#what-they-cost) does, with `-- --growth` how the cost grows.
//! `cargo bench -p autoencoder-benches --bench plugins` times every plugin and call, and `--bench generation` samples,
//! scores and neighbours.

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
