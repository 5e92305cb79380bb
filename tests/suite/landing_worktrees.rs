//! The worktrees in which branches are merged and tested: what they contain, and what a kill or a failure leaves of them.

use std::fs;

use crate::{
    merge_ranked::{four, land},
    world,
};

#[test]
fn an_incomplete_landing_worktree_is_removed_by_the_next_command() {
    let world = world();
    let repo = four(&world);
    let scratch = repo.path().with_file_name("repo.worktrees").join("landing");
    let place = scratch.to_str().expect("a name");
    repo.git(["worktree", "add", "-q", "--no-checkout", "--detach", place]);
    // The state in which git leaves it when it is killed before it has the commit.
    let registration = repo.path().join(".git/worktrees/landing");
    fs::write(registration.join("locked"), "initializing").expect("a mark");
    fs::write(registration.join("HEAD"), format!("{}\n", "0".repeat(40))).expect("a HEAD");
    repo.orchestra(["collect"]).succeeded();
    assert!(!registration.exists() && !scratch.exists());
    repo.git(["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_landing_worktree_with_an_unfinished_commit_is_recreated() {
    let world = world();
    let repo = four(&world);
    let scratch = repo.path().with_file_name("repo.worktrees").join("landing");
    repo.git(["worktree", "add", "-q", "--no-checkout", "--detach", scratch.to_str().expect("a name")]);
    // The state in which a landing leaves it when it is killed while it writes its merge commit there.
    let commit = repo.git(["commit-tree", "-p", "HEAD", "-m", "merged", "HEAD^{tree}"]).stdout();
    let commit = commit.trim();
    let (registration, zeros) = (repo.path().join(".git/worktrees/landing"), "0".repeat(40));
    fs::write(registration.join("locked"), "initializing").expect("a mark");
    fs::write(registration.join("HEAD"), format!("{zeros}\n")).expect("a HEAD");
    fs::write(registration.join("HEAD.lock"), format!("{commit}\n")).expect("a lock");
    let entry = format!("{zeros} {commit} A <a@x> 1700000000 +0000\n");
    fs::create_dir_all(registration.join("logs")).expect("a folder");
    fs::write(registration.join("logs/HEAD"), entry).expect("a log");
    repo.orchestra(["merge-ranked", "b3", "--test", "true"]).succeeded();
    assert!(!registration.exists() && !scratch.exists());
}

#[test]
fn a_registration_without_a_directory_blocks_nothing() {
    let world = world();
    let repo = four(&world);
    let registrations = repo.path().join(".git/worktrees");
    for name in ["landing", "cut-off-abc12"] {
        fs::create_dir_all(registrations.join(name)).expect("a folder");
        fs::write(registrations.join(name).join("locked"), "initializing\n").expect("a mark");
    }
    fs::write(registrations.join("cut-off-abc12/gitdir"), "").expect("a file");
    repo.orchestra(["merge-ranked", "b3", "--test", "true"]).succeeded();
    repo.orchestra(["spawn", "--agent", "sh", "true"]).succeeded();
    assert!(!registrations.join("landing").exists() && !registrations.join("cut-off-abc12").exists());
}

#[test]
fn a_spawn_among_many_worktrees_leaves_their_registrations_to_other_commands() {
    let world = world();
    let repo = four(&world);
    let registrations = repo.path().join(".git/worktrees");
    for number in 0..70 {
        let (name, folder) = (format!("other-{number}"), world.dir().join(format!("others/{number}")));
        fs::create_dir_all(registrations.join(&name)).expect("a folder");
        fs::create_dir_all(&folder).expect("a folder");
        let write = |file: &str, text: String| {
            fs::write(registrations.join(&name).join(file), text).expect("a file");
        };
        write("HEAD", "ref: refs/heads/b1\n".to_owned());
        write("commondir", "../..\n".to_owned());
        write("gitdir", format!("{}/.git\n", folder.display()));
        let link = format!("gitdir: {}\n", registrations.join(&name).display());
        fs::write(folder.join(".git"), link).expect("a file");
    }
    let cut_off = registrations.join("cut-off-abc12");
    fs::create_dir_all(&cut_off).expect("a folder");
    fs::write(cut_off.join("locked"), "initializing\n").expect("a mark");
    repo.orchestra(["spawn", "--agent", "sh", "echo 1 > one.txt"]).succeeded();
    let agent = repo.agents()[0].clone();
    assert_eq!((&agent["phase"], &agent["surroundings"]), (&"done".into(), &serde_json::json!([])));
    assert!(cut_off.exists(), "a spawn reads none of them");
    repo.orchestra(["collect"]).succeeded();
    assert!(!cut_off.exists());
}

#[test]
fn a_partly_removed_landing_worktree_is_removed_by_the_next_command() {
    let world = world();
    let repo = four(&world);
    let scratch = repo.path().with_file_name("repo.worktrees").join("landing");
    repo.git(["worktree", "add", "-q", "--detach", scratch.to_str().expect("a name")]);
    // The state in which git leaves it when it cannot remove one file of the registration.
    let registration = repo.path().join(".git/worktrees/landing");
    fs::remove_dir_all(&scratch).expect("removed");
    for file in ["HEAD", "commondir", "index"] {
        fs::remove_file(registration.join(file)).expect("removed");
    }
    repo.orchestra(["collect"]).succeeded();
    assert!(!registration.exists());
    assert!(!repo.git(["worktree", "list", "--porcelain"]).stdout().contains("/landing\n"));
}

#[test]
fn a_landing_worktree_moved_for_deletion_is_deleted_by_the_next_command() {
    let world = world();
    let repo = four(&world);
    let worktrees = repo.path().with_file_name("repo.worktrees");
    let registration = repo.path().join(".git/worktrees/landing");
    for is_registered in [true, false] {
        repo.git(["worktree", "add", "-q", "--detach", worktrees.join("landing").to_str().expect("a name")]);
        fs::rename(worktrees.join("landing"), worktrees.join(".landing-removed")).expect("moved");
        if !is_registered {
            fs::remove_dir_all(&registration).expect("removed");
        }
        repo.orchestra(["collect"]).succeeded();
        assert!(!registration.exists() && !worktrees.join(".landing-removed").exists());
    }
}

#[test]
fn a_landing_worktree_left_by_a_kill_is_removed_when_the_landing_is_finished() {
    let world = world();
    let repo = four(&world);
    fs::write(repo.path().join("lines.txt"), "not committed\n").expect("written");
    land(&repo, &[]).exits(3).stderr_has("the landing waits");
    // As after a kill between the last test and the move.
    let scratch = repo.path().with_file_name("repo.worktrees").join("landing");
    repo.git(["worktree", "add", "-q", "--detach", scratch.to_str().expect("a name")]);
    repo.git(["checkout", "-q", "--", "lines.txt"]);
    repo.orchestra(["merge-ranked", "--continue"]).exits(1);
    assert!(!scratch.exists() && !repo.path().join(".git/worktrees/landing").exists());
}

#[test]
fn a_landing_worktree_that_lacks_only_its_marker_is_used() {
    let world = world();
    let repo = four(&world);
    let scratch = repo.path().with_file_name("repo.worktrees").join("landing");
    let commit = repo.git(["commit-tree", "-p", "HEAD", "-m", "merged", "HEAD^{tree}"]).stdout();
    repo.git(["worktree", "add", "-q", "--detach", scratch.to_str().expect("a name"), commit.trim()]);
    let registration = repo.path().join(".git/worktrees/landing");
    fs::write(registration.join("locked"), "initializing").expect("a mark");
    repo.orchestra(["merge-ranked", "b3", "--test", "true"]).succeeded();
    assert!(!registration.exists() && !scratch.exists());
}

/// Two branches, in a repository whose check needs an ignored file and what the setup makes.
fn needing_setup(world: &testkit::World) -> testkit::TestRepo<'_> {
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", ".env\nmade\n")]);
    repo.branch("one", &[("one.txt", "1\n")]);
    repo.branch("two", &[("two.txt", "2\n")]);
    repo.write(".env", "token\n");
    repo.git(["config", "orchestra.include", ".env"]);
    repo.git(["config", "orchestra.setup", "echo once >> made"]);
    repo
}

/// Passes with a copy of `.env`, if the setup ran once.
const NEEDS: &str = "test \"$(cat .env made)\" = \"$(printf 'token\\nonce')\"";

#[test]
fn a_check_that_needs_ignored_files_and_a_setup_passes_if_the_user_wants_that() {
    let world = world();
    let repo = needing_setup(&world);
    let land = |branches: &[&str]| repo.orchestra([&["merge-ranked", "--test", NEEDS], branches].concat());
    land(&["one", "two"])
        .exits(3)
        .stderr_has("test fails on main itself")
        .stderr_has("git config orchestra.setupChecks true");
    repo.git(["config", "orchestra.setupChecks", "true"]);
    // Both in the same worktree, in which the setup runs once; the files of the user stay as they are.
    land(&["one", "two"]).succeeded();
    assert!(repo.has("main", "one.txt") && repo.has("main", "two.txt"));
    assert_eq!(repo.file_at("main", ".gitignore"), ".env\nmade\n");
    assert!(!repo.has("main", ".env") && !repo.path().join("made").exists());
    assert!(!repo.path().with_file_name("repo.worktrees").join("landing").exists());
    // What passed with these files is not known to pass without them.
    repo.branch("three", &[("three.txt", "3\n")]);
    repo.write(".env", "another\n");
    land(&["three"]).exits(3);
}

#[test]
fn a_setup_that_fails_is_the_reason_that_is_given() {
    let world = world();
    let repo = needing_setup(&world);
    repo.git(["config", "orchestra.setupChecks", "true"]);
    repo.git(["config", "orchestra.setup", "echo no network; exit 3"]);
    let ran = repo.orchestra(["merge-ranked", "one", "--test", "true"]).exits(3);
    ran.stderr_has("the setup (orchestra.setup) failed: exit code 3");
    let printed = repo.orchestra(["logs", "--check"]).succeeded().stdout();
    assert!(printed.contains("no network"), "{printed}");
}
