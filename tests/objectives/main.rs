//! Objectives of variational models, their priors and likelihoods, and what becomes of their codes.

mod collapse;
mod conditional;
mod latent;
mod missing;
mod objective_edges;
mod objectives;
mod probabilistic_pca;
