//! Every dependency is named by a source.

use std::{collections::BTreeSet, fs};

use super::{files, is_out_of_date, root, tokens::tokens};

/// Each manifest, and the directories with the sources of its package.
const PACKAGES: &[(&str, &[&str])] = &[
    (
        "Cargo.toml",
        &[
            "bins",
            "tests/suite",
            "tests/real",
            "tests/kills",
            "tests/verdicts",
            "tests/faults",
            "tests/fakes",
            "tests/bench",
            "tests/git_tests",
        ],
    ),
    ("bins/terminal/Cargo.toml", &["bins/terminal/src"]),
    ("shared/Cargo.toml", &["shared/src"]),
    ("tests/fuzz/Cargo.toml", &["tests/fuzz/src"]),
    ("tests/kit/Cargo.toml", &["tests/kit/src"]),
];

/// Our crates are named by their library; the dependency on the package itself only enables a feature for
/// its tests.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("git-orchestra-shared", "orchestra"),
    ("git-orchestra-terminal", "orchestra_terminal"),
    ("git-orchestra-testkit", "testkit"),
    ("git-orchestra", ""),
];

/// Dependencies that are listed before the code that uses them, by manifest. This list may only shrink.
const NOT_YET: &[(&str, &str)] = &[];

#[test]
fn every_dependency_is_used() {
    let mut all = BTreeSet::new();
    for (manifest, folders) in PACKAGES {
        let named = words_of(folders);
        for dependency in
            listed(manifest, |section| section.ends_with("dependencies]") && !section.contains("workspace"))
        {
            let other = OTHER_NAMES.iter().find(|(package, _)| *package == dependency);
            let name = other.map_or_else(|| dependency.replace('-', "_"), |(_, name)| (*name).to_owned());
            let is_used = name.is_empty() || named.contains(&name);
            let is_ahead = NOT_YET.contains(&(*manifest, &dependency));
            assert!(is_used || is_ahead, "{manifest} names {dependency}, which no source of it uses");
            if is_used && is_ahead {
                is_out_of_date(&format!("{dependency} is used by {manifest} now: remove it from NOT_YET"));
            }
            all.insert(dependency);
        }
    }
    for dependency in listed("Cargo.toml", |section| section == "[workspace.dependencies]") {
        assert!(all.contains(&dependency), "no package depends on {dependency}");
    }
}

/// Returns the names of the dependencies in the sections of a manifest.
fn listed(manifest: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
    let (mut found, mut wanted) = (Vec::new(), false);
    for line in text.lines() {
        if line.starts_with('[') {
            wanted = is_wanted(line.trim());
        } else if wanted
            && let Some((name, _)) = line
                .split_once(['.', ' ', '='])
                .filter(|(name, _)| !name.is_empty() && !name.starts_with('#'))
        {
            found.push(name.to_owned());
        }
    }
    found
}

fn words_of(folders: &[&str]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for file in folders.iter().flat_map(|folder| files(folder, ".rs")) {
        let text = fs::read_to_string(&file).expect("a file");
        words.extend(tokens(&text).iter().map(|token| token.text.to_owned()));
    }
    words
}
