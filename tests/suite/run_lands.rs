//! `run` and `merge-ranked`: which files work may change, and gates at which nobody answers.

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::world;

fn reasons(report: &Value) -> Vec<&str> {
    let tasks = report["tasks"].as_array().expect("tasks");
    tasks.iter().map(|task| task["reason"].as_str().unwrap_or_default()).collect()
}

fn outcomes(report: &Value) -> Vec<&str> {
    let tasks = report["tasks"].as_array().expect("tasks");
    tasks.iter().map(|task| task["outcome"].as_str().unwrap_or_default()).collect()
}

#[test]
fn work_that_changes_more_than_only_names_is_left() {
    let world = world();
    let repo = world.repo();
    repo.branch("docs", &[("docs/a.md", "a\n"), ("b.md", "b\n")]);
    repo.branch("both", &[("docs/c.md", "c\n"), ("src.c", "c\n")]);
    let land = |also: &[&str]| {
        let words = ["merge-ranked", "docs", "both", "--only", "docs", "--only", "*.md", "--json"];
        repo.orchestra(words.iter().chain(also))
    };
    let planned = land(&["--dry-run"]).succeeded().json();
    assert!(planned["order"].to_string().contains("changes src.c, which --only does not name"), "{planned}");
    let landed = land(&[]).exits(1).json();
    assert!(repo.has("main", "docs/a.md") && repo.has("main", "b.md"), "{landed}");
    assert!(!repo.has("main", "docs/c.md") && !repo.has("main", "src.c"));
    // It was left, and did not fail: it lands later.
    repo.orchestra(["merge-ranked", "both"]).succeeded();
    assert!(repo.has("main", "src.c"));
    repo.orchestra(["merge-ranked", "both", "--only", ""]).exits(2);
}

#[test]
fn work_outside_of_the_files_of_its_task_is_named_and_kept_back_by_strict() {
    let world = world();
    let repo = world.repo();
    let plan = |name: &str| {
        format!(
            "- [ ] `in` mkdir {name}; echo 1 > {name}/a\n      files: {name}/**\n- [ ] `out` echo 1 > {name}.c\n      files: src, docs\n"
        )
    };
    let run = |also: &[&str]| {
        let words = ["run", "plan.md", "--agent", "sh", "--check", "true", "--json"];
        repo.orchestra(words.iter().chain(also))
    };
    repo.write("plan.md", &plan("one"));
    let report = run(&[]).succeeded().json();
    assert_eq!(reasons(&report), ["", "changes one.c, not named by 'files: src, docs'"], "{report}");
    repo.write("plan.md", &plan("two"));
    let report = run(&["--strict", "--yolo"]).exits(1).json();
    assert_eq!(outcomes(&report), ["landed", "failed"], "{report}");
    assert!(repo.has("main", "two/a") && !repo.has("main", "two.c"));
    repo.write("plan.md", &plan("three"));
    let report = run(&["--strict"]).exits(3).json();
    assert_eq!(report["gates"][0]["says"], "changes three.c, not named by 'files: src, docs'");
    let options = serde_json::json!(["accept", "retry", "skip", "stop"]);
    assert_eq!((&report["gates"][0]["kind"], &report["gates"][0]["options"]), (&"files".into(), &options));
    repo.orchestra(["decide"]).succeeded().stdout_has("    accept  land it nevertheless\n");
    repo.orchestra(["decide", "1", "accept"]).succeeded();
    let report = repo.orchestra(["run", "--continue", "--json"]).succeeded().json();
    assert_eq!(outcomes(&report), ["landed", "landed"], "{report}");
    assert!(repo.has("main", "three.c"));
}

fn waits_at_a_gate(repo: &TestRepo<'_>, limit: &str) {
    repo.git(["config", "orchestra.gateTime", limit]);
    repo.write("plan.md", "- [ ] `bad` exit 4\n- [ ] `next` true (after: bad)\n- [ ] `good` echo 1 > one\n");
}

#[test]
fn a_task_is_left_out_at_a_gate_at_which_nobody_answers() {
    let world = world();
    let repo = world.repo();
    waits_at_a_gate(&repo, "1s");
    let run = ["run", "plan.md", "--agent", "sh", "--check", "true", "--json"];
    let report = repo.orchestra(run).exits(1).json();
    assert_eq!(outcomes(&report), ["skipped", "skipped", "landed"], "{report}");
    assert_eq!(report["tasks"][0]["reason"], "left out at gate 1: nobody answered in time");
    // A plan that nobody accepts is not started.
    let report = repo.orchestra(run.iter().chain(&["--confirm", "--again"])).exits(1).json();
    assert_eq!(
        (report["phase"].as_str(), outcomes(&report).concat().as_str()),
        (Some("stopped"), ""),
        "{report}"
    );
}

#[test]
fn a_gate_tells_a_person_and_an_answer_before_its_deadline_counts() {
    let world = world();
    let repo = world.repo();
    waits_at_a_gate(&repo, "1h");
    repo.git(["config", "orchestra.notify", "cat > \"$PWD/told-$ORCHESTRA_NOTICE\""]);
    let run = ["run", "plan.md", "--agent", "sh", "--check", "true"];
    let mut driver = repo.orchestra_command(run).spawn().expect("started");
    let gate = until("the gate is open", || {
        let waits = repo.orchestra(["decide", "--json"]).json();
        waits["runs"][0]["gates"][0].is_object().then(|| waits["runs"][0].clone())
    });
    assert_eq!(gate["gates"][0]["default"], "skip", "{gate}");
    assert!(gate["gates"][0]["deadline"].is_string());
    repo.orchestra(["decide"]).succeeded().stdout_has("if nobody answers before").stdout_has(": skip");
    let told = until("the notice came", || {
        let text = std::fs::read_to_string(repo.path().join("told-run-gate")).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    });
    assert_eq!((&told["run"], &told["gate"]["task"]), (&gate["run"], &"bad".into()), "{told}");
    repo.orchestra(["decide", "1", "skip", "--wait", "60s"]).succeeded();
    assert!(!driver.wait().expect("it ends").success());
}
