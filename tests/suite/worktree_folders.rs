//! `orchestra.worktrees`: any usable directory is used and ignored by git; any other is refused, naming the
//! key.

use std::fs;

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
