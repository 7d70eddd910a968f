//! Health: what a trained model does with its units, its code and its gradients, in numbers and in words.
//!
//! | function | answers |
//! |---|---|
//! | [`unit_activity`] | how each code unit behaves: range, mean, deviation, how often it is active, whether it is [dead or saturated](UnitState) |
//! | [`effective_dimension`] | in how many directions the code varies |
//! | [`sparsity`] | how many units are active at once, and Hoyer's measure |
//! | [`kl_per_unit`] | how many nats each unit of a Gaussian code carries; collapsed units carry none |
//! | [`gradient_norms`] | how much of the gradient reaches each tensor |
//! | [`DictionaryCheckup`] | what a sparse dictionary makes of samples: L0, bias, densities, dead and dense units, atoms that are alike |
//! | [`Checkup`] | all of these, the explained variance and the Jacobian's norm, and [`Advice`] |
//!
//! Thresholds are stated where they are used; they call attention, they do not judge.
//!
//! # Example
//! ```
//! use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
//! use autoencoder::health::{Advice, Checkup};
//!
//! let digits = datasets::digits();
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<64, 20>::new(Sigmoid))
//!     .decoder(Dense::<20, 64>::new(Sigmoid))
//!     .build::<f32>()?;
//! Trainer::new(Adam::new(1e-2)?).epochs(10).fit(&mut model, &digits.train)?;
//! // Two units that no input can wake: their biases are far below 0, and their weights 0.
//! let mut parameters = model.parameters().to_vec();
//! for unit in [3, 8] {
//!     parameters[..20 * 64].iter_mut().skip(unit).step_by(20).for_each(|w| *w = 0.0);
//!     parameters[20 * 64 + unit] = -5.0;
//! }
//! model.set_parameters(&parameters)?;
//!
//! let checkup = Checkup::of(&model, &digits.test)?;
//! println!("{checkup}");
//! for advice in checkup.advice() {
//!     println!("{advice}"); // 2 of 20 units never exceed 0.05 (3, 8): …
//! }
//! assert!(matches!(&checkup.advice()[0], Advice::DeadUnits { units, .. } if *units == [3, 8]));
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod advice;
pub(crate) mod checkup;
mod code;
mod dictionary;
mod gradient;
mod units;

pub use advice::Advice;
pub use checkup::Checkup;
pub(crate) use checkup::evenly;
#[cfg(any(feature = "html", feature = "plot"))]
pub(crate) use code::centred;
pub use code::{Sparsity, effective_dimension, kl_per_unit, sparsity};
pub use dictionary::DictionaryCheckup;
pub use gradient::{GradientNorm, gradient_norms};
#[cfg(any(feature = "html", feature = "plot"))]
pub(crate) use units::greatest;
pub use units::{CodeRange, UnitActivity, UnitState, unit_activity};
