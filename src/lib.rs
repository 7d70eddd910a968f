#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]

mod batch;
mod code;
pub mod collective;
pub mod data;
pub mod datasets;
mod error;
#[cfg(feature = "safetensors")]
mod file;
mod insight;
pub mod layer;
pub mod loss;
pub mod metrics;
mod model;
mod numbers;
pub mod optimizer;
pub mod random;
pub mod regularizer;
mod report;
mod terms;
pub mod train;

// What our own signatures speak of, in the versions they speak of.
pub use nalgebra;
pub use rand;

#[doc = include_str!("how_it_is_built.md")]
pub mod how_it_is_built {}

pub use batch::size;
pub use batch::sparse::{SparseBatch, SparseSample};
pub use batch::{Batch, BatchView, BatchViewMut, Sample};
pub use code::dictionary::SparseDictionary;
pub use code::{Facts, Gaussian, dictionary, posterior, prior};
pub use data::{Normalizer, Source};
#[cfg(feature = "safetensors")]
pub use error::Problem;
pub use error::{Error, Fit, Found, Known, Names, NoStride, Number, Outlier, Place, Result};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use file::fuzz_model;
pub use insight::{anomaly, health, latent, probe, units};
pub use layer::activation::Activation;
pub use layer::layout as parameters;
pub use layer::layout::Layout;
pub use layer::trained::Trained;
pub use layer::{
    Any, AnyPart, AveragePool1d, AveragePool2d, ConditionPlanes, Conditioned, Conv1d, Conv2d,
    ConvTranspose1d, ConvTranspose2d, Dense, DiagonalGaussian, GroupNorm, Layer, LayerNorm,
    MaxPool1d, MaxPool2d, Module, Part, Point, Residual, Then, Tied, Upsample1d, Upsample2d,
};
pub use layer::{activation, init, range};
pub use loss::{
    BernoulliCrossEntropy, Categorical, ContinuousBernoulli, CrossEntropy, GaussianLikelihood,
    Huber, LaplaceLikelihood, LearnedGaussian, Loss, Mixed, PoissonLikelihood, SquaredError,
};
pub use model::builder::Builder;
#[cfg(feature = "safetensors")]
pub use model::file::{Description, inspect};
pub use model::stack::Stack;
pub use model::{AggregatedPosterior, AnyAutoEncoder, AutoEncoder, Classifier, Elbo};
pub use model::{HowMany, OneInput, Scalar, Unlabelled, Workspace};
pub use model::{builder, contract, gradcheck, stack};
#[cfg(feature = "parallel")]
pub use numbers::parallel::Threads;
pub use numbers::scalar::Float;
pub use optimizer::{Adam, AdamW, Lbfgs, Optimizer, RmsProp, Sgd};
pub use random::schedule::Schedule;
pub use regularizer::corruption::{self, Corruption};
pub use regularizer::{
    Augment, Binarize, CodeL1, Contractive, Denoising, ImportanceWeighted, Mmd, NoRegularizer,
    Regularizer, SparseKl, TotalCorrelation, Variational, WeightDecay,
};
#[cfg(feature = "html")]
pub use report::html;
#[cfg(feature = "plot")]
pub use report::plot;
pub use terms::Terms;
pub use train::{EarlyStopping, EpochReport, Examples, OnDivergence, Report, Trainer};
