//! A thread that ends this process, and with it all, where it waits too long for the others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The call that a process is in, and since when.
pub struct Watchdog(Arc<Mutex<Option<(&'static str, Instant)>>>);

impl Watchdog {
    /// Of the process of this number, which waits so long in a call and no longer.
    pub fn new(rank: usize, timeout: Duration) -> Self {
        let waits = Arc::new(Mutex::new(None::<(&str, Instant)>));
        let watched = Arc::downgrade(&waits);
        std::thread::spawn(move || {
            while let Some(waits) = watched.upgrade() {
                let now = *waits.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((call, _)) = now.filter(|(_, since)| since.elapsed() > timeout) {
                    eprintln!("process {rank} has waited for more than {timeout:?} in `{call}`");
                    std::process::abort();
                }
                drop(waits);
                std::thread::sleep(Duration::from_millis(100).min(timeout / 4));
            }
        });
        Self(waits)
    }

    /// Makes a call, and is watched meanwhile.
    pub fn watched(&self, call: &'static str, make: impl FnOnce()) {
        let is_in = |state| *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
        is_in(Some((call, Instant::now())));
        make();
        is_in(None);
    }
}
