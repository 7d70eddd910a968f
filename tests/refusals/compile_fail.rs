//! What cannot be right does not compile, and the compiler says so in our words.
//!
//! Each file of `tests/compile_fail` says what it expects in its first lines:
//! `//~ ERROR: sentence` for a part of the compiler's message, `//~ AT: line` for the source line an
//! error of it must point at, `//~ OK` if it must compile. `//~ BUILD` says that the program is to be made:
//! what a `const` block of a generic function asserts is not looked at before. Only our own sentences are looked for, so
//! that another version of the compiler may word the rest as it likes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

use serde_json::Value;

/// What a fixture expects, and what the compiler said of it.
struct Fixture {
    name: String,
    errors: Vec<String>,
    at: Option<String>,
    is_ok: bool,
    is_built: bool,
}

impl Fixture {
    fn read(path: &Path) -> Self {
        let source = fs::read_to_string(path).expect("a fixture can be read");
        let marked = |mark: &str| -> Vec<String> {
            let lines = source.lines().filter_map(|line| line.strip_prefix(mark));
            lines.map(|rest| rest.trim().to_owned()).collect()
        };
        Self {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            errors: marked("//~ ERROR:"),
            at: marked("//~ AT:").pop(),
            is_ok: source.lines().any(|line| line == "//~ OK"),
            is_built: source.lines().any(|line| line == "//~ BUILD"),
        }
    }

    /// What is wrong with what the compiler said, if anything. `said` is its output about this
    /// fixture, one message after the other.
    fn complaint(&self, said: &str) -> Option<String> {
        if self.is_ok {
            return said.contains("error").then(|| format!("must compile, but:\n{said}"));
        }
        if self.errors.is_empty() {
            return Some("expects nothing".to_owned());
        }
        // One mistake is one error, and its first words are ours.
        let mut errors = said.lines().filter(|line| line.starts_with("error["));
        let (first, others) = (errors.next().unwrap_or_default(), errors.count());
        if others > 0 {
            return Some(format!("{} errors instead of one:\n{said}", others + 1));
        }
        if !first.contains(self.errors[0].as_str()) {
            return Some(format!("the first error does not begin with our words:\n{said}"));
        }
        let missing = self.errors.iter().find(|sentence| !said.contains(sentence.as_str()));
        if let Some(sentence) = missing {
            return Some(format!("`{sentence}` is not in:\n{said}"));
        }
        // The compiler quotes the lines it points at, with their numbers before them.
        let at = self.at.as_ref()?;
        let quoted = said.lines().any(|line| {
            line.split_once('|').is_some_and(|(number, code)| {
                number.trim().parse::<usize>().is_ok() && code.trim() == at
            })
        });
        (!quoted).then(|| format!("no error points at `{at}`:\n{said}"))
    }
}

/// The library that this program is linked with. Cargo says where it is, and has nothing to build if it is asked as it
/// was for this program: with the same features of these two packages, in the same folder, in one of its two profiles.
fn library() -> PathBuf {
    const FEATURES: [(&str, bool); 7] = [
        ("parallel", cfg!(feature = "parallel")),
        ("gzip", cfg!(feature = "gzip")),
        ("npz", cfg!(feature = "npz")),
        ("html", cfg!(feature = "html")),
        ("safetensors", cfg!(feature = "safetensors")),
        ("progress", cfg!(feature = "progress")),
        ("plot", cfg!(feature = "plot")),
    ];
    let features = FEATURES.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--no-run", "--message-format=json", "--offline"]);
    cargo.args(["--package=autoencoder", "--package=autoencoder-tests"]);
    cargo.args(["--test=refusals", "--features", &features.collect::<Vec<_>>().join(",")]);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let target = target.canonicalize().expect("the target folder");
    cargo.arg("--target-dir").arg(&target).current_dir(common::root());
    let here = env::current_exe().and_then(|here| here.canonicalize());
    if here.expect("this program").starts_with(target.join("release")) {
        cargo.arg("--release");
    }
    let output = cargo.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut libraries = messages.filter(|message| {
        message["target"]["name"] == "autoencoder" && message["profile"]["test"] == false
    });
    let library = libraries.next();
    let mut files = library.iter().flat_map(|message| message["filenames"].as_array()).flatten();
    let rlib = files.find_map(|file| file.as_str().filter(|file| file.ends_with(".rlib")));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    rlib.unwrap_or_else(|| panic!("cargo names no library:\n{said}")).into()
}

/// What the compiler says of a program that uses the library.
fn compile(fixture: &Fixture, source: &Path, library: &Path) -> String {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "--error-format=json", "--crate-name=fixture", "--out-dir"]);
    rustc.arg(&to).arg(if fixture.is_built { "--emit=obj" } else { "--emit=metadata" });
    // A file of its own, as fixtures are compiled side by side.
    rustc.arg("-C").arg(format!("extra-filename=-{}", fixture.name));
    rustc.arg("--extern").arg(format!("autoencoder={}", library.display()));
    let dependencies = library.parent().expect("a folder").display();
    rustc.arg("-L").arg(format!("dependency={dependencies}")).arg(source);
    let output = rustc.current_dir(common::root()).output().expect("rustc runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| message["rendered"].as_str().map(str::to_owned)).collect()
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile_fail");
    let entries = fs::read_dir(folder).expect("the folder of fixtures");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_mistake_is_refused_in_our_words() {
    let paths = fixtures();
    assert!(paths.len() > 10, "the fixtures are gone");
    let library = library();
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    fs::create_dir_all(to).expect("a folder for what is compiled");
    let complaints = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let fixture = Fixture::read(path);
            let said = compile(&fixture, path, &library);
            if env::var_os("SHOW_MESSAGES").is_some() {
                println!("==== {}\n{said}", fixture.name);
            }
            let complaint = fixture.complaint(&said);
            let complaint = complaint.map(|complaint| format!("{}: {complaint}", fixture.name));
            complaints.lock().unwrap().extend(complaint);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut complaints = complaints.into_inner().unwrap();
    complaints.sort();
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

/// The check itself can fail.
#[test]
fn a_wrong_expectation_is_noticed() {
    let said = "error[E0277]: our words\n  |\n7 |     .decoder(wrong)\n  |     ^^^^^ label\n";
    let fixture = |errors: &[&str], at: Option<&str>, is_ok: bool| Fixture {
        name: "fixture".to_owned(),
        errors: errors.iter().map(|&error| error.to_owned()).collect(),
        at: at.map(str::to_owned),
        is_ok,
        is_built: false,
    };
    assert_eq!(fixture(&["our words"], Some(".decoder(wrong)"), false).complaint(said), None);
    assert!(fixture(&["other words"], None, false).complaint(said).is_some());
    assert!(fixture(&["our words"], Some(".encoder(right)"), false).complaint(said).is_some());
    assert!(fixture(&["our words"], None, false).complaint("").is_some());
    let twice = format!("{said}error[E0277]: other words\n");
    assert!(fixture(&["our words"], None, false).complaint(&twice).is_some());
    let later = "error[E0277]: other words\n  = note: our words\n";
    assert!(fixture(&["our words"], None, false).complaint(later).is_some());
    assert!(fixture(&[], None, false).complaint(said).is_some());
    assert!(fixture(&[], None, true).complaint(said).is_some());
    assert_eq!(fixture(&[], None, true).complaint(""), None);
}
