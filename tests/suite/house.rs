//! The architecture, kept by tests: what may use what, what stands where, how long files are, and which words are used.

use std::{
    fs,
    path::{Path, PathBuf},
};

mod commands;
mod contexts;
mod dependencies;
mod imports;
mod layers;
mod modules;
mod places;
mod sizes;
mod tokens;
mod words;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder whose names end so, in the order of their paths.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if entry.path().to_string_lossy().ends_with(ending) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fn is(file: &Path, ending: &str) -> bool {
    file.to_string_lossy().ends_with(ending)
}

/// A path as it is shown: from the top of the tree on.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

/// A list that only shrinks is longer than it need be: said here, and refused where everything is required.
fn is_out_of_date(why: &str) {
    assert!(std::env::var_os("ORCHESTRA_REQUIRE_ALL").is_none(), "{why}");
    println!("{why}");
}
