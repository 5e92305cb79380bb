//! Every operation takes a context, and is cancelled and observed only through it.

use std::fs;

use super::{
    files, is, shown,
    tokens::{Token, tokens, without_tests},
};

/// The files that may use `AtomicBool`, each with the reason.
const FLAGS: &[(&str, &str)] = &[
    ("context/cancel.rs", "it is the flag"),
    ("git/files_of_tree.rs", "gix requires one"),
    ("git/prepared_worktree.rs", "gix requires one"),
    ("landing/check.rs", "it ends a thread of the same function"),
];

/// Returns the line at which these tokens follow each other.
fn find(all: &[Token<'_>], words: &[&str]) -> Option<usize> {
    all.windows(words.len())
        .find(|window| window.iter().map(|token| token.text).eq(words.iter().copied()))
        .map(|window| window[0].line)
}

#[test]
fn every_operation_takes_a_context_first() {
    let mut operations = 0;
    for file in files("shared/src/ops", ".rs") {
        let source = fs::read_to_string(&file).expect("a file");
        let all = without_tests(&tokens(&source));
        for at in 0..all.len() {
            let is_run = all[at..].iter().map(|token| token.text).take(3).eq(["pub", "fn", "run"]);
            if !is_run {
                continue;
            }
            operations += 1;
            let first: Vec<&str> = all[at..]
                .iter()
                .map(|token| token.text)
                .skip_while(|text| *text != "(")
                .skip(1)
                .take_while(|text| !matches!(*text, "," | ")"))
                .collect();
            let is_context = first.starts_with(&["context", ":", "&"]) && first.last() == Some(&"Context");
            assert!(is_context, "{}:{}: run takes {} first", shown(&file), all[at].line, first.join(" "));
        }
    }
    assert!(operations >= 20, "only {operations} operations were found");
}

#[test]
fn operations_are_cancelled_and_observed_through_their_context() {
    for file in files("shared/src", ".rs") {
        let source = fs::read_to_string(&file).expect("a file");
        let all = without_tests(&tokens(&source));
        let is_free = FLAGS.iter().any(|(free, _)| is(&file, free));
        if let Some(line) = find(&all, &["AtomicBool"]).filter(|_| !is_free) {
            panic!("{}:{line} uses AtomicBool: use the Cancel of the context", shown(&file));
        }
        for closure in ["FnMut", "Fn"] {
            if let Some(line) = find(&all, &[closure, "(", "&", "str", ")", ">"])
                .or_else(|| find(&all, &[closure, "(", "&", "str", ")", ","]))
            {
                panic!(
                    "{}:{line} reports progress to a closure: use the observer of the context",
                    shown(&file)
                );
            }
        }
    }
}

#[test]
fn ctrl_c_is_caught_in_one_place() {
    for file in files("bins", ".rs").into_iter().chain(files("shared/src", ".rs")) {
        let source = fs::read_to_string(&file).expect("a file");
        let all = without_tests(&tokens(&source));
        let catches = find(&all, &["SignalKind", "::", "interrupt"]).is_some();
        // The process outside of a sandbox ends with the program inside, for which the signal is.
        let may = is(&file, "terminal/src/interrupt.rs") || is(&file, "sandbox/network/outside.rs");
        assert!(!catches || may, "{} catches Ctrl-C", shown(&file));
        let cancels = find(&all, &["interrupt", "::", "cancel"]).is_some();
        assert!(!cancels || is(&file, "terminal/src/context.rs"), "{} cancels on Ctrl-C", shown(&file));
    }
}

#[test]
fn threads_are_made_where_a_refusal_is_an_error() {
    for file in files("shared/src", ".rs").into_iter().chain(files("bins", ".rs")) {
        let source = fs::read_to_string(&file).expect("a file");
        let all = tokens(&source);
        let line = find(&without_tests(&all), &["thread", "::", "spawn"]);
        assert!(line.is_none(), "{}:{line:?}: use parallel::in_background or a Builder", shown(&file));
        let line = find(&without_tests(&all), &["thread", "::", "scope"]);
        let may = is(&file, "shared/src/parallel.rs");
        assert!(may || line.is_none(), "{}:{line:?}: use parallel::both or map", shown(&file));
    }
}
