use crate::batch::size::WindowSize;
use crate::error::{Error, Number, Result, require_count, require_size, reserved};
use crate::numbers::scalar::Float;

/// The last steps of a series that comes one step at a time: what a model is given of it now. Nothing is allocated after
/// it is made.
///
/// # Example
/// A detector that is told of each step when it comes; the first windows of a series are not full, and give no score.
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
/// use autoencoder::data::{InMemory, RollingWindow, Source, Windows};
/// use autoencoder::{AutoEncoder, Batch, Dense, size::Window};
///
/// let series: Batch<f32, _> = Batch::from_iter((0..200).map(|step| [(step as f32 / 5.0).sin()]));
/// let windows = Windows::new(InMemory::from(&series), Window::<1, 8>)?.load()?;
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<8, 2>::new(Tanh))
///     .decoder(Dense::<2, 8>::new(Identity))
///     .build::<f32>()?;
/// let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &windows)?;
///
/// let (mut last, mut workspace, mut features) = (RollingWindow::new(Window::<1, 8>)?, detector.workspace(), [0.0; 8]);
/// let mut scores = Vec::new();
/// for step in series.iter() {
///     if let Some(window) = last.push(step)? {
///         scores.push(detector.score_one_into(window, &mut features, &mut workspace)?);
///     }
/// }
/// assert_eq!(scores, detector.scores(&windows)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RollingWindow<T, W> {
    size: W,
    /// Twice the steps of a window: each step stands in both halves, so that the last ones always lie in a row.
    steps: Vec<T>,
    /// Where in a half the next step goes.
    at: usize,
    /// Steps that have come since the beginning or the last gap, as many as a window has at most.
    held: usize,
}

impl<T: Float, W: WindowSize> RollingWindow<T, W> {
    /// Of no steps yet.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a window without a value, and for one beyond all memory.
    pub fn new(size: W) -> Result<Self> {
        require_count("steps of a window", size.shape().width)?;
        require_count("channels of a window", size.shape().channels)?;
        let values = size.value().saturating_mul(2);
        let mut steps = reserved("the values of a window", values)?;
        steps.resize(values, T::ZERO);
        Ok(Self { size, steps, at: 0, held: 0 })
    }

    /// Takes the next step, and gives the last ones if there are as many as a window has, the oldest first.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of channels, and [`Error::EntryNotFinite`] for infinity. The step is not
    /// taken then, and is a [gap](Self::gap): what comes next is no neighbour of what came before. An absent value (NaN) is for the model to take or to refuse.
    pub fn push(&mut self, step: &[T]) -> Result<Option<&[T]>> {
        let (channels, steps, values) =
            (self.size.shape().channels, self.size.shape().width, self.size.value());
        // Until it is taken.
        let held = std::mem::take(&mut self.held);
        require_size("RollingWindow::push", "channels of a step", channels, step.len())?;
        if let Some(index) = step.iter().position(|x| x.to_double().is_infinite()) {
            let (call, value) = ("RollingWindow::push", Number(step[index].to_double()));
            return Err(Error::EntryNotFinite { call, entry: "channel", index, value });
        }
        for half in [0, values] {
            let at = half + self.at * channels;
            self.steps[at..at + channels].copy_from_slice(step);
        }
        self.at = (self.at + 1) % steps;
        self.held = (held + 1).min(steps);
        let begin = self.at * channels;
        Ok((self.held == steps).then(|| &self.steps[begin..begin + values]))
    }

    /// Forgets what has come: the series begins anew, and no window bridges the gap.
    pub fn gap(&mut self) {
        self.held = 0;
    }
}
