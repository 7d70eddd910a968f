//! Gradients against finite differences, dual numbers, closed forms and other programs; planted mistakes are found.

mod dictionaries;
mod dual_numbers;
mod golden;
mod gradients;
mod likelihoods;
mod oracles;
mod planted;
