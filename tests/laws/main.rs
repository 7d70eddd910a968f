//! What holds whatever the data: laws of plugins, properties of drawn models, the contract, weights of samples.

mod augmenting;
mod by_norm;
mod condition_planes;
mod contract;
mod convolution_norms;
mod convolution_refusals;
mod convolutions;
mod dictionaries;
mod filter;
mod generators;
mod known_features;
mod known_samples;
mod laws;
mod layers;
mod normalising;
mod properties;
mod resizing;
mod resizing_models;
mod resizing_pytorch;
mod sample_weights;
mod transcoders;
