//! A sentence for a `?` that is missing.

/// What a `Result` would have to be to stand where a part is wanted: never fulfilled, so that this sentence is said.
#[diagnostic::on_unimplemented(
    message = "a `?` is missing: this is a `Result`, which may hold an error instead of the part",
    label = "add `?` (or `.unwrap()`) here",
    note = "constructors that check their numbers return a `Result`: `SparseKl::new(0.05, 0.1)?`"
)]
pub trait Unwrapped {}

/// The error of a `Result` that was not looked at.
#[derive(Debug)]
pub struct Forgotten<E>(std::marker::PhantomData<E>);
