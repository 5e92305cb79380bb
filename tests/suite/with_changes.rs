//! `spawn --with-changes`: agents start from the user's uncommitted changes, and only what they did lands.

use std::{fs, path::Path};

use testkit::{Ran, TestRepo};

use crate::world;

const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

/// A repository with a changed, a staged and a new file.
fn changed(repo: &TestRepo<'_>) {
    repo.commit("lines", &[("a.txt", LINES)]);
    repo.write("a.txt", &LINES.replace("1\n", "one\n"));
    repo.write("staged.txt", "staged\n");
    repo.git(["add", "staged.txt"]);
    fs::create_dir(repo.path().join("folder")).expect("a folder");
    repo.write("folder/new.txt", "new\n");
}

fn spawned(repo: &TestRepo<'_>, script: &str) -> String {
    let report =
        repo.orchestra(["spawn", "--json", "--with-changes", "--agent", "sh", script]).succeeded().json();
    report["agents"][0]["id"].as_str().expect("an id").to_owned()
}

fn index(repo: &TestRepo<'_>) -> String {
    repo.git(["ls-files", "--stage"]).stdout()
}

/// Returns the subjects of a history.
fn history(repo: &TestRepo<'_>, of: &str) -> String {
    repo.git(["log", "--format=%s", of]).stdout()
}

#[test]
fn an_agent_sees_the_changes_and_only_its_own_part_lands() {
    let world = world();
    let repo = world.repo();
    changed(&repo);
    let (before, staged) = (repo.checkout(), index(&repo));
    let script = "cat staged.txt folder/new.txt > seen.txt; sed -i 's/^9$/nine/' a.txt; git add -A; \
                  git commit -qm own; echo more >> seen.txt";
    let id = spawned(&repo, script);
    assert_eq!((repo.checkout(), index(&repo)), (before, staged), "the checkout is not touched");
    assert_eq!(repo.git(["stash", "list"]).stdout(), "");
    assert_eq!(repo.file_in_head(&id, "seen.txt"), "staged\nnew\nmore\n");
    assert_eq!(repo.agent(&id)["snapshot_files"], 3);
    assert_eq!(repo.agent(&id)["files_changed"], 2, "only its own changes are counted");
    repo.orchestra(["status", &id]).succeeded().stdout_has("base      main + 3 changed files (");
    let diff = repo.orchestra(["diff", &id]).succeeded().stdout();
    assert!(diff.contains("+nine") && !diff.contains("+one"), "{diff}");
    repo.orchestra(["merge-ranked", "--dry-run"]).succeeded().stdout_has("lands");
    repo.orchestra(["review", &id, "--approve"]).succeeded();
    // What a person changed stays theirs: git would refuse to overwrite it.
    repo.git(["rm", "-q", "--cached", "staged.txt"]);
    repo.git(["stash", "-q", "-u"]);
    repo.orchestra(["merge-ranked", "--approved"]).succeeded().stdout_has("merged");
    assert_eq!(repo.file_at("main", "a.txt"), LINES.replace("9\n", "nine\n"));
    assert!(
        repo.has("main", "seen.txt")
            && !repo.has("main", "staged.txt")
            && !repo.has("main", "folder/new.txt")
    );
    let landed = history(&repo, "main");
    assert!(landed.contains("\nown\n") && !landed.contains("Snapshot"), "{landed}");
    repo.git(["stash", "pop", "-q"]);
    assert_eq!(fs::read_to_string(repo.path().join("a.txt")).unwrap().lines().next(), Some("one"));
    repo.git(["stash", "-q", "-u"]);
    let cleaned = repo.orchestra(["cleanup"]).succeeded();
    cleaned.stdout_has("landed in main");
    repo.orchestra(["undo"]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.file_at("main", "a.txt"), LINES, "one undo takes the landing back");
    repo.orchestra(["merge-ranked", "--strategy", "rebase"]).succeeded();
    assert!(!history(&repo, "main").contains("Snapshot"));
    assert!(repo.has("main", "seen.txt") && !repo.has("main", "staged.txt"));
}

#[test]
fn what_a_person_commits_meanwhile_does_not_conflict() {
    let world = world();
    let repo = world.repo();
    changed(&repo);
    let id = spawned(&repo, "sed -i 's/^2$/two/' a.txt; echo more >> folder/new.txt");
    let aside = repo.orchestra(["merge-ranked", "--dry-run", &id]);
    assert!(aside.stdout().contains("blocked"), "{}", aside.stdout());
    let aside = repo.orchestra(["merge-ranked", "--dry-run", "--json", &id]).json().to_string();
    assert!(aside.contains("it started from uncommitted changes: commit those in main first"), "{aside}");
    repo.git(["add", "-A"]);
    repo.git(["commit", "-qm", "mine"]);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    assert_eq!(repo.file_at("main", "folder/new.txt"), "new\nmore\n");
    assert!(repo.file_at("main", "a.txt").starts_with("one\ntwo\n"));
    // What it does after it landed is merged with what it landed.
    repo.orchestra(["resume", &id, "-m", "sed -i 's/^two$/zwei/' a.txt"]).succeeded();
    repo.orchestra(["merge-ranked", &id]).succeeded();
    assert!(repo.file_at("main", "a.txt").starts_with("one\nzwei\n"));
    assert!(!history(&repo, "main").contains("Snapshot"));
}

#[test]
fn the_order_of_a_landing_compares_only_the_agents_parts() {
    let world = world();
    let repo = world.repo();
    changed(&repo);
    let with = spawned(&repo, "sed -i 's/^9$/nine/' a.txt");
    // Changes the line that the person changed as well: it conflicts with the snapshot, but with nobody's work.
    let without = repo.spawn("sed -i 's/^1$/eins/' a.txt");
    repo.end_of(&without);
    let plan = repo.orchestra(["merge-ranked", "--dry-run", "--json"]).succeeded().json();
    let steps = plan["order"].as_array().expect("steps");
    assert_eq!(steps.len(), 2);
    assert!(steps.iter().all(|step| step["conflicts_with"].as_array().is_some_and(Vec::is_empty)), "{plan}");
    let known = repo.orchestra(["review", &with]).succeeded().stdout();
    assert!(known.contains("no conflicts"), "{known}");
}

#[test]
fn work_on_top_of_such_work_lands_without_the_changes_too() {
    let world = world();
    let repo = world.repo();
    changed(&repo);
    let first = spawned(&repo, "echo 1 > first.txt");
    let second =
        repo.orchestra(["spawn", "--json", "--agent", "sh", "--base", &first, "echo 2 > second.txt"]);
    let second = second.succeeded().json()["agents"][0]["id"].as_str().expect("an id").to_owned();
    repo.git(["stash", "-q", "-u"]);
    repo.orchestra(["cleanup", "--discard", &first]).succeeded();
    repo.orchestra(["merge-ranked", &second]).succeeded();
    assert!(
        repo.has("main", "second.txt") && repo.has("main", "first.txt") && !repo.has("main", "staged.txt")
    );
    assert!(!history(&repo, "main").contains("Snapshot"));
}

#[test]
fn without_changes_nothing_is_different() {
    let world = world();
    let repo = world.repo();
    let plan = ["spawn", "-n", "--with-changes", "--agent", "sh", "true"];
    repo.orchestra(plan).succeeded().stderr_has("no uncommitted changes").stderr_has("main as it is");
    let id = spawned(&repo, "echo 1 > a.txt");
    assert_eq!(repo.agent(&id)["base"].as_str(), Some(repo.tip("main").as_str()));
    assert_eq!(repo.agent(&id)["snapshot"], serde_json::Value::Null);
    changed(&repo);
    repo.write(".env", "TOKEN=1\n");
    let objects = testkit::dir_state(&repo.path().join(".git/objects"));
    let shown = repo.orchestra(plan).succeeded();
    shown.stderr_has("from main + 3 changed files").stderr_has("do not get .env (looks like a secret)");
    assert_eq!(testkit::dir_state(&repo.path().join(".git/objects")), objects, "a dry run writes nothing");
    for other in [["--base", "main"], ["--on", "x"]] {
        repo.orchestra([&plan[..5], &other, &["true"]].concat()).exits(2).stderr_has("--with-changes");
    }
    repo.git(["stash", "-q", "-u"]);
    repo.branch("x", &[("c.txt", "x\n")]);
    repo.branch("y", &[("c.txt", "y\n")]);
    repo.git(["checkout", "-q", "x"]);
    Ran::of(repo.command("git").args(["merge", "-q", "y"])).exits(1);
    repo.orchestra(plan).exits(3).stderr_has("a merge is unfinished").stderr_has("git status");
}

#[test]
fn sync_sends_the_snapshot_and_looks_for_secrets_in_it() {
    let world = world();
    let repo = world.repo();
    changed(&repo);
    let hub = world.dir().join("hub.git").to_string_lossy().into_owned();
    repo.git(["init", "-q", "--bare", &hub]);
    repo.git(["remote", "add", "origin", &hub]);
    repo.git(["push", "-q", "origin", "main"]);
    let id = spawned(&repo, "echo 1 > own.txt");
    repo.orchestra(["sync", "--yes"]).succeeded();
    world.git(world.dir(), ["clone", "-q", &hub, "other"]);
    let other = TestRepo::new(&world, world.dir().join("other"));
    other.orchestra(["sync", "--fetch"]).succeeded();
    assert_eq!(other.agent(&id)["snapshot_files"], 3);
    other.orchestra(["merge-ranked", &id]).succeeded();
    assert!(other.has("main", "own.txt") && !other.has("main", "staged.txt"));
    let token = ["gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    repo.write("notes.txt", &format!("{token}\n"));
    spawned(&repo, "echo 2 > other.txt");
    let held = repo.orchestra(["sync", "--yes"]);
    assert!(held.stderr().contains("secret"), "{}", held.stderr());
    let sent = world.git(Path::new(&hub), ["for-each-ref", "--format=%(objectname)"]).stdout();
    for tip in sent.lines() {
        let files = world.git(Path::new(&hub), ["ls-tree", "-r", "--name-only", tip]).stdout();
        assert!(!files.contains("notes.txt"), "{tip}");
    }
}
