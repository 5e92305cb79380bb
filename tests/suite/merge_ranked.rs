//! `merge-ranked`: the branches with the fewest conflicts first, each step tested, the target moved once.

use std::{path::Path, process::Command};

use serde_json::Value;
use testkit::{Ran, TestRepo, World};

use crate::world;

/// Creates four branches: b1 and b2 change the same line, b3 and b4 conflict with none.
pub(crate) fn four(world: &World) -> TestRepo<'_> {
    let repo = world.repo();
    repo.commit("more", &[("lines.txt", "a\nb\nc\nd\ne\n")]);
    repo.branch("b1", &[("lines.txt", "A1\nb\nc\nd\ne\n")]);
    repo.branch("b2", &[("lines.txt", "A2\nb\nc\nd\ne\n"), ("two.txt", "2\n")]);
    repo.branch("b3", &[("three.txt", "1\n2\n3\n")]);
    repo.branch("b4", &[("lines.txt", "a\nb\nc\nd\nE4\n")]);
    repo
}

const ALL: [&str; 4] = ["b1", "b2", "b3", "b4"];

pub(crate) fn land(repo: &TestRepo<'_>, options: &[&str]) -> Ran {
    repo.orchestra([&["merge-ranked"], options, &ALL[..]].concat())
}

/// Returns the branches with their outcomes, in order.
fn outcomes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let order = report["order"].as_array().cloned().unwrap_or_default();
    order.iter().map(|step| (text(&step["branch"]), text(&step["outcome"]))).collect()
}

fn pairs(all: &[(String, String)]) -> Vec<(&str, &str)> {
    all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect()
}

#[test]
fn the_largest_set_without_conflicts_lands_and_the_rest_is_set_aside() {
    let world = world();
    let repo = four(&world);
    let base = repo.tip("main");
    let ran = land(&repo, &["--json"]).exits(1);
    let report = ran.json();
    let outcomes = outcomes(&report);
    assert_eq!(pairs(&outcomes), [("b1", "merged"), ("b4", "merged"), ("b3", "merged"), ("b2", "set_aside")]);
    assert_eq!((&report["version"], &report["kind"]), (&1.into(), &"merge-ranked".into()));
    assert_eq!(
        (&report["into"], &report["base"], &report["moved"]),
        (&"main".into(), &base.into(), &true.into())
    );
    assert_eq!(report["result"], repo.tip("main"));
    let last = &report["order"][3];
    assert_eq!(last["conflicts_with"], serde_json::json!(["b1"]));
    assert_eq!(last["reason"], "conflicts with b1 in 1 file");
    assert_eq!(last["why"], "conflicts with b1 in lines.txt");
    assert_eq!((&last["commit"], &last["files"]), (&Value::Null, &2.into()));
    let pairs = &report["pairs"];
    assert_eq!(
        (&pairs["total"], &pairs["conflicting"], &pairs["by_git"]),
        (&10.into(), &1.into(), &0.into())
    );
    // In plain git: merges, the checkout updated, nothing left behind.
    let subjects = repo.git(["log", "--first-parent", "--format=%s", "main"]).stdout();
    let subjects: Vec<&str> = subjects.lines().take(3).collect();
    assert_eq!(subjects, ["Merge branch 'b3'", "Merge branch 'b4'", "Merge branch 'b1'"]);
    assert_eq!(repo.file_at("main", "lines.txt"), "A1\nb\nc\nd\nE4\n");
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
    assert!(repo.path().join("three.txt").exists());
    assert_eq!(repo.git(["worktree", "list"]).stdout().lines().count(), 1);
    assert!(repo.git(["reflog", "-1", "main"]).stdout().contains("orchestra merge-ranked"));
    // Again: what landed is in the target, and the conflict is still there.
    let again = land(&repo, &["--json"]).exits(1).json();
    assert_eq!(again["moved"], false);
    assert_eq!(outcomes_of(&again, "up_to_date"), 3);
}

fn outcomes_of(report: &Value, outcome: &str) -> usize {
    outcomes(report).iter().filter(|(_, found)| found == outcome).count()
}

#[test]
fn a_dry_run_changes_nothing_and_is_repeatable() {
    let world = world();
    let repo = four(&world);
    let objects = || repo.git(["count-objects", "-v"]).stdout();
    let (before, refs, checkout) = (objects(), repo.refs(""), repo.checkout());
    let first = land(&repo, &["--dry-run"]).succeeded().stdout();
    assert_eq!(land(&repo, &["-n"]).succeeded().stdout(), first);
    let turned = repo.orchestra(["merge-ranked", "-n", "b4", "b3", "b2", "b1"]).succeeded().stdout();
    assert_eq!(turned, first, "the order of the branches does not matter");
    assert_eq!((objects(), repo.refs(""), repo.checkout()), (before, refs, checkout));
    assert_eq!(
        first,
        "#  BRANCH  OUTCOME   FILES  LINES  WHY\n\
         1  b1      lands         1      2  of the 3 that land together; conflicts with 1 later one; 1 file, 2 lines\n\
         2  b4      lands         1      2  no conflicts; 1 file, 2 lines\n\
         3  b3      lands         1      3  no conflicts; 1 file, 3 lines\n\
         4  b2      conflict      2      3  conflicts with b1 in 1 file\n\n     \
         files in conflict with   1   4\n   \
         1 b1                       -   1\n   \
         4 b2                       1   -\n"
    );
}

#[test]
fn a_matrix_that_is_too_wide_becomes_a_list() {
    let world = world();
    let repo = world.repo();
    let names: Vec<String> = (0..26).map(|n| format!("rival-{n:02}")).collect();
    for name in &names {
        repo.branch(name, &[("file.txt", &format!("{name}\n"))]);
    }
    let shown = repo.orchestra(["merge-ranked", "-n"].into_iter().chain(names.iter().map(String::as_str)));
    let shown = shown.succeeded().stdout();
    let (_, list) = shown.split_once("\n\n").expect("two parts");
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!((lines[0], lines[1]), ("325 pairs conflict:", "  2 rival-01 × 1 rival-00: 1 file"));
    assert_eq!((lines.len(), lines[21]), (22, "  and 305 more (--json lists all)"));
}

#[test]
fn conflicts_have_a_kind() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("a.txt", "1\n2\n3\n")]);
    repo.branch("edits", &[("a.txt", "1\nzwei\n3\n"), ("new.txt", "x\n")]);
    repo.git(["checkout", "-q", "-b", "deletes", "main"]);
    repo.git(["rm", "-q", "a.txt"]);
    repo.commit("deletes", &[("new.txt", "y\n")]);
    repo.git(["checkout", "-q", "main"]);
    let ran = repo.orchestra(["merge-ranked", "-n", "edits", "deletes", "--json"]).succeeded().json();
    let conflict = ran["order"][1]["conflicts"][0].clone();
    assert_eq!(conflict["kinds"], serde_json::json!(["modify/delete", "add/add"]));
    assert_eq!(
        ran["order"][1]["reason"].as_str().map(|why| why.contains("(modify/delete, add/add)")),
        Some(true)
    );
}

#[test]
fn a_failing_branch_is_set_aside_and_its_conflicting_branches_move_up() {
    let world = world();
    let repo = four(&world);
    let ran = land(&repo, &["--build", "true", "--test", "echo looking; ! grep -q A1 lines.txt", "--json"])
        .exits(1);
    let report = ran.json();
    let outcomes = outcomes(&report);
    assert_eq!(pairs(&outcomes), [("b1", "failed"), ("b4", "merged"), ("b2", "merged"), ("b3", "merged")]);
    let failed = &report["order"][0];
    assert_eq!(failed["why"], "test fails: exit code 1");
    let log = failed["log"].as_str().expect("a log");
    assert_eq!(repo.git(["show", log]).stdout(), "looking\n");
    assert_eq!(report["order"][2]["reason"], "no conflicts; 2 files, 3 lines");
}

#[test]
fn a_target_that_fails_its_own_checks_is_reported() {
    let world = world();
    let repo = four(&world);
    let before = (repo.checkout(), repo.tip("main"));
    land(&repo, &["--test", "echo broken; exit 7"])
        .exits(3)
        .stderr_has("test fails on main itself, before anything is merged: exit code 7")
        .stderr_has("test on main; its last lines:\n  broken\n")
        .stderr_has("git orchestra logs --check");
    assert_eq!((repo.checkout(), repo.tip("main")), before);
    let shown = repo.orchestra(["logs", "--check"]).succeeded().stdout();
    assert_eq!(shown, "── main: test fails on main itself ──\nbroken\n");
    // No landing is left open.
    land(&repo, &[]).exits(1);
}

#[test]
fn priorities_and_preferred_sides_are_respected() {
    let world = world();
    let repo = four(&world);
    let report = land(&repo, &["-n", "--json", "--priority", "b2"]).succeeded().json();
    assert_eq!(report["order"][0]["branch"], "b2");
    assert!(report["order"][0]["reason"].as_str().is_some_and(|why| why.starts_with("asked for first")));
    assert_eq!(report["order"][3]["reason"], "conflicts with b2 in 1 file");
    land(&repo, &["--priority", "nobody"]).exits(3).stderr_has("is not one of the branches that land");
    for (side, line) in [("ours", "A1\n"), ("theirs", "A2\n"), ("union", "A1\nA2\n")] {
        let planned = land(&repo, &["-n", "--json", "--on-conflict", side]).succeeded().json();
        assert_eq!(planned["order"][3]["outcome"], "lands", "{side}: {planned}");
        let report = land(&repo, &["--json", "--on-conflict", side]).succeeded().json();
        assert_eq!(report["order"][3]["why"], format!("lines.txt resolved with '{side}'"));
        assert!(repo.file_at("main", "lines.txt").starts_with(line), "{side}");
        assert!(repo.git(["log", "-1", "--format=%b", "main"]).stdout().contains("resolved with"), "{side}");
        repo.orchestra(["undo"]).succeeded();
    }
}

#[test]
fn squashed_and_rebased_histories_are_linear() {
    let world = world();
    let repo = four(&world);
    repo.git(["checkout", "-q", "b3"]);
    repo.commit("b3 again", &[("more.txt", "m\n")]);
    repo.git(["checkout", "-q", "main"]);
    let merged = {
        land(&repo, &[]).exits(1);
        let tree = repo.tip("main^{tree}");
        repo.orchestra(["undo"]).succeeded();
        tree
    };
    for (strategy, subjects) in [
        ("squash", vec!["Squash branch 'b3'", "Squash branch 'b4'", "Squash branch 'b1'"]),
        ("rebase", vec!["b3 again", "b3", "b4", "b1"]),
    ] {
        land(&repo, &["--strategy", strategy]).exits(1);
        assert_eq!(repo.tip("main^{tree}"), merged, "{strategy}");
        assert_eq!(repo.git(["rev-list", "--merges", "main"]).stdout(), "", "{strategy}");
        let said = repo.git(["log", "--format=%s", "main"]).stdout();
        assert_eq!(said.lines().take(subjects.len()).collect::<Vec<_>>(), subjects, "{strategy}");
        // A squashed branch has nothing new to land.
        let again = land(&repo, &["--strategy", strategy, "--json"]).exits(1).json();
        // The first rebased branch is in main unchanged.
        let contained = usize::from(strategy == "rebase");
        assert_eq!(outcomes_of(&again, "up_to_date"), contained, "{strategy}");
        assert_eq!(outcomes_of(&again, "nothing_new"), 3 - contained, "{strategy}");
        repo.orchestra(["undo"]).succeeded();
    }
}

#[test]
fn the_work_of_agents_lands_with_notes() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let first = repo.spawn_claude(&[], "write one.txt 1");
    let second = repo.spawn_claude(&[], "write two.txt 2");
    let failed = repo.spawn("echo no > three.txt; exit 1");
    for id in [&first, &second, &failed] {
        repo.end_of(id);
    }
    let ran = repo.orchestra(["merge-ranked"]).succeeded();
    assert!(!ran.stdout().contains(&failed), "{}", ran.stdout());
    let agent = repo.agent(&first);
    assert_eq!((&agent["merged"], &agent["landed_in"]), (&true.into(), &"main".into()));
    assert_eq!(repo.agent(&failed)["merged"], false);
    assert_eq!(repo.trailer(&first, "Landed-In"), "main");
    assert_eq!(repo.trailer(&first, "Landed"), repo.tip(&format!("refs/orchestra/heads/{first}")));
    let landed = repo.trailer(&first, "Landed-As");
    let notes = "notes.displayRef=refs/orchestra/notes/*";
    let message = repo.git(["-c", notes, "show", "-s", "--format=%B%n%N", &landed]).stdout();
    assert!(message.starts_with(&format!("Merge agent {first}: write one.txt 1\n")), "{message}");
    for line in [
        format!("Orchestra-Agent: {first}"),
        "Orchestra-Task: write one.txt 1".to_owned(),
        format!("Orchestra-Session: {}", agent["session"].as_str().expect("a session")),
    ] {
        assert!(message.lines().any(|found| found == line), "{line}\n{message}");
    }
    assert!(message.contains("Orchestra-Cost: 0."), "{message}");
    // For programs there is a note.
    let note = message.lines().find(|line| line.starts_with('{')).expect("a note");
    let note: Value = serde_json::from_str(note).expect("JSON");
    assert_eq!(
        (&note["agent"], &note["into"], &note["t"]),
        (&first.clone().into(), &"main".into(), &"landed".into())
    );
    let facts = repo.events(&first);
    assert_eq!(facts.last().expect("a fact")["outcome"], "merged");
    // The same again: there is nothing to do, and the command reports it.
    repo.orchestra(["merge-ranked"]).exits(3).stderr_has("nothing to land");
    let again = repo.orchestra(["merge-ranked", &first, &second, "--json"]).succeeded().json();
    assert_eq!((outcomes_of(&again, "up_to_date"), &again["moved"]), (2, &false.into()));
    assert!(repo.orchestra(["status", "--all"]).stdout().contains("landed in main"));
}

#[test]
fn an_agent_resolves_its_conflict_in_the_conflicting_files() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("lines.txt", "a\nb\n")]);
    let script = world.dir().join("worker");
    // When asked about a conflict it keeps both sides; when told of a failure it removes the fault;
    // otherwise it does its task.
    let text = "#!/bin/sh\n\
        if grep -q 'these files conflict' \"$1\"; then\n\
          sed -i -e '/^<<<<<<</d' -e '/^=======/d' -e '/^>>>>>>>/d' lines.txt\n\
        elif grep -q 'fails: exit code' \"$1\"; then rm bad.txt\n\
        else sh \"$1\"; fi\n";
    std::fs::write(&script, text).expect("a script");
    repo.git([
        "config",
        "orchestra.agent.worker.command",
        &format!("sh {} {{prompt_file}}", script.display()),
    ]);
    repo.git(["config", "orchestra.agent.worker.reads", "prose"]);
    let spawn = |task: &str| {
        let id = repo.orchestra(["spawn", "--agent", "worker", "--detach", "--", task]).succeeded().line();
        repo.end_of(&id);
        id
    };
    let one = spawn("sed -i 's/a/A1/' lines.txt");
    let two = spawn("sed -i 's/a/A2/' lines.txt; echo 2 > two.txt");
    let three = spawn("echo bad > bad.txt; echo 3 > three.txt; echo 3 > more.txt");
    let options = [
        "merge-ranked",
        "--json",
        "--on-conflict",
        "agent",
        "--on-failure",
        "agent",
        "--test",
        "! test -e bad.txt",
    ];
    let report = repo.orchestra(options).succeeded().json();
    assert_eq!(outcomes_of(&report, "merged"), 3, "{report}");
    let step = |id: &str| {
        let order = report["order"].as_array().expect("an order");
        order.iter().find(|step| step["agent"] == id).expect("a step").clone()
    };
    assert_eq!(step(&one)["why"], Value::Null);
    assert_eq!(step(&two)["why"], "its agent resolved the conflicts");
    assert_eq!(step(&three)["why"], "its agent repaired what failed");
    assert_eq!(repo.file_at("main", "lines.txt"), "A1\nA2\nb\n");
    assert_eq!(repo.file_at("main", "three.txt"), "3\n");
    assert!(!repo.has("main", "bad.txt"));
    assert_eq!((&repo.agent(&two)["merged"], &repo.agent(&two)["attempt"]), (&true.into(), &2.into()));
    // The landed history contains no conflict marker.
    let marks = repo.git(["log", "-p", "--first-parent", "-S<<<<<<<", "--format=%h", "main"]).stdout();
    assert_eq!(marks, "");
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
}

#[test]
fn an_agent_that_repairs_the_wrong_thing_is_notified_and_set_aside() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("lines.txt", "a\nb\n")]);
    let count = world.dir().join("asked");
    let text = format!(
        "if grep -q 'these files conflict' \"$1\"; then cat \"$1\" >> {}; echo x > elsewhere.txt; else sh \"$1\"; fi",
        count.display()
    );
    let script = world.dir().join("worker");
    std::fs::write(&script, text).expect("a script");
    repo.git([
        "config",
        "orchestra.agent.worker.command",
        &format!("sh {} {{prompt_file}}", script.display()),
    ]);
    repo.git(["config", "orchestra.agent.worker.reads", "prose"]);
    let task = "sed -i 's/a/A2/' lines.txt; echo 2 > two.txt";
    let id = repo.orchestra(["spawn", "--agent", "worker", "--detach", "--", task]).succeeded().line();
    repo.end_of(&id);
    repo.branch("other", &[("lines.txt", "A1\nb\n")]);
    let ran =
        repo.orchestra(["merge-ranked", "other", &id, "--on-conflict", "agent", "--repairs", "2"]).exits(1);
    assert!(
        ran.stdout().contains("conflicts with other in lines.txt; its agent did not resolve the conflict"),
        "{}",
        ran.stdout()
    );
    let told = std::fs::read_to_string(count).expect("it was asked");
    assert_eq!(told.matches("these files conflict").count(), 2);
    assert!(told.contains("You changed elsewhere.txt, which does not conflict"), "{told}");
    assert!(!repo.has("main", "elsewhere.txt"));
}

#[test]
fn lock_files_are_regenerated() {
    let world = world();
    let repo = world.repo();
    let list = "sort -u *.part > all.list";
    repo.commit(
        "parts",
        &[("a.part", "a\n"), ("all.list", "a\n"), (".gitattributes", "all.list orchestra-regenerate=list\n")],
    );
    repo.branch("b1", &[("b.part", "b\n"), ("all.list", "a\nb\n")]);
    repo.branch("c1", &[("c.part", "c\n"), ("all.list", "a\nc\n")]);
    let land = || repo.orchestra(["merge-ranked", "b1", "c1"]);
    // The repository only names a command; unless the user configured it too, it is an ordinary conflict.
    assert!(land().exits(1).stdout().contains("conflicts with b1 in all.list"));
    repo.orchestra(["undo"]).succeeded();
    repo.git(["config", "orchestra.regenerate.list", "exit 9"]);
    assert!(
        land()
            .exits(1)
            .stdout()
            .contains("all.list conflicts, and list could not regenerate it: exit code 9")
    );
    repo.orchestra(["undo"]).succeeded();
    repo.git(["config", "orchestra.regenerate.list", list]);
    assert!(land().succeeded().stdout().contains("all.list was regenerated by list"));
    assert_eq!(repo.file_at("main", "all.list"), "a\nb\nc\n");
}

#[test]
fn cargo_regenerates_its_lock_file() {
    let world = world();
    let repo = world.repo();
    let package = |name: &str, needs: &[&str]| {
        let needs: String =
            needs.iter().map(|need| format!("{need} = {{ path = \"../{need}\" }}\n")).collect();
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n{needs}"
        )
    };
    repo.commit(
        "workspace",
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"2\"\n"),
            (".gitignore", "target\n"),
            ("crates/base/Cargo.toml", &package("base", &[])),
            ("crates/base/src/lib.rs", "pub fn one() -> u32 { 1 }\n"),
        ],
    );
    // Uses the toolchain of this test, without the user's settings and without network.
    let toolchain = std::env::var("CARGO").expect("cargo runs the tests");
    let toolchain = Path::new(&toolchain).parent().expect("a folder");
    let path = format!("{}:{}:/usr/bin:/bin", toolchain.display(), world.bins().display());
    let offline =
        |command: &mut Command| Ran::of(command.env("CARGO_NET_OFFLINE", "true").env("PATH", &path));
    let cargo = |arguments: &[&str]| offline(repo.command("cargo").args(arguments));
    cargo(&["generate-lockfile"]).succeeded();
    repo.commit("lock", &[]);
    for name in ["left", "right"] {
        repo.git(["checkout", "-qb", name, "main"]);
        let folder = repo.path().join(format!("crates/{name}/src"));
        std::fs::create_dir_all(folder).expect("a folder");
        repo.write(&format!("crates/{name}/Cargo.toml"), &package(name, &["base"]));
        repo.write(&format!("crates/{name}/src/lib.rs"), "pub fn two() -> u32 { base::one() + 1 }\n");
        cargo(&["update", "--workspace"]).succeeded();
        repo.commit(name, &[]);
        repo.git(["checkout", "-q", "main"]);
    }
    let check = "cargo check --offline --locked --workspace";
    let ran = offline(&mut repo.orchestra_command(["merge-ranked", "left", "right", "--test", check]));
    let ran = ran.succeeded();
    assert!(ran.stdout().contains("Cargo.lock was regenerated by cargo"), "{}", ran.stdout());
    let lock = repo.file_at("main", "Cargo.lock");
    assert!(lock.contains("name = \"left\"") && lock.contains("name = \"right\""), "{lock}");
}
