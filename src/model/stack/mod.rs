//! Stacks: a deep autoencoder trained layer by layer, each on the codes of the one before.
//!
//! ```text
//! pretrain   x ─▶ code 1 ─▶ x̂        code 1 ─▶ code 2 ─▶ code 1̂       … each level alone
//! unroll     x ─▶ code 1 ─▶ code 2 ─▶ code 1̂ ─▶ x̂                      one model, no training
//! fine-tune  the same, all layers jointly
//! classify   x ─▶ code 1 ─▶ code 2 ─▶ softmax                          with labels
//! ```
//!
//! | to | call |
//! |---|---|
//! | have all of it in one call | [`Stack::fine_tune`], [`Stack::classify`], `fit` |
//! | go step by step | [`Stack::pretrain`], [`Pretrained::unroll`], [`Trainer::fit`](crate::Trainer::fit), [`AutoEncoder::classifier`](crate::AutoEncoder::classifier) |
//!
//! Tied weights are untied by unrolling, as Hinton and Salakhutdinov (2006) have it: encoder and decoder
//! start alike and part in fine-tuning. A part that is frozen stays frozen in all stages.
//!
//! Each level and each later stage has its own [`Trainer`](crate::Trainer), with its own optimizer, epochs, observers and
//! checkpoints: a stack whose trainers resume takes up the level at which it was stopped. An observer that
//! [stops](crate::train::Control::Stop) a level or stage ends all of it. All of them see the same
//! examples, each level the codes of those: with the same weights, and the same samples held out.

mod data;
mod levels;
mod report;
mod stages;

pub use levels::{Level, Levels, Pretrained, Stack};
pub use report::{StackReport, Stage};
pub use stages::{
    Classify, Deep, DeepClassifier, DeepModel, FineTune, Stacked, StackedClassifier, Universal,
};
