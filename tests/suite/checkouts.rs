//! The files of a new worktree are those that git would write, and git knows it without reading them again.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
};

use testkit::{FileState, TestRepo, dir_state};

use crate::{library, world};

/// Files whose content git converts, or that are no regular files, among more plain ones than a thread takes at once.
fn odd_repo(repo: &TestRepo<'_>) {
    let attributes = "*.up filter=upper\n*.win text eol=crlf\n\
                      *.txt text=auto\n*.bin binary\n[attr]loud filter=upper\n*.loud loud\n\
                      *.id ident\n*.rc text working-tree-encoding=UTF-16LE-BOM\n";
    let deep = format!("{}/end.txt", vec!["d"; 60].join("/"));
    let files: [(&str, &[u8]); 14] = [
        (".gitattributes", attributes.as_bytes()),
        ("sub/.gitattributes", b"*.txt eol=crlf\nplain.up -filter\n"),
        ("a.up", b"upper\n"),
        ("sub/plain.up", b"upper\n"),
        ("b.loud", b"loud\n"),
        ("d.win", b"one\ntwo\n"),
        ("sub/f.txt", b"one\ntwo\n"),
        ("g.txt", b"one\ntwo\n"),
        ("h.bin", b"\0one\ntwo\n"),
        ("many/i.id", b"$Id$ $Id: of another system $\n"),
        ("many/j.rc", b"\xff\xfeo\0k\0\n\0"),
        ("empty", b""),
        ("sp ace\n\"quoted\"/é", b"name\n"),
        (&deep, b"deep\n"),
    ];
    for (name, content) in files {
        write(repo.path(), OsStr::new(name), content);
    }
    write(repo.path(), OsStr::from_bytes(b"not-utf8-\xff/\xfe"), b"bytes\n");
    for at in 0..700 {
        write(repo.path(), OsStr::new(&format!("many/{}/{at}.js", at % 9)), format!("{at}\n").as_bytes());
    }
    write(repo.path(), OsStr::new("bin/tool"), b"#!/bin/sh\n");
    symlink("bin/tool", repo.path().join("link")).expect("a link");
    symlink("/nowhere", repo.path().join("sub/dangling")).expect("a link");
    repo.git(["add", "--all"]);
    repo.git(["update-index", "--chmod=+x", "bin/tool"]);
    let commit = repo.tip("HEAD");
    repo.git(["update-index", "--add", "--cacheinfo", &format!("160000,{commit},modules/lib")]);
    repo.git(["commit", "-qm", "odd"]);
}

fn write(folder: &Path, name: &OsStr, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, content).expect("written");
}

/// Returns everything in a worktree but its `.git` file, without times.
fn state(worktree: &Path) -> BTreeMap<PathBuf, FileState> {
    let mut all = dir_state(worktree);
    all.remove(Path::new(".git"));
    all.values_mut().for_each(|file| file.changed = (0, 0));
    all
}

#[test]
fn a_worktree_has_the_files_that_git_would_write() {
    for settings in [&[][..], &["core.autocrlf=true"], &["core.eol=crlf"], &["core.fileMode=false"]] {
        let world = world();
        let repo = world.repo().with_identity();
        repo.git(["config", "filter.upper.smudge", "tr a-z A-Z"]);
        repo.git(["config", "filter.upper.clean", "tr A-Z a-z"]);
        odd_repo(&repo);
        for (key, value) in settings.iter().filter_map(|setting| setting.split_once('=')) {
            repo.git(["config", key, value]);
        }
        let expected = world.dir().join("expected");
        repo.git(
            ["worktree", "add", "-q", "--detach"].map(OsStr::new).into_iter().chain([expected.as_os_str()]),
        );
        let made = world.dir().join("made");
        make(&repo, "made", &made);

        assert_eq!(state(&made), state(&expected), "{settings:?}");
        let index = |worktree: &Path| world.git(worktree, ["ls-files", "--stage", "-z"]).stdout();
        assert_eq!(index(&made), index(&expected));
        // Unlike `status`, it compares only what the index recorded of each file.
        assert_eq!(world.git(&made, ["diff-files", "--name-only"]).stdout(), "", "{settings:?}");
        assert_eq!(world.git(&made, ["status", "--porcelain"]).stdout(), "", "{settings:?}");
        assert!(!repo.path().join(".git/worktrees/made/locked").exists());
        let reflog = world.git(&made, ["reflog", "--format=%H"]).stdout();
        assert_eq!(reflog.trim(), repo.tip("HEAD"));
    }
}

fn make(repo: &TestRepo<'_>, branch: &str, path: &Path) {
    let library = library(repo);
    let (environment, common) = (library.environment(), library.common_dir().expect("a folder"));
    let opened = orchestra::git::Repo::open_for_checkout(environment, &common).expect("opened");
    let base = opened.head().expect("a commit");
    orchestra::worktree::make::make_worktree(&opened, branch, base, path).expect("made");
}

#[test]
fn settings_that_only_gix_knows_are_followed() {
    let world = world();
    let repo = world.repo().with_identity();
    odd_repo(&repo);
    repo.git(["sparse-checkout", "set", "--no-cone", "/g.txt", "/many/"]);
    let expected = world.dir().join("expected");
    repo.git(["worktree", "add", "-q", "--detach"].map(OsStr::new).into_iter().chain([expected.as_os_str()]));
    let made = world.dir().join("made");
    make(&repo, "made", &made);
    assert_eq!(state(&made), state(&expected));
    assert!(made.join("g.txt").exists() && !made.join("empty").exists());
    assert_eq!(world.git(&made, ["status", "--porcelain"]).stdout(), "");
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing() {
    let world = world();
    let repo = world.repo().with_identity();
    let long = "n".repeat(300);
    let blob = repo.git(["rev-parse", "HEAD:file.txt"]).line();
    repo.git(["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{long}")]);
    repo.git(["commit", "-qm", "a name that no file system allows"]);
    let id = repo.spawn("true");
    let agent = repo.end_of(&id);
    assert_eq!(agent["phase"], "failed", "{agent}");
    assert!(!repo.path().join(".git/worktrees").join(&id).exists());
    assert!(!world.dir().join("repo.worktrees").join(&id).exists());
}

#[test]
fn other_registrations_are_not_read_to_make_a_worktree() {
    let world = world();
    let repo = world.repo().with_identity();
    // Gix reads where each of them is, and cannot.
    fs::create_dir_all(repo.path().join(".git/worktrees/other/gitdir")).expect("made");
    let made = world.dir().join("made");
    make(&repo, "made", &made);
    assert!(made.join("file.txt").exists());
}

#[test]
fn a_name_that_is_taken_gets_another_registration() {
    let world = world();
    let repo = world.repo().with_identity();
    let elsewhere = world.dir().join("elsewhere/made");
    repo.git(
        ["worktree", "add", "-q", "--detach"].map(OsStr::new).into_iter().chain([elsewhere.as_os_str()]),
    );
    let made = world.dir().join("made");
    make(&repo, "made", &made);
    assert_eq!(world.git(&made, ["rev-parse", "--abbrev-ref", "HEAD"]).line(), "made");
    assert!(repo.path().join(".git/worktrees/made1").exists());
    assert_eq!(world.git(&elsewhere, ["status", "--porcelain"]).stdout(), "");
}

#[test]
fn an_edit_in_the_instant_after_the_checkout_is_captured() {
    let world = world();
    let repo = world.repo().with_identity();
    for at in 0..300 {
        write(repo.path(), OsStr::new(&format!("{at}.txt")), b"before\n");
    }
    repo.git(["add", "."]);
    repo.git(["commit", "-qm", "files"]);
    // As long as before, so that only its time or its content tells.
    let id = repo.spawn("for at in $(seq 0 299); do echo behind > $at.txt; done");
    repo.end_of(&id);
    for at in [0, 1, 150, 299] {
        assert_eq!(repo.file_in_head(&id, &format!("{at}.txt")), "behind\n", "{at}");
    }
    assert_eq!(repo.agent(&id)["files_changed"], 300);
}
