//! Landing under adverse conditions: kills, uncommitted changes, moving targets, hanging commands, invalid
//! input.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use testkit::{Aim, Ran, TestRepo, until};

use crate::{
    injector,
    merge_ranked::{four, land},
    world,
};

fn started(command: &mut Command) -> std::process::Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
}

/// Returns a test command that reports its directory, and waits for a file with a time limit.
fn waiting(folder: &Path) -> String {
    let (there, go) = (folder.join("there"), folder.join("go"));
    format!(
        "touch {}; for i in $(seq 600); do test -e {} && exit 0; sleep 0.1; done; exit 1",
        there.display(),
        go.display()
    )
}

#[test]
fn a_dirty_checkout_is_unchanged_and_the_landing_waits() {
    let world = world();
    let repo = four(&world);
    repo.write("lines.txt", "not committed\n");
    let before = repo.checkout();
    let ran = land(&repo, &[]).exits(3);
    let ran =
        ran.stderr_has("are not committed: lines.txt; the landing waits").stderr_has("hint: commit them");
    let ran = ran.stderr_has("--continue continues it");
    assert!(ran.stdout().contains("passed") && !ran.stdout().contains("merged"));
    assert_eq!(repo.checkout(), before);
    // The result is kept by a ref, which the hint shows.
    let said = ran.stderr();
    let range =
        said.split("git log --oneline ").nth(1).and_then(|rest| rest.lines().next()).expect("a range");
    assert_eq!(repo.git(["log", "--merges", "--oneline", range]).succeeded().stdout().lines().count(), 3);
    land(&repo, &[]).exits(3).stderr_has("a landing is not finished: 3 of 4 into main");
    repo.orchestra(["merge-ranked", "--continue"]).exits(3).stderr_has("the landing waits");
    repo.git(["checkout", "-q", "lines.txt"]).succeeded();
    repo.orchestra(["merge-ranked", "--continue"]).exits(1);
    assert_eq!(repo.file_at("main", "three.txt"), "1\n2\n3\n");
    repo.orchestra(["merge-ranked", "--continue"]).exits(3).stderr_has("no landing is under way");
}

#[test]
fn a_user_file_in_the_way_is_kept() {
    let world = world();
    let repo = four(&world);
    repo.write("three.txt", "mine, not tracked\n");
    let base = repo.tip("main");
    land(&repo, &[]).exits(3).stderr_has("cannot be moved").stderr_has("three.txt");
    assert_eq!(
        (repo.tip("main"), fs::read_to_string(repo.path().join("three.txt")).expect("it")),
        (base, "mine, not tracked\n".into())
    );
    repo.orchestra(["merge-ranked", "--abort"]).succeeded().stderr_has("aborted; main is unchanged");
    repo.orchestra(["merge-ranked", "--abort"]).exits(3).stderr_has("no landing is under way");
}

#[test]
fn a_target_that_moves_causes_a_new_plan() {
    let world = world();
    let repo = four(&world);
    let flag = world.dir().join("moved");
    // The first test run commits to main: it changes the same lines as b1, differently.
    let test = format!(
        "test -e {0} && exit 0; touch {0}; cd {1} && sed -i s/a/Z/ lines.txt && git commit -qam meanwhile",
        flag.display(),
        repo.path().display()
    );
    let report = land(&repo, &["--json", "--test", &test]).exits(1).json();
    let landed = report["order"]
        .as_array()
        .expect("an order")
        .iter()
        .filter(|step| step["outcome"] == "merged")
        .count();
    assert_eq!(landed, 2, "{report}");
    assert_eq!(repo.file_at("main", "lines.txt"), "Z\nb\nc\nd\nE4\n");
    assert_eq!(report["base"], repo.git(["log", "--format=%H", "--grep=^meanwhile", "main"]).line());
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
}

#[test]
fn one_landing_at_a_time_and_ctrl_c_leaves_nothing_running() {
    let world = world();
    let repo = four(&world);
    let base = repo.tip("main");
    let child =
        started(&mut repo.orchestra_command(["merge-ranked", "b1", "b3", "--test", &waiting(world.dir())]));
    until("the test runs", || world.dir().join("there").exists().then_some(()));
    land(&repo, &[])
        .exits(4)
        .stderr_has("another landing into main has been running since")
        .stderr_has("wait until it has ended");
    repo.orchestra(["merge-ranked", "--continue"])
        .exits(4)
        .stderr_has("another landing into main has been running since");
    repo.orchestra(["merge-ranked", "--abort"])
        .exits(4)
        .stderr_has("another landing into main has been running since");
    let program = until("our program", || {
        let found = Ran::of(repo.command("pgrep").args(["-f", "git-orchestra merge-ranked b1 b3"]));
        found.stdout().lines().next().and_then(|pid| pid.parse::<u32>().ok())
    });
    let sent = Command::new("kill").args(["-INT", &program.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("interrupted; main is unchanged") && said.contains("--continue"), "{said}");
    assert_eq!(repo.tip("main"), base);
    assert!(!running(&waiting(world.dir())), "the test command has ended");
    fs::write(world.dir().join("go"), "").expect("a file");
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 1);
}

fn running(command: &str) -> bool {
    let end = &command[..command.len().min(60)];
    let found = Command::new("pgrep").args(["-f", "--", end]).output().expect("pgrep");
    found.status.success()
}

#[test]
fn a_landing_killed_at_any_step_continues_with_the_old_or_new_target() {
    const STEPS: u64 = 12;
    let world = world();
    let Some(injector) = injector() else { return };
    let program = world.bins().join("git-orchestra-merge-ranked");
    let landing = |repo: &TestRepo<'_>| {
        let mut command = world.command(&program, repo.path());
        command.args(["b1", "b2", "b3", "b4", "--test", "true"]);
        command
    };
    let aim = Aim::at("git-orchestra-merge-ranked");
    let all = injector.count(&world, &mut landing(&four_named(&world, "counted")), aim);
    assert!(all > STEPS, "it makes {all} changes");
    for at in (0..STEPS).map(|turn| 1 + all * turn / STEPS) {
        let repo = four_named(&world, &format!("killed-{at}"));
        let base = repo.tip("main");
        let hit = injector.kill(&world, &mut landing(&repo), aim, at);
        let when = format!("step {at}, {}", hit.unwrap_or_else(|| panic!("of {all} steps there is no {at}")));
        println!("killed at {when}");
        let now = repo.tip("main");
        let whole = |tip: &str| {
            repo.file_at(tip, "three.txt") == "1\n2\n3\n"
                && repo.file_at(tip, "lines.txt") == "A1\nb\nc\nd\nE4\n"
        };
        assert!(now == base || whole(&now), "{when}");
        let again = repo.orchestra(["merge-ranked", "--continue"]);
        if again.code() == 3 {
            // Either nothing was recorded yet, or everything was done.
            again.stderr_has("no landing is under way");
            land(&repo, &[]).exits(1);
        } else {
            again.exits(1);
        }
        assert!(whole("main"), "{when}");
        assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "", "{when}");
        // If a landing left only its worktree behind, the next landing removes it.
        repo.branch("b5", &[("five.txt", "5\n")]);
        repo.orchestra(["merge-ranked", "b5", "--test", "true"]).succeeded();
        assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 1, "{when}");
        assert_eq!(repo.git(["fsck", "--no-dangling"]).succeeded().stdout(), "");
    }
}

#[test]
fn locks_left_by_a_kill_are_removed() {
    let world = world();
    let repo = four(&world);
    repo.git(["checkout", "-q", "-b", "mine"]);
    repo.write("file.txt", "not committed\n");
    let stop =
        ["merge-ranked", "b3", "--into", "main", "--on-failure", "stop", "--test", "! test -e three.txt"];
    repo.orchestra(stop).exits(1);
    let operation = repo.refs("refs/orchestra-local/operations/").pop().expect("an operation").0;
    // What a writer leaves behind that is killed while it holds the lock.
    let intent = repo.path().join(".git/orchestra/intents/00aa");
    fs::write(&intent, format!("replace {operation}\n")).expect("an intent");
    fs::write(intent.with_extension("0"), "").expect("a staged file");
    fs::hard_link(intent.with_extension("0"), repo.path().join(format!(".git/{operation}.lock")))
        .expect("a lock");
    repo.orchestra(["merge-ranked", "--continue"]).exits(1).stderr_has("stopped at a failure");
    repo.orchestra(["merge-ranked", "--abort"]).succeeded();
    // A lock of the target that contains what we would write is ours; any other belongs to another process.
    let foreign = repo.path().join(".git/refs/heads/main.lock");
    fs::write(&foreign, "").expect("a lock");
    repo.orchestra(["merge-ranked", "b3", "--into", "main"])
        .exits(4)
        .stderr_has("is locked by another program");
    assert!(foreign.exists());
    let operation = repo.refs("refs/orchestra-local/operations/").pop().expect("an operation").0;
    let state = repo.git(["show", &format!("{operation}:landing.json")]).stdout();
    let state: serde_json::Value = serde_json::from_str(&state).expect("a state");
    fs::write(&foreign, format!("{}\n", state["result"].as_str().expect("a result"))).expect("a lock");
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert!(repo.has("main", "three.txt") && !foreign.exists());
}

fn four_named<'world>(world: &'world testkit::World, name: &str) -> TestRepo<'world> {
    let repo = world.repo_named(name);
    repo.commit("more", &[("lines.txt", "a\nb\nc\nd\ne\n")]);
    repo.branch("b1", &[("lines.txt", "A1\nb\nc\nd\ne\n")]);
    repo.branch("b2", &[("lines.txt", "A2\nb\nc\nd\ne\n"), ("two.txt", "2\n")]);
    repo.branch("b3", &[("three.txt", "1\n2\n3\n")]);
    repo.branch("b4", &[("lines.txt", "a\nb\nc\nd\nE4\n")]);
    repo
}

#[test]
fn missing_hanging_and_flooding_checks_fail() {
    let world = world();
    let repo = four(&world);
    // The target passes; the branch fails.
    let only = |command: &str| format!("test -e three.txt || exit 0; {command}");
    for (command, why) in [
        ("no-such-command-here", "build fails: exit code 127: a command in it was not found"),
        ("sleep 1000", "build fails: took longer than 1 s"),
        ("yes; exit 1", "build fails: took longer than 1 s"),
        ("kill -9 $$", "build fails: killed by signal 9"),
    ] {
        let ran = repo
            .orchestra(["merge-ranked", "b3", "--json", "--check-time", "1s", "--build", &only(command)])
            .exits(1);
        let step = ran.json()["order"][0].clone();
        assert_eq!((&step["outcome"], &step["why"]), (&"failed".into(), &why.into()), "{command}");
        let log = repo.git(["cat-file", "-s", step["log"].as_str().expect("a log")]).line();
        assert!(log.parse::<u64>().is_ok_and(|bytes| bytes < 600_000), "{command}: {log}");
    }
    repo.orchestra(["merge-ranked", "b3", "--build", " "])
        .exits(2)
        .stderr_has("--build: '' is not a command");
    repo.orchestra(["merge-ranked", "b3", "--check-time", "soon"]).exits(2).stderr_has("a duration such as");
}

#[test]
fn a_stopped_landing_continues_after_a_repair() {
    let world = world();
    let repo = four(&world);
    let base = repo.tip("main");
    let test = "! grep -q A1 lines.txt";
    let ran = land(&repo, &["--on-failure", "stop", "--test", test]).exits(1);
    ran.stderr_has("stopped at a failure; main is unchanged")
        .stderr_has("b1: test fails: exit code 1 (no output)")
        .stderr_has("git orchestra logs --check b1");
    assert_eq!(repo.tip("main"), base);
    repo.git(["checkout", "-q", "b1"]);
    repo.commit("repaired", &[("lines.txt", "B1\nb\nc\nd\ne\n")]);
    repo.git(["checkout", "-q", "main"]);
    repo.orchestra(["merge-ranked", "--continue"]).exits(1);
    assert_eq!(repo.file_at("main", "lines.txt"), "B1\nb\nc\nd\nE4\n");
}

#[test]
fn a_branch_that_moves_during_a_landing_lands_at_its_old_commit() {
    let world = world();
    let repo = four(&world);
    let was = repo.tip("b3");
    let test = format!("cd {} && git update-ref refs/heads/b3 b4", repo.path().display());
    let ran = repo.orchestra(["merge-ranked", "b3", "--test", &test]).succeeded();
    ran.stderr_has(&format!("b3 has moved since then: {} landed", &was[..10]));
    assert_eq!(repo.tip("main^2"), was);
    let id = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&id, "running");
    repo.orchestra(["merge-ranked", &id]).exits(3).stderr_has("has not ended: it is running");
}

#[test]
fn branches_that_cannot_land_say_why() {
    let world = world();
    let repo = four(&world);
    repo.orchestra(["merge-ranked"]).exits(3).stderr_has("nothing to land: no agent is done");
    repo.orchestra(["merge-ranked", "nobody"])
        .exits(3)
        .stderr_has("'nobody' is not a branch, an agent or a commit");
    repo.orchestra(["merge-ranked", "b1", "--into", "gone"])
        .exits(3)
        .stderr_has("no branch 'gone' to land on");
    repo.orchestra(["merge-ranked", "b1", "--continue"]).exits(2);
    repo.git(["branch", "same", "b1"]);
    repo.git(["branch", "old", "main"]);
    repo.git(["checkout", "-q", "--orphan", "alone"]);
    repo.commit("alone", &[("alone.txt", "1\n")]);
    repo.git(["checkout", "-qf", "main"]);
    let report = repo.orchestra(["merge-ranked", "b1", "same", "old", "alone", "--json"]).exits(1).json();
    let told: Vec<(String, String)> = report["order"]
        .as_array()
        .expect("an order")
        .iter()
        .map(|step| {
            (
                step["outcome"].as_str().unwrap_or("-").to_owned(),
                step["why"].as_str().unwrap_or("-").to_owned(),
            )
        })
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(
        told,
        [
            ("merged", "-"),
            ("up_to_date", "the same commit as b1"),
            ("up_to_date", "is in main already"),
            ("set_aside", "has no history in common with main"),
        ]
    );
    repo.git(["checkout", "-q", "--detach"]);
    repo.orchestra(["merge-ranked", "b3"])
        .exits(3)
        .stderr_has("HEAD is detached: no branch to land on")
        .stderr_has("--into");
    // It is not checked out anywhere: only the ref moves.
    repo.orchestra(["merge-ranked", "b3", "--into", "main"]).succeeded();
    assert_eq!(repo.file_at("main", "three.txt"), "1\n2\n3\n");
    assert!(!repo.path().join("three.txt").exists());
}

#[test]
fn a_target_in_another_checkout_is_updated_there_or_unchanged() {
    let world = world();
    let repo = four(&world);
    repo.git(["checkout", "-q", "-b", "mine"]);
    let other = world.dir().join("other");
    repo.git(["worktree", "add", "-q", &other.to_string_lossy(), "main"]).succeeded();
    let mine = repo.checkout();
    repo.orchestra(["merge-ranked", "b3", "--into", "main"]).succeeded();
    assert!(other.join("three.txt").exists());
    assert_eq!(world.git(&other, ["status", "--porcelain"]).stdout(), "");
    let files = |all: Vec<(std::path::PathBuf, Vec<u8>)>| -> Vec<_> {
        all.into_iter().filter(|(path, _)| !path.ends_with("config") && !path.starts_with("refs")).collect()
    };
    assert_eq!(files(repo.checkout()), files(mine));
    // During a rebase of the target.
    Ran::of(world.command("git", &other).args(["rebase", "--exec", "false", "HEAD~1"])).exits(1);
    let at = repo.tip("main");
    repo.orchestra(["merge-ranked", "b4", "--into", "main"])
        .exits(3)
        .stderr_has("a rebase of main is in progress");
    assert_eq!(repo.tip("main"), at);
    world.git(&other, ["rebase", "--abort"]).succeeded();
    repo.orchestra(["merge-ranked", "--continue"]).succeeded();
    assert!(fs::read_to_string(other.join("lines.txt")).is_ok_and(|text| text.contains("E4")));
}

#[test]
fn modes_links_binaries_and_names_that_differ_in_case_land() {
    let world = world();
    let repo = world.repo();
    let big: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(repo.path().join("big.bin"), &big).expect("a file");
    repo.commit("start", &[("run.sh", "#!/bin/sh\n"), ("Readme", "r\n")]);
    let change = |name: &str, work: &dyn Fn()| {
        repo.git(["checkout", "-qb", name, "main"]).succeeded();
        work();
        repo.git(["add", "-A"]).succeeded();
        repo.git(["commit", "-qm", name]).succeeded();
        repo.git(["checkout", "-q", "main"]).succeeded();
    };
    change("mode", &|| drop(Ran::of(repo.command("chmod").args(["+x", "run.sh"])).succeeded()));
    change("link", &|| drop(Ran::of(repo.command("ln").args(["-s", "Readme", "link"])).succeeded()));
    change("case", &|| drop(repo.git(["mv", "Readme", "README"]).succeeded()));
    change("big-a", &|| fs::write(repo.path().join("big.bin"), &big[..2_900_000]).expect("a file"));
    change("big-b", &|| fs::write(repo.path().join("big.bin"), &big[1..]).expect("a file"));
    let branches = ["merge-ranked", "mode", "link", "case", "big-a", "big-b", "--json"];
    let report = repo.orchestra(branches).exits(1).json();
    let merged =
        report["order"].as_array().expect("an order").iter().filter(|s| s["outcome"] == "merged").count();
    assert_eq!(merged, 4, "{report}");
    let tree = repo.git(["ls-tree", "main"]).stdout();
    for entry in ["100755 blob", "120000 blob", "\tREADME"] {
        assert!(tree.contains(entry), "{entry}\n{tree}");
    }
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
}

#[test]
fn ignored_and_foreign_files_never_land() {
    let world = world();
    let repo = four(&world);
    repo.commit("ignore", &[(".gitignore", "out/\n")]);
    let build = "mkdir -p out && echo built > out/x && echo KEY=1 > .env && echo scrap > scrap.txt && echo changed >> lines.txt";
    land(&repo, &["--build", build]).exits(1);
    let files = repo.git(["log", "-m", "--name-only", "--format=", "--first-parent", "main"]).stdout();
    assert!(!files.contains(".env") && !files.contains("scrap") && !files.contains("out/"), "{files}");
    assert_eq!(repo.file_at("main", "lines.txt"), "A1\nb\nc\nd\nE4\n");
}
