//! Limits the length of files and functions.

use std::{fs, path::Path};

use super::{
    files, is, shown,
    tokens::{functions, tokens, without_tests},
};

/// The limit for a file, in lines.
const LONGEST_FILE: usize = 500;
/// The limits for functions that users run and for functions of tests, in lines: the present maximum. They
/// may only shrink.
const LONGEST_FUNCTION: usize = 121;
const LONGEST_TEST_FUNCTION: usize = 320;
/// The limit for the `main.rs` of a command, in lines.
const LONGEST_MAIN: usize = 30;

#[test]
fn files_are_short() {
    for folder in ["bins", "shared/src", "tests"] {
        let all = files(folder, ".rs").into_iter().map(|file| (lines(&file), file));
        let (lines, file) = all.max().expect("a file");
        println!("{folder}: the longest file is {} with {lines} lines", shown(&file));
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines, more than {LONGEST_FILE}", shown(&file));
    }
    for file in files("bins", "main.rs") {
        assert!(lines(&file) <= LONGEST_MAIN, "{} has {} lines", shown(&file), lines(&file));
    }
}

fn lines(file: &Path) -> usize {
    fs::read_to_string(file).expect("a file").lines().count()
}

#[test]
fn functions_are_short() {
    for (folders, longest) in
        [(&["bins", "shared/src"][..], LONGEST_FUNCTION), (&["tests"][..], LONGEST_TEST_FUNCTION)]
    {
        let all = folders.iter().flat_map(|folder| files(folder, ".rs"));
        let is_test = |file: &Path| folders.contains(&"bins") && is(file, "tests.rs");
        let (lines, place) = all
            .filter(|file| !is_test(file))
            .filter_map(|file| longest_function(&file, folders.contains(&"bins")))
            .max()
            .expect("a function");
        println!("{}: the longest function is {place} with {lines} lines", folders.join(" and "));
        assert!(lines <= longest, "{place} has {lines} lines, more than {longest}");
    }
}

/// Returns the lines and the location of the longest function of a file.
fn longest_function(file: &Path, only_for_users: bool) -> Option<(usize, String)> {
    let source = fs::read_to_string(file).expect("a file");
    let mut all = tokens(&source);
    if only_for_users {
        all = without_tests(&all);
    }
    let longest = functions(&all).into_iter().max_by_key(|(_, _, lines)| *lines)?;
    let (name, line, lines) = longest;
    Some((lines, format!("{name} ({}:{line})", shown(file))))
}
