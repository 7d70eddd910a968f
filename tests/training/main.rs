//! How a training goes: its options, its methods, its log, its streams.

mod divergence;
mod lbfgs;
mod log;
mod options;
mod schedules;
mod shards;
mod streams;
mod warnings;
