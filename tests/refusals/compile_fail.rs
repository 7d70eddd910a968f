//! What cannot be right does not compile, and the compiler says so in our words.
//!
//! Each file of `tests/compile_fail` says what it expects in its first lines:
//! `//~ ERROR: sentence` for a part of the compiler's message, `//~ AT: line` for the source line an
//! error of it must point at, `//~ OK` if it must compile. `//~ BUILD` says that the program is to be made:
//! what a `const` block of a generic function asserts is not looked at before. Only our own sentences are looked for, so
//! that another version of the compiler may word the rest as it likes.

use std::path::{Path, PathBuf};
use std::process::Command;
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

/// Compiles all fixtures in one go; returns what the compiler said of each.
fn compile(fixtures: &[PathBuf]) -> Vec<String> {
    let root = common::root();
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let bins = scratch.join("src").join("bin");
    let _ = fs::remove_dir_all(&bins); // fixtures that no longer exist
    fs::create_dir_all(&bins).expect("a folder for the scratch crate");
    // What is built is not run: no optimisation, no debug information.
    let manifest = format!(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nautoencoder = {{ path = {root:?} }}\n\n[workspace]\n\n\
         [profile.dev]\ndebug = false\n"
    );
    fs::write(scratch.join("Cargo.toml"), manifest).expect("a manifest");
    // The same versions as here, and so nothing to fetch.
    if root.join("Cargo.lock").exists() {
        fs::copy(root.join("Cargo.lock"), scratch.join("Cargo.lock")).expect("a copy");
    }
    for fixture in fixtures {
        fs::copy(fixture, bins.join(fixture.file_name().expect("a name"))).expect("a copy");
    }
    // Without the network first: where the packages are at hand it is not needed.
    let run = |how: &str, bins: &[&str], offline: bool| {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args([how, "--keep-going", "--message-format=json", "--target-dir"]);
        command.arg(scratch.join("target")).args(bins).current_dir(&scratch);
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        command.env("CARGO_NET_OFFLINE", if offline { "true" } else { "false" });
        command.output().expect("cargo runs")
    };
    let messages = |output: &std::process::Output| -> Vec<Value> {
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let said_of = |how: &str, bins: &[&str]| {
        let mut output = run(how, bins, true);
        if messages(&output).is_empty() {
            output = run(how, bins, false);
        }
        let messages = messages(&output);
        assert!(!messages.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        messages
    };
    let fixtures: Vec<_> = fixtures.iter().map(|fixture| Fixture::read(fixture)).collect();
    let built = fixtures.iter().filter(|fixture| fixture.is_built);
    let built: Vec<&str> = built.flat_map(|fixture| ["--bin", &fixture.name]).collect();
    let checked = said_of("check", &["--bins"]);
    let built = if built.is_empty() { Vec::new() } else { said_of("build", &built) };
    let said = |fixture: &Fixture| {
        let messages = if fixture.is_built { &built } else { &checked };
        let about = messages.iter().filter(|message| message["target"]["name"] == fixture.name);
        about.filter_map(|message| message["message"]["rendered"].as_str()).collect()
    };
    fixtures.iter().map(said).collect()
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
    let said = compile(&paths);
    let mut complaints = Vec::new();
    for (path, said) in paths.iter().zip(&said) {
        let fixture = Fixture::read(path);
        if env::var_os("SHOW_MESSAGES").is_some() {
            println!("==== {}\n{said}", fixture.name);
        }
        let complaint = fixture.complaint(said);
        complaints.extend(complaint.map(|complaint| format!("{}: {complaint}", fixture.name)));
    }
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
