//! What models are put together of: parts, tied and stacked ones, classifiers.

mod classifier;
mod kinds;
mod meetings;
mod parts;
mod run_time;
mod samples;
mod small_stack;
mod stack;
mod streams_in_use;
mod tied;
