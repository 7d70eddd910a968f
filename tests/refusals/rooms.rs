//! The rooms of the library, its top-level modules, stand in a row, and each knows only those before it: whoever
//! reads one has read all that it needs. `lib.rs` knows all of them, and none goes through it.

use std::fs;
use std::path::Path;

/// Lowest first. Any order in which all imports go down would do; there is one, so there is no circle.
const ORDER: [&str; 19] = [
    "error",
    "numbers",
    "collective",
    "batch",
    "random",
    "terms",
    "data",
    "datasets",
    "metrics",
    "layer",
    "code",
    "optimizer",
    "loss",
    "regularizer",
    "file",
    "train",
    "model",
    "insight",
    "report",
];

/// The paths of a line that begin at the root of the crate or above a module; comments have none.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split_once("//").map_or(line, |(code, _)| code);
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"))
}

/// What is wrong with a file's imports: `module` is where it lies, such as `model::stack`.
fn complaints(file: &str, module: &str, source: &str) -> Vec<String> {
    let depth = module.split("::").count();
    let room = module.split("::").next().unwrap_or_default();
    let rank = |room: &str| ORDER.iter().position(|&other| other == room);
    let mut inline: Vec<&str> = Vec::new(); // indentations of modules inside the file
    let mut wrong = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        for path in paths(line) {
            let above = path.split("::").take_while(|&part| part == "super").count();
            let from_root = path.starts_with("crate::") || above >= depth + inline.len();
            let target = path.split("::").nth(above.max(1)).unwrap_or_default();
            let said = match rank(target) {
                _ if !from_root => continue,
                None => "goes through the root of the crate: name the module that defines it",
                Some(_) if target == room => continue,
                Some(other) if Some(other) < rank(room) => continue,
                Some(_) => "goes up",
            };
            wrong.push(format!("{file}:{}: `{path}` in `{room}` {said}", number + 1));
        }
        if line.trim_start().starts_with("mod ") && line.ends_with('{') {
            inline.push(indent);
        } else if line.trim_start() == "}" && inline.last() == Some(&indent) {
            inline.pop();
        }
    }
    wrong
}

/// Appends the complaints of all files of a folder, which is a module.
fn walk(folder: &Path, module: &str, wrong: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("a folder of the library") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let inside = if module.is_empty() { name.clone() } else { format!("{module}::{name}") };
        if path.is_dir() {
            files += walk(&path, &inside, wrong);
        } else if path.extension().is_some_and(|end| end == "rs") && inside != "lib" {
            let source = fs::read_to_string(&path).expect("a file of the library");
            let inside = if name == "mod" { module } else { &inside };
            wrong.extend(complaints(&path.display().to_string(), inside, &source));
            files += 1;
            assert!(ORDER.contains(&inside.split("::").next().unwrap_or_default()), "{inside}?");
        }
    }
    files
}

#[test]
fn every_room_knows_only_those_below() {
    let mut wrong = Vec::new();
    let files = walk(&common::root().join("src"), "", &mut wrong);
    assert!(files > 150, "the library has {files} files");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The check itself can fail.
#[test]
fn a_wrong_import_is_noticed() {
    let wrong = |module: &str, source: &str| complaints("f.rs", module, source).len();
    assert_eq!(wrong("layer::dense", "use crate::batch::Batch;\nuse super::Module;\n"), 0);
    assert_eq!(wrong("layer::dense", "use crate::layer::Part; // not crate::model::Scalar\n"), 0);
    assert_eq!(wrong("layer::dense", "use crate::model::Scalar;\n"), 1);
    assert_eq!(wrong("layer::dense", "fn f(x: &crate::Batch<f32, crate::model::X>) {}\n"), 2);
    assert_eq!(wrong("layer::dense", "use crate::{batch, model};\n"), 1);
    assert_eq!(wrong("layer::dense", "use super::super::model::Scalar;\n"), 1);
    assert_eq!(wrong("layer", "use super::batch::Batch;\nuse super::code::Facts;\n"), 1);
    assert_eq!(wrong("layer", "mod tests {\n    use super::*;\n    mod a {\n    }\n}\n"), 0);
    assert_eq!(wrong("layer", "mod tests {\n}\nuse super::code::Facts;\n"), 1);
    assert_eq!(
        complaints("f.rs", "batch", "\nuse crate::train::Report;\n").concat(),
        "f.rs:2: `crate::train::Report` in `batch` goes up"
    );
}
