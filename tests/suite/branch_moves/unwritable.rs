//! Files that git cannot write: nothing moves, and every file is as it was.

use std::{fs, process::Command};

use super::actions::read;
use crate::world;

/// Git says that it succeeded if it could not write a file.
#[test]
fn a_landing_moves_nothing_if_git_cannot_write_a_file() {
    let world = world();
    let repo = world.repo();
    repo.commit("a folder", &[("d/old", "1\n"), ("e", "1\n")]);
    let id = repo.spawn("echo 2 > d/old; echo 1 > d/new; echo 2 > e");
    repo.end_of(&id);
    let folder = repo.path().join("d");
    let fix = |flag: &str| {
        // Not even root writes in an immutable folder, and others do not in one that is read-only.
        let mode = if flag == "+i" { "555" } else { "755" };
        let _ = Command::new("chattr").arg(flag).arg(&folder).status();
        assert!(
            Command::new("chmod").arg(mode).arg(&folder).status().expect("chmod").success() || flag == "+i"
        );
    };
    fix("+i");
    if fs::write(folder.join("probe"), "x").is_ok() {
        fix("-i");
        crate::skip("nothing keeps this user from writing into a folder");
        return;
    }
    let tip = repo.tip("main");
    let state = || repo.git(["status", "--porcelain"]).stdout();
    repo.orchestra(["merge-ranked", &id]).exits(3).stderr_has("git could not write d/");
    assert_eq!((repo.tip("main"), state()), (tip.clone(), String::new()));
    repo.orchestra(["try", &id]).exits(3).stderr_has("git could not write d/");
    assert_eq!(
        (repo.git(["symbolic-ref", "HEAD"]).line(), state()),
        ("refs/heads/main".into(), String::new())
    );
    fix("-i");
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert_eq!((state(), read(&repo, "d/new")), (String::new(), "1\n".into()));
    fix("+i");
    repo.orchestra(["undo"]).exits(3).stderr_has("git could not");
    assert_eq!(state(), "");
    fix("-i");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!((repo.tip("main"), state()), (tip, String::new()));
}

/// Git deletes a file before its filter makes the new one.
#[test]
fn a_file_whose_filter_fails_is_as_it_was() {
    let world = world();
    let repo = world.repo();
    for (key, value) in [("smudge", "rev"), ("clean", "rev"), ("required", "true")] {
        repo.git(["config", &format!("filter.turn.{key}"), value]);
    }
    repo.commit(
        "a filter",
        &[(".gitattributes", "*.enc filter=turn\n"), ("a.enc", "abc\n"), ("b.enc", "b\n")],
    );
    let id = repo.spawn("echo changed > a.enc; rm b.enc");
    repo.end_of(&id);
    let tip = repo.tip("main");
    repo.git(["config", "filter.turn.smudge", "false"]);
    repo.orchestra(["merge-ranked", &id]).exits(3).stderr_has("filter");
    let state = || (repo.tip("main"), read(&repo, "a.enc"), read(&repo, "b.enc"));
    let before = (tip, "abc\n".to_owned(), "b\n".to_owned());
    assert_eq!(state(), before);
    repo.orchestra(["merge-ranked", "--abort"]).succeeded();
    assert_eq!(state(), before);
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
}
