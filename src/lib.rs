#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]

pub mod activation;
pub mod anomaly;
mod autoencoder;
mod batch;
pub mod builder;
mod classifier;
pub mod conditional;
pub mod contract;
pub mod corruption;
pub mod data;
pub mod datasets;
pub mod decoder;
pub mod encoder;
mod error;
pub mod features;
pub mod gradcheck;
pub mod health;
#[cfg(feature = "html")]
pub mod html;
pub mod init;
#[cfg(feature = "safetensors")]
mod io;
pub mod latent;
pub mod layer;
pub mod loss;
pub mod metrics;
pub mod optimizer;
mod parallel;
pub mod parameters;
mod pass;
#[cfg(feature = "plot")]
pub mod plot;
pub mod posterior;
#[cfg(any(feature = "html", feature = "plot"))]
mod principal;
pub mod prior;
mod product;
pub mod random;
pub mod range;
pub mod regularizer;
mod sample_weights;
mod scalar;
pub mod size;
pub mod stack;
mod terms;
pub mod train;
mod trained;
mod vector;
mod workspace;

// What our own signatures speak of, in the versions they speak of.
pub use nalgebra;
pub use rand;

pub use activation::Activation;
pub use autoencoder::{AggregatedPosterior, AutoEncoder, Elbo};
pub use batch::{Batch, BatchView, BatchViewMut, Sample};
pub use builder::{Build, Builder, Describe};
pub use classifier::{Classifier, ClassifierBuilder};
pub use conditional::{ConditionalAutoEncoder, Conditioned};
pub use corruption::Corruption;
pub use data::{Normalizer, Source};
pub use decoder::{Decoder, Tied};
pub use encoder::{Encoder, Gaussian};
pub use error::{Error, Found, Number, Place, Result};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use io::fuzz_model;
#[cfg(feature = "safetensors")]
pub use io::{Description, Problem, inspect};
pub use layer::{Dense, Layer, Module, Then};
pub use loss::{
    BernoulliCrossEntropy, Categorical, ContinuousBernoulli, GaussianLikelihood, Huber,
    LaplaceLikelihood, LearnedGaussian, Loss, Mixed, PoissonLikelihood, SquaredError,
};
pub use optimizer::{Adam, AdamW, Lbfgs, Optimizer, RmsProp, Sgd};
#[cfg(feature = "parallel")]
pub use parallel::Threads;
pub use parameters::Layout;
pub use regularizer::{
    Binarize, CodeL1, Contractive, Denoising, ImportanceWeighted, Mmd, NoRegularizer, Regularizer,
    SparseKl, TotalCorrelation, Variational, WeightDecay,
};
pub use scalar::Scalar;
pub use stack::Stack;
pub use terms::Terms;
pub use train::{EarlyStopping, EpochReport, OnDivergence, Report, Schedule, Trainer};
pub use trained::Trained;
pub use workspace::Workspace;
