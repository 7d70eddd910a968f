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
//! | [`Trainer::shards`], [`Trainer::collective`] | one training by [several processes](crate::collective), with the bits of one |
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
//! 2023 with AVX-512, median of two rounds of `python3 benches/peers/run.py` in the repository. The libraries are PyTorch
//! 2.15 (eager, and compiled), JAX 0.10, scikit-learn 1.9, Burn 0.22 and candle 0.11; the last column is how many times as
//! long our step takes as its bare products do by the crate `gemm` 0.19.
//!
//! | net | batch | ours | PyTorch | compiled | JAX | scikit-learn | Burn | candle | over products |
//! |---|---|---:|---:|---:|---:|---:|---:|---:|---:|
//! | 64-32-64 | 128 | 35 | 345 (9.8×) | 342 (9.7×) | 81 (2.3×) | 372 (11×) | 229 (6.5×) | 266 (7.6×) | 1.96 |
//! | 784-128-784 | 128 | 1,127 | 1,753 (1.6×) | 1,724 (1.5×) | 1,306 (1.2×) | 2,911 (2.6×) | 3,681 (3.3×) | 7,694 (6.8×) | 1.39 |
//! | 784-256-64-256-784 | 128 | 2,407 | 3,176 (1.3×) | 3,059 (1.3×) | 2,821 (1.2×) | 6,191 (2.6×) | 6,517 (2.7×) | 16,487 (6.8×) | 1.29 |
//! | 784-1000-500-250-30-…-784 | 128 | 18,032 | 17,848 (0.99×) | 17,447 (0.97×) | 19,582 (1.1×) | 45,197 (2.5×) | 42,624 (2.4×) | 114,855 (6.4×) | 1.27 |
//! | the same | 512 | 60,381 | 58,976 (0.98×) | 56,612 (0.94×) | 59,790 (0.99×) | 90,533 (1.5×) | 95,955 (1.6×) | 203,627 (3.4×) | 1.17 |
//!
//! The same on two cores, one round:
//!
//! | net | batch | ours | PyTorch | compiled | JAX | scikit-learn | Burn | candle | over products |
//! |---|---|---:|---:|---:|---:|---:|---:|---:|---:|
//! | 64-32-64 | 128 | 34 | 354 (10×) | 359 (11×) | 79 (2.3×) | 354 (10×) | 219 (6.4×) | 236 (7.0×) | 1.95 |
//! | 784-128-784 | 128 | 717 | 1,188 (1.7×) | 1,159 (1.6×) | 945 (1.3×) | 2,622 (3.7×) | 4,079 (5.7×) | 9,467 (13×) | 1.18 |
//! | 784-256-64-256-784 | 128 | 1,407 | 2,132 (1.5×) | 2,026 (1.4×) | 1,831 (1.3×) | 5,298 (3.8×) | 7,179 (5.1×) | 14,230 (10×) | 0.99 |
//! | 784-1000-500-250-30-…-784 | 128 | 9,449 | 10,020 (1.1×) | 9,852 (1.0×) | 11,149 (1.2×) | 37,461 (4.0×) | 48,065 (5.1×) | 110,976 (12×) | 0.93 |
//! | the same | 512 | 32,254 | 32,128 (1.0×) | 32,686 (1.0×) | 34,400 (1.1×) | 69,225 (2.1×) | 86,789 (2.7×) | 162,116 (5.0×) | 1.08 |
//!
//! Regularized, one core: a variational step takes PyTorch 1.29 times as long (compiled 1.18, JAX 1.18), a sparse one of
//! 784-1024-784 1.11 (1.15, 1.10), an exact contractive one 1.72 (1.43, 1.11), a denoising one 1.86 (2.11, 2.03).
//! One sample is encoded in 0.34 µs (64→32) and 5.6 µs (784→128), where ONNX Runtime takes 5.8 and 9.7 and PyTorch 10 and
//! 16; eight in 0.64 and 11.2, where they take 6.1 and 16.6, and 10.9 and 23.5. `sample` takes 1.04 times as long as in
//! PyTorch, `negative_log_likelihood` 0.78 times,
//! [`AnomalyDetector::scores`](crate::anomaly::AnomalyDetector::scores) on a million rows 0.89 times, and
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

mod agreement;
pub(crate) mod blocks;
#[cfg(feature = "safetensors")]
pub(crate) mod checkpoint;
mod columns;
mod course;
mod dealt;
mod divergence;
mod early_stopping;
pub(crate) mod examples;
mod log;
mod moved;
mod observer;
pub(crate) mod prepared;
#[cfg(feature = "progress")]
mod progress;
mod report;
mod run;
mod schedules;
pub(crate) mod settings;
pub(crate) mod survey;
mod team;
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
    WithConditionsAndLabels, WithLabels, WithTargets,
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
