//! Every gate at which nobody answers in time, and every gate that `--yolo` does not open: one table, through the real programs.

use serde_json::Value;
use testkit::TestRepo;

use crate::{decide::outcomes, world};

/// How a run comes to a gate, and how it ends there: without an answer in time, and with `--yolo`.
struct Row {
    kind: &'static str,
    plan: &'static str,
    options: &'static [&'static str],
    prepares: fn(&TestRepo<'_>),
    /// The phase, and the outcomes of the tasks, sorted.
    unanswered: (&'static str, &'static str),
    /// The same with `--yolo`; the phase is `running` if it cannot go on by itself.
    yolo: (&'static str, &'static str),
}

const SH: &[&str] = &["--agent", "sh", "--check", "test ! -e red"];
const CLAUDE: &[&str] = &["--agent", "claude", "--check", "true"];

const ROWS: &[Row] = &[
    Row {
        kind: "failed",
        plan: "- [ ] `a` exit 4\n- [ ] `b` true (after: a)\n- [ ] `c` echo 1 > one\n",
        options: SH,
        prepares: |_| {},
        unanswered: ("partial", "landed, skipped, skipped"),
        yolo: ("partial", "failed, landed, skipped"),
    },
    Row {
        kind: "conflict",
        plan: "- [ ] `a` echo 1 > same\n- [ ] `b` echo 2 > same\n",
        options: SH,
        prepares: |repo| repo.commit("begin", &[("same", "0\n")]),
        unanswered: ("partial", "landed, skipped"),
        yolo: ("partial", "failed, landed"),
    },
    Row {
        kind: "check-failed",
        plan: "- [ ] `a` echo 1 > red\n- [ ] `b` echo 2 > two\n",
        options: SH,
        prepares: |_| {},
        unanswered: ("partial", "landed, skipped"),
        yolo: ("partial", "failed, landed"),
    },
    Row {
        kind: "files",
        plan: "- [ ] `a` echo 1 > one\n      files: docs\n- [ ] `b` echo 2 > two\n",
        options: &["--agent", "sh", "--check", "true", "--strict"],
        prepares: |_| {},
        unanswered: ("partial", "landed, skipped"),
        yolo: ("partial", "failed, landed"),
    },
    Row {
        kind: "blocked-target",
        plan: "- [ ] `a` echo 1 > same\n",
        options: SH,
        prepares: |repo| {
            repo.commit("begin", &[("same", "0\n")]);
            repo.write("same", "mine\n");
        },
        unanswered: ("stopped", "-"),
        yolo: ("running", "-"),
    },
    Row {
        kind: "budget",
        plan: "- [ ] `a` write a 1\n- [ ] `b` write b 2 (after: a)\n",
        options: CLAUDE,
        prepares: |repo| drop(repo.git(["config", "orchestra.maxRunCost", "0.01"])),
        unanswered: ("partial", "landed, skipped"),
        yolo: ("partial", "landed, skipped"),
    },
    Row {
        kind: "limit",
        plan: "- [ ] `a` limit 5400\n",
        options: CLAUDE,
        prepares: |repo| drop(repo.git(["config", "orchestra.limitWait", "1h"])),
        unanswered: ("failed", "skipped"),
        yolo: ("running", "-"),
    },
    Row {
        kind: "review",
        plan: "- [ ] `a` echo 1 > one\n",
        options: &["--agent", "sh", "--with-review=judge", "--check", "true"],
        prepares: |repo| {
            let says = "true; echo '{\"verdict\":\"reject\",\"summary\":\"no\"}'";
            repo.git(["config", "orchestra.agent.judge.command", says]);
            repo.git(["config", "orchestra.agent.judge.reads", "prose"]);
        },
        unanswered: ("failed", "skipped"),
        yolo: ("failed", "failed"),
    },
];

fn sorted(report: &Value) -> String {
    let all = outcomes(report);
    let mut words: Vec<&str> = all.split(", ").collect();
    words.sort_unstable();
    words.join(", ")
}

/// Runs the plan of a row, and returns the phase and the outcomes; a run that cannot go on is looked at and given up.
fn end_of(repo: &TestRepo<'_>, row: &Row, more: &[&str]) -> (String, String) {
    repo.write("plan.md", row.plan);
    (row.prepares)(repo);
    let tip = repo.tip("main");
    let words = ["run", "plan.md", "--json"].iter().chain(row.options).chain(more).copied();
    let ran = repo.orchestra(words);
    let text = ran.stdout();
    let report = serde_json::from_str::<Value>(&text).ok().filter(|report| report["phase"].is_string());
    let (phase, outcomes) = match report {
        Some(report) => (report["phase"].as_str().expect("a phase").to_owned(), sorted(&report)),
        None => ("running".to_owned(), "-".to_owned()),
    };
    if phase == "running" || phase == "stopped" {
        assert!(row.kind == "limit" || repo.tip("main") == tip, "{}: nothing landed", row.kind);
    }
    (phase, outcomes)
}

#[test]
fn a_gate_at_which_nobody_answers_takes_only_what_ends_something() {
    for row in ROWS {
        let world = world();
        let repo = world.repo().with_scripted_claude();
        repo.git(["config", "orchestra.gateTime", "1s"]);
        let (phase, outcomes) = end_of(&repo, row, &[]);
        assert_eq!((phase.as_str(), outcomes.as_str()), row.unanswered, "{}", row.kind);
        let log = repo.refs("refs/orchestra/runs/").into_iter().next().expect("a run").0;
        let events = repo.git(["log", "--format=%B", &log]).stdout();
        assert!(events.contains(&format!("\"kind\":\"{}\"", row.kind)), "{}: {events}", row.kind);
        assert!(!events.contains("\"t\":\"decided\""), "nobody answered");
    }
}

#[test]
fn with_yolo_no_gate_is_opened_and_nothing_is_raised_or_forced() {
    for row in ROWS {
        let world = world();
        let repo = world.repo().with_scripted_claude();
        let (phase, outcomes) = end_of(&repo, row, &["--yolo"]);
        assert_eq!((phase.as_str(), outcomes.as_str()), row.yolo, "{}", row.kind);
        let log = repo.refs("refs/orchestra/runs/").into_iter().next().expect("a run").0;
        let events = repo.git(["log", "--format=%B", &log]).stdout();
        assert!(!events.contains("gate_opened"), "{}: {events}", row.kind);
    }
}

#[test]
fn a_limit_that_ends_while_a_person_waits_resumes_the_agent() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.limitWait", "1s"]);
    let over = crate::limits::over(&world);
    repo.write("plan.md", &format!("- [ ] `a` limit 6 unless {over}\n      write a 2\n"));
    let report = repo.orchestra(["run", "plan.md", "--check", "true", "--json"]).exits(3).json();
    assert_eq!(report["gates"][0]["kind"], "limit", "{report}");
    std::fs::write(&over, "").expect("a file");
    repo.orchestra(["decide", "1", "wait"]).succeeded();
    let ended = repo.orchestra(["run", "--continue", "--json"]).exits(0).json();
    assert_eq!(outcomes(&ended), "landed", "{ended}");
    assert_eq!(repo.git(["show", "main:a"]).stdout(), "2\n");
    assert_eq!(repo.agents().len(), 1, "the same agent continued");
}
