//! Replaces a file so that at every moment, also after a crash or without power, the old or the new
//! one is there, whole.
//!
//! The new content is written into a temporary beside the file, `.{name}.{process}-{number}.tmp`,
//! brought to the disk, and renamed over the file; then the folder is brought to the disk. Before the
//! rename the old file gets a second name, also a temporary's. It serves to undo the rename if what
//! comes after it fails, and becomes `{name}.previous` if that is asked for. It does so last of all:
//! the previous file of the previous time is given up only when the new one is safe, so a damaged file
//! that is replaced never costs a good one.
//!
//! * A link is followed, and what it points to is replaced; the link stays.
//! * The new file has the old one's mode, and belongs to whoever writes it. A file that nobody may
//!   write, a folder, a pipe or a device are not replaced.
//! * Temporaries that a killed process left are removed when the same file is next replaced: a minute
//!   after the last change if the process is known to be gone, else an hour after it. The times
//!   protect a process on another machine, or in another container, that saves to the same folder.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::disk::{Disk, Real};
use crate::error::{Error, Problem, Result};
use crate::numbers::bytes::CHUNK;

/// A temporary is left alone until so long after its last change.
const GONE_AFTER: Duration = Duration::from_secs(60);
/// The same where it is not known whether its process still runs.
const OLD_AFTER: Duration = Duration::from_secs(3600);
/// As many links are followed as Linux follows.
const MAX_LINKS: usize = 40;

/// Replaces the file at `path` by what `write` writes; with `keep_previous`, the old one stays as
/// `{name}.previous`.
///
/// # Errors
/// [`Error::File`] with what was tried and what the system said. Then the old file is still in place
/// and no temporary is left, as far as the system lets it be removed. One case remains: what comes after
/// the rename fails, and the rename cannot be undone (undoing fails too, or the file system has no hard
/// links and no previous file was asked for). Then the new file is in place, whole.
pub(crate) fn replace(
    path: &Path,
    keep_previous: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    replace_on(&Real, path, keep_previous, write)
}

/// The newest of a file could not be read, and the previous one was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The previous file, which was read.
    pub path: PathBuf,
    /// Why the newest was not.
    pub error: Error,
}

/// Reads a file, or `{name}.previous` if the newest is damaged or missing.
///
/// # Errors
/// That of the newest file, if the previous cannot be read either. A file of a newer version is not
/// damaged, nor is one that may not be read or that does not fit its reader.
pub(crate) fn read_or_previous<T>(
    path: &Path,
    read: impl Fn(&Path) -> Result<T>,
) -> Result<(T, Option<Recovered>)> {
    let error = match read(path) {
        Ok(value) => return Ok((value, None)),
        Err(error) if is_lost(&error) => error,
        Err(error) => return Err(error),
    };
    let target = follow(&Real, path).unwrap_or(path.to_owned());
    let previous = previous_of(&target);
    match read(&previous) {
        Ok(value) => Ok((value, Some(Recovered { path: previous, error }))),
        Err(_) => Err(error),
    }
}

fn is_lost(error: &Error) -> bool {
    match error {
        Error::Damaged { problem, .. } => !matches!(problem, Problem::UnsupportedVersion { .. }),
        Error::File { reason, .. } => *reason != ErrorKind::PermissionDenied,
        _ => false,
    }
}

pub(super) fn replace_on(
    disk: &dyn Disk,
    path: &Path,
    keep_previous: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let failed = |action| failed(path, action);
    let target = follow(disk, path).map_err(failed("find the file"))?;
    let irreplaceable = |reason: ErrorKind| failed("replace the file")(reason.into());
    let name = target.file_name().ok_or_else(|| irreplaceable(ErrorKind::InvalidFilename))?;
    let names = Names::of(&target, name);
    let old = disk.look(&target).map_err(failed("look at the file"))?;
    if let Some(reason) = old.as_ref().and_then(why_not) {
        return Err(irreplaceable(reason));
    }
    remove_stale(disk, &names);

    // Both are removed when this function ends, unless they have become something else.
    let draft = write_draft(disk, path, &names, old.as_ref(), write)?;
    let backup = match old {
        Some(_) => back_up(disk, &names, &target, keep_previous),
        None => Ok(None),
    };
    let backup = backup.map_err(failed("keep the previous file"))?;

    disk.rename(&draft.path, &target).map_err(failed("rename the temporary file to the file"))?;
    let settle = || {
        disk.sync_folder(names.folder).map_err(failed("bring the folder to the disk"))?;
        match &backup {
            Some(backup) if keep_previous => disk
                .rename(&backup.path, &previous_of(&target))
                .map_err(failed("keep the previous file")),
            _ => Ok(()),
        }
    };
    settle().inspect_err(|_| {
        // The error that is reported is the first one.
        let _ = match &backup {
            Some(backup) => disk.rename(&backup.path, &target),
            None if old.is_none() => disk.remove(&target),
            None => Ok(()),
        };
        let _ = disk.sync_folder(names.folder);
    })
}

/// Turns what the system says into our error.
fn failed(path: &Path, action: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::File { path: path.to_owned(), action, reason: error.kind() }
}

/// The new content under a temporary's name, with the old file's mode, on the disk.
fn write_draft<'a>(
    disk: &'a dyn Disk,
    path: &Path,
    names: &Names<'_>,
    old: Option<&Metadata>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Temporary<'a>> {
    let failed = |action| failed(path, action);
    // Private until it has the old file's mode: others may not be allowed to read it.
    let (draft, mut file) =
        Temporary::new(disk, names, |path| disk.create_new(path, old.is_some()))
            .map_err(failed("create a temporary file beside the file"))?;
    let mut buffer = BufWriter::with_capacity(CHUNK, &mut file);
    let written = write(&mut buffer).and_then(|()| buffer.flush());
    // What is still in it after a failure is not tried again.
    let _ = buffer.into_parts();
    written.map_err(failed("write the temporary file"))?;
    if let Some(old) = old {
        let permissions = disk.set_permissions(&draft.path, old.permissions());
        permissions.map_err(failed("set the mode of the temporary file"))?;
    }
    file.sync().map_err(failed("bring the temporary file to the disk"))?;
    Ok(draft)
}

/// A second name for the old file, or a copy where there are no second names. Without need for a
/// previous file a copy is not worth its time.
fn back_up<'a>(
    disk: &'a dyn Disk,
    names: &Names<'_>,
    target: &Path,
    keep_previous: bool,
) -> io::Result<Option<Temporary<'a>>> {
    if let Ok((backup, ())) = Temporary::new(disk, names, |path| disk.link(target, path)) {
        return Ok(Some(backup));
    }
    if !keep_previous {
        return Ok(None);
    }
    // Made new first, so that nothing that lies there is overwritten.
    let (backup, file) = Temporary::new(disk, names, |path| disk.create_new(path, true))?;
    drop(file);
    disk.copy(target, &backup.path)?;
    Ok(Some(backup))
}

/// Where a path leads when links are followed, also to a file that is not there yet.
fn follow(disk: &dyn Disk, path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match disk.look(&path)? {
            Some(found) if found.is_symlink() => {
                let link = disk.read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(link);
            }
            _ => return Ok(path),
        }
    }
    // The kind for it is not stable.
    Err(ErrorKind::InvalidInput.into())
}

/// Why what lies there must stay.
fn why_not(old: &Metadata) -> Option<ErrorKind> {
    if old.is_dir() {
        return Some(ErrorKind::IsADirectory);
    }
    if !old.is_file() {
        return Some(ErrorKind::Unsupported);
    }
    old.permissions().readonly().then_some(ErrorKind::PermissionDenied)
}

fn previous_of(target: &Path) -> PathBuf {
    let mut name = target.file_name().map_or(OsString::new(), OsStr::to_owned);
    name.push(".previous");
    target.with_file_name(name)
}

/// How the temporaries of a file are called.
struct Names<'a> {
    folder: &'a Path,
    /// `.{name}.`, the name cut so that the whole stays below the 255 bytes of most file systems.
    prefix: String,
}

impl<'a> Names<'a> {
    fn of(target: &'a Path, name: &OsStr) -> Self {
        let mut name = name.to_string_lossy().into_owned();
        while name.len() > 180 {
            name.pop();
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self { folder: folder.unwrap_or(Path::new(".")), prefix: format!(".{name}.") }
    }

    /// A path that this process has not given out before.
    fn next(&self) -> PathBuf {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let (process, number) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        self.folder.join(format!("{}{process}-{number}.tmp", self.prefix))
    }

    /// The process whose temporary of this file has that name.
    fn process(&self, name: &str) -> Option<u32> {
        let numbers = name.strip_prefix(&self.prefix)?.strip_suffix(".tmp")?;
        let (process, number) = numbers.split_once('-')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (digits(process) && digits(number)).then(|| process.parse().ok())?
    }
}

/// A temporary file or name, removed when dropped.
struct Temporary<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
}

impl<'a> Temporary<'a> {
    /// Tries names until one is free: a process that was killed may have had our number.
    fn new<T>(
        disk: &'a dyn Disk,
        names: &Names<'_>,
        make: impl Fn(&Path) -> io::Result<T>,
    ) -> io::Result<(Self, T)> {
        let mut tries = 0;
        loop {
            let path = names.next();
            match make(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < 1000 => {
                    tries += 1
                }
                made => return made.map(|made| (Self { disk, path }, made)),
            }
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After a rename nothing lies there, except when both names were of one file: then POSIX
        // renames nothing and both stay.
        let _ = self.disk.remove(&self.path);
    }
}

/// Removes what killed processes left of this file; a failure in that is nobody's concern.
fn remove_stale(disk: &dyn Disk, names: &Names<'_>) {
    let found = disk.find(names.folder, &|name| names.process(name).is_some()).unwrap_or_default();
    for path in found {
        let process = path.file_name().and_then(OsStr::to_str).and_then(|name| names.process(name));
        let Ok(Some(metadata)) = disk.look(&path) else { continue };
        let age = disk.age(&metadata);
        let gone = age > GONE_AFTER && process.is_some_and(|process| disk.is_gone(process));
        if metadata.is_file() && (gone || age > OLD_AFTER) {
            let _ = disk.remove(&path);
        }
    }
}
