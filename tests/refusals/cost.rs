//! What the README says of the crate itself is so: what it costs to compile, and which features there are.

use std::collections::BTreeSet;
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Without features, as the README has it; with what is compiled to build others, such as procedural macros.
#[test]
fn the_readme_counts_the_crates_that_are_compiled() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "autoencoder", "--edges", "normal,build", "--prefix", "none"])
        .args(["--no-default-features", "--offline"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{said}");
    let lines = String::from_utf8(tree.stdout).unwrap();
    // A crate that others need, too, is marked where it comes again.
    let crates: BTreeSet<&str> = lines.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    let found = crates.len();
    let expected = format!("compiles {found} crates, `autoencoder` included");
    let what = format!("README.md does not say “{expected}”, which are {crates:#?}");
    assert!(readme.contains(&expected), "{what}");
}

#[test]
fn the_readme_lists_the_features_that_there_are() {
    let read = |name: &str| std::fs::read_to_string(format!("{ROOT}/{name}")).unwrap();
    let (manifest, readme) = (read("Cargo.toml"), read("README.md"));
    let (_, features) = manifest.split_once("\n[features]\n").unwrap();
    let lines = features.lines().take_while(|line| !line.starts_with('['));
    let features: BTreeSet<&str> =
        lines.filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    let (_, table) = readme.split_once("\n| feature | gives |\n|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with("| `"));
    let listed: BTreeSet<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert_eq!(listed, features);
}
