use crate::batch::size::SameSize;
use crate::error::Result;
use crate::layer::Part;
use crate::layer::layout::{Layout, Role};
use crate::model::{AutoEncoder, Scalar};
use crate::numbers::scalar::Float;
use crate::train::Trainable;
use crate::train::examples::{IntoExamples, Suits};

/// How much of the gradient reaches one tensor.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GradientNorm {
    /// The tensor's path name: `encoder.0.weight`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Whether training leaves it as it is; then the norm is 0.
    pub is_frozen: bool,
    /// The number of its entries.
    pub count: usize,
    /// The Euclidean norm; not finite if an entry is not.
    pub norm: f64,
}

impl GradientNorm {
    /// The root mean square of the entries, which compares tensors of different size.
    pub fn root_mean_square(&self) -> f64 {
        self.norm / (self.count.max(1) as f64).sqrt()
    }
}

/// The norm of the gradient of the objective on these samples, tensor by tensor in the order of
/// [`Layout`](crate::Layout). Nothing is corrupted or drawn, as in
/// [`loss`](AutoEncoder::loss); all samples are held in memory at once. A classifier is given
/// `(&x, &labels)`, a conditional model `(&x, &conditions)`, a model with targets `(&x, &targets)`.
///
/// # Errors
/// See [`AutoEncoder`].
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Sigmoid, datasets, health::gradient_norms};
/// let digits = datasets::digits();
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// model.set_encoder_frozen(true);
/// let norms = gradient_norms(&model, &digits.test)?;
/// assert_eq!((norms[0].name.as_str(), norms[0].norm), ("encoder.0.weight", 0.0));
/// assert!(norms[2].norm > 0.0); // decoder.0.weight
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn gradient_norms<'a, E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    x: X,
) -> Result<Vec<GradientNorm>>
where
    E: Part,
    D: Part,
    T: Scalar,
    AutoEncoder<E, D, R, L, T>: Trainable,
    X: IntoExamples<'a, T>,
    X::Input: SameSize<E::Input>,
    X::Given: Suits<<AutoEncoder<E, D, R, L, T> as Trainable>::Wanted>,
{
    let mut gradient = vec![T::ZERO; model.num_parameters()];
    model.objective(x, None, Some(&mut gradient))?;
    Ok(norms(model.layout(), &gradient))
}

/// The norm of each tensor of a gradient.
pub(super) fn norms<T: Float>(layout: &Layout, gradient: &[T]) -> Vec<GradientNorm> {
    let norms = layout.tensors().iter().map(|tensor| GradientNorm {
        name: tensor.name.clone(),
        role: tensor.role,
        is_frozen: tensor.is_frozen,
        count: tensor.range.len(),
        norm: norm(&gradient[tensor.range.clone()]),
    });
    norms.collect()
}

/// The Euclidean norm; squares are of shares of the greatest entry and do not overflow.
fn norm<T: Float>(entries: &[T]) -> f64 {
    let entries = || entries.iter().map(|entry| entry.to_double().abs());
    let scale = entries().fold(0.0, |scale, entry| if entry > scale { entry } else { scale });
    let is_scale = scale > 0.0 && scale.is_finite();
    if !is_scale {
        return entries().sum(); // 0, or not finite
    }
    scale * entries().map(|entry| (entry / scale).powi(2)).sum::<f64>().sqrt()
}
