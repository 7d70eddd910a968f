use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Refusal, Source, require_left, require_wanted};
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Error, Found, Place, Result, require_size};

/// What opens a file.
type Open<S> = Box<dyn FnMut(&Path) -> Result<S> + Send>;

/// Several files one after the other, as one source: what a larger one was divided into.
///
/// Each file is opened by the same call, so that any source will do. All are opened once at first, to count their samples
/// and to see that these have one size; later each when its turn comes. A file that then has another number of samples is
/// refused. Errors name the file, and count samples from its beginning.
///
/// # Example
/// ```
/// use autoencoder::data::{Csv, CsvOptions, Shards, Source};
/// use autoencoder::nalgebra::Const;
///
/// # let folder = std::env::temp_dir().join(format!("autoencoder-shards-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # for (name, text) in [("part_2.csv", "1,2\n3,4\n"), ("part_10.csv", "5,6\n"), ("notes.txt", "")] {
/// #     std::fs::write(folder.join(name), text).unwrap();
/// # }
/// // A folder with part_2.csv, part_10.csv and notes.txt.
/// let options = CsvOptions::new().header(false);
/// let mut shards: Shards<Csv<f32, Const<2>>> = Shards::folder(&folder, "csv", move |path| options.open(path))?;
/// assert_eq!((shards.files().count(), shards.samples()), (2, 3));
/// assert_eq!(shards.load()?.into_vec(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), autoencoder::Error>(())
/// ```
/// Arrays of archives, and tensors by their names:
/// ```no_run
/// use autoencoder::data::{Npy, Npz, Safetensors, SafetensorsOptions, Shards};
/// use autoencoder::nalgebra::Dyn;
///
/// let paths = ["acts_0.npz", "acts_1.npz"];
/// let arrays: Shards<Npy<f32, Dyn>> = Shards::open(paths, |path| Npz::open(path)?.array("X"))?;
///
/// let layer = SafetensorsOptions::new().tensor("layer 3").flatten(true);
/// let tensors: Shards<Safetensors<f32, Dyn>> =
///     Shards::folder("activations", "safetensors", move |path| layer.open(path))?;
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct Shards<S: Source> {
    files: Vec<File>,
    samples: usize,
    size: S::Features,
    open: Open<S>,
    /// The file that is open, the number of it, and how many of its samples are done.
    current: S,
    number: usize,
    done: usize,
    refusal: Refusal,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    samples: usize,
}

impl<S: Source> fmt::Debug for Shards<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, samples, current, number, done, .. } = self;
        let mut all = f.debug_struct("Shards");
        all.field("files", files).field("samples", samples).field("current", current);
        all.field("number", number).field("done", done).finish_non_exhaustive()
    }
}

impl<S: Source> Shards<S> {
    /// These files in this order, each opened by this call.
    ///
    /// # Errors
    /// What the call refuses; [`Error::FileMismatch`] for samples of another size than those of the first file, and
    /// [`Error::NoSamples`] without a file.
    pub fn open<P: AsRef<Path>>(
        paths: impl IntoIterator<Item = P>,
        open: impl FnMut(&Path) -> Result<S> + Send + 'static,
    ) -> Result<Self> {
        let mut open: Open<S> = Box::new(open);
        let mut files = Vec::new();
        let (mut first, mut samples) = (None, 0_usize);
        for path in paths {
            let path = path.as_ref();
            let source = open(path)?;
            files.push(File { path: path.to_owned(), samples: source.samples() });
            samples = samples.saturating_add(source.samples());
            check(path, first.as_ref().unwrap_or(&source), &source)?;
            first.get_or_insert(source);
        }
        let Some(mut current) = first else {
            return Err(Error::NoSamples { call: "Shards::open" });
        };
        current.rewind()?;
        let (size, refusal) = (current.size(), Refusal::default());
        Ok(Self { files, samples, size, open, current, number: 0, done: 0, refusal })
    }

    /// The files of a folder whose names have this ending, such as `safetensors`, in the order of their names, in which
    /// numbers count as numbers: `acts_2.npy` comes before `acts_10.npy`. All others, hidden ones and folders are left out.
    ///
    /// # Errors
    /// [`Error::File`] if the system does not list the folder, [`Error::Malformed`] if it has no such file, and as
    /// [`open`](Self::open).
    pub fn folder(
        folder: impl AsRef<Path>,
        ending: &str,
        open: impl FnMut(&Path) -> Result<S> + Send + 'static,
    ) -> Result<Self> {
        Self::open(list(folder.as_ref(), ending.trim_start_matches('.'))?, open)
    }

    /// The files in their order.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Goes to the first sample of a file.
    fn go_to(&mut self, number: usize) -> Result<()> {
        if number == self.number {
            self.current.rewind()?;
        } else {
            let File { path, samples } = &self.files[number];
            let source = (self.open)(path)?;
            check(path, &self.current, &source)?;
            same(path, "samples, as when it was first opened", *samples, source.samples())?;
            self.current = source;
            self.number = number;
        }
        self.done = 0;
        Ok(())
    }

    /// The samples of the open file that are left; goes to the next file that has one if there are none.
    fn left(&mut self) -> Result<usize> {
        while self.done == self.files[self.number].samples && self.number + 1 < self.files.len() {
            self.go_to(self.number + 1)?;
        }
        Ok(self.files[self.number].samples - self.done)
    }

    /// The samples that are left in all.
    fn all_left(&self) -> usize {
        let from_here = self.files[self.number..].iter().map(|file| file.samples);
        from_here.fold(0, usize::saturating_add) - self.done
    }

    fn read_on(&mut self, mut to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
        let (wanted, mut count) = (to.samples(), 0);
        while count < wanted {
            let left = self.left()?.min(wanted - count);
            if left == 0 {
                break;
            }
            let (_, rest) = to.reborrow().split_at(count);
            let (part, _) = rest.split_at(left);
            let read = require_wanted(left, self.current.read(part)?)?;
            (count, self.done) = (count + read, self.done + read);
            if read == 0 {
                let File { path, samples } = &self.files[self.number];
                same(path, "samples", *samples, self.done)?;
            }
        }
        Ok(count)
    }

    fn skip_on(&mut self, samples: usize) -> Result<()> {
        let (mut number, mut done, mut left) = (self.number, self.done, samples);
        // Of files that are passed over as a whole, nothing is looked at.
        while left > self.files[number].samples - done {
            left -= self.files[number].samples - done;
            (number, done) = (number + 1, 0);
        }
        if number != self.number {
            self.go_to(number)?;
        }
        self.current.skip(left)?;
        self.done += left;
        Ok(())
    }
}

impl<S: Source> Source for Shards<S> {
    type Scalar = S::Scalar;
    type Features = S::Features;
    fn size(&self) -> S::Features {
        self.size
    }
    fn samples(&self) -> usize {
        self.samples
    }
    #[cfg(feature = "table")]
    fn schema(&self) -> Option<&super::Schema> {
        self.current.schema()
    }
    fn rewind(&mut self) -> Result<()> {
        self.refusal.forget();
        let rewound = self.go_to(0);
        self.refusal.note(rewound)
    }
    fn read(&mut self, to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
        require_size("Source::read", "features", self.size.value(), to.features())?;
        self.refusal.check()?;
        let read = self.read_on(to);
        self.refusal.note(read)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.refusal.check()?;
        require_left(samples, self.all_left())?;
        let skipped = self.skip_on(samples);
        self.refusal.note(skipped)
    }
}

/// Refuses another count than that of the file when all were counted.
fn same(path: &Path, unit: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let (path, place) = (path.to_owned(), Place::File);
    Err(Error::FileMismatch { path, place, unit, expected: expected as u64, found: found as u64 })
}

/// Refuses samples that are not as those of another file: of another size, or read by another schema.
fn check<S: Source>(path: &Path, first: &S, other: &S) -> Result<()> {
    let (size, found) = (first.size(), other.size());
    same(path, "features, as in the first file", size.value(), found.value())?;
    if size != found {
        let (size, found) = (size.shape(), found.shape());
        same(path, "channels, as in the first file", size.channels, found.channels)?;
        same(path, "rows, as in the first file", size.height, found.height)?;
        same(path, "columns or steps, as in the first file", size.width, found.width)?;
    }
    #[cfg(feature = "table")]
    if let (Some(schema), Some(found)) = (first.schema(), other.schema())
        && schema.require_the_same_features(found).is_err()
    {
        let found = "a table that is read by another schema than the first file";
        let expected =
            "features of the same meaning: open all files by one schema (`Schema::open`)";
        return Err(refuse(path, found, expected));
    }
    Ok(())
}

fn refuse(path: &Path, found: &'static str, expected: &'static str) -> Error {
    let (path, found) = (path.to_owned(), Found::Thing(found));
    Error::Malformed { path, place: Place::File, found, expected }
}

/// The files of a folder that have this ending, in their natural order.
fn list(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| Error::File { path, action: "list", reason: error.kind() }
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let (name, path) = (entry.file_name(), entry.path());
        // What a link leads to.
        if has_ending(&name, ending) && !fs::metadata(&path).map_err(failed(&path))?.is_dir() {
            files.push((name, path));
        }
    }
    if files.is_empty() {
        return Err(refuse(folder, "no file whose name has this ending", "at least one shard"));
    }
    files.sort_unstable_by(|(one, _), (other, _)| natural_order(one, other));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Whether a name that is not hidden ends in a dot and this, in capitals or not.
fn has_ending(name: &OsStr, ending: &str) -> bool {
    let (name, ending) = (name.as_encoded_bytes(), ending.as_bytes());
    let Some((stem, found)) = name.split_at_checked(name.len().saturating_sub(ending.len())) else {
        return false;
    };
    !name.starts_with(b".") && found.eq_ignore_ascii_case(ending) && stem.ends_with(b".")
}

/// The order of names in which digits side by side are a number; names of the same numbers are in the order of their bytes.
fn natural_order(one: &OsStr, other: &OsStr) -> Ordering {
    let (mut a, mut b) = (one.as_encoded_bytes(), other.as_encoded_bytes());
    while let (Some(&first), Some(&second)) = (a.first(), b.first()) {
        let (order, one_done, other_done) = if first.is_ascii_digit() && second.is_ascii_digit() {
            let ((x, one_done), (y, other_done)) = (number(a), number(b));
            // Without zeros before it, the longer one is the larger.
            (x.len().cmp(&y.len()).then(x.cmp(y)), one_done, other_done)
        } else {
            (first.cmp(&second), 1, 1)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (&a[one_done..], &b[other_done..]);
    }
    a.len().cmp(&b.len()).then_with(|| one.cmp(other))
}

/// The digits that a text begins with, without zeros before them, and how many bytes they take.
fn number(text: &[u8]) -> (&[u8], usize) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().take_while(|&&digit| digit == b'0').count();
    (&text[zeros..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Natural order as `ls -v` has it, but for what it does with endings.
    #[test]
    fn numbers_in_names_count_as_numbers() {
        let sorted = [
            "a",
            "a1",
            "a02",
            "a2",
            "a10",
            "a10b",
            "a10b2",
            "a10b10",
            "a99999999999999999999",
            "a100000000000000000000",
            "b",
            "b0",
            "shard-2-of-10",
            "shard-10-of-10",
        ];
        for (i, one) in sorted.iter().enumerate() {
            for (j, other) in sorted.iter().enumerate() {
                let order = natural_order(one.as_ref(), other.as_ref());
                assert_eq!(order, i.cmp(&j), "{one} {other}");
            }
        }
    }

    #[test]
    fn endings_are_whole_and_of_names_that_are_seen() {
        let has = |name: &str, ending| has_ending(name.as_ref(), ending);
        assert!(has("a.npy", "npy") && has("a.NPY", "npy") && has("a.csv.gz", "csv.gz"));
        assert!(!has("a.npyx", "npy") && !has("anpy", "npy") && !has("npy", "npy"));
        assert!(!has(".hidden.npy", "npy") && !has(".npy", "npy") && !has("", "npy"));
    }
}
