//! Every call to the file system fails once, and from some call on: the old file stays, nothing else
//! is left, and the error says what was tried.

use std::cell::{Cell, RefCell};
use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::{Folder, names};
use crate::error::Error;
use crate::file::atomic::replace_on;
use crate::file::disk::{Disk, Draft, Real};

/// Which calls fail.
#[derive(Debug, Clone, Copy)]
enum Fails {
    Never,
    /// The call of this number.
    Once(usize),
    /// This and all later ones.
    From(usize),
    /// All of this name.
    Named(&'static str),
}

/// The real disk with failures; it writes only a few bytes at a time.
pub struct Failing {
    fails: Fails,
    /// Does the file system have second names?
    links: bool,
    calls: RefCell<Vec<&'static str>>,
    age: Duration,
    is_gone: bool,
    interrupted: Cell<bool>,
}

impl Failing {
    fn new(fails: Fails) -> Self {
        let (calls, interrupted) = (RefCell::default(), Cell::new(false));
        Self { fails, links: true, calls, age: Duration::ZERO, is_gone: false, interrupted }
    }

    fn call(&self, name: &'static str) -> io::Result<()> {
        let mut calls = self.calls.borrow_mut();
        let number = calls.len();
        calls.push(name);
        let fails = match self.fails {
            Fails::Never => false,
            Fails::Once(n) => number == n,
            Fails::From(n) => number >= n,
            Fails::Named(n) => name == n,
        };
        if fails { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

struct Slow<'a>(&'a Failing, Box<dyn Draft + 'a>);
impl Write for Slow<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A signal now and then, which is no failure.
        if !self.0.interrupted.replace(!self.0.interrupted.get()) {
            return Err(ErrorKind::Interrupted.into());
        }
        self.0.call("write")?;
        self.1.write(&bytes[..bytes.len().min(7)])
    }
    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}
impl Draft for Slow<'_> {
    fn sync(&mut self) -> io::Result<()> {
        self.0.call("sync")?;
        self.1.sync()
    }
}

impl Disk for Failing {
    fn look(&self, path: &Path) -> io::Result<Option<Metadata>> {
        self.call("look")?;
        Real.look(path)
    }
    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.call("read_link")?;
        Real.read_link(path)
    }
    fn create_new(&self, path: &Path, private: bool) -> io::Result<Box<dyn Draft + '_>> {
        self.call("create_new")?;
        Ok(Box::new(Slow(self, Real.create_new(path, private)?)))
    }
    fn set_permissions(&self, path: &Path, permissions: Permissions) -> io::Result<()> {
        self.call("set_permissions")?;
        Real.set_permissions(path, permissions)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("link")?;
        if !self.links {
            return Err(ErrorKind::Unsupported.into());
        }
        Real.link(from, to)
    }
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        // A copy that fails has begun.
        let call = self.call("copy");
        Real.copy(from, to)?;
        call
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("rename")?;
        Real.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call("remove")?;
        Real.remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call("sync_folder")?;
        Real.sync_folder(folder)
    }
    fn find(&self, folder: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
        self.call("find")?;
        Real.find(folder, wanted)
    }
    fn age(&self, _: &Metadata) -> Duration {
        self.age
    }
    fn is_gone(&self, _: u32) -> bool {
        self.is_gone
    }
}

const OLD: &[u8] = b"the old content";
const NEW: &[u8] = b"the new content, which is longer than seven bytes";
const OLDER: &[u8] = b"the previous content";

fn save(disk: &Failing, path: &Path, keep_previous: bool) -> crate::error::Result<()> {
    replace_on(disk, path, keep_previous, |to| {
        NEW.chunks(10).try_for_each(|part| to.write_all(part))
    })
}

fn content(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}

/// The files before a save: the newest with its mode, the previous, both or none, behind a link or not.
fn prepare(folder: &Folder, old: bool, through_link: bool) -> (PathBuf, PathBuf) {
    let place = folder.join("place");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir(&place).unwrap();
    let target = place.join("model");
    if old {
        fs::write(&target, OLD).unwrap();
        fs::write(place.join("model.previous"), OLDER).unwrap();
    }
    let link = folder.join("link");
    let _ = fs::remove_file(&link);
    #[cfg(unix)]
    if through_link {
        std::os::unix::fs::symlink("place/model", &link).unwrap();
        return (link, target);
    }
    (target.clone(), target)
}

/// Calls that a save can do without.
const DISPENSABLE: [&str; 2] = ["find", "link"];

fn each_failing_call(
    keep_previous: bool,
    old: bool,
    through_link: bool,
    links: bool,
) -> Vec<&'static str> {
    let folder = Folder::new(&format!("failing-{keep_previous}-{old}-{through_link}-{links}"));
    let before = || (old.then(|| OLD.to_vec()), old.then(|| OLDER.to_vec()));
    let after = || {
        let previous = if keep_previous && old { Some(OLD.to_vec()) } else { before().1 };
        (Some(NEW.to_vec()), previous)
    };
    let found =
        |target: &Path| (content(target), content(&target.with_file_name("model.previous")));

    let (path, target) = prepare(&folder, old, through_link);
    let disk = Failing { links, ..Failing::new(Fails::Never) };
    save(&disk, &path, keep_previous).unwrap();
    assert_eq!(found(&target), after());
    let calls = disk.calls.into_inner();
    for number in 0..calls.len() {
        for fails in [Fails::Once(number), Fails::From(number)] {
            let (path, target) = prepare(&folder, old, through_link);
            let disk = Failing { links, ..Failing::new(fails) };
            let saved = save(&disk, &path, keep_previous);
            let calls = disk.calls.borrow();
            let failed = calls[number];
            let what = format!("{fails:?}: {failed} of {calls:?}");
            let left: Vec<_> = names(target.parent().unwrap())
                .into_iter()
                .filter(|name| name.ends_with(".tmp"))
                .collect();
            match (saved, fails) {
                (Ok(()), Fails::Once(_)) if failed == "remove" => {
                    assert_eq!(found(&target), after(), "{what}");
                }
                (Ok(()), Fails::Once(_)) => {
                    assert!(DISPENSABLE.contains(&failed), "{what}");
                    assert_eq!(found(&target), after(), "{what}");
                    assert_eq!(left, [""; 0], "{what}");
                }
                (Ok(()), _) => assert_eq!(failed, "remove", "{what}"),
                (Err(error), _) => {
                    let Error::File { path: named, action, reason } = error else {
                        panic!("{error:?}")
                    };
                    assert_eq!((named, reason), (path, ErrorKind::StorageFull), "{what}");
                    assert!(!action.is_empty());
                    // Nothing to go back to.
                    let no_backup = old && !links && !keep_previous && failed == "sync_folder";
                    if matches!(fails, Fails::Once(_)) && !no_backup {
                        assert_eq!(found(&target), before(), "{what}");
                        assert_eq!(left, [""; 0], "{what}");
                    } else {
                        let (newest, previous) = found(&target);
                        // The way back, from where the new file is in place, failed too.
                        let renamed = newest == after().0;
                        assert!(
                            newest == before().0 || renamed && calls[..number].contains(&"rename"),
                            "{what}"
                        );
                        assert_eq!(previous, before().1, "{what}");
                    }
                }
            }
        }
    }
    calls
}

#[test]
fn every_call() {
    let mut called = Vec::new();
    for keep_previous in [false, true] {
        for old in [false, true] {
            for through_link in [false, cfg!(unix)] {
                for links in [true, false] {
                    called.extend(each_failing_call(keep_previous, old, through_link, links));
                }
            }
        }
    }
    let all = [
        "look",
        "read_link",
        "create_new",
        "write",
        "sync",
        "set_permissions",
        "link",
        "copy",
        "rename",
        "remove",
        "sync_folder",
        "find",
    ];
    for call in all {
        assert!(called.contains(&call) || cfg!(not(unix)), "{call} was never tried");
    }
}

#[test]
fn each_failure_has_its_name() {
    let folder = Folder::new("names-of-failures");
    for (call, action) in [
        ("look", "find the file"),
        ("create_new", "create a temporary file beside the file"),
        ("write", "write the temporary file"),
        ("set_permissions", "set the mode of the temporary file"),
        ("sync", "bring the temporary file to the disk"),
        ("rename", "rename the temporary file to the file"),
        ("sync_folder", "bring the folder to the disk"),
    ] {
        let (path, target) = prepare(&folder, true, false);
        let error = save(&Failing::new(Fails::Named(call)), &path, true).unwrap_err();
        assert_eq!(error, Error::File { path, action, reason: ErrorKind::StorageFull });
        assert_eq!(content(&target).unwrap(), OLD);
    }
    // What is in the place of the previous file cannot be replaced.
    let (path, target) = prepare(&folder, true, false);
    let previous = target.with_file_name("model.previous");
    fs::remove_file(&previous).unwrap();
    fs::create_dir(&previous).unwrap();
    let error = save(&Failing::new(Fails::Never), &path, true).unwrap_err();
    let reason = ErrorKind::IsADirectory;
    assert_eq!(error, Error::File { path, action: "keep the previous file", reason });
    assert_eq!(content(&target).unwrap(), OLD);
    assert_eq!(names(target.parent().unwrap()), ["model", "model.previous"]);
    assert_eq!(
        error_text(&Error::File {
            path: "a/b".into(),
            action: "write the temporary file",
            reason: ErrorKind::StorageFull
        }),
        "a/b: cannot write the temporary file: no storage space"
    );
}

fn error_text(error: &Error) -> String {
    error.to_string()
}

#[test]
fn without_links_the_previous_file_is_a_copy() {
    let folder = Folder::new("copies");
    let (path, target) = prepare(&folder, true, false);
    let disk = Failing { links: false, ..Failing::new(Fails::Never) };
    save(&disk, &path, true).unwrap();
    assert_eq!(content(&target.with_file_name("model.previous")).unwrap(), OLD);
    assert_eq!(names(target.parent().unwrap()), ["model", "model.previous"]);
}

#[test]
fn stale_temporaries() {
    let folder = Folder::new("stale");
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let stale = [".model.4000000-0.tmp", ".model.4000000-17.tmp"];
    let others = [
        ".model.tmp",
        ".model.1-.tmp",
        ".model.-1.tmp",
        ".model.1-2.tmp.x",
        "model.1-2.tmp",
        ".model.x-2.tmp",
        ".model2.1-2.tmp",
        ".model.1-2.3-4.tmp",
        ".model.+1-2.tmp",
        ".model.99999999999999999999-2.tmp",
    ];
    for (age, is_gone, removed) in [
        (minutes(0), true, false),
        (minutes(2), true, true),
        (minutes(2), false, false),
        (minutes(59), false, false),
        (minutes(61), false, true),
    ] {
        let (path, target) = prepare(&folder, true, false);
        for name in stale.iter().chain(&others) {
            fs::write(target.with_file_name(name), "left").unwrap();
        }
        // A folder of that name is not ours.
        fs::create_dir(target.with_file_name(".model.7-7.tmp")).unwrap();
        let disk = Failing { age, is_gone, ..Failing::new(Fails::Never) };
        save(&disk, &path, true).unwrap();
        let left = names(target.parent().unwrap());
        assert!(
            stale.iter().all(|&name| left.iter().any(|l| l == name) != removed),
            "{age:?} {left:?}"
        );
        assert!(others.iter().all(|&name| left.iter().any(|l| l == name)), "{left:?}");
        assert!(left.iter().any(|name| name == ".model.7-7.tmp"));
    }
}
