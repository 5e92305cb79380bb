//! Checks the architecture: which module may use which, what belongs in one place, the length of files, and
//! the words in use.

use std::{
    fs,
    path::{Path, PathBuf},
};

mod cells;
mod commands;
mod contexts;
mod dependencies;
mod imports;
mod layer_rules;
mod layers;
mod modules;
mod places;
mod sizes;
mod tokens;
mod words;

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files below a directory whose names end like this, ordered by path.
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

/// Returns a path relative to the repository.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

/// Reports that a list which may only shrink is longer than necessary; where everything is required, this
/// fails.
fn is_out_of_date(why: &str) {
    assert!(std::env::var_os("ORCHESTRA_REQUIRE_ALL").is_none(), "{why}");
    println!("{why}");
}
