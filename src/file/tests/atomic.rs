//! Replacing real files: modes, links, previous files, folders that refuse, threads at once.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::Folder;
use crate::error::{Error, Problem, Result};
use crate::file::atomic::{Recovered, read_or_previous, replace};
use crate::file::disk::{Disk, Real};
use crate::file::tensors::{Image, read};

fn save(path: &Path, keep_previous: bool, text: &str) -> Result<()> {
    replace(path, keep_previous, |to| to.write_all(text.as_bytes()))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Why replacing a file is refused.
fn refused(path: &Path) -> (&'static str, ErrorKind) {
    match save(path, true, "new").unwrap_err() {
        Error::File { path: named, action, reason } if named == path => (action, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_and_its_previous() {
    let folder = Folder::new("previous");
    let path = folder.join("model.safetensors");
    save(&path, true, "1").unwrap();
    assert_eq!(folder.names(), ["model.safetensors"]);
    save(&path, true, "2").unwrap();
    save(&path, true, "3").unwrap();
    assert_eq!(folder.names(), ["model.safetensors", "model.safetensors.previous"]);
    assert_eq!(
        (text(&path), text(&folder.join("model.safetensors.previous"))),
        ("3".into(), "2".into())
    );
    save(&path, false, "4").unwrap();
    assert_eq!(
        (text(&path), text(&folder.join("model.safetensors.previous"))),
        ("4".into(), "2".into())
    );
    // Both names of one file, as a copy with hard links makes them.
    fs::remove_file(folder.join("model.safetensors.previous")).unwrap();
    fs::hard_link(&path, folder.join("model.safetensors.previous")).unwrap();
    save(&path, true, "5").unwrap();
    assert_eq!(folder.names(), ["model.safetensors", "model.safetensors.previous"]);
    assert_eq!(
        (text(&path), text(&folder.join("model.safetensors.previous"))),
        ("5".into(), "4".into())
    );
}

#[test]
fn names_of_all_kinds() {
    let folder = Folder::new("kinds-of-names");
    for name in ["a", ".hidden", "with space", "ä.µ", &"x".repeat(245), &"ä".repeat(122)] {
        let path = folder.join(name);
        for content in ["1", "2"] {
            save(&path, true, content).unwrap();
        }
        assert_eq!(text(&path), "2");
        assert_eq!(folder.names(), [name.to_owned(), format!("{name}.previous")]);
        fs::remove_file(&path).unwrap();
        fs::remove_file(folder.join(format!("{name}.previous"))).unwrap();
    }
    #[cfg(target_os = "linux")]
    {
        let name: std::ffi::OsString =
            std::os::unix::ffi::OsStringExt::from_vec(b"no\xfftext".to_vec());
        save(&folder.join(&name), true, "1").unwrap();
        save(&folder.join(&name), true, "2").unwrap();
        assert_eq!(text(&folder.join(&name)), "2");
        assert_eq!(folder.names().len(), 2);
    }
    let action = "replace the file";
    assert_eq!(refused(Path::new("..")), (action, ErrorKind::InvalidFilename));
    assert_eq!(refused(Path::new("")), (action, ErrorKind::InvalidFilename));
}

#[test]
fn what_is_no_file_is_not_replaced() {
    let folder = Folder::new("no-file");
    assert_eq!(refused(folder.path()), ("replace the file", ErrorKind::IsADirectory));
    let missing = folder.join("missing/model");
    assert_eq!(refused(&missing), ("create a temporary file beside the file", ErrorKind::NotFound));
    fs::write(folder.join("file"), "").unwrap();
    assert_eq!(refused(&folder.join("file/model")), ("find the file", ErrorKind::NotADirectory));
    assert_eq!(folder.names(), ["file"]);
    // In a folder of its own: a mistake would replace it, and root may replace any device.
    #[cfg(unix)]
    {
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
        let found = refused(&folder.join("socket"));
        assert_eq!(found, ("replace the file", ErrorKind::Unsupported));
        assert_eq!(folder.names(), ["file", "socket"]);
    }
}

#[cfg(unix)]
#[test]
fn the_mode_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("modes");
    let path = folder.join("model");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    fs::write(folder.join("other"), "").unwrap();
    save(&path, true, "1").unwrap();
    assert_eq!(mode(&path), mode(&folder.join("other")), "a new file has the usual mode");
    for bits in [0o600, 0o640, 0o666, 0o200, 0o755] {
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
        save(&path, true, "2").unwrap();
        assert_eq!((mode(&path), mode(&folder.join("model.previous"))), (bits, bits));
    }
    for bits in [0o444, 0o400, 0] {
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
        assert_eq!(refused(&path), ("replace the file", ErrorKind::PermissionDenied));
    }
}

#[cfg(unix)]
#[test]
fn links_stay() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("links");
    fs::create_dir(folder.join("far")).unwrap();
    symlink("far/second", folder.join("first")).unwrap();
    symlink("../target", folder.join("far/second")).unwrap();
    // A link to what is not there yet, then to what is.
    for content in ["1", "2"] {
        save(&folder.join("first"), true, content).unwrap();
        assert_eq!(text(&folder.join("target")), content);
    }
    assert_eq!(folder.names(), ["far", "first", "target", "target.previous"]);
    assert!(fs::symlink_metadata(folder.join("first")).unwrap().is_symlink());
    let absolute = folder.join("absolute");
    symlink(folder.join("target"), &absolute).unwrap();
    save(&absolute, false, "3").unwrap();
    assert_eq!(text(&folder.join("target")), "3");
    // What follows a link also finds the previous file.
    fs::remove_file(folder.join("target")).unwrap();
    let read = |path: &Path| match fs::read_to_string(path) {
        Err(error) => {
            Err(Error::File { path: path.to_owned(), action: "read", reason: error.kind() })
        }
        Ok(text) => Ok(text),
    };
    let (found, notice) = read_or_previous(&folder.join("first"), read).unwrap();
    assert_eq!(
        (found.as_str(), notice.unwrap().path),
        ("1", folder.join("far/../target.previous"))
    );
    symlink("circle", folder.join("circle")).unwrap();
    assert_eq!(refused(&folder.join("circle")), ("find the file", ErrorKind::InvalidInput));
    symlink(".", folder.join("here")).unwrap();
    assert_eq!(refused(&folder.join("here")), ("replace the file", ErrorKind::IsADirectory));
}

#[test]
fn the_newest_or_the_previous() {
    let folder = Folder::new("newest");
    let path = folder.join("model");
    let previous = folder.join("model.previous");
    let missing =
        || Error::File { path: path.clone(), action: "read the file", reason: ErrorKind::NotFound };
    assert_eq!(read_or_previous(&path, read).unwrap_err(), missing());
    let write = |note: &str| {
        let metadata = [("note".to_owned(), note.to_owned())].into();
        let image = Image::new(&metadata, &[]).unwrap();
        replace(&path, true, |to| image.write(to)).unwrap();
    };
    let note = |(contents, notice): (crate::file::tensors::Contents, Option<Recovered>)| {
        (contents.metadata["note"].clone(), notice)
    };
    write("1");
    write("2");
    assert_eq!(note(read_or_previous(&path, read).unwrap()), ("2".into(), None));
    // Damaged.
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..20]).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, Error::Damaged { problem: Problem::Truncated { found: 20, .. }, .. }));
    let notice = Recovered { path: previous.clone(), error: error.clone() };
    assert_eq!(note(read_or_previous(&path, read).unwrap()), ("1".into(), Some(notice)));
    // The next save has no good file to keep: a good previous stays until the new one is safe.
    let failing = replace(&path, true, |_| Err(io::Error::other("full")));
    assert!(failing.is_err());
    assert_eq!(note(read_or_previous(&path, read).unwrap()).0, "1");
    write("3");
    assert_eq!(note(read_or_previous(&path, read).unwrap()), ("3".into(), None));
    // Both damaged: the newest's error.
    fs::write(&path, &whole[..20]).unwrap();
    assert_eq!(read_or_previous(&path, read).unwrap_err(), error);
    // Missing.
    write("4");
    write("5");
    fs::remove_file(&path).unwrap();
    let notice = Recovered { path: previous, error: missing() };
    assert_eq!(note(read_or_previous(&path, read).unwrap()), ("4".into(), Some(notice)));
    // What is no damage is reported, and no older file is taken in silence.
    let newer = Problem::UnsupportedVersion { found: "2".into(), newest: 1 };
    for error in [
        Error::Damaged { path: path.clone(), problem: newer },
        Error::File { path: path.clone(), action: "read", reason: ErrorKind::PermissionDenied },
        Error::SizeMismatch { place: "load", unit: "features", expected: 1, found: 2 },
    ] {
        let read = |_: &Path| -> Result<()> { Err(error.clone()) };
        assert_eq!(read_or_previous(&path, read).unwrap_err(), error);
    }
}

#[test]
fn a_writer_that_fails_or_panics_changes_nothing() {
    let folder = Folder::new("writer");
    let path = folder.join("model");
    save(&path, true, "old").unwrap();
    let failed = replace(&path, true, |to| {
        to.write_all(&[1; 200_000])?;
        Err(ErrorKind::BrokenPipe.into())
    });
    let (action, reason) = ("write the temporary file", ErrorKind::BrokenPipe);
    assert_eq!(failed.unwrap_err(), Error::File { path: path.clone(), action, reason });
    let panicked = std::panic::catch_unwind(|| {
        let _ = replace(&path, true, |to| {
            let _ = to.write_all(&[1; 200_000]);
            panic!("a panic of the writer, which this test wants")
        });
    });
    assert!(panicked.is_err());
    assert_eq!((folder.names(), text(&path)), (vec!["model".to_owned()], "old".to_owned()));
}

#[cfg(target_os = "linux")]
#[test]
fn who_is_gone_and_what_is_old() {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    assert!(Real.is_gone(child.id()));
    assert!(!Real.is_gone(std::process::id()));
    // A second name is young, however old the file.
    let folder = Folder::new("old");
    fs::write(folder.join("file"), "").unwrap();
    let times = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    fs::File::options().write(true).open(folder.join("file")).unwrap().set_times(times).unwrap();
    Real.link(&folder.join("file"), &folder.join("second")).unwrap();
    let found = Real.look(&folder.join("second")).unwrap().unwrap();
    assert!(Real.age(&found) < std::time::Duration::from_secs(30));
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    assert!(!Real.age(&fs::metadata(manifest).unwrap()).is_zero());
}

#[test]
fn many_threads_at_once() {
    let folder = Folder::new("threads");
    let path = folder.join("model");
    let whole = |text: &str| text.len() == 100_000 && text.bytes().all(|b| b == text.as_bytes()[0]);
    save(&path, true, &"x".repeat(100_000)).unwrap();
    std::thread::scope(|scope| {
        for letter in ["a", "b", "c", "d"] {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..10 {
                    save(path, true, &letter.repeat(100_000)).unwrap();
                    assert!(whole(&text(path)));
                }
            });
        }
    });
    assert!(whole(&text(&folder.join("model.previous"))));
    assert_eq!(folder.names(), ["model", "model.previous"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_reported() {
    let values = vec![1.0_f32; 100_000];
    let tensors = [crate::numbers::bytes::Tensor::new("w", &[100_000], &values)];
    let image = Image::new(&Default::default(), &tensors).unwrap();
    let mut full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(image.write(&mut full).unwrap_err().kind(), ErrorKind::StorageFull);
}

/// Where a child of the tests below saves.
const CHILD: &str = "AUTOENCODER_CHILD_SAVES_TO";

/// Does nothing by itself: the child of the tests below.
#[test]
fn child_that_cannot_save() {
    let Ok(path) = std::env::var(CHILD) else { return };
    println!("{:?}", save(Path::new(&path), true, &"new".repeat(100_000)).unwrap_err());
}

/// What a child says that is started by `command`; nothing where it cannot be started.
fn child(command: &mut Command, path: &Path) -> Option<String> {
    let test = super::test_name(module_path!(), "child_that_cannot_save");
    let output = command.args(["--exact", &test, "--nocapture"]).env(CHILD, path).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.contains("File {").then_some(said)
}

fn this_binary() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// A real limit of the size of files, in the middle of a write.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow() {
    let folder = Folder::new("limit");
    let path = folder.join("model");
    save(&path, true, "old").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; ulimit -f 128; exec "$0" "$@""#]).arg(this_binary());
    let Some(said) = child(&mut shell, &path) else {
        println!("SKIPPED: no shell that limits the size of files");
        return;
    };
    assert!(said.contains(r#"action: "write the temporary file", reason: FileTooLarge"#), "{said}");
    assert_eq!((folder.names(), text(&path)), (vec!["model".to_owned()], "old".to_owned()));
}

/// A real folder without permission, as another user when we are one who may do everything.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let folder = Folder::new("forbidden");
    let path = folder.join("model");
    save(&path, true, "old").unwrap();
    let allow =
        |bits| fs::set_permissions(folder.path(), fs::Permissions::from_mode(bits)).unwrap();
    allow(0o555);
    let everything = fs::write(folder.join("probe"), "").is_ok();
    let mut command = Command::new(this_binary());
    if everything {
        fs::remove_file(folder.join("probe")).unwrap();
        command.uid(65_534).gid(65_534);
    }
    let said = child(&mut command, &path);
    allow(0o755);
    let Some(said) = said else {
        println!("SKIPPED: no other user to run as");
        return;
    };
    let expected = r#"action: "create a temporary file beside the file", reason: PermissionDenied"#;
    assert!(said.contains(expected), "{said}");
    assert_eq!((folder.names(), text(&path)), (vec!["model".to_owned()], "old".to_owned()));
}

/// A real disk that is full, where one can be made.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full() {
    let folder = Folder::new("full");
    let place = folder.join("disk");
    fs::create_dir(&place).unwrap();
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let mount = ["-t", "tmpfs", "-o", "size=256k", "none"];
    if !run(Command::new("mount").args(mount).arg(&place)) {
        println!("SKIPPED: a disk cannot be mounted");
        return;
    }
    let path = place.join("model");
    let saved = save(&path, true, "old");
    let refused = save(&path, true, &"new".repeat(100_000));
    let found = (super::folder::names(&place), fs::read_to_string(&path).ok());
    assert!(run(Command::new("umount").arg(&place)));
    saved.unwrap();
    let (action, reason) = ("write the temporary file", ErrorKind::StorageFull);
    assert_eq!(refused.unwrap_err(), Error::File { path, action, reason });
    assert_eq!(found, (vec!["model".to_owned()], Some("old".to_owned())));
}
