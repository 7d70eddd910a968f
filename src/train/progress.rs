use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressDrawTarget, ProgressStyle};

use super::{BatchReport, Control, Event, Observer};

/// Shows how a training goes on: epoch, batch, each term of the objective, samples a second and the time
/// left if all epochs are done. In a terminal a bar, elsewhere plain lines, on standard error.
///
/// It is an observer like others: without it nothing is shown. What cannot be written is left out; the
/// training goes on.
///
/// # Example
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
/// use autoencoder::train::ProgressBar;
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let mut trainer = Trainer::new(Adam::new(1e-2)?).epochs(2).observer(ProgressBar::new());
/// let report = trainer.fit(&mut model, &datasets::digits().train)?;
/// assert_eq!(report.epochs.len(), 2);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct ProgressBar {
    shown: Shown,
    /// When the training began, and the steps and samples since then.
    start: Option<Instant>,
    steps: u64,
    samples: u64,
    drawn: Option<Instant>,
    every: Duration,
    /// The last line of batches.
    newest: String,
}

enum Shown {
    Bar(indicatif::ProgressBar),
    Lines(Box<dyn Write + Send>),
}

impl fmt::Debug for ProgressBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bar = matches!(self.shown, Shown::Bar(_));
        f.debug_struct("ProgressBar").field("is_bar", &is_bar).field("steps", &self.steps).finish()
    }
}

impl Default for ProgressBar {
    fn default() -> Self {
        Self::new()
    }
}

impl ProgressBar {
    /// A bar if standard error is a terminal; else plain lines, at most one a second and always the
    /// first and the last.
    pub fn new() -> Self {
        let target = ProgressDrawTarget::stderr();
        if target.is_hidden() { Self::lines(std::io::stderr()) } else { Self::on(target) }
    }

    /// A bar on this target, such as a terminal of your own.
    pub fn on(target: ProgressDrawTarget) -> Self {
        let bar = indicatif::ProgressBar::with_draw_target(Some(0), target);
        // The template is ours and is right; if it were not, the bar would have its default style.
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} % {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self::showing(Shown::Bar(bar), Duration::from_millis(100))
    }

    /// Plain lines, to this writer.
    pub fn lines(writer: impl Write + Send + 'static) -> Self {
        Self::showing(Shown::Lines(Box::new(writer)), Duration::from_secs(1))
    }

    /// The shortest time between two pictures of the bar, or two lines. Default: a tenth of a second for
    /// a bar, a second for lines.
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    fn showing(shown: Shown, every: Duration) -> Self {
        let (start, drawn) = (None, None);
        Self { shown, start, steps: 0, samples: 0, drawn, every, newest: String::new() }
    }

    fn step(&mut self, batch: &BatchReport<'_>) {
        let start = *self.start.get_or_insert_with(Instant::now);
        (self.steps, self.samples) = (self.steps + 1, self.samples + batch.samples as u64);
        let is_last = batch.batch == batch.batches;
        let is_due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= self.every);
        let is_bar = matches!(self.shown, Shown::Bar(_));
        // The ends of epochs are shown by a bar, so that it is never behind.
        if !(is_last || is_due && is_bar) {
            return;
        }
        let batches = batch.batches as u64;
        let total = (batch.epochs as u64).saturating_mul(batches);
        let done = (batch.epoch as u64 - 1).saturating_mul(batches) + batch.batch as u64;
        let seconds = start.elapsed().as_secs_f64();
        self.newest = format!(
            "epoch {}/{}, batch {}/{}, {}",
            batch.epoch, batch.epochs, batch.batch, batch.batches, batch.terms
        );
        // The first step began before the clock did, and of it alone no rate is known.
        if self.steps > 1 {
            let per_step = seconds / (self.steps - 1) as f64;
            let left = per_step * total.saturating_sub(done) as f64;
            let rate = self.samples as f64 / (per_step * self.steps as f64);
            if rate.is_finite() {
                self.newest += &format!(", {rate:.0} samples/s, {} left", clock(left));
            }
        }
        if let Shown::Bar(bar) = &self.shown {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(self.newest.clone());
            self.drawn = Some(Instant::now());
        }
    }

    /// A line by itself; above the bar, if there is one.
    fn say(&mut self, line: &str) {
        match &mut self.shown {
            Shown::Bar(bar) => bar.println(line),
            Shown::Lines(writer) => {
                let _ = writeln!(writer, "{line}").and_then(|()| writer.flush());
            }
        }
    }
}

impl Observer for ProgressBar {
    fn observe(&mut self, event: &Event<'_>) -> Control {
        match event {
            Event::Start(_) => {}
            Event::Batch(batch) => self.step(batch),
            Event::Epoch(epoch) => {
                if let Some(validation) = &epoch.validation {
                    self.newest += &format!(", validation {validation}");
                }
                match &self.shown {
                    Shown::Bar(bar) => bar.set_message(self.newest.clone()),
                    Shown::Lines(_) if self.drawn.is_none_or(|at| at.elapsed() >= self.every) => {
                        let line = std::mem::take(&mut self.newest);
                        self.say(&line);
                        self.drawn = Some(Instant::now());
                    }
                    Shown::Lines(_) => {}
                }
            }
            Event::Diverged(divergence) => self.say(&divergence.to_string()),
            Event::Warning(warning) => self.say(&format!("warning: {warning}")),
            #[cfg(feature = "safetensors")]
            Event::Recovered(recovered) => {
                self.say(&format!("{}; went on from {}", recovered.error, recovered.path.display()))
            }
            Event::End(_) => {
                if let Shown::Bar(bar) = &self.shown {
                    bar.abandon(); // leaves it as it is
                } else if !self.newest.is_empty() {
                    let line = std::mem::take(&mut self.newest);
                    self.say(&line);
                }
                // For a next training, such as the next level of a stack.
                (self.start, self.drawn, self.steps, self.samples) = (None, None, 0, 0);
            }
        }
        Control::Continue
    }
}

/// Seconds as a clock shows them.
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{:02}", seconds % 60)
    } else {
        format!("{minutes}:{:02}", seconds % 60)
    }
}
