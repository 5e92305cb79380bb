//! `rewind`: an agent goes back to an earlier point, with its files and its conversation; and agents that are stuck.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::SystemTime};

use testkit::{Aim, Injector, TestRepo, until};

use crate::world;

/// Returns the kinds of the points of an agent.
fn kinds(repo: &TestRepo<'_>, id: &str) -> Vec<String> {
    let report = repo.orchestra(["rewind", "--json", id]).succeeded().json();
    let points = report["points"].as_array().expect("points").clone();
    points.iter().map(|point| point["kind"].as_str().expect("a kind").to_owned()).collect()
}

fn files(repo: &TestRepo<'_>, id: &str) -> Vec<String> {
    let entries = fs::read_dir(repo.worktree(id)).expect("a worktree").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.len() == 1);
    names.sort();
    names
}

fn session(repo: &TestRepo<'_>, id: &str) -> String {
    repo.agent(id)["session"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn files_and_conversation_go_back_and_return() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write a 1\nanswer first");
    repo.end_of(&id);
    repo.orchestra(["resume", &id, "-m", "write b 2\nanswer second"]).succeeded();
    repo.end_of(&id);
    assert_eq!(kinds(&repo, &id), ["start", "end", "end"]);
    let first = session(&repo, &id);
    fs::write(repo.worktree(&id).join("c"), "by hand\n").expect("a file");
    repo.orchestra(["rewind", &id]).succeeded().stdout_has("POINT");

    let rewound = repo.orchestra(["rewind", &id, "2"]).succeeded();
    rewound.stdout_has(&format!("{id} is at point 2 again, and paused")).stderr_has("git orchestra resume");
    assert_eq!(files(&repo, &id), ["a"]);
    assert_eq!(repo.git(["ls-tree", "--name-only", &format!("orchestra/{id}"), "b", "c"]).stdout(), "");
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"paused".into(), &"rewound to point 2".into()));
    assert_eq!(
        (&agent["files_changed"], &agent["head"]),
        (&1.into(), &repo.tip(&format!("orchestra/{id}")).into())
    );
    assert_eq!(kinds(&repo, &id), ["start", "end", "end", "rewind"]);
    let second = session(&repo, &id);
    assert!(second != first && !second.is_empty());
    let cut = fs::read_dir(world.claude_config().join("projects")).expect("projects").flatten();
    let cut = cut.map(|folder| folder.path().join(format!("{second}.jsonl"))).find(|path| path.exists());
    let cut = fs::read_to_string(cut.expect("a transcript")).expect("text");
    assert!(
        cut.contains("write a 1")
            && !cut.contains("write b 2")
            && !cut.contains(&format!("\"sessionId\":\"{first}\"")),
        "{cut}"
    );

    repo.orchestra(["undo"]).succeeded();
    assert_eq!(files(&repo, &id), ["a", "b", "c"]);
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], session(&repo, &id)), (&"done".into(), first));
    assert_eq!(agent["files_changed"], 3);

    repo.orchestra(["rewind", &id, "2"]).succeeded();
    repo.orchestra(["resume", &id, "-m", "write d 4"]).succeeded();
    repo.end_of(&id);
    assert_eq!(files(&repo, &id), ["a", "d"]);
    repo.orchestra(["undo"]).exits(3).stderr_has("has moved since then");
    repo.orchestra(["rewind", &id, "4"]).succeeded();
    assert_eq!(files(&repo, &id), ["a", "b", "c"], "how it was before is a point as well");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    repo.orchestra(["stop", &id]).succeeded();
    repo.orchestra(["cleanup", &id]).succeeded();
    repo.orchestra(["undo"]).succeeded();
    assert!(kinds(&repo, &id).len() >= 5, "points are removed and restored with the agent");
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("a file").permissions().mode() & 0o777
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Git records of the permissions no more than whether a file is executable, and makes each file that it changes again.
#[test]
fn permissions_that_git_does_not_record_stay_and_files_that_do_not_change_are_not_touched() {
    let world = world();
    let repo = world.repo();
    let script = "echo 1 >k; echo 1 >c; echo 1 >x; echo same >u; chmod 600 k c u; chmod 700 x";
    let id = repo.spawn(script);
    repo.end_of(&id);
    let file = |name: &str| repo.worktree(&id).join(name);
    fs::write(file("c"), "2\n").expect("a change");
    let opened = fs::File::options().write(true).open(file("u")).expect("a file");
    opened.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    // This saves the change by hand as a point: 'c' differs between it and point 2, and nothing else does.
    repo.orchestra(["rewind", &id, "2"]).succeeded();
    assert_eq!(fs::read_to_string(file("c")).expect("a file"), "1\n");
    let modes = || ["c", "k", "u", "x"].map(|name| mode(&file(name)));
    assert_eq!(modes(), [0o600, 0o600, 0o600, 0o700], "after the rewind");
    // At point 1 there are none of the files, so that the undo makes all of them again.
    repo.orchestra(["rewind", &id, "1"]).succeeded();
    assert!(!file("k").exists());
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(modes(), [0o600, 0o600, 0o600, 0o700], "after the undo");
    assert_eq!(world.git(&repo.worktree(&id), ["status", "--porcelain"]).stdout(), "");
    let before = fs::metadata(file("u")).expect("a file").modified().expect("a time");
    repo.orchestra(["rewind", &id, "3"]).succeeded();
    let after = fs::metadata(file("u")).expect("a file").modified().expect("a time");
    assert_eq!((before, mode(&file("c"))), (after, 0o600));

    // A landing changes and removes files of the user, and its undo makes them again.
    repo.commit("private", &[("changed", "1\n"), ("removed", "1\n")]);
    for name in ["changed", "removed"] {
        set_mode(&repo.path().join(name), 0o600);
    }
    let other = repo.spawn("echo 2 >changed; git rm -q removed; git commit -qam work");
    repo.end_of(&other);
    repo.orchestra(["merge-ranked", &other]).succeeded();
    assert_eq!((mode(&repo.path().join("changed")), repo.path().join("removed").exists()), (0o600, false));
    repo.orchestra(["undo"]).succeeded();
    for name in ["changed", "removed"] {
        assert_eq!(mode(&repo.path().join(name)), 0o600, "{name}");
    }
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
}

#[test]
fn a_program_whose_conversation_cannot_be_cut_begins_a_new_one() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    // Nothing was said at the start.
    let id = repo.spawn_claude(&[], "write a 1");
    repo.end_of(&id);
    repo.orchestra(["rewind", &id, "1"])
        .succeeded()
        .stderr_has("begins a new conversation")
        .stderr_has(&format!("git orchestra resume {id} --agent claude"));
    assert_eq!(files(&repo, &id), [""; 0]);
    assert_eq!(repo.agent(&id)["session"], serde_json::Value::Null);
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(files(&repo, &id), ["a"]);
    let script = repo.spawn("echo 1 > b");
    repo.end_of(&script);
    let rewound = repo.orchestra(["rewind", &script, "1"]).succeeded();
    rewound.stderr_has("starts it again from there");
    repo.orchestra(["resume", &script]).succeeded();
    assert_eq!(files(&repo, &script), ["b"]);
}

/// At the point there was no `.gitignore` yet: what is ignored by now is not the agent's work by that.
#[test]
fn what_git_ignored_is_not_committed_at_a_point_without_the_ignore_file() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo m >.gitignore; mkdir m; echo 1 >m/1; echo 1 >w");
    repo.end_of(&id);
    let branch = format!("orchestra/{id}");
    let (base, work) = (repo.tip("main"), repo.tip(&branch));
    repo.orchestra(["rewind", &id, "1"]).succeeded();
    assert_eq!(repo.tip(&branch), base);
    assert_eq!(files(&repo, &id), ["m"], "it stays as it is");
    let agent = repo.agent(&id);
    assert_eq!((&agent["head"], &agent["files_changed"]), (&base.into(), &0.into()));
    repo.orchestra(["undo"]).succeeded();
    assert_eq!((repo.tip(&branch), files(&repo, &id)), (work, vec!["m".to_owned(), "w".to_owned()]));
}

/// The index is replaced when work is saved; what only it held is a point.
#[test]
fn what_is_only_staged_becomes_a_point() {
    let world = world();
    let repo = world.repo();
    let held = |id: &str, path: &str| {
        let tree = repo.git(["ls-tree", &format!("refs/orchestra-local/points/{id}:trees")]).stdout();
        let trees = tree.lines().filter_map(|line| line.split_whitespace().nth(2));
        let paths = trees.map(|tree| repo.git(["ls-tree", tree, "--", path]).stdout());
        let blobs = paths.filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned));
        blobs.map(|blob| repo.git(["cat-file", "-p", &blob]).stdout()).collect::<String>()
    };
    let id = repo.spawn("echo staged >a; git add a; echo other >a; echo gone >b; git add b; rm b");
    repo.end_of(&id);
    assert_eq!(kinds(&repo, &id), ["start", "staged", "end"]);
    repo.git(["gc", "-q", "--prune=now"]);
    assert_eq!((held(&id, "a"), held(&id, "b")), ("staged\nother\n".into(), "gone\n".into()));
    let worktree = repo.worktree(&id);
    fs::write(worktree.join("c"), "mine\n").expect("a file");
    repo.git(["-C", &worktree.to_string_lossy(), "add", "c"]);
    fs::write(worktree.join("c"), "later\n").expect("a file");
    repo.orchestra(["collect", &id]).succeeded();
    repo.git(["gc", "-q", "--prune=now"]);
    assert_eq!(held(&id, "c"), "mine\n", "what a person staged as well");

    let plain = repo.spawn("echo staged >a; git add a; git rm -q --cached file.txt; echo 1 >d; git add -N d");
    repo.end_of(&plain);
    assert_eq!(kinds(&repo, &plain), ["start", "end"], "nothing is lost, so no point is made");
}

#[test]
fn what_cannot_be_rewound_is_refused_and_stays() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.orchestra(["rewind", "nosuch", "1"]).exits(3);
    let id = repo.spawn_claude(&[], "write a 1\nawait never");
    repo.wait_for_file(&id, "a");
    repo.orchestra(["rewind", &id, "1"])
        .exits(3)
        .stderr_has("has not ended")
        .stderr_has("git orchestra pause");
    repo.orchestra(["pause", &id]).succeeded();
    repo.orchestra(["rewind", &id, "99"]).exits(3).stderr_has("no point 99").stderr_has("lists its points");
    assert_eq!(files(&repo, &id), ["a"]);
    let operations = repo.refs("refs/orchestra-local/operations/").len();
    repo.git(["-C", &repo.worktree(&id).to_string_lossy(), "checkout", "-q", "--detach"]);
    repo.orchestra(["rewind", &id, "1"]).exits(3).stderr_has("not on its branch");
    assert_eq!(files(&repo, &id), ["a"]);
    assert_eq!(repo.refs("refs/orchestra-local/operations/").len(), operations);
}

#[test]
fn an_agent_that_changes_nothing_is_shown_as_stuck() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.stuckTurns", "3"]);
    let refused = "refused ls\n".repeat(4);
    let id = repo.spawn_claude(&[], &format!("{refused}await go\nwrite a 1\n{refused}await never"));
    let stuck = |id: &str| repo.agent(id)["stuck_turns"].as_u64();
    until("it is stuck", || stuck(&id).filter(|turns| *turns >= 3));
    let agent = repo.agent(&id);
    assert_eq!(agent["phase"], "running");
    assert!(agent["reason"].as_str().is_some_and(|why| why.starts_with("stuck: it changed no file in")));
    repo.orchestra(["status", "--all"]).succeeded().stdout_has("running (stuck)");
    fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    until("it is no longer stuck", || stuck(&id).is_none().then_some(()));
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(stuck(&id), None);
    repo.git(["config", "orchestra.stuckTurns", "0"]);
    let never = repo.spawn_claude(&["--again"], &format!("{refused}write done 1\nawait never"));
    repo.wait_for_file(&never, "done");
    assert_eq!(stuck(&never), None);
    repo.orchestra(["stop", &never]).succeeded();
}

#[test]
fn a_turn_after_another_one_makes_a_point_between() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write a 1\nawait go");
    repo.wait_for_file(&id, "a");
    repo.orchestra(["send", &id, "write b 2\nawait on"]).succeeded();
    fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    until("a point", || kinds(&repo, &id).contains(&"turn".to_owned()).then_some(()));
    fs::write(repo.worktree(&id).join("on"), "").expect("a file");
    repo.end_of(&id);
    assert_eq!(kinds(&repo, &id).last().map(String::as_str), Some("end"));
}

#[test]
fn killed_at_many_calls_and_typed_again_it_is_at_the_point() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-rewind");
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a");
    repo.end_of(&id);
    repo.orchestra(["resume", &id, "-m", "echo 2 > a; echo 2 > b"]).succeeded();
    repo.end_of(&id);
    let (branch, folder) = (format!("orchestra/{id}"), repo.worktree(&id));
    let newest = repo.tip(&branch);
    let mut at = 1;
    loop {
        let mut rewind = repo.command(world.bins().join("git-orchestra-rewind"));
        let hit = injector.kill(&world, rewind.args([&id, "2"]), aim, at);
        repo.orchestra(["rewind", &id, "2"]).succeeded();
        let files = (repo.file_at(&branch, "a"), fs::read_to_string(folder.join("a")).expect("a file"));
        assert_eq!(files, ("1\n".to_owned(), "1\n".to_owned()), "killed at call {at}: {hit:?}");
        assert!(!folder.join("b").exists(), "killed at call {at}: {hit:?}");
        repo.orchestra(["rewind", &id, "3"]).succeeded();
        assert_eq!(
            repo.git(["diff", "--stat", &newest, &branch]).stdout(),
            "",
            "killed at call {at}: {hit:?}"
        );
        if hit.is_none() {
            break;
        }
        at += 5;
    }
    assert!(at > 10, "the last of them was call {at}");
}
