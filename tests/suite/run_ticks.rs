//! `run --tick`: tasks that land are ticked in the file of the plan, as a part of what lands.

use std::fs;

use testkit::{Ran, TestRepo};

use crate::world;

const PLAN: &str = "# Numbers\n\n- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n";

fn committed<'world>(world: &'world testkit::World, file: &str, plan: &str) -> TestRepo<'world> {
    let repo = world.repo();
    fs::create_dir_all(repo.path().join(file).parent().expect("a folder")).expect("a folder");
    repo.write(file, plan);
    repo.git(["add", "."]).succeeded();
    repo.git(["commit", "--quiet", "--message", "Add a plan"]).succeeded();
    repo
}

fn run(repo: &TestRepo<'_>, file: &str, also: &[&str]) -> Ran {
    let words = ["run", file, "--agent", "sh", "--check", "true", "--tick"];
    repo.orchestra(words.iter().chain(also))
}

fn on_main(repo: &TestRepo<'_>, file: &str) -> String {
    repo.git(["show", &format!("main:{file}")]).stdout()
}

#[test]
fn what_lands_is_ticked_and_undo_takes_the_tick_back() {
    let world = world();
    let repo = committed(&world, "docs/plan.md", PLAN);
    run(&repo, "docs/plan.md", &[]).succeeded();
    let ticked = PLAN.replace("[ ]", "[x]");
    assert_eq!(on_main(&repo, "docs/plan.md"), ticked);
    assert_eq!(fs::read_to_string(repo.path().join("docs/plan.md")).expect("a plan"), ticked);
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
    let message = repo.git(["log", "-1", "--format=%B", "main"]).stdout();
    assert!(message.contains("task 'two' is ticked in docs/plan.md."), "{message}");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(on_main(&repo, "docs/plan.md"), PLAN.replacen("[ ]", "[x]", 1));
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(on_main(&repo, "docs/plan.md"), PLAN);
    assert_eq!(fs::read_to_string(repo.path().join("docs/plan.md")).expect("a plan"), PLAN);
}

#[test]
fn the_lists_of_other_programs_are_ticked() {
    for (file, plan) in [
        ("tasks.md", "## Phase 1: Setup\n\n- [ ] T001 [P] echo 1 > one\n- [ ] T002 [P] echo 2 > two\n"),
        (".kiro/tasks.md", "# Implementation Plan\n\n- [ ] 1. echo 1 > one\n- [ ] 2. echo 2 > two\n"),
    ] {
        let world = world();
        let repo = committed(&world, file, plan);
        repo.git(["config", "orchestra.tick", "true"]);
        repo.orchestra(["run", file, "--agent", "sh", "--check", "true"]).succeeded();
        assert_eq!(on_main(&repo, file), plan.replace("[ ]", "[x]"));
    }
}

#[test]
fn no_file_that_a_person_changes_is_written_over() {
    let world = world();
    let repo = committed(&world, "plan.md", PLAN);
    let mine = format!("{PLAN}\nMine.\n");
    repo.write("plan.md", &mine);
    let ran = run(&repo, "plan.md", &[]).succeeded();
    ran.stderr_has("task 'two' is not ticked in plan.md: the file has changes in")
        .stderr_has("not committed");
    assert_eq!(fs::read_to_string(repo.path().join("plan.md")).expect("a plan"), mine);
    assert_eq!(on_main(&repo, "plan.md"), PLAN);
    assert!(repo.has("main", "two"));
}

#[test]
fn a_task_that_the_list_does_not_have_any_more_is_named() {
    let world = world();
    let plan = "- [ ] `one` sed -i 2d plan.md; echo 1 > one\n- [ ] `two` cat one > two (after: one)\n";
    let repo = committed(&world, "plan.md", plan);
    let ran = run(&repo, "plan.md", &[]).succeeded();
    ran.stderr_has("task 'two' is not ticked in plan.md: the file does not have this task any more");
    let now = on_main(&repo, "plan.md");
    assert!(now.starts_with("- [x] `one`") && now.lines().count() == 1, "{now}");
}

#[test]
fn a_plan_that_cannot_be_ticked_is_refused_if_that_was_typed() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", PLAN);
    run(&repo, "plan.md", &[]).exits(3).stderr_has("'").stderr_has("is not committed in main");
    assert!(repo.agents().is_empty());
    repo.git(["config", "orchestra.tick", "true"]);
    let ran = repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", "true"]).succeeded();
    ran.stderr_has("is not committed in main");
    assert!(repo.has("main", "two"));
}

#[test]
fn work_of_a_run_that_lands_later_is_ticked_too() {
    for strategy in ["merge", "squash", "rebase"] {
        let world = world();
        let repo = committed(&world, "plan.md", PLAN);
        let words = ["run", "plan.md", "--agent", "sh", "--tick", "--yolo", "--check", "test ! -e one"];
        repo.orchestra(words).exits(1);
        let agents = repo.agents();
        let agent = agents[0]["id"].as_str().expect("an agent");
        assert_eq!(on_main(&repo, "plan.md"), PLAN);
        let landed = ["merge-ranked", agent, "--test", "true", "--strategy", strategy];
        repo.orchestra(landed).succeeded();
        assert_eq!(on_main(&repo, "plan.md"), PLAN.replacen("[ ]", "[x]", 1), "{strategy}");
        repo.orchestra(["undo"]).succeeded();
        assert_eq!(on_main(&repo, "plan.md"), PLAN, "{strategy}");
    }
}
