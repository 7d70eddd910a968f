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
//! use autoencoder::{Adam, AutoEncoder, Batch, Dense, Trainer, datasets, nalgebra::Const};
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
//! let path: Batch<f32, Const<8>> = interpolate_spherically(codes.sample(0), codes.sample(1), 7)?;
//! assert_eq!(model.decode(&path)?.samples(), 7);
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod copies;
mod gaussian;
mod interpolation;
mod mixture;
mod normal;
mod traversal;

use nalgebra::allocator::Allocator;
use nalgebra::{Const, DefaultAllocator, Dim, OVector};

pub use copies::{NearestTraining, nearest_training};
pub use gaussian::CodeGaussian;
pub use interpolation::{interpolate, interpolate_spherically};
pub use mixture::{CodeMixture, Covariances, MixtureOptions};
pub use traversal::{traverse, traverse_quantiles, unit_quantiles};

use crate::batch::size::Size;
use crate::batch::{BatchView, Sample, check_finite};
use crate::error::{Result, require_size};
use crate::numbers::scalar::Float;

/// One code whose own type says what size it has: an array or a nalgebra vector. A slice has the size that is wanted,
/// `Const<N>` or `Dyn`, and its length is compared when it is used.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no code of the size `{C}`",
    label = "not a code of that many units",
    note = "one value a unit is needed: an array, a slice, a `Vec` or a nalgebra vector"
)]
pub trait Code<T, C>: Sample<T, C> {}
impl<T, const N: usize> Code<T, Const<N>> for [T; N] {}
impl<T, C: Size + Dim> Code<T, C> for [T] {}
impl<T, C: Size + Dim> Code<T, C> for Vec<T> {}
impl<T: Float, C: Size + Dim> Code<T, C> for OVector<T, C> where DefaultAllocator: Allocator<C> {}

/// The size of a code of this length; refuses another than the type has, no units, and values that are
/// not finite.
fn size_of<T: Float, C: Size + Dim>(call: &'static str, code: &[T]) -> Result<C> {
    if let Some(units) = C::try_to_usize() {
        require_size(call, "code units", units, code.len())?;
    }
    check_finite(call, code.len(), BatchView::new(code, code.len()))?;
    Ok(C::from_usize(code.len()))
}
