use std::ops::Range;

use super::{Source, require_left, require_wanted};
use crate::batch::BatchViewMut;
use crate::batch::size::{Size, WindowSize};
use crate::error::{Error, Number, Result, require, require_count, require_size};
use crate::numbers::scalar::Float;

/// Steps that are read beyond a window, at least, in one go.
const AHEAD: usize = 64;

/// The windows of a series, one after the other: a source of steps becomes a source of so many steps each.
///
/// A window is read when it is asked for, from a buffer of a few more steps than a window has: nothing is copied as many
/// times as there are windows that hold it. A model is trained on `&mut windows` as on any source, and encodes and scores
/// it.
///
/// | setting | purpose | default |
/// |---|---|---|
/// | [`stride`](Self::stride) | steps from one window to the next | 1 |
/// | [`anew_at`](Self::anew_at) | where the series begins anew after a gap, which no window bridges | nowhere |
///
/// [`on_steps`](Self::on_steps) takes the scores of windows back to the steps they hold. Steps that come one at a time,
/// now and not from a source, go through a [`RollingWindow`](super::RollingWindow).
///
/// # Example
/// ```
/// use autoencoder::data::{InMemory, Source, Windows, gaps};
/// use autoencoder::{Batch, size::Window};
///
/// let series: Batch<f32, _> = Batch::from_iter((0..6).map(|step| [step as f32]));
/// let mut windows = Windows::new(InMemory::from(&series), Window::<1, 3>)?;
/// assert_eq!(windows.load()?.iter().collect::<Vec<_>>(), [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [3.0, 4.0, 5.0]]);
///
/// // The last two steps came an hour later, when the series had gone on without being seen.
/// let begins = gaps(&[0.0, 1.0, 2.0, 3.0, 64.0, 65.0], 1.5)?;
/// assert_eq!(begins, [4]);
/// let mut windows = windows.anew_at(&begins)?;
/// assert_eq!(windows.load()?.iter().collect::<Vec<_>>(), [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]);
///
/// let steps = windows.on_steps(&[0.5, 1.5])?;
/// assert_eq!(steps.max[..4], [0.5, 1.5, 1.5, 1.5]);
/// assert!(steps.max[4].is_nan()); // in no window
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Windows<S: Source, W> {
    source: S,
    size: W,
    stride: usize,
    /// The first step of each part without a gap, and the first window that lies in it; last the end of both.
    parts: Vec<(usize, usize)>,
    next: usize,
    /// Steps that have been read, of which the first one has this number.
    buffer: Vec<S::Scalar>,
    first: usize,
    /// Steps that the source has given or passed over.
    taken: usize,
}

/// The steps before which there is a gap: their time is more than `longest` after that of the step before. To be
/// given to [`Windows::anew_at`].
///
/// # Errors
/// [`Error::EntryNotFinite`] for a time that is not finite, [`Error::TimeGoesBack`] for times that are not in
/// order, and [`Error::InvalidParameter`] for a `longest` that is not positive.
///
/// # Example
/// ```
/// let hours = [0.0, 1.0, 2.0, 7.0, 8.0];
/// assert_eq!(autoencoder::data::gaps(&hours, 1.5)?, [3]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn gaps(times: &[f64], longest: f64) -> Result<Vec<usize>> {
    require(longest > 0.0, "longest step of gaps", longest, "positive")?;
    if let Some(index) = times.iter().position(|time| !time.is_finite()) {
        let (call, value) = ("gaps", Number(times[index]));
        return Err(Error::EntryNotFinite { call, entry: "time", index, value });
    }
    let mut gaps = Vec::new();
    for (before, pair) in times.windows(2).enumerate() {
        let (step, time) = (before + 1, pair[1] - pair[0]);
        if time < 0.0 {
            return Err(Error::TimeGoesBack { call: "gaps", step, by: Number(-time) });
        }
        if time > longest {
            gaps.push(step);
        }
    }
    Ok(gaps)
}

/// Scores of windows, taken back to steps.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StepScores {
    /// The mean over the windows that hold a step; NaN for a step in no window.
    pub mean: Vec<f64>,
    /// The greatest over the windows that hold a step; NaN for a step in no window.
    pub max: Vec<f64>,
}

impl<S: Source, W: WindowSize> Windows<S, W> {
    /// Of a source of steps, each a sample of as many features as the window has channels.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of channels, [`Error::InvalidParameter`] for a window without a step
    /// and for a source with fewer steps than a window.
    pub fn new(source: S, size: W) -> Result<Self> {
        let (channels, features) = (size.shape().channels, source.size().value());
        require_size("Windows::new", "channels of a step", channels, features)?;
        require_count("steps of a window", size.shape().width)?;
        require_count("channels of a window", channels)?;
        let windows = Self {
            source,
            size,
            stride: 1,
            parts: Vec::new(),
            next: 0,
            buffer: Vec::new(),
            first: 0,
            taken: 0,
        };
        windows.divided(&[])
    }

    /// With so many steps from the beginning of one window to that of the next, at least 1. Default: 1. With more than
    /// a window has, steps between are in none.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0.
    pub fn stride(self, stride: usize) -> Result<Self> {
        require_count("stride of Windows", stride)?;
        let begins: Vec<usize> = self.begins().collect();
        Self { stride, ..self }.divided(&begins)
    }

    /// With parts that begin anew at these steps, in ascending order: no window holds one of them and the step before.
    /// [`gaps`] finds them by the time. Windows are counted from each beginning.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for steps out of order or beyond the last one, and if no part is as long as a window.
    pub fn anew_at(self, steps: &[usize]) -> Result<Self> {
        self.divided(steps)
    }

    /// The steps that windows hold together.
    fn steps(&self) -> usize {
        self.size.shape().width
    }

    /// Where parts begin, but for the first.
    fn begins(&self) -> impl Iterator<Item = usize> {
        let inner = self.parts.get(1..self.parts.len().saturating_sub(1));
        inner.unwrap_or_default().iter().map(|part| part.0)
    }

    /// In parts that begin at the first step and at these, read from the first one on.
    fn divided(mut self, begins: &[usize]) -> Result<Self> {
        let (all, long) = (self.source.samples(), self.steps());
        let mut last = 0;
        for &begin in begins {
            let requirement = "after the one before, and before the end of the series";
            let fits = last < begin && begin < all;
            require(fits, "step of Windows::anew_at", begin as f64, requirement)?;
            last = begin;
        }
        let mut parts = vec![(0, 0)];
        for end in begins.iter().copied().chain([all]) {
            let (begin, window) = parts[parts.len() - 1];
            let windows = (end - begin).checked_sub(long).map_or(0, |rest| rest / self.stride + 1);
            parts.push((end, window + windows));
        }
        let longest = parts.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or(0);
        let requirement = "at least the steps of a window: else there is none";
        require(longest >= long, "steps of a series without a gap", longest as f64, requirement)?;
        self.parts = parts;
        Source::rewind(&mut self)?;
        Ok(self)
    }

    /// The first step of a window.
    fn begin_of(&self, window: usize) -> usize {
        // The last part that begins with this window or one before: those without a window lie before it.
        let part = self.parts.partition_point(|part| part.1 <= window).saturating_sub(1);
        let (begin, first) = self.parts[part];
        begin + (window - first) * self.stride
    }

    /// Takes scores, one for each window in their order, back to the steps.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] unless there is one for each window, [`Error::EntryNotFinite`] for NaN.
    pub fn on_steps<T: Float>(&self, scores: &[T]) -> Result<StepScores> {
        require_size("Windows::on_steps", "scores", self.samples(), scores.len())?;
        let steps = self.source.samples();
        let (mut mean, mut max) = (vec![0.0; steps], vec![f64::NAN; steps]);
        let mut windows = vec![0_usize; steps];
        for (index, score) in scores.iter().map(|score| score.to_double()).enumerate() {
            if score.is_nan() {
                let (call, value) = ("Windows::on_steps", Number(score));
                return Err(Error::EntryNotFinite { call, entry: "score", index, value });
            }
            let begin = self.begin_of(index);
            for step in begin..begin + self.steps() {
                mean[step] += score;
                max[step] = score.max(max[step]);
                windows[step] += 1;
            }
        }
        // 0 of 0 is NaN.
        mean.iter_mut().zip(windows).for_each(|(sum, count)| *sum /= count as f64);
        Ok(StepScores { mean, max })
    }

    /// Blocks of so many windows in a row that share no step with each other: each as the range of its windows. None has
    /// windows from both sides of a gap. They are for
    /// [`calibrate_blocks`](crate::anomaly::AnomalyDetector::calibrate_blocks).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0, and for more windows than the longest part without a gap has.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::{InMemory, Windows};
    /// use autoencoder::{Batch, size::Window};
    ///
    /// let series: Batch<f32, _> = Batch::from_iter((0..14).map(|step| [step as f32]));
    /// let windows = Windows::new(InMemory::from(&series), Window::<1, 3>)?;
    /// // The last window of the first one holds the steps 3 to 5, the first of the next 6 to 8.
    /// assert_eq!(windows.blocks(4)?, [0..4, 6..10]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn blocks(&self, length: usize) -> Result<Vec<Range<usize>>> {
        require_count("windows of a block", length)?;
        // So many windows more begin at a step that the one before them holds.
        let between = (self.steps() - 1) / self.stride;
        let in_part = |pair: &[(usize, usize)]| (pair[0].1, pair[1].1);
        let parts = self.parts.windows(2).map(in_part);
        let longest = parts.clone().map(|(begin, end)| end - begin).max().unwrap_or(0);
        let requirement = "not more than the windows of a part without a gap";
        require(length <= longest, "windows of a block", length as f64, requirement)?;
        let blocks = parts.flat_map(|(begin, end)| {
            let begins = (begin..end).step_by(length.saturating_add(between));
            begins.map(move |begin| begin..begin + length).filter(move |block| block.end <= end)
        });
        Ok(blocks.collect())
    }

    /// The source of the steps.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The source of the steps, without the rest.
    pub fn into_source(self) -> S {
        self.source
    }

    /// Reads on until the buffer holds these steps; false where the source ends before.
    fn holds(&mut self, begin: usize, end: usize) -> Result<bool> {
        let channels = self.size.shape().channels;
        let room = (self.steps() + AHEAD) * channels;
        if self.taken < begin {
            // Nothing of what is there is needed any more.
            self.source.skip(begin - self.taken)?;
            (self.taken, self.first) = (begin, begin);
            self.buffer.clear();
        }
        while self.taken < end {
            if self.buffer.len() + AHEAD * channels > room {
                self.buffer.drain(..(begin - self.first) * channels);
                self.first = begin;
            }
            let held = self.buffer.len();
            self.buffer.resize(room.max(held + channels), S::Scalar::ZERO);
            let room = BatchViewMut::new(&mut self.buffer[held..], channels);
            let wanted = room.samples();
            let read = self.source.read(room).and_then(|count| require_wanted(wanted, count));
            let count = *read.as_ref().unwrap_or(&0);
            self.buffer.truncate(held + count * channels);
            self.taken += count;
            if read? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<S: Source, W: WindowSize> Source for Windows<S, W> {
    type Scalar = S::Scalar;
    type Features = W;

    fn size(&self) -> W {
        self.size
    }

    fn samples(&self) -> usize {
        self.parts.last().map_or(0, |end| end.1)
    }

    #[cfg(feature = "table")]
    fn schema(&self) -> Option<&crate::data::Schema> {
        self.source.schema()
    }

    fn rewind(&mut self) -> Result<()> {
        self.source.rewind()?;
        self.buffer.clear();
        (self.next, self.first, self.taken) = (0, 0, 0);
        Ok(())
    }

    fn read(&mut self, mut to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
        let values = self.size.value();
        require_size("Source::read", "features", values, to.features())?;
        let channels = self.size.shape().channels;
        let mut count = 0;
        for window in to.as_mut_slice().chunks_exact_mut(values) {
            if self.next == self.samples() {
                break;
            }
            let begin = self.begin_of(self.next);
            if !self.holds(begin, begin + self.steps())? {
                break;
            }
            let at = (begin - self.first) * channels;
            window.copy_from_slice(&self.buffer[at..at + values]);
            self.next += 1;
            count += 1;
        }
        Ok(count)
    }

    fn skip(&mut self, samples: usize) -> Result<()> {
        require_left(samples, self.samples() - self.next)?;
        self.next += samples;
        Ok(())
    }
}
