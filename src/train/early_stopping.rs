use crate::error::{Result, require_count, require_weight};

/// Stops when the monitored total no longer falls, and gives the model the parameters of its best
/// epoch back.
///
/// What is monitored is the validation objective if there is one, else that of training.
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`new`](Self::new) | epochs without an improvement | | at least 1 |
/// | [`min_delta`](Self::min_delta) | how much counts as one | 0 | not negative |
/// | [`from_epoch`](Self::from_epoch) | the first epoch it looks at | 1 | at least 1 |
///
/// # Warm-ups
/// A total in the middle of a warm-up says nothing about the end: with a small β an evidence bound is low, and the
/// model is not. So nothing counts before all warm-ups are over: before the weights of all regularizers and the learning
/// rate have stopped to rise. The validation objective has whole weights, of factor 1, at any time. Without validation
/// samples an epoch counts only if its weights were the same in each step, and it is compared with such epochs only:
/// where the weights are others than those of the best epoch before, that is forgotten. A [`Report`](crate::Report) says
/// how many epochs did not count.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::train::{EarlyStopping, schedule::{Constant, Warmup}};
/// use autoencoder::{Adam, AutoEncoder, Dense, Examples, Gaussian, Trainer, Variational, datasets};
///
/// let digits = datasets::digits();
/// let mut model = AutoEncoder::builder()
///     .encoder(Gaussian::new(
///         Dense::<64, 32>::new(Tanh),
///         Dense::<32, 4>::new(Identity),
///         Dense::<32, 4>::new(Identity),
///     ))
///     .decoder(Dense::<4, 64>::new(Identity))
///     .regularizer(Variational::new(1.0)?.schedule(Warmup::epochs(3, Constant)?))
///     .build::<f32>()?;
/// let report = Trainer::new(Adam::new(1e-3)?)
///     .epochs(6)
///     .early_stopping(EarlyStopping::new(2)?)
///     .fit(&mut model, Examples::of(&digits.train).held_out(&digits.test))?;
/// assert_eq!(report.uncounted_epochs, 2); // the third ends with the whole β
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyStopping {
    pub(super) patience: usize,
    pub(super) min_delta: f64,
    pub(super) from_epoch: usize,
}

impl EarlyStopping {
    /// With the number of epochs, at least 1, that may pass without an improvement.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(patience: usize) -> Result<Self> {
        require_count("EarlyStopping patience", patience)?;
        Ok(Self { patience, min_delta: 0.0, from_epoch: 1 })
    }

    /// How much the total must fall to count as an improvement, finite and not negative, in the
    /// units of the objective. Default: 0, any fall counts.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn min_delta(self, min_delta: f64) -> Result<Self> {
        require_weight("EarlyStopping min_delta", min_delta)?;
        Ok(Self { min_delta, ..self })
    }

    /// The first epoch that counts, counted from 1: those before are neither the best nor without improvement.
    /// Default: 1, all of them, but for those of a [warm-up](Self#warm-ups).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn from_epoch(self, epoch: usize) -> Result<Self> {
        require_count("EarlyStopping from_epoch", epoch)?;
        Ok(Self { from_epoch: epoch, ..self })
    }
}
