//! `blame`: the agents that wrote the lines of a file, here, after a cleanup, and in another clone.

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::world;

/// Commits twice, and leaves a third line uncommitted, which is saved when the agent ends.
fn script(file: &str) -> String {
    format!(
        "for n in one two; do echo $n >> {file}; git add .; git commit -qm $n; done; echo three >> {file}"
    )
}

fn spawned(repo: &TestRepo<'_>, name: &str, file: &str) -> String {
    let ran =
        repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", name, "--again", "--", &script(file)]);
    let id = ran.succeeded().line();
    repo.end_of(&id);
    id
}

/// Returns the agent of each line, or nothing for a line of a person.
fn agents(repo: &TestRepo<'_>, arguments: &[&str]) -> Vec<String> {
    let report = repo.orchestra([&["blame", "--json"], arguments].concat()).succeeded().json();
    let of = |line: &Value| {
        let commits = report["commits"].as_array().expect("commits");
        let commit =
            commits.iter().find(|one| one["commit"] == line["commit"]).expect("the commit of the line");
        commit["agent"]["id"].as_str().unwrap_or_default().to_owned()
    };
    report["lines"].as_array().expect("lines").iter().map(of).collect()
}

#[test]
fn agents_are_named_for_every_way_to_land_after_cleanup_and_in_another_clone() {
    let world = world();
    let repo = world.repo();
    let mut landed = Vec::new();
    for strategy in ["merge", "squash", "rebase"] {
        let file = format!("{strategy}.txt");
        let id = spawned(&repo, strategy, &file);
        // The target is ahead of the base, so that a rebase makes other commits.
        repo.commit("ahead", &[(&format!("ahead-{strategy}.txt"), "1\n")]);
        repo.orchestra(["review", &id, "--approve", "-m", "well done"]).succeeded();
        repo.orchestra(["merge-ranked", "--strategy", strategy, &id]).succeeded();
        landed.push((file, id));
    }
    let check = |repo: &TestRepo<'_>, case: &str| {
        for (file, id) in &landed {
            assert_eq!(agents(repo, &[file]), [id.as_str(); 3], "{case}: {file}");
            let report = repo.orchestra(["blame", "--json", file, "main"]).succeeded().json();
            let agent = &report["commits"][0]["agent"];
            assert_eq!((&agent["program"], &agent["verdict"]), (&"sh".into(), &"approve".into()), "{case}");
            assert_eq!((&agent["landed_in"], &agent["told_by"]), (&"main".into(), &"note".into()), "{case}");
            assert!(agent["task"].as_str().is_some_and(|task| task.starts_with("for n in one")), "{case}");
            repo.orchestra(["blame", file]).succeeded().stdout_has(id).stdout_has("approved");
        }
        assert_eq!(agents(repo, &["ahead-merge.txt"]), [""], "{case}");
    };
    check(&repo, "landed");
    repo.orchestra(["cleanup"]).succeeded();
    check(&repo, "cleaned up");
    let here = repo.orchestra(["blame", "--json", "merge.txt"]).succeeded().json();
    assert_eq!(here["commits"][0]["agent"]["here"], "archived");
    let hub = world.dir().join("hub.git").to_string_lossy().into_owned();
    repo.git(["init", "-q", "--bare", &hub]);
    repo.git(["remote", "add", "origin", &hub]);
    repo.git(["push", "-q", "origin", "main"]);
    repo.orchestra(["sync", "--yes"]).succeeded();
    world.git(world.dir(), ["clone", "-q", &hub, "other"]);
    let other = TestRepo::new(&world, world.dir().join("other"));
    // Without the notes, the messages of the commits that we made say it.
    assert_eq!(agents(&other, &["squash.txt"]), [landed[1].1.as_str(); 3]);
    other.orchestra(["sync", "--fetch"]).succeeded();
    check(&other, "another clone");
}

#[test]
fn what_else_notes_say_of_a_commit_is_kept() {
    let world = world();
    let repo = world.repo();
    let id = spawned(&repo, "kept", "kept.txt");
    repo.orchestra(["collect"]).succeeded();
    let head = repo.tip(&format!("refs/orchestra/heads/{id}"));
    let note = |commit: &str| {
        let results = "refs/orchestra/notes/results";
        repo.git(["cat-file", "blob", &format!("{results}:{commit}")]).stdout()
    };
    let result = note(&head);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let both = note(&head);
    assert!(both.starts_with(&result) && both.contains("\"t\":\"part\""), "{both}");
    assert_eq!(agents(&repo, &["kept.txt"]), [id.as_str(); 3]);
}

#[test]
fn lines_of_people_of_nobody_and_of_work_that_has_not_landed() {
    let world = world();
    let repo = world.repo();
    let id = spawned(&repo, "open", "file.txt");
    assert_eq!(agents(&repo, &["file.txt", &id])[1..], [id.as_str(); 3]);
    assert_eq!(agents(&repo, &["file.txt"]), [""], "it has not landed");
    repo.write("file.txt", "one\n\tnew\n");
    let shown = repo.orchestra(["blame", "file.txt"]).succeeded().stdout();
    assert!(shown.contains("not committed") && !shown.contains("AGENT"), "{shown}");
    let one = repo.orchestra(["blame", "file.txt", &id, "--line", "2"]).succeeded();
    one.stdout_has(&id).stdout_has("known by  the agent's branch").stderr_has("git orchestra logs");
    repo.orchestra(["blame", "file.txt", "HEAD", "-L", "1,+1"]).succeeded();
    for (arguments, code, said) in [
        (&["nosuch.txt"] as &[&str], 2, "cannot blame 'nosuch.txt'"),
        (&["file.txt", "-L", "9,9"], 2, "has only 2 lines"),
        (&["file.txt", "-L", "x y"], 2, "cannot blame"),
        (&["file.txt", "nosuch"], 3, "nosuch"),
        (&["file.txt", "--", "--output=x"], 3, "--output=x"),
        (&["--line", "0", "file.txt"], 2, "0"),
        (&[], 2, "FILE"),
    ] {
        repo.orchestra([&["blame"], arguments].concat()).exits(code).stderr_has(said);
    }
    // The file is named relative to the current directory.
    repo.commit("below", &[("below/a.txt", "1\n")]);
    let below = repo.path().join("below");
    let ran = Ran::of(world.command("git", &below).args(["orchestra", "blame", "a.txt"]));
    ran.succeeded().stdout_has("1");
}

/// A file costs one `git blame`, however many agents wrote it.
#[test]
fn one_git_runs() {
    let world = world();
    let repo = world.repo();
    for name in ["first", "second"] {
        let id = spawned(&repo, name, "both.txt");
        repo.orchestra(["merge-ranked", &id]).succeeded();
    }
    let trace = world.dir().join("trace");
    Ran::of(repo.orchestra_command(["blame", "both.txt"]).env("ORCHESTRA_TRACE", &trace)).succeeded();
    let started = std::fs::read_to_string(&trace).expect("a trace");
    let gits: Vec<&str> = started.lines().filter(|line| line.contains("program: git ")).collect();
    assert!(gits.len() == 1 && gits[0].contains(" blame "), "{started}");
}

#[test]
fn a_file_that_is_not_committed_is_explained() {
    let world = world();
    let repo = world.repo();
    repo.write("new.txt", "1\n");
    let refused = repo.orchestra(["blame", "new.txt"]).exits(2).stderr();
    assert!(refused.contains("git orchestra blame new.txt AGENT"), "{refused}");
    let missing = repo.orchestra(["blame", "none.txt"]).exits(2).stderr();
    assert!(!missing.contains("AGENT"), "{missing}");
}

#[test]
fn a_file_whose_name_is_not_text_is_found() {
    use std::os::unix::ffi::OsStrExt;
    let world = world();
    let repo = world.repo();
    let name = std::ffi::OsStr::from_bytes(b"\xffx");
    std::fs::write(repo.path().join(name), "1\n").expect("a file");
    repo.git(["add", "."]);
    repo.git(["commit", "-qm", "odd"]);
    repo.orchestra([std::ffi::OsStr::new("blame"), name]).succeeded().stdout_has("  1");
}
