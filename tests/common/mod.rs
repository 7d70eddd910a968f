//! Tolerances of the gradient proofs, in one place. Those of finite differences are
//! `gradcheck::NORM_TOLERANCE` and `gradcheck::ELEMENT_TOLERANCE`, which users have too.

#![allow(dead_code)] // Each test takes what it needs.

use autoencoder::gradcheck::NORM_TOLERANCE;

/// Where finite differences of two step lengths disagree by more than this, by their norm, they
/// say nothing: a step has crossed a kink. Below the tolerance, so that a gradient that fails by a
/// wide margin is not excused by differences that are merely inexact.
pub const SMOOTH: f64 = NORM_TOLERANCE / 4.0;

/// At most this share of all cases may be drawn anew because of a kink.
pub const MOST_REDRAWN: f64 = 0.25;

/// Two analytic gradients of the same function, by their norm.
pub const CLOSED_FORM: f64 = 1e-12;

/// Gradients against dual numbers, by their norm.
pub const DUAL: f64 = 1e-11;

/// What two programs in double precision may differ by, for numbers of size 1.
pub const GOLDEN: f64 = 1e-14;
