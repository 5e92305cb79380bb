//! The story of a run with the real Claude Code: five tasks, of which two conflict, one fails the check, and one needs another. A person
//! answers at the gates, the agents settle and repair, and what landed is tested and says who wrote it.

use serde_json::Value;
use testkit::TestRepo;

use crate::test_bed::TestBed;

const PLAN: &str = "# Story

- [ ] `x` FAKE-CONFLICT x
- [ ] `y` FAKE-CONFLICT y
- [ ] `colour` FAKE-COLOUR
- [ ] `first` FAKE-WRITE first.txt
- [ ] `second` FAKE-SECOND (after: first)
";

/// Returns the gate of each task that is at one, with its kind.
fn gates(report: &Value) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["gates"].as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|gate| (gate["gate"].as_u64().unwrap_or_default(), text(&gate["kind"]), text(&gate["task"])))
        .collect()
}

/// Returns the agent of a task.
fn agent_of(report: &Value, task: &str) -> String {
    let tasks = report["tasks"].as_array().cloned().unwrap_or_default();
    let row = tasks.iter().find(|row| row["id"] == task).expect("a task");
    row["agent"].as_str().expect("an agent").to_owned()
}

/// Returns the agents that 'git orchestra blame' names for the lines of a file.
fn blamed(repo: &TestRepo<'_>, file: &str) -> Vec<String> {
    let report = repo.orchestra(["blame", "--json", file, "main"]).succeeded().json();
    let commits = report["commits"].as_array().expect("commits");
    let lines = report["lines"].as_array().expect("lines");
    let of = |line: &Value| {
        let commit = commits.iter().find(|one| one["commit"] == line["commit"]).expect("a commit");
        commit["agent"]["id"].as_str().unwrap_or_default().to_owned()
    };
    lines.iter().map(of).collect()
}

#[test]
fn five_tasks_come_to_a_tested_main_with_a_conflict_and_a_red_check_on_the_way() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    for tool in ["Bash(git *)", "Bash(sed *)", "Bash(printf *)"] {
        repo.git(["config", "--add", "orchestra.allow", tool]);
    }
    let (plan, seen) = (test_bed.world().dir().join("plan.md"), test_bed.world().dir().join("seen"));
    std::fs::write(&plan, PLAN).expect("written");
    // It notes each tree that passes.
    let check = format!(
        "! grep -qs red colour.txt && ! grep -q '<<<<' shared.txt && git write-tree >> {}",
        seen.display()
    );
    let words = ["--agent", "claude", "-j", "4", "--check", &check, "--json"];
    let ran = repo.orchestra(["run", &plan.to_string_lossy()].into_iter().chain(words));
    let waits = ran.exits(3).json();
    let mut kinds: Vec<String> = gates(&waits).into_iter().map(|(_, kind, _)| kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["check-failed", "conflict"], "{waits:#}");
    let landed = |report: &Value| {
        let tasks = report["tasks"].as_array().cloned().unwrap_or_default();
        tasks.iter().filter(|row| row["outcome"] == "landed").count()
    };
    assert_eq!(landed(&waits), 3, "{waits:#}");

    for (gate, kind, _) in gates(&waits) {
        let option = if kind == "conflict" { "agent" } else { "retry" };
        repo.orchestra(["decide", &gate.to_string(), option]).succeeded();
    }
    let ended = repo.orchestra(["run", "--continue", "--json"]).succeeded().json();
    assert_eq!((&ended["phase"], landed(&ended)), (&"done".into(), 5), "{ended:#}");
    let agents = repo.agents();
    assert_eq!(agents.len(), 5, "one agent for each task");

    // What was in conflict has both, and what was red was repaired by the agent that did it, in its conversation.
    let shared = repo.file_at("main", "shared.txt");
    assert!(shared.contains("first line by x\n") && shared.contains("first line by y\n"), "{shared}");
    assert_eq!(repo.file_at("main", "colour.txt"), "green\n");
    let colour = repo.agent(&agent_of(&ended, "colour"));
    assert_eq!((&colour["attempt"], &colour["phase"]), (&2.into(), &"done".into()), "{colour}");
    let (_, _, conflicting) =
        gates(&waits).into_iter().find(|(_, kind, _)| kind == "conflict").expect("a gate");
    assert_eq!(repo.agent(&agent_of(&ended, &conflicting))["attempt"], 2);
    // The second started from the first.
    let base = repo.agent(&agent_of(&ended, "second"))["base"].as_str().expect("a base").to_owned();
    assert!(repo.has(&base, "first.txt"));

    // The last tree of main was tested.
    let tested = std::fs::read_to_string(&seen).expect("the check ran");
    let tree = repo.git(["rev-parse", "main^{tree}"]).line();
    assert!(tested.lines().any(|one| one == tree), "{tree} in {tested}");

    // Plain git and 'git orchestra blame' say who wrote what.
    let log = repo.git(["log", "--first-parent", "--format=%B", "main"]).stdout();
    for task in ["x", "y", "colour", "first", "second"] {
        let line = format!("Orchestra-Agent: {}", agent_of(&ended, task));
        assert_eq!(log.matches(&line).count(), 1, "{task}: {log}");
    }
    assert!(log.contains("Orchestra-Task: FAKE-COLOUR"), "{log}");
    assert_eq!(blamed(&repo, "colour.txt"), [agent_of(&ended, "colour")]);
    assert_eq!(blamed(&repo, "second.txt"), [agent_of(&ended, "second")]);
    let lines = blamed(&repo, "shared.txt");
    for task in ["x", "y"] {
        assert!(lines.contains(&agent_of(&ended, task)), "{task} in {lines:?}");
    }
}
