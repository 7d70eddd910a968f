use crate::error::{Result, require_count, require_weight};

/// Stops when the monitored total no longer falls, and gives the model the parameters of its best
/// epoch back.
///
/// What is monitored is the validation objective if there is one, else that of training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyStopping {
    pub(super) patience: usize,
    pub(super) min_delta: f64,
}

impl EarlyStopping {
    /// With the number of epochs, at least 1, that may pass without an improvement.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(patience: usize) -> Result<Self> {
        require_count("EarlyStopping patience", patience)?;
        Ok(Self { patience, min_delta: 0.0 })
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
}
