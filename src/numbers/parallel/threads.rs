use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result, require_count};

/// Threads for the calls that take many samples.
///
/// Results have the same bits for any number of threads. It pays from some thousand samples or products of a few
/// hundred units a side on; smaller work stays on one thread by itself. For training there is
/// [`Trainer::threads`](crate::Trainer::threads).
///
/// Calls made inside a `rayon` pool of your own use that pool in the same way.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, Threads, activation::Sigmoid, datasets};
///
/// let digits = datasets::digits();
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let threads = Threads::new(2)?;
/// let codes = threads.run(|| model.encode(&digits.test))?;
/// assert_eq!(codes, model.encode(&digits.test)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct Threads {
    pool: rayon::ThreadPool,
}

impl Threads {
    /// Starts this many threads, at least 1. They end when this is dropped.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0, [`Error::Threads`] if the system refuses them.
    pub fn new(count: usize) -> Result<Self> {
        require_count("Threads count", count)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|index| format!("autoencoder-{index}"))
            .build()
            .map_err(|error| Error::Threads { count, reason: error.to_string() })?;
        Ok(Self { pool })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` on them: calls of this crate made in it divide their work among them. Until it
    /// returns, all of them stay awake.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let (mut work, mut result) = (Some(work), None);
        self.run_once(&mut || result = work.take().map(|work| work()));
        result.expect("the work was done once")
    }

    /// The same of any work, so that it is compiled but once.
    fn run_once(&self, work: &mut (dyn FnMut() + Send)) {
        self.pool.install(|| {
            let is_done = AtomicBool::new(false);
            let caller = rayon::current_thread_index();
            rayon::scope(|scope| {
                scope.spawn_broadcast(|_, context| {
                    if Some(context.index()) != caller {
                        help_until(&is_done);
                    }
                });
                let _end = End(&is_done);
                work();
            });
        });
    }
}

/// Runs both, each once, at the same time where there are threads for it. Of any work, so that it is compiled
/// here once and not for each: that was a fifth of the code of a program that trains.
pub(super) fn join(left: &mut (dyn FnMut() + Send), right: &mut (dyn FnMut() + Send)) {
    rayon::join(left, right);
}

/// Takes parts of work until all is done. A thread that went to sleep between two parts would take
/// longer to wake up than most parts take.
fn help_until(is_done: &AtomicBool) {
    while !is_done.load(Ordering::Acquire) {
        if rayon::yield_now() == Some(rayon::Yield::Idle) {
            std::thread::yield_now();
        }
    }
}

/// Says that all is done when it goes out of scope, by a panic too.
struct End<'a>(&'a AtomicBool);
impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("count", &self.count()).finish()
    }
}
