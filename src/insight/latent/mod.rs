//! Sampling and moving about the code: densities of codes, paths between codes, and whether what comes out
//! is a copy.
//!
//! | call | answers |
//! |---|---|
//! | [`CodeGaussian`] | where codes lie, as one Gaussian; draws new ones, also for models without a prior |
//! | [`CodeMixture`] | the same as a mixture of Gaussians, and which component a code belongs to |
//! | [`interpolate`], [`interpolate_spherically`] | what lies between two codes |
//! | [`traverse`], [`traverse_quantiles`] | what one unit of the code does |
//! | [`nearest_training`] | whether a generated sample is a copy of a training sample |
//!
//! A model with a prior draws from that prior by [`sample`](crate::AutoEncoder::sample); all others have
//! codes that lie somewhere, and a density that is fitted to them says where.
//!
//! All arithmetic is in double precision, whatever the number type of the codes. What draws takes an RNG
//! or a seed; the same one gives the same bits.
//!
//! # Example
//! ```
//! use autoencoder::activation::{Identity, Sigmoid};
//! use autoencoder::latent::{CodeMixture, interpolate_spherically, nearest_training};
//! use autoencoder::random::seeded;
//! use autoencoder::{Adam, AutoEncoder, Dense, Trainer, datasets};
//!
//! let digits = datasets::digits::<f32>();
//! let mut model = AutoEncoder::builder()
//!     .encoder(Dense::<64, 8>::new(Identity))
//!     .decoder(Dense::<8, 64>::new(Sigmoid))
//!     .build::<f32>()?;
//! Trainer::new(Adam::new(1e-2)?).epochs(1).fit(&mut model, &digits.train)?;
//!
//! // New digits from a model that has no prior.
//! let codes = model.encode(&digits.train)?;
//! let mixture = CodeMixture::fit(&codes, 10, 1)?;
//! let drawn = model.decode(&mixture.sample(5, &mut seeded(2))?)?;
//! assert_eq!((drawn.features(), drawn.samples()), (64, 5));
//! assert!(nearest_training(&digits.train, &drawn)?.copies(0.1).is_empty()); // none is a copy
//!
//! // From one digit to another.
//! let path = interpolate_spherically(codes.sample(0), codes.sample(1), 7)?;
//! assert_eq!(model.decode(&path)?.samples(), 7);
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod copies;
mod gaussian;
mod interpolation;
mod mixture;
mod normal;
mod traversal;

use nalgebra::Dim;

pub use copies::{NearestTraining, nearest_training};
pub use gaussian::CodeGaussian;
pub use interpolation::{interpolate, interpolate_spherically};
pub use mixture::{CodeMixture, Covariances, MixtureOptions};
pub use traversal::{traverse, traverse_quantiles, unit_quantiles};

use crate::batch::BatchView;
use crate::batch::check_finite;
use crate::error::{Result, require_size};
use crate::numbers::scalar::Scalar;

/// The size of a code of this length; refuses another than the type has, no units, and values that are
/// not finite.
fn dim_of<T: Scalar, C: Dim>(call: &'static str, code: &[T]) -> Result<C> {
    if let Some(units) = C::try_to_usize() {
        require_size(call, "code units", units, code.len())?;
    }
    let dim = C::from_usize(code.len());
    check_finite(call, dim, BatchView::new(code, dim))?;
    Ok(dim)
}
