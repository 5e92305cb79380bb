//! How long files and functions are.

use std::{fs, path::Path};

use super::{
    files, is, shown,
    tokens::{functions, tokens, without_tests},
};

/// Lines of the longest source file and the longest file of tests.
const LONGEST_FILE: usize = 500;
const LONGEST_TEST_FILE: usize = 800;
/// Lines of the longest function that users run and the longest of the tests: what they are today. They only shrink.
const LONGEST_FUNCTION: usize = 122;
const LONGEST_TEST_FUNCTION: usize = 320;
/// Lines of the longest `main.rs` of a command.
const LONGEST_MAIN: usize = 30;

#[test]
fn files_are_short() {
    for (folder, longest) in
        [("bins", LONGEST_FILE), ("shared/src", LONGEST_FILE), ("tests", LONGEST_TEST_FILE)]
    {
        let all = files(folder, ".rs").into_iter().map(|file| (lines(&file), file));
        let (lines, file) = all.max().expect("a file");
        println!("{folder}: the longest file is {} with {lines} lines", shown(&file));
        assert!(lines <= longest, "{} has {lines} lines, more than {longest}", shown(&file));
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

/// The lines and the place of the longest function of a file.
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
