use std::ops::Range;

use super::{Compared, Loss, LossFor, Target, WithInput, WithTarget, left_to_inner};
use crate::batch::BatchViewMut;
use crate::error::{Error, Result};
use crate::layer::Part;
use crate::layer::layout::Layout;
use crate::numbers::scalar::Float;

/// A loss that compares with a target, given beside each sample, where the loss inside compares with the sample itself.
///
/// It is the loss of a model with a [`target_decoder`](crate::Builder::target_decoder), such as a transcoder, which is
/// trained on `(&x, &targets)`.
///
/// # Formula
/// loss(t, y), with the target t in place of the input.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::loss::{Huber, Targeted};
/// use autoencoder::{Adam, AutoEncoder, Batch, Dense, Trainer};
///
/// // From three features to two others.
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<3, 4>::new(Tanh))
///     .target_decoder(Dense::<4, 2>::new(Identity))
///     .loss(Targeted(Huber::default()))
///     .build::<f64>()?;
/// let x = Batch::from_iter([[0.1, 0.5, 0.9], [0.4, 0.3, 0.2]]);
/// let targets = Batch::from_iter([[1.0, 0.0], [0.0, 1.0]]);
/// Trainer::new(Adam::new(0.05)?).epochs(200).fit(&mut model, (&x, &targets))?;
/// assert!((model.predict(&x)?.sample(1)[1] - 1.0).abs() < 0.1);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Targeted<L>(
    /// What compares.
    pub L,
);

impl<L> Targeted<L> {
    fn inner(&self) -> &L {
        &self.0
    }
}

impl<D: Part, L: LossFor<D, Target = WithInput>> LossFor<D> for Targeted<L> {
    type Target = WithTarget<D::Output>;
}

impl<T: Float, L: Loss<T> + Clone + 'static> Loss<T> for Targeted<L> {
    left_to_inner!();
    fn describe(&self) -> String {
        format!("Targeted({})", self.0.describe())
    }
    fn target(&self) -> Target {
        Target::Given
    }
    fn check_size(&self, features: usize) -> Result<()> {
        if self.0.target() != Target::Input {
            let fault = "has a loss that does not compare with the input";
            let remedy = "put one inside that does, such as `SquaredError`";
            return Err(Error::Unfit { part: "Targeted", fault, remedy });
        }
        self.0.check_size(features)
    }
}
