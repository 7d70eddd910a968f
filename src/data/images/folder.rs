//! What is in a folder of pictures.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::header::Format;
use crate::data::input::Input;
use crate::error::{Error, Found, Place, Result};

/// The pictures of a folder, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) files: Vec<PathBuf>,
    /// The class of each file; none where there are no classes.
    pub(super) labels: Vec<usize>,
    pub(super) classes: Vec<String>,
    pub(super) skipped: Vec<PathBuf>,
}

/// What a folder holds, each in the order of its name.
struct Content {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

/// The format that a file's name speaks of.
fn format(path: &Path) -> Option<Format> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "png" => Some(Format::Png),
        "jpg" | "jpeg" => Some(Format::Jpeg),
        _ => None,
    }
}

/// A file of the list, and what its name says that it is.
pub(super) fn open(path: &Path) -> Result<(Input, Format)> {
    // Others are not in the list.
    let format = format(path).unwrap_or(Format::Png);
    Ok((Input::open(path)?, format))
}

/// Whether the system put a file there and no person did.
fn is_hidden(name: &OsStr) -> bool {
    let known = ["Thumbs.db", "desktop.ini"];
    name.as_encoded_bytes().starts_with(b".") || known.iter().any(|&known| name == known)
}

fn content(folder: &Path) -> Result<Content> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| Error::File { path, action: "list", reason: error.kind() }
    };
    let mut content = Content { files: Vec::new(), folders: Vec::new(), others: Vec::new() };
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let path = entry.path();
        if is_hidden(&entry.file_name()) {
            continue;
        }
        // What a link leads to.
        let is_folder = fs::metadata(&path).map_err(failed(&path))?.is_dir();
        let kind = match (is_folder, format(&path)) {
            (true, _) => &mut content.folders,
            (false, Some(_)) => &mut content.files,
            (false, None) => &mut content.others,
        };
        kind.push(path);
    }
    content.files.sort_unstable();
    content.folders.sort_unstable();
    content.others.sort_unstable();
    Ok(content)
}

fn refuse(path: &Path, found: &'static str, expected: &'static str) -> Error {
    let (path, found) = (path.to_owned(), Found::Thing(found));
    Error::Malformed { path, place: Place::File, found, expected }
}

/// Refuses what is no picture, or notes that it is left out.
fn leave_out(others: Vec<PathBuf>, skips: bool, skipped: &mut Vec<PathBuf>) -> Result<()> {
    const EXPECTED: &str = "a name that ends in .png, .jpg or .jpeg; `ImageOptions::skip_other_files` leaves \
                            out all others";
    match others.first() {
        Some(other) if !skips => Err(refuse(other, "another file or folder", EXPECTED)),
        _ => {
            skipped.extend(others);
            Ok(())
        }
    }
}

/// The folders of classes, each with the number of its class, and the names of all classes.
struct Classes {
    folders: Vec<(usize, PathBuf)>,
    names: Vec<String>,
}

/// The folders as classes: those whose names are given, in that order, or else all of them.
fn numbered(folders: Vec<PathBuf>, classes: Option<&[String]>) -> Result<Classes> {
    let Some(classes) = classes else {
        let name = |folder: &PathBuf| {
            folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
        };
        let names = folders.iter().map(name).collect();
        return Ok(Classes { names, folders: folders.into_iter().enumerate().collect() });
    };
    let numbers: HashMap<&str, usize> =
        classes.iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let number = |folder: PathBuf| {
        let name = folder.file_name().and_then(OsStr::to_str);
        match name.and_then(|name| numbers.get(name)) {
            Some(&number) => Ok((number, folder)),
            None => Err(refuse(
                &folder,
                "a folder of another class",
                "only folders of the classes that `ImageOptions::classes` names",
            )),
        }
    };
    let mut folders: Vec<_> = folders.into_iter().map(number).collect::<Result<_>>()?;
    folders.sort_unstable();
    Ok(Classes { folders, names: classes.to_vec() })
}

/// The pictures of a folder, or of the folders in it, which then are classes.
pub(super) fn list(folder: &Path, skips: bool, classes: Option<&[String]>) -> Result<Listed> {
    const PICTURES: &str = "at least one PNG or JPEG file";
    let Content { files, folders, others } = content(folder)?;
    let mut listed = Listed { files, ..Listed::default() };
    leave_out(others, skips, &mut listed.skipped)?;
    if let (Some(_), Some(class)) = (listed.files.first(), folders.first()) {
        return Err(refuse(
            class,
            "a folder beside pictures",
            "either pictures or folders of classes, so that each picture has a class or none has",
        ));
    }
    if let (Some(_), Some(picture)) = (classes, listed.files.first()) {
        return Err(refuse(
            picture,
            "a picture in no folder of a class",
            "pictures in folders of the classes that `ImageOptions::classes` names",
        ));
    }
    let (are_fixed, classes) = (classes.is_some(), numbered(folders, classes)?);
    for (label, class) in &classes.folders {
        let Content { files, folders, mut others } = content(class)?;
        others.extend(folders);
        leave_out(others, skips, &mut listed.skipped)?;
        if files.is_empty() && !are_fixed {
            return Err(refuse(class, "a class without pictures", PICTURES));
        }
        listed.labels.extend(files.iter().map(|_| *label));
        listed.files.extend(files);
    }
    listed.classes = classes.names;
    if listed.files.is_empty() {
        return Err(refuse(folder, "a folder without pictures", PICTURES));
    }
    Ok(listed)
}
