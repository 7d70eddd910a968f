//! The calls to the file system that replacing a file needs, so that tests can make each of them fail.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
#[cfg(unix)]
use std::time::UNIX_EPOCH;

/// A file being written.
pub(super) trait Draft: Write {
    /// Waits until all of it is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

pub(super) trait Disk {
    /// What lies there, links not followed; nothing if there is nothing.
    fn look(&self, path: &Path) -> io::Result<Option<Metadata>>;
    /// Where a link points.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;
    /// A new file; a private one may be read by its owner only.
    fn create_new(&self, path: &Path, private: bool) -> io::Result<Box<dyn Draft + '_>>;
    fn set_permissions(&self, path: &Path, permissions: Permissions) -> io::Result<()>;
    /// A second name for a file.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A copy of a file, on the disk when this returns.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Waits until the names in a folder are on the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// The paths in a folder whose names are wanted.
    fn find(&self, folder: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<PathBuf>>;
    /// The time since a file or its names were last changed.
    fn age(&self, file: &Metadata) -> Duration;
    /// Is it known that no process of this number runs?
    fn is_gone(&self, process: u32) -> bool;
}

/// The disk itself.
#[derive(Debug)]
pub(super) struct Real;

impl Draft for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Disk for Real {
    fn look(&self, path: &Path) -> io::Result<Option<Metadata>> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    fn create_new(&self, path: &Path, private: bool) -> io::Result<Box<dyn Draft + '_>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = private;
        Ok(Box::new(options.open(path)?))
    }

    fn set_permissions(&self, path: &Path, permissions: Permissions) -> io::Result<()> {
        fs::set_permissions(path, permissions)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::copy(from, to)?;
        OpenOptions::new().write(true).open(to)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Nothing where folders cannot be opened, and where the file system does not know the call.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if !cfg!(unix) {
            return Ok(());
        }
        match File::open(folder)?.sync_all() {
            Err(error)
                if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) =>
            {
                Ok(())
            }
            done => done,
        }
    }

    fn find(&self, folder: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(wanted) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// On Unix a second name of an old file is as young as the name, by the time of the last change of
    /// status; elsewhere as old as the file.
    fn age(&self, file: &Metadata) -> Duration {
        #[cfg(unix)]
        let changed = {
            let seconds = std::os::unix::fs::MetadataExt::ctime(file);
            Some(UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0)))
        };
        #[cfg(not(unix))]
        let changed = file.modified().ok();
        // A clock that was set back makes everything young.
        changed.and_then(|time| time.elapsed().ok()).unwrap_or_default()
    }

    /// Only Linux can be asked without a system call of our own.
    fn is_gone(&self, process: u32) -> bool {
        let processes = Path::new("/proc");
        processes.join("self/stat").exists() && !processes.join(process.to_string()).exists()
    }
}
