//! `run`: what is refused before anything starts, and how a run is given up or continued with other options.

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::world;

const RUN: [&str; 7] = ["run", "plan.md", "--agent", "sh", "--check", "true", "--json"];

/// A plan whose second task works until the file `done` is outside of its worktree.
fn slow_plan(repo: &TestRepo<'_>) -> String {
    let done = repo.path().join("done").display().to_string();
    format!(
        "- [ ] `one` echo 1 > one\n- [ ] `slow` echo 2 > two; until test -e {done}; do sleep 0.05; done\n"
    )
}

fn runs(repo: &TestRepo<'_>) -> usize {
    repo.refs("refs/orchestra/runs/").len()
}

/// The same plan is typed again while the first run waits, and after it ended.
#[test]
fn tasks_of_an_earlier_run_are_not_started_again_unasked() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `bad` exit 4\n");
    let report = repo.orchestra(RUN).exits(3).json();
    let key = report["run"].as_str().expect("an id").to_owned();
    // The text of a task counts, not its id or its place.
    repo.write("plan.md", "- [ ] `other` Exit 4.\n- [ ] `new` true\n");
    let refused = repo.orchestra(RUN).exits(3).stderr();
    assert!(
        refused.contains(&format!("run '{key}' has not ended, and carries out task 'other' already")),
        "{refused}"
    );
    assert!(refused.contains(&format!("git orchestra run --continue {key}")), "{refused}");
    let dry = repo.orchestra(RUN.iter().chain(&["--dry-run"])).succeeded().json();
    assert!(dry["warnings"].to_string().contains("has not ended"), "{dry}");
    assert_eq!((repo.agents().len(), runs(&repo)), (2, 1));
    // Into another branch it is another work.
    repo.git(["branch", "side"]);
    repo.write("side.md", "- [ ] `bad` exit 4\n");
    repo.orchestra(["run", "side.md", "--agent", "sh", "--check", "true", "--into", "side", "--yolo"])
        .exits(1);
    // After its end, what landed is named.
    repo.orchestra(["decide", &key, "1", "skip"]).succeeded();
    repo.orchestra(["run", "--continue", &key]).exits(1);
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `bad` exit 4\n");
    repo.orchestra(RUN).exits(3).stderr_has(&format!("task 'one' landed already, in run '{key}'"));
    repo.write("plan.md", "- [x] `one` echo 1 > one\n- [ ] `bad` exit 4\n");
    repo.orchestra(RUN).exits(3).stderr_has("waits for a person");
    repo.orchestra(RUN.iter().chain(&["--again", "--yolo"])).exits(1);
    assert_eq!(runs(&repo), 4);
}

/// What was taken back can be carried out again.
#[test]
fn a_task_whose_landing_was_undone_is_not_taken_for_landed() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    repo.orchestra(RUN).succeeded();
    repo.orchestra(RUN).exits(3).stderr_has("landed already");
    repo.orchestra(["undo"]).succeeded();
    repo.orchestra(RUN).succeeded();
}

#[test]
fn a_run_of_which_nothing_could_be_started_has_ended() {
    let world = world();
    let repo = world.repo();
    repo.git(["branch", "side"]);
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    // The check takes the branch away from which agents start.
    let run = ["run", "plan.md", "--agent", "sh", "--into", "side", "--check", "git branch -D side"];
    let refused = repo.orchestra(run).exits(3).stderr();
    assert!(!refused.contains("--continue"), "{refused}");
    let all = repo.orchestra(["status", "--json"]).json();
    assert!(all.get("runs").is_none() && repo.agents().is_empty(), "{all}");
}

#[test]
fn a_run_is_given_up_while_another_process_drives_it() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", &slow_plan(&repo));
    let driver = repo.orchestra_command(RUN).spawn().expect("started");
    let working = |agents: &[Value]| agents.iter().filter(|agent| agent["phase"] == "running").count();
    until("the second task works", || {
        let agents = repo.agents();
        (agents.len() == 2 && working(&agents) >= 1 && agents.iter().any(|agent| agent["phase"] == "done"))
            .then_some(())
    });
    let report = repo.orchestra(["run", "--abort", "--json"]).succeeded().json();
    assert_eq!(report["phase"], "stopped", "{report}");
    let mut driver = driver;
    assert!(!driver.wait().expect("it ends").success());
    let phases: Vec<Value> = repo.agents().iter().map(|agent| agent["phase"].clone()).collect();
    assert!(phases.contains(&"stopped".into()) && !phases.contains(&"running".into()), "{phases:?}");
    let slow = report["tasks"][1]["agent"].as_str().expect("an agent");
    assert_eq!(repo.file_in_head(slow, "two"), "2\n", "its work is kept");
    let all = repo.orchestra(["status", "--json"]).json();
    assert!(all.get("runs").is_none(), "{all}");
    // Typed twice it is the same, and nothing of it can be continued.
    let key = report["run"].as_str().expect("an id");
    repo.orchestra(["run", "--abort", key]).succeeded();
    repo.orchestra(["run", "--continue"]).exits(3).stderr_has("no run of this clone is unfinished");
    let left: Vec<_> =
        std::fs::read_dir(repo.path().join(".git/orchestra/runs")).expect("a folder").flatten().collect();
    assert!(left.iter().all(|entry| entry.path().extension().is_some_and(|end| end == "json")), "{left:?}");
}

#[test]
fn what_has_ended_cannot_be_given_up() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let key = repo.orchestra(RUN).succeeded().json()["run"].as_str().expect("an id").to_owned();
    repo.orchestra(["run", "--abort", &key]).exits(3).stderr_has("has ended: it is done");
    repo.orchestra(["run", "--abort"]).exits(3);
    repo.orchestra(["run", "--abort", "--continue"]).exits(2);
    repo.orchestra(["run", "plan.md", "--abort"]).exits(2);
}

#[test]
fn a_run_is_continued_with_another_check_which_its_log_records() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `bad` exit 4\n");
    let run = ["run", "plan.md", "--agent", "sh", "--check", "test ! -e one", "--json"];
    let report = repo.orchestra(run).exits(3).json();
    let key = report["run"].as_str().expect("an id").to_owned();
    assert_eq!(report["gates"].as_array().map(Vec::len), Some(2), "{report}");
    repo.orchestra(["run", "--continue", &key, "--check", " "]).exits(2);
    repo.orchestra(["decide", &key, "1", "skip"]).succeeded();
    repo.orchestra(["decide", &key, "2", "skip"]).succeeded();
    repo.orchestra(["run", "--continue", &key, "--check", "test -e one", "--jobs", "1"]).exits(1);
    let log = repo.git(["log", "--format=%B", &format!("refs/orchestra/runs/{key}")]).stdout();
    assert!(log.contains("continued with --check 'test -e one' --jobs 1"), "{log}");
    repo.orchestra(["run", "--continue", &key, "--jobs", "2"]).exits(3).stderr_has("has ended");
}

/// Every task would fail a check that fails without its work.
#[test]
fn a_check_that_fails_on_the_target_starts_nothing() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let run = ["run", "plan.md", "--agent", "sh", "--check", "test -e one"];
    let red = repo.orchestra(run.iter().chain(&["--yolo"])).exits(3).stderr();
    assert!(red.contains("the test fails on main: exit code 1, before anything is started"), "{red}");
    assert!(red.contains("--even-if-red"), "{red}");
    assert!(repo.agents().is_empty() && runs(&repo) == 0);
    repo.orchestra(run.iter().chain(&["--even-if-red"])).succeeded();
    assert_eq!(repo.file_at("main", "one"), "1\n");
}

#[test]
fn what_was_reset_or_reverted_may_be_carried_out_again() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let before = repo.tip("main");
    repo.orchestra(RUN).succeeded();
    repo.git(["reset", "-q", "--hard", &before]);
    repo.orchestra(RUN).succeeded();
    repo.git(["revert", "--no-edit", "-m", "1", "HEAD"]);
    repo.orchestra(RUN).succeeded();
    repo.orchestra(RUN).exits(3).stderr_has("landed already");
}

#[test]
fn nothing_lands_after_a_run_was_given_up() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let begun = world.dir().join("check-runs");
    let check = format!("test ! -e one || {{ touch '{}'; sleep 600; }}", begun.display());
    let run = ["run", "plan.md", "--agent", "sh", "--check", &check];
    let mut driver = repo.orchestra_command(run).spawn().expect("started");
    until("the landing is checked", || begun.exists().then_some(()));
    let main = repo.tip("main");
    let report = repo.orchestra(["run", "--abort", "--json"]).succeeded().json();
    assert_eq!(report["phase"], "stopped", "{report}");
    assert!(!driver.wait().expect("it ends").success());
    assert_eq!(repo.tip("main"), main);
    // Its landing was aborted with it.
    assert_eq!(report["warnings"], serde_json::json!([]), "{report}");
    repo.orchestra(["merge-ranked", "--abort"]).exits(3).stderr_has("no landing is under way");
    let operations = repo.orchestra(["undo", "--list", "--json"]).json();
    assert_eq!(operations["operations"][0]["stage"], "aborted", "{operations}");
    let worktrees = repo.git(["worktree", "list", "--porcelain"]).stdout();
    assert!(!worktrees.contains("landing"), "no scratch worktree is left: {worktrees}");
}

#[test]
fn a_task_whose_work_was_left_out_has_not_just_changed_nothing() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.maxFile", "1k"]);
    repo.write(
        "plan.md",
        "- [ ] `big` head -c 5000 /dev/zero > big\n- [ ] `next` echo 1 > next (after: big)\n",
    );
    let report = repo.orchestra([&RUN[..], &["--yolo"]].concat()).exits(1).json();
    let reason = report["tasks"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("1 file left out of its work"), "{report}");
    assert_eq!(repo.agents().len(), 1, "what needs it is not started");
}

#[test]
fn what_is_added_to_a_branch_after_its_agent_ended_is_compared_with_the_files_of_its_task() {
    let world = world();
    let repo = world.repo();
    let plan = "- [ ] `one` echo 1 > one\n      files: one\n- [ ] `two` WAIT; echo 2 > two\n";
    let done = repo.path().join("done").display().to_string();
    repo.write("plan.md", &plan.replace("WAIT", &format!("while [ ! -e '{done}' ]; do sleep 0.05; done")));
    let run = ["run", "plan.md", "--agent", "sh", "--check", "true", "--strict", "--yolo"];
    let mut driver = repo.orchestra_command(run).spawn().expect("started");
    let one = until("the first task is done", || {
        let is_done = |agent: &Value| agent["phase"] == "done" && agent["title"] == "echo 1 > one";
        repo.agents().into_iter().find(is_done).filter(|_| repo.agents().len() == 2)
    });
    let id = one["id"].as_str().expect("an id");
    let place = repo.worktree(id);
    std::fs::write(place.join("evil"), "1\n").expect("written");
    world.git(&place, ["add", "evil"]).succeeded();
    world.git(&place, ["commit", "-qm", "evil"]).succeeded();
    repo.write("done", "");
    driver.wait().expect("it ends");
    assert!(!repo.has("main", "evil") && repo.has("main", "two"));
}

#[test]
fn a_run_whose_branch_was_renamed_is_continued_into_the_new_one() {
    let world = world();
    let repo = world.repo();
    let go = repo.path().join("go");
    let wait = format!("until [ -e '{}' ]; do sleep 0.05; done", go.display());
    repo.write(
        "plan.md",
        &format!("- [ ] `one` {wait}; echo 1 > one\n- [ ] `two` echo 2 > two (after: one)\n"),
    );
    let run = ["run", "plan.md", "--agent", "sh", "--check", "true"];
    let mut driver = repo.orchestra_command(run).spawn().expect("started");
    until("its agent runs", || repo.agents().iter().any(|one| one["phase"] == "running").then_some(()));
    repo.command("kill").args(["-INT", &driver.id().to_string()]).status().expect("kill");
    driver.wait().expect("it ends");
    repo.git(["branch", "--move", "main", "trunk"]);
    repo.write("go", "");
    let refused = repo.orchestra(["run", "--continue"]).exits(3);
    let key = repo.refs("refs/orchestra/runs/")[0].0.rsplit_once('/').expect("an id").1.to_owned();
    refused
        .stderr_has(&format!("the branch main of run '{key}' no longer exists"))
        .stderr_has("it was renamed to trunk")
        .stderr_has(&format!("git orchestra run --continue {key} --into trunk"));
    repo.orchestra(["run", "--continue", &key, "--into", "gone"]).exits(3);
    repo.orchestra(["run", "--continue", &key, "--into", "trunk"]).succeeded();
    assert_eq!((repo.file_at("trunk", "one"), repo.file_at("trunk", "two")), ("1\n".into(), "2\n".into()));
}
