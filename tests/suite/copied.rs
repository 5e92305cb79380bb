//! A repository that was copied, with its worktrees or without them. The registrations in the copy lead to the worktrees of the
//! original, in which the copy must not work.

use std::{fs, path::Path};

use testkit::{Ran, TestRepo, World, dir_state};

use crate::world;

/// Copies a folder, as a backup does.
fn copy<'world>(world: &'world World, from: &str, to: &str, repo: &str) -> TestRepo<'world> {
    let at = |path: &str| world.dir().join(path);
    let ran = Ran::of(world.command("cp", world.dir()).args(["-rp", from, to]));
    ran.succeeded();
    TestRepo::new(world, at(repo))
}

/// Makes a repository with an agent that has ended, whose worktree somebody has changed since.
fn original(world: &World) -> (TestRepo<'_>, String) {
    let repo = world.repo_named("parent/app");
    let id = repo.spawn("echo 1 > one.txt; git add .; git commit -qm one; echo 2 > one.txt");
    repo.end_of(&id);
    fs::write(repo.worktree(&id).join("one.txt"), "a person's\n").expect("written");
    (repo, id)
}

fn common_dir(repo: &TestRepo<'_>, folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    repo.git(["-C", &*folder, "rev-parse", "--path-format=absolute", "--git-common-dir"]).line()
}

#[test]
fn a_copy_makes_worktrees_of_its_own() {
    let world = world();
    let (repo, id) = original(&world);
    let theirs = repo.worktree(&id);
    let before = dir_state(&theirs);
    let copied = copy(&world, "parent/app", "parent/copy", "parent/copy");
    let head = copied.tip(&format!("refs/orchestra/heads/{id}"));
    let agent = copied.agent(&id);
    assert!(agent["worktree"].is_null(), "{agent}");
    assert_eq!(agent["worktree_state"], "another_repository");
    copied.orchestra(["collect", &id]).succeeded();
    copied.orchestra(["diff", &id]).succeeded();
    for refused in [&["rewind", &id, "1"][..], &["worktrees", "--path", &id]] {
        let ran = copied.orchestra(refused).exits(3);
        ran.stderr_has("no worktree in this copy of the repository");
    }
    assert_eq!(copied.tip(&format!("refs/orchestra/heads/{id}")), head);
    let plan = copied.orchestra(["resume", "--dry-run", "--json", &id, "-m", "true"]).succeeded().json();
    let planned = plan["agents"][0]["worktree"].as_str().unwrap_or_default();
    assert!(planned.ends_with(&format!("copy.worktrees/{id}")), "{planned}");
    copied.orchestra(["resume", "-d", &id, "-m", "echo 3 > copied.txt"]).succeeded();
    copied.end_of(&id);
    assert_eq!(dir_state(&theirs), before);
    let ours = copied.worktree(&id);
    assert_eq!(ours, world.dir().join("parent/copy.worktrees").join(&id).canonicalize().expect("made"));
    assert_eq!(copied.file_in_head(&id, "copied.txt"), "3\n");
    assert_eq!(copied.file_in_head(&id, "one.txt"), "2\n");
    copied.orchestra(["rewind", &id, "1"]).succeeded();
    copied.orchestra(["cleanup", "--discard", &id]).succeeded();
    assert_eq!(dir_state(&theirs), before);
    assert_eq!(common_dir(&repo, &theirs), repo.path().join(".git").to_string_lossy());
    repo.orchestra(["resume", "-d", &id, "-m", "true"]).succeeded();
    repo.end_of(&id);
    assert_eq!(repo.file_in_head(&id, "one.txt"), "a person's\n");
}

#[test]
fn a_copy_lands_and_cleans_up_beside_the_worktrees_of_the_original() {
    let world = world();
    let (repo, id) = original(&world);
    let theirs = repo.worktree(&id);
    let before = dir_state(&theirs);
    let copied = copy(&world, "parent/app", "parent/copy", "parent/copy");
    let other = copied.spawn("echo 2 > two.txt");
    copied.end_of(&other);
    // The branch of the agent is not checked out in the copy.
    let branch = format!("orchestra/{id}");
    copied.orchestra(["merge-ranked", &other, "--into", &branch]).succeeded();
    assert!(copied.has(&branch, "two.txt"));
    copied.orchestra(["merge-ranked", "--test", "true"]).succeeded();
    copied.orchestra(["cleanup"]).succeeded();
    assert_eq!(copied.refs("refs/orchestra/agents").len(), 1, "the agent belongs to the original");
    assert_eq!(dir_state(&theirs), before);
    copied.orchestra(["undo"]).succeeded();
    assert_eq!(dir_state(&theirs), before);
}

#[test]
fn a_copy_takes_the_worktrees_that_were_copied_with_it() {
    let world = world();
    let (repo, id) = original(&world);
    let theirs = repo.worktree(&id);
    let before = dir_state(&theirs);
    let copied = copy(&world, "parent", "other", "other/app");
    let ours = world.dir().join("other/app.worktrees").join(&id).canonicalize().expect("copied");
    assert_eq!(copied.agent(&id)["worktree"], ours.to_string_lossy().as_ref());
    copied.orchestra(["resume", "-d", &id, "-m", "echo 3 > copied.txt"]).succeeded();
    copied.end_of(&id);
    assert_eq!(common_dir(&copied, &ours), copied.path().join(".git").to_string_lossy());
    assert_eq!(copied.file_in_head(&id, "one.txt"), "a person's\n");
    assert_eq!(copied.file_in_head(&id, "copied.txt"), "3\n");
    assert_eq!(copied.worktree(&id), ours);
    assert_eq!(dir_state(&theirs), before);
    assert_eq!(common_dir(&repo, &theirs), repo.path().join(".git").to_string_lossy());
    assert!(repo.git(["worktree", "list"]).stdout().contains(&*theirs.to_string_lossy()));
    copied.orchestra(["cleanup", "--discard", &id]).succeeded();
    assert!(!ours.exists());
    assert_eq!(dir_state(&theirs), before);
}

#[test]
fn a_backup_continues_where_the_original_is_gone() {
    let world = world();
    let (repo, id) = original(&world);
    drop(repo);
    let copied = copy(&world, "parent", "other", "other/app");
    fs::remove_dir_all(world.dir().join("parent")).expect("removed");
    copied.orchestra(["resume", "-d", &id, "-m", "echo 3 > copied.txt"]).succeeded();
    copied.end_of(&id);
    assert_eq!(copied.file_in_head(&id, "one.txt"), "a person's\n");
    copied.orchestra(["rewind", &id, "1"]).succeeded();
}

#[test]
fn an_undo_in_a_copy_restores_beside_the_copy() {
    let world = world();
    let (repo, id) = original(&world);
    let theirs = repo.worktree(&id);
    repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    let copied = copy(&world, "parent/app", "parent/copy", "parent/copy");
    copied.orchestra(["undo", "--dry-run"]).succeeded().stdout_has("copy.worktrees");
    copied.orchestra(["undo"]).succeeded();
    assert!(!theirs.exists());
    let ours = copied.worktree(&id);
    assert_eq!(ours, world.dir().join("parent/copy.worktrees").join(&id).canonicalize().expect("made"));
    assert_eq!(fs::read_to_string(ours.join("one.txt")).expect("a file"), "a person's\n");
    assert_eq!(common_dir(&copied, &ours), copied.path().join(".git").to_string_lossy());
    // The original restores its own.
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.worktree(&id), theirs);
    assert_eq!(common_dir(&repo, &theirs), repo.path().join(".git").to_string_lossy());
    assert_eq!(copied.worktree(&id), ours);
}

#[test]
fn a_folder_of_worktrees_that_both_share_is_refused_before_anything_is_made() {
    let world = world();
    let repo = world.repo_named("parent/app");
    let folder = world.dir().join("parent/all");
    repo.git(["config", "orchestra.worktrees", &folder.to_string_lossy()]);
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    let theirs = repo.worktree(&id);
    let before = dir_state(&theirs);
    let copied = copy(&world, "parent/app", "parent/copy", "parent/copy");
    let events = copied.events(&id).len();
    for more in [&["--dry-run"][..], &["-d"]] {
        let ran = copied.orchestra([&["resume"][..], more, &[&id, "-m", "true"]].concat()).exits(3);
        assert!(ran.stderr().contains("is the worktree of"), "{}", ran.stderr());
        assert!(ran.stderr().contains("git config orchestra.worktrees"), "{}", ran.stderr());
    }
    assert_eq!((copied.events(&id).len(), dir_state(&theirs)), (events, before));
}
