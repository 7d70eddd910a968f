//! What several tests need: tolerances of the gradient proofs, in one place, and files. The tolerances of
//! finite differences are `gradcheck::NORM_TOLERANCE` and `gradcheck::ELEMENT_TOLERANCE`, which users
//! have too.

pub mod kinds;
#[cfg(all(feature = "html", feature = "table"))]
pub mod machines;
pub mod passes;
pub mod photos;
pub mod sensors;
#[cfg(feature = "html")]
pub mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use autoencoder::gradcheck::NORM_TOLERANCE;
use autoencoder::size::Size;
use autoencoder::{Batch, Float, Loss};

/// Where finite differences of two step lengths disagree by more than this, by their norm, they
/// say nothing: a step has crossed a kink. Below the tolerance, so that a gradient that fails by a
/// wide margin is not excused by differences that are merely inexact.
pub const SMOOTH: f64 = NORM_TOLERANCE / 4.0;

/// At most this share of all cases may be drawn anew because of a kink.
pub const MOST_REDRAWN: f64 = 0.25;

/// Two analytic gradients of the same function, by their norm.
pub const CLOSED_FORM: f64 = 1e-12;

/// Gradients against dual numbers, by their norm.
pub const DUAL: f64 = 1e-11;

/// What two programs in double precision may differ by, for numbers of size 1.
pub const GOLDEN: f64 = 1e-14;

/// A file of the data that are not part of the crate: in the folder that `AUTOENCODER_DATA` names, or
/// in `shared/data` beside the crate. Where it is not there, says so, and the test is to pass it over.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let beside = || root().join("../shared/data");
    let folder = std::env::var_os("AUTOENCODER_DATA").map_or_else(beside, PathBuf::from);
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    // Straight to the stream, because the test harness hides what tests print.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {} is not there", path.display());
    None
}

/// The same samples with shares, where the loss needs such: of the fourth powers of their group, so that one stands out.
pub fn with_shares<T: Float, R: Size>(loss: &dyn Loss<T>, x: &Batch<T, R>) -> Batch<T, R> {
    let mut divided = x.clone();
    loss.each_whole(&mut |group| {
        for x in divided.as_mut_slice().chunks_exact_mut(x.features()) {
            let shares = &mut x[group.clone()];
            shares.iter_mut().for_each(|x| *x = x.powi(4));
            let sum = shares.iter().fold(T::ZERO, |sum, &x| sum + x);
            shares.iter_mut().for_each(|x| *x /= sum);
        }
    });
    divided
}

/// The folder of the library, above that of the tests.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A folder of a test's own, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        // Tests of one name run side by side.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("autoencoder-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
