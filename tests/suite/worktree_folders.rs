//! `orchestra.worktrees`: any usable directory is used and ignored by git; any other is refused, naming the
//! key.

use std::fs;

use testkit::{Ran, TestRepo};

use crate::world;

#[test]
fn directories_of_every_kind_are_used_and_ignored() {
    let world = world();
    let repo = world.repo();
    // Existing lines stay, whatever they are in.
    let exclude = repo.path().join(".git/info/exclude");
    fs::write(&exclude, b"mine\xe9\n*.log").expect("written");
    for (chosen, place) in [
        ("~/trees", world.home().join("trees")),
        (".wt", repo.path().join(".wt")),
        ("in/side", repo.path().join("in/side")),
        ("./here/../there", repo.path().join("there")),
        ("sp ace", repo.path().join("sp ace")),
        ("back\\slash", repo.path().join("back\\slash")),
        ("[odd]*!#", repo.path().join("[odd]*!#")),
        ("../out", world.dir().join("out")),
        ("", world.dir().join("repo.worktrees")),
    ] {
        repo.git(["config", "orchestra.worktrees", chosen]);
        let id = repo.spawn("echo x > x");
        assert_eq!(repo.end_of(&id)["phase"], "done", "{chosen}");
        let expected = place.canonicalize().expect("a folder").join(&id);
        assert_eq!(repo.worktree(&id), expected, "{chosen}");
        assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "", "{chosen}");
        // Once more: the line already exists.
        let before = fs::read(&exclude).expect("a list");
        let id = repo.spawn("true");
        repo.end_of(&id);
        assert_eq!(fs::read(&exclude).expect("a list"), before, "{chosen}");
    }
    assert!(fs::read(&exclude).expect("a list").starts_with(b"mine\xe9\n*.log\n/.wt/\n"));
    assert!(!repo.path().join("~").exists());
}

#[test]
fn unusable_directories_are_refused() {
    let world = world();
    let repo = world.repo();
    repo.commit("src", &[("src/main.c", "int x;\n")]);
    for (chosen, why) in [
        (".", "the checkout itself"),
        ("src/..", "the checkout itself"),
        (".git/trees", "a folder in the git directory"),
        ("src", "a folder of the checkout that holds 'main.c' as well"),
        ("~nobody-of-that-name/x", "not a path"),
    ] {
        repo.git(["config", "orchestra.worktrees", chosen]);
        let said = format!("git config 'orchestra.worktrees' is '{chosen}', {why}");
        repo.orchestra(["spawn", "--agent", "sh", "true"]).exits(3).stderr_has(&said);
        // Commands that only read still work.
        repo.orchestra(["status"]).succeeded();
        repo.orchestra(["cleanup", "-n"]).succeeded();
    }
    assert!(repo.agents().is_empty());
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
}

#[test]
fn a_folder_in_another_checkout_is_hidden_there() {
    let world = world();
    let repo = world.repo();
    repo.git(["worktree", "add", "-q", "-b", "side", "../linked"]);
    repo.git(["config", "orchestra.worktrees", "../linked/trees"]);
    let id = repo.spawn("true");
    repo.end_of(&id);
    let linked = world.dir().join("linked");
    assert_eq!(world.git(&linked, ["status", "--porcelain"]).stdout(), "");
}

/// What is in a folder for temporary files may be removed by the system at any time.
#[test]
fn the_default_is_never_among_temporary_files() {
    let world = world();
    let temporary = world.dir().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let worktree = |repo: &TestRepo<'_>| {
        let mut command = repo.orchestra_command(["spawn", "--agent", "sh", "echo x > x"]);
        Ran::of(command.env("TMPDIR", &temporary)).succeeded();
        let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
        repo.worktree(&id).parent().expect("a folder").to_owned()
    };
    let beside = worktree(&world.repo());
    assert_eq!(beside, world.dir().canonicalize().expect("a folder").join("repo.worktrees"));
    // Where that folder cannot be made, it is in the checkout.
    let other = world.repo_named("other");
    fs::write(world.dir().join("other.worktrees"), "in the way").expect("a file");
    assert_eq!(worktree(&other), other.path().canonicalize().expect("a folder").join(".worktrees"));
    assert_eq!(other.git(["status", "--porcelain"]).stdout(), "");
}
