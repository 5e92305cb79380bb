//! `run`: what is found when it was killed after each of its steps, and what `--continue` does then. One row for each way in which a run
//! is cut off; each names the tests that go through the real programs. Pull requests have rows once a run opens them, and a target that
//! is checked out with changes has them with the options of its gate.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use testkit::{Aim, Mode, Ran, TestRepo, runs, until};

use crate::{decide::outcomes, injector, world};

/// What was cut off, and the tests of that: a module and a name.
const ROWS: &[(&str, &[&str])] = &[
    (
        "the run is created, and no agent yet",
        &["run_failures::a_run_that_has_no_agent_yet_is_continued_or_given_up"],
    ),
    ("some agents are made", &["run_failures::of_tasks_whose_agents_are_partly_made_none_gets_a_second"]),
    (
        "an agent ended while nothing drove the run",
        &[
            "run_failures::what_an_agent_did_without_a_driver_lands",
            "run::a_lost_agent_is_resumed_twice_and_then_left_to_a_person",
        ],
    ),
    ("in a check", &["run_failures::a_check_without_its_driver_is_ended_and_run_again"]),
    (
        "a check passed, and that is not recorded",
        &[
            "run_failures::a_check_whose_result_was_not_kept_is_run_again",
            "run::a_run_that_is_killed_is_finished_by_continue",
        ],
    ),
    ("a gate is opened", &["run_failures::a_gate_stays_open_without_a_driver_and_is_answered_meanwhile"]),
    ("an answer is being written", &["run_failures::an_answer_counts_once_it_is_written"]),
    (
        "two clones answer at once",
        &[
            "decide::of_two_clones_that_answer_at_once_one_is_heeded_and_the_other_is_told",
            "run_two_clones::a_gate_is_answered_on_both_and_taken_over_and_lands_once",
        ],
    ),
    (
        "the gate is closed, and its answer not carried out",
        &["decide::a_process_that_is_killed_between_an_answer_and_its_action_acts_once"],
    ),
    (
        "a conflict is being resolved by hand",
        &[
            "gates_edit_kills::a_driver_that_is_killed_while_a_person_resolves_loses_nothing",
            "gates_edit_kills::a_driver_that_is_killed_between_done_and_its_effect_takes_the_resolution_once",
            "gates_edit_kills::a_worktree_that_a_person_deletes_is_made_again",
        ],
    ),
    (
        "the target is about to move, or has moved",
        &[
            "run::a_run_that_is_killed_is_finished_by_continue",
            "run::a_landing_that_was_killed_is_finished_before_the_next_one",
        ],
    ),
    ("work is reviewed", &["run_reviews::a_run_that_is_killed_reviews_everything_once"]),
    (
        "two clones drive it",
        &[
            "run_take::a_run_whose_clone_was_killed_is_driven_on_from_another",
            "run_take::of_two_clones_that_take_a_run_at_once_one_drives_it_after_sync",
            "run_two_clones::a_gate_is_answered_on_both_and_taken_over_and_lands_once",
        ],
    ),
    ("the disk is full", &["run_failures::a_run_that_finds_no_space_says_so_and_is_continued"]),
    (
        "its log is locked by another program",
        &["run_failures::a_run_whose_log_is_locked_says_so_and_is_continued"],
    ),
    (
        "a newer version wrote into its log",
        &[
            "run_failures::a_run_of_a_newer_version_is_shown_and_not_driven",
            "runs::events_of_a_newer_program_are_kept_and_passed_on",
        ],
    ),
    ("its plan is edited", &["run_failures::a_plan_that_is_edited_meanwhile_changes_nothing"]),
];

#[test]
fn every_row_has_tests_that_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    for (row, tests) in ROWS {
        assert!(!tests.is_empty(), "{row}");
        for test in *tests {
            let (module, name) = test.split_once("::").expect("a module and a name");
            let text = fs::read_to_string(folder.join(format!("{module}.rs"))).expect("a module");
            assert!(text.contains(&format!("#[test]\nfn {name}()")), "{row}: no test {test}");
        }
    }
}

/// The run, with a check that always passes.
const WITH: [&str; 4] = ["--agent", "sh", "--check", "true"];

/// Returns the command, as a process that can be killed by itself.
fn program<'a>(repo: &TestRepo<'_>, name: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = repo.command(repo.world().bins().join(name));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn drive<'a>(repo: &TestRepo<'_>, arguments: impl IntoIterator<Item = &'a str>) -> Child {
    program(repo, "git-orchestra-run", arguments).spawn().expect("started")
}

fn kill(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

fn resume(repo: &TestRepo<'_>) -> Ran {
    repo.orchestra(["run", "--continue", "--json"])
}

fn landings(repo: &TestRepo<'_>, file: &str) -> usize {
    repo.git(["log", "--format=%s", "main", "--", file]).stdout().lines().count()
}

const TWO: &str = "- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n";

#[test]
fn a_run_that_has_no_agent_yet_is_continued_or_given_up() {
    let Some(injector) = injector() else { return };
    for gives_up in [false, true] {
        let world = world();
        let repo = world.repo();
        repo.write("plan.md", TWO);
        let mut command = program(&repo, "git-orchestra-run", ["plan.md"].into_iter().chain(WITH));
        let aim = Aim { step: Some("rename refs/orchestra/agents/"), ..Aim::at("git-orchestra-run") };
        assert!(injector.kill(&world, &mut command, aim, 1).is_some());
        assert!(repo.agents().is_empty());
        assert_eq!(repo.refs("refs/orchestra/runs/").len(), 1);
        if gives_up {
            let report = repo.orchestra(["run", "--abort", "--json"]).succeeded().json();
            assert_eq!(report["phase"], "stopped", "{report}");
            assert!(repo.agents().is_empty());
        } else {
            assert_eq!(outcomes(&resume(&repo).succeeded().json()), "landed, landed");
            assert_eq!((repo.agents().len(), landings(&repo, "one")), (2, 1));
        }
    }
}

#[test]
fn of_tasks_whose_agents_are_partly_made_none_gets_a_second() {
    let Some(injector) = injector() else { return };
    let mut partly = 0;
    for at in 2..=7 {
        let world = world();
        let repo = world.repo();
        repo.write("plan.md", "- [ ] `a` echo a > a\n- [ ] `b` echo b > b\n- [ ] `c` echo c > c\n");
        let mut command = program(&repo, "git-orchestra-run", ["plan.md"].into_iter().chain(WITH));
        let aim = Aim { step: Some("rename refs/orchestra/agents/"), ..Aim::at("git-orchestra-run") };
        let hit = injector.kill(&world, &mut command, aim, at);
        let made = repo.agents().len();
        partly += usize::from(made == 1 || made == 2);
        if hit.is_some() {
            let report = resume(&repo).succeeded().json();
            assert_eq!(outcomes(&report), "landed, landed, landed", "killed at {hit:?}: {report}");
        }
        assert_eq!(repo.agents().len(), 3, "killed at {hit:?} with {made} agents");
        for file in ["a", "b", "c"] {
            assert_eq!(landings(&repo, file), 1, "{file}, killed at {hit:?}");
        }
        if partly == 2 {
            return;
        }
    }
    assert!(partly > 0, "no kill left a part of the agents");
}

#[test]
fn what_an_agent_did_without_a_driver_lands() {
    let world = world();
    let repo = world.repo();
    let (started, goes) = (world.dir().join("started"), world.dir().join("goes"));
    let waits = format!("touch {}; until test -e {}; do sleep 0.1; done", started.display(), goes.display());
    repo.write(
        "plan.md",
        &format!("- [ ] `one` {waits}; echo 1 > one\n- [ ] `two` cat one > two (after: one)\n"),
    );
    let driver = drive(&repo, ["plan.md"].into_iter().chain(WITH));
    until("the agent works", || started.exists().then_some(()));
    kill(driver);
    fs::write(&goes, "").expect("written");
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], agent["landed_in"].is_null()), (&"done".into(), true), "{agent}");
    assert_eq!(outcomes(&resume(&repo).succeeded().json()), "landed, landed");
    assert_eq!((repo.agents().len(), landings(&repo, "one")), (2, 1));
    assert_eq!(repo.agent(&id)["attempt"], 1);
}

#[test]
fn a_check_without_its_driver_is_ended_and_run_again() {
    let world = world();
    let repo = world.repo();
    let (pids, goes) = (world.dir().join("pids"), world.dir().join("goes"));
    // The target passes; what the task adds makes the check wait.
    let check = format!(
        "test ! -e one || {{ echo $$ >> {}; test -e {} || exec sleep 300; }}",
        pids.display(),
        goes.display()
    );
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let driver = drive(&repo, ["plan.md", "--agent", "sh", "--check", &check]);
    let pid = until("the check runs", || {
        fs::read_to_string(&pids).ok().and_then(|text| Some(text.lines().next()?.to_owned()))
    });
    kill(driver);
    fs::write(&goes, "").expect("written");
    assert_eq!(landings(&repo, "one"), 0);
    assert_eq!(outcomes(&resume(&repo).succeeded().json()), "landed");
    assert!(!runs(&pid), "the check of the killed process still runs");
    let ran = fs::read_to_string(&pids).expect("the check ran").lines().count();
    assert_eq!((ran, landings(&repo, "one")), (2, 1));
}

#[test]
fn a_check_whose_result_was_not_kept_is_run_again() {
    let Some(injector) = injector() else { return };
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let check = "! test -e one || echo >> \"$HOME/tested\"";
    let mut command = program(&repo, "git-orchestra-run", ["plan.md", "--agent", "sh", "--check", check]);
    let tested = || {
        let text = fs::read_to_string(world.home().join("tested")).unwrap_or_default();
        text.lines().count()
    };
    let aim = Aim { step: Some("rename refs/orchestra-local/checks"), ..Aim::at("git-orchestra-run") };
    // The first result is that of the target as it is.
    let hit = injector.kill(&world, &mut command, aim, 2);
    assert!(hit.is_some(), "the result was not kept");
    assert_eq!((tested(), landings(&repo, "one")), (1, 0));
    assert_eq!(outcomes(&resume(&repo).succeeded().json()), "landed");
    assert_eq!((tested(), landings(&repo, "one"), repo.agents().len()), (2, 1, 1));
}

/// A task that fails, and one that works until a file is there.
fn gated_plan(goes: &Path) -> String {
    format!(
        "- [ ] `red` false\n- [ ] `slow` until test -e {}; do sleep 0.1; done; echo 1 > slow\n",
        goes.display()
    )
}

#[test]
fn a_gate_stays_open_without_a_driver_and_is_answered_meanwhile() {
    let world = world();
    let repo = world.repo();
    let goes = world.dir().join("goes");
    repo.write("plan.md", &gated_plan(&goes));
    let driver = drive(&repo, ["plan.md"].into_iter().chain(WITH));
    until("a gate is open", || {
        let list = repo.orchestra(["decide", "--json"]).succeeded().json();
        (list["runs"][0]["gates"][0]["gate"] == 1).then_some(())
    });
    kill(driver);
    repo.orchestra(["decide"]).succeeded().stdout_has("gate 1, failed, task red");
    repo.orchestra(["decide", "1", "skip"]).succeeded().stderr_has("run --continue");
    fs::write(&goes, "").expect("written");
    let report = resume(&repo).exits(1).json();
    assert_eq!(outcomes(&report), "skipped, landed", "{report}");
    assert_eq!(report["tasks"][0]["reason"], "left out at gate 1");
    assert_eq!(repo.agents().len(), 2);
}

#[test]
fn an_answer_counts_once_it_is_written() {
    let Some(injector) = injector() else { return };
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `red` false\n- [ ] `other` echo 1 > other\n");
    repo.orchestra(["run", "plan.md"].into_iter().chain(WITH)).exits(3);
    let name = repo.refs("refs/orchestra/runs/")[0].0.clone();
    let before = repo.tip(&name);
    // Killed earlier and later, until it was late enough for the answer.
    let (mut early, mut late) = (0, false);
    for at in 1..=60 {
        let mut decide = program(&repo, "git-orchestra-decide", ["1", "skip"]);
        let aim = Aim { from: Some("refs/orchestra/runs/"), ..Aim::at("git-orchestra-decide") };
        let hit = injector.kill(&world, &mut decide, aim, at);
        if repo.tip(&name) != before {
            late = hit.is_some();
            break;
        }
        assert!(hit.is_some(), "an answer was given and not written");
        early += 1;
    }
    assert!(early > 0 && late, "{early} kills before the answer was written, and after it: {late}");
    let report = resume(&repo).exits(1).json();
    assert_eq!(outcomes(&report), "skipped, landed", "{report}");
    assert_eq!((written(&repo, &name, "decided"), written(&repo, &name, "gate_closed")), (1, 1));
}

/// Returns how many events of a kind a log has.
fn written(repo: &TestRepo<'_>, name: &str, kind: &str) -> usize {
    repo.git(["log", "--format=%B", name]).stdout().matches(&format!("\"t\":\"{kind}\"")).count()
}

#[test]
fn a_run_that_finds_no_space_says_so_and_is_continued() {
    let Some(injector) = injector() else { return };
    let mut continued = 0;
    for at in [20, 60, 140] {
        let world = world();
        let repo = world.repo();
        repo.write("plan.md", TWO);
        let state = injector.state("space");
        state.reset(Mode::Full, at);
        state.arm(true);
        let mut command = program(&repo, "git-orchestra-run", ["plan.md"].into_iter().chain(WITH));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let aim = Aim { from: Some("refs/orchestra/runs/"), ..Aim::at("git-orchestra-run") };
        state.apply_to(&mut command, world.dir(), aim);
        let ran = Ran::of(&mut command);
        let (calls, hit) = state.read();
        state.arm(false);
        println!("{calls} calls, no space at {hit:?}: {}", ran.stderr());
        assert_eq!(ran.code() == 0, hit.is_none(), "no space at {hit:?}");
        if hit.is_some() {
            ran.stderr_has("No space left on device");
        }
        let phase = repo.git([
            "log",
            "-1",
            "--format=%(trailers:key=Orchestra-State,valueonly)",
            "--glob=refs/orchestra/runs/*",
        ]);
        if phase.line() == "running" {
            continued += 1;
            assert_eq!(outcomes(&resume(&repo).succeeded().json()), "landed, landed", "no space at {hit:?}");
        }
        let landed = [landings(&repo, "one"), landings(&repo, "two")];
        assert!(
            landed == [1, 1] && repo.agents().len() == 2 || phase.line() == "failed",
            "no space at {hit:?}: {landed:?}"
        );
    }
    assert!(continued > 0, "no run was cut off");
}

#[test]
fn a_run_whose_log_is_locked_says_so_and_is_continued() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `red` false\n- [ ] `other` echo 1 > other\n");
    repo.orchestra(["run", "plan.md"].into_iter().chain(WITH)).exits(3);
    let name = repo.refs("refs/orchestra/runs/")[0].0.clone();
    let tip = repo.tip(&name);
    let lock = repo.path().join(format!(".git/{name}.lock"));
    fs::create_dir_all(lock.parent().expect("a folder")).expect("a folder");
    let held = fs::File::create(&lock).expect("a lock");
    repo.orchestra(["decide", "1", "skip"]).exits(4).stderr_has(&name).stderr_has("hint: ");
    assert_eq!((repo.tip(&name), lock.exists()), (tip, true));
    drop(held);
    fs::remove_file(&lock).expect("removed");
    repo.orchestra(["decide", "1", "skip"]).succeeded();
    let held = fs::File::create(&lock).expect("a lock");
    resume(&repo).exits(4).stderr_has(&name).stderr_has("run --continue");
    drop(held);
    fs::remove_file(&lock).expect("removed");
    assert_eq!(outcomes(&resume(&repo).exits(1).json()), "skipped, landed");
}

#[test]
fn a_run_of_a_newer_version_is_shown_and_not_driven() {
    let world = world();
    let repo = world.repo().with_identity();
    repo.write("plan.md", "- [ ] `red` false\n- [ ] `other` echo 1 > other\n");
    repo.orchestra(["run", "plan.md"].into_iter().chain(WITH)).exits(3);
    let name = repo.refs("refs/orchestra/runs/")[0].0.clone();
    let line = r#"{"at":"2026-11-26T12:00:00Z","l":90,"n":1,"t":"of_tomorrow","v":1,"w":"c"}"#;
    let tree = repo.git(["rev-parse", &format!("{name}^{{tree}}")]).line();
    let commit = repo.git(["commit-tree", &tree, "-p", &name, "-m", &format!("odd\n\n{line}")]).line();
    repo.git(["update-ref", &name, &commit]).succeeded();
    let main = repo.tip("main");
    repo.orchestra(["status"]).succeeded().stdout_has("open gate: 1");
    repo.orchestra(["decide"]).succeeded().stdout_has("gate 1, failed, task red");
    for words in [&["decide", "1", "skip"][..], &["run", "--abort"]] {
        repo.orchestra(words).exits(3).stderr_has("was written by a newer");
    }
    // It waits at its gate as before, and writes nothing.
    resume(&repo);
    assert_eq!((repo.tip(&name), repo.tip("main")), (commit, main));
}

#[test]
fn a_plan_that_is_edited_meanwhile_changes_nothing() {
    let world = world();
    let repo = world.repo();
    let works = world.dir().join("works");
    let plan = format!(
        "- [ ] `red` test -e {} && echo 1 > red\n- [ ] `next` cat red > next (after: red)\n",
        works.display()
    );
    repo.write("plan.md", &plan);
    repo.orchestra(["run", "plan.md"].into_iter().chain(WITH)).exits(3);
    repo.write("plan.md", "- [ ] `evil` echo 1 > evil\n- [ ] `next` echo 2 > evil\n");
    fs::write(&works, "").expect("written");
    repo.orchestra(["decide", "1", "retry"]).succeeded();
    let report = resume(&repo).succeeded().json();
    assert_eq!(
        (outcomes(&report).as_str(), &report["tasks"][1]["id"]),
        ("landed, landed", &Value::from("next"))
    );
    assert!(repo.has("main", "next") && !repo.has("main", "evil"));
    assert_eq!(repo.agents().len(), 2);
}
