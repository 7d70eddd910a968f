//! What is wrong is refused, by the compiler or at run time, in plain words.

mod bad_inputs;
mod compile_fail;
mod cost;
mod data_hostile;
mod refusals;
mod rooms;
