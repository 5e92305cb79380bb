//! `run`: from a plan to a tested target branch, also if its process is killed in between.

use serde_json::Value;
use testkit::{Aim, TestRepo};

use crate::{injector, world};

const PLAN: &str = "\
# Numbers

- [ ] `one` echo 1 > one
- [ ] `two` cat one > two (after: one)
- [ ] `red` touch red
- [ ] `four` echo 4 > four (after: red)
";

/// A check that is red for the work of one task.
const CHECK: &str = "test ! -e red";

fn outcomes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let tasks = report["tasks"].as_array().cloned().unwrap_or_default();
    tasks.iter().map(|task| (text(&task["id"]), text(&task["outcome"]))).collect()
}

fn has_ended_truthfully(repo: &TestRepo<'_>, report: &Value) {
    let found = outcomes(report);
    let found: Vec<(&str, &str)> = found.iter().map(|(id, how)| (id.as_str(), how.as_str())).collect();
    assert_eq!(
        found,
        [("one", "landed"), ("two", "landed"), ("red", "failed"), ("four", "skipped")],
        "{report}"
    );
    assert_eq!(report["phase"], "partial");
    assert_eq!(report["tasks"][3]["reason"], "needs 'red', which failed");
    let files = repo.git(["ls-tree", "--name-only", "main"]).stdout();
    assert!(files.contains("one\n") && files.contains("two\n"), "{files}");
    assert!(!files.contains("red") && !files.contains("four"), "{files}");
    assert_eq!(repo.agents().len(), 3, "one agent for each task that was started");
}

#[test]
fn a_plan_is_carried_out_in_order_and_what_fails_the_check_does_not_land() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", PLAN);
    let dry = repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", CHECK, "--dry-run", "--json"]);
    assert_eq!(dry.succeeded().json()["dry_run"], true);
    assert!(repo.agents().is_empty() && repo.refs("refs/orchestra/runs/").is_empty());
    let ran =
        repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", CHECK, "--yolo", "--json"]).exits(1);
    let report = ran.json();
    has_ended_truthfully(&repo, &report);
    // What has ended stays as it ended.
    let run = report["run"].as_str().expect("an id");
    let again = repo.orchestra(["run", "--continue", run, "--json"]).exits(1).json();
    assert_eq!(again["tasks"], report["tasks"]);
    assert_eq!(repo.refs("refs/orchestra/runs/").len(), 1);
    repo.orchestra(["run", "--continue"]).exits(3);
}

#[test]
fn what_cannot_be_carried_out_is_refused_and_starts_nothing() {
    let world = world();
    let repo = world.repo();
    repo.write("plan.md", PLAN);
    repo.write("circle.md", "- `a` One (after: b)\n- `b` Two (after: a)\n");
    let unchecked = repo.orchestra(["run", "plan.md", "--agent", "sh"]).exits(2).stderr();
    assert!(unchecked.contains("--check"), "{unchecked}");
    let circle = repo.orchestra(["run", "circle.md", "--check", "true"]).exits(2).stderr();
    assert!(circle.contains("circle"), "{circle}");
    repo.orchestra(["run", "plan.md", "--check", "true", "--tasks", "two"]).exits(2);
    repo.orchestra(["run", "plan.md", "--check", "true", "--into", "nosuch"]).exits(3);
    repo.orchestra(["run", "--continue", "nosuch"]).exits(3);
    assert!(repo.agents().is_empty() && repo.refs("refs/orchestra/runs/").is_empty());
}

#[test]
fn a_run_that_is_killed_is_finished_by_continue() {
    let Some(injector) = injector() else { return };
    for (step, times) in
        [("rename refs/orchestra/runs/", &[1_u64, 2, 4][..]), ("rename refs/heads/main", &[1, 2])]
    {
        for at in times {
            let world = world();
            let repo = world.repo();
            repo.write("plan.md", PLAN);
            let mut command = repo.command(world.bins().join("git-orchestra-run"));
            command.args(["plan.md", "--agent", "sh", "--check", CHECK, "--yolo"]);
            let aim = Aim { step: Some(step), ..Aim::at("git-orchestra-run") };
            let hit = injector.kill(&world, &mut command, aim, *at);
            assert!(hit.is_some(), "{step} was not reached {at} times");
            if repo.refs("refs/orchestra/runs/").is_empty() {
                // Killed before it began: nothing was made.
                assert!(repo.agents().is_empty());
                continue;
            }
            let report = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
            has_ended_truthfully(&repo, &report);
            let landed = repo.git(["log", "--format=%s", "main", "--", "one"]).stdout();
            assert_eq!(landed.lines().count(), 1, "killed at {hit:?}: {landed}");
        }
    }
}

#[test]
fn what_the_plan_says_of_a_task_comes_before_what_was_typed_for_all() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.mine.command", "sh $ORCHESTRA_PROMPT_FILE"]);
    let plan =
        |agent: &str| format!("- [ ] `one` echo 1 > one\n- [ ] `two` echo 2 > two\n      agent: {agent}\n");
    repo.write("plan.md", &plan("nobody"));
    let run = ["run", "plan.md", "--agent", "sh", "--check", "true"];
    repo.orchestra(run).exits(3).stderr_has("nobody").stderr_has("it is task two of the plan");
    assert!(
        repo.agents().is_empty() && repo.refs("refs/orchestra/runs/").is_empty(),
        "nothing is left of it"
    );
    repo.write("plan.md", &plan("mine"));
    repo.orchestra(run).succeeded();
    let mut profiles: Vec<String> =
        repo.agents().iter().map(|agent| agent["profile"].as_str().expect("a name").to_owned()).collect();
    profiles.sort_unstable();
    assert_eq!(profiles, ["mine", "sh"]);
}

/// A plan whose first task kills the supervisor of its agent as long as a file outside of its worktree is not there.
const LOSES: &str = "\
- [ ] `one` echo 1 > one; sh LOSE
- [ ] `two` cat one > two (after: one)
";

#[test]
fn a_lost_agent_is_resumed_twice_and_then_left_to_a_person() {
    let world = world();
    let repo = world.repo();
    let (file, times) = (world.dir().join("lose.sh"), world.dir().join("times"));
    let times = times.display();
    let script = format!(
        "echo >> '{times}'\ntest $(wc -l < '{times}') -gt 3 && exit 0\n\
         kill -9 $(git orchestra status --format '%(supervisor_pid)' \"$ORCHESTRA_AGENT\")\nexec sleep 300\n"
    );
    std::fs::write(&file, script).expect("written");
    repo.write("plan.md", &LOSES.replace("LOSE", &file.display().to_string()));
    let report =
        repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", "true", "--json"]).exits(3).json();
    assert_eq!(report["phase"], "running", "{report}");
    assert!(report["tasks"][0]["reason"].as_str().is_some_and(|why| why.starts_with("lost")), "{report}");
    let warnings = report["warnings"].to_string();
    assert_eq!(warnings.matches("was lost, and the run resumed it").count(), 2, "{report}");
    // `status` says so too, of a run that nobody drives.
    let agent = report["tasks"][0]["agent"].as_str().expect("an agent");
    let run = report["run"].as_str().expect("an id");
    let all = repo.orchestra(["status", "--json"]).succeeded().json();
    assert_eq!(all["runs"][0]["run"], run, "{all}");
    assert_eq!(all["runs"][0]["waits"], serde_json::json!([agent]));
    let shown = repo.orchestra(["status"]).succeeded().stdout();
    let line = format!("run {run}: 0 of 2 tasks landed; waits: {agent}\n");
    assert!(shown.contains(&line), "{shown}");
    // A person who continues the run allows as many again.
    let report = repo.orchestra(["run", "--continue", "--json"]).exits(0).json();
    assert_eq!(report["phase"], "done", "{report}");
    let all = repo.orchestra(["status", "--json"]).succeeded().json();
    assert!(all.get("runs").is_none(), "{all}");
    assert_eq!(repo.agents().len(), 2, "one agent for each task");
}

const TWO: &str = "- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n";

/// Its target may have moved, and its tasks be recorded as landed, before the landing itself has ended.
#[test]
fn a_landing_that_was_killed_is_finished_before_the_next_one() {
    let Some(injector) = injector() else { return };
    let mut kills = 0;
    for at in 1..=6 {
        let world = world();
        let repo = world.repo();
        repo.write("plan.md", TWO);
        let mut command = repo.command(world.bins().join("git-orchestra-run"));
        command.args(["plan.md", "--agent", "sh", "--check", "true"]);
        let aim = Aim { step: Some("rename refs/orchestra/agents/"), ..Aim::at("git-orchestra-run") };
        let hit = injector.kill(&world, &mut command, aim, at);
        kills += u32::from(hit.is_some());
        let report = repo.orchestra(["run", "--continue", "--json"]);
        // Without a kill the run has ended, and there is none to continue.
        if hit.is_some() {
            let report = report.succeeded().json();
            assert_eq!(outcomes(&report).len(), 2, "killed at {hit:?}: {report}");
            assert_eq!(report["phase"], "done", "killed at {hit:?}: {report}");
            assert_eq!(repo.agents().len(), 2, "killed at {hit:?}");
        }
    }
    assert!(kills >= 3, "only {kills} kills");
}

/// Work that changes nothing is checked by no landing. What needs it starts only if the target passes the check as it is.
#[test]
fn a_task_that_changes_nothing_is_unchanged_or_failed_as_the_target_is() {
    let world = world();
    let repo = world.repo();
    let plan = |next: &str| format!("- [ ] `idle` true\n- [ ] `next` echo {next} > {next} (after: idle)\n");
    let run = |check: &str, also: &[&str]| {
        let all = ["run", "plan.md", "--agent", "sh", "--json", "--check", check];
        repo.orchestra(all.iter().chain(also).copied())
    };
    let outcomes_of = |report: &Value| outcomes(report).into_iter().map(|(_, how)| how).collect::<Vec<_>>();
    repo.write("plan.md", &plan("two"));
    let report = run("test -e two", &["--yolo", "--even-if-red"]).exits(1).json();
    assert_eq!(outcomes_of(&report), ["failed", "skipped"], "{report}");
    let why = "changed nothing, and the test fails on main: exit code 1";
    assert_eq!(report["tasks"][0]["reason"], why);
    assert_eq!((report["phase"].as_str(), repo.agents().len()), (Some("failed"), 1));
    // Without --yolo a person is asked.
    repo.write("plan.md", &plan("three"));
    let report = run("test -e three", &["--even-if-red"]).exits(3).json();
    assert_eq!(
        (report["gates"][0]["kind"].as_str(), report["gates"][0]["says"].as_str()),
        (Some("check-failed"), Some(why))
    );
    assert_eq!(repo.agents().len(), 2, "what needs it did not start");
    repo.write("plan.md", &plan("four"));
    let report = run("test ! -e five", &["--again"]).succeeded().json();
    assert_eq!(outcomes_of(&report), ["unchanged", "landed"], "{report}");
    assert_eq!(report["tasks"][0]["reason"], "changed nothing; main passes the check");
    // Other programs read this end as one that landed.
    let key = report["run"].as_str().expect("an id");
    let log = repo.git(["log", "--format=%B", &format!("refs/orchestra/runs/{key}")]).stdout();
    assert!(log.contains(r#""outcome":"landed""#) && log.contains(r#""unchanged":true"#), "{log}");
}
