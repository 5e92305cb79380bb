//! `sessions` on files that the real Claude Code writes.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, until};

use crate::test_bed::TestBed;

/// Returns the program as a person starts it, in the directory of the repository.
pub(crate) fn claude(repo: &TestRepo<'_>, arguments: &[&str]) -> Command {
    let program = repo.git(["config", "orchestra.agent.claude.program"]).line();
    let mut command = repo.command(program);
    command.args(arguments);
    command
}

fn listed(repo: &TestRepo<'_>, session: &str) -> Value {
    let report = repo.orchestra(["sessions", "--json"]).succeeded().json();
    let all = report["sessions"].as_array().cloned().expect("a list");
    all.into_iter().find(|one| one["id"] == session).expect("it is listed")
}

const SESSION: &str = "20000000-0000-4000-8000-000000000001";

#[test]
fn a_new_session_has_every_field_and_resumes_even_from_the_kept_copy() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let arguments = [
        "-p",
        "FAKE-WRITE a.txt",
        "--session-id",
        SESSION,
        "--output-format",
        "json",
        "--permission-mode",
        "bypassPermissions",
        "--name",
        "a name",
    ];
    let result = Ran::of(&mut claude(&repo, &arguments)).succeeded().json();
    let one = listed(&repo, SESSION);
    let here = repo.path().to_string_lossy().into_owned();
    for (field, value) in [
        ("program", json!("claude")),
        ("title", json!("a name")),
        ("first_prompt", json!("FAKE-WRITE a.txt")),
        ("last_prompt", json!("FAKE-WRITE a.txt")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", json!("main")),
        ("messages", json!(4)),
        ("live", json!(false)),
        ("pid", Value::Null),
        ("agent", Value::Null),
        ("kept", json!(false)),
        ("subagents", json!([])),
    ] {
        assert_eq!(one[field], value, "{field} of {one}");
    }
    let cost = |value: &Value| (value.as_f64().expect("a cost") * 1e6).round();
    assert_eq!(cost(&one["cost_usd"]), cost(&result["total_cost_usd"]));
    let used: Vec<&Value> = result["modelUsage"].as_object().expect("models").values().collect();
    let sum = |keys: &[&str]| {
        used.iter().flat_map(|model| keys.iter().filter_map(|key| model[*key].as_u64())).sum::<u64>()
    };
    let read = ["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"];
    assert_eq!(
        (&one["input_tokens"], &one["output_tokens"]),
        (&json!(sum(&read)), &json!(sum(&["outputTokens"])))
    );
    let path = one["path"].as_str().expect("a path").to_owned();
    assert_eq!(one["size"], fs::metadata(&path).expect("a file").len());
    // It is resumed: the model receives the earlier conversation.
    let before = test_bed.requests().len();
    let said = repo.orchestra(["sessions", "resume", SESSION, "--print", "-m", "FAKE-SAY again"]).succeeded();
    assert_eq!(said.line(), "You said again.");
    let requests = test_bed.requests();
    assert_eq!(requests[before]["conversation"], requests[0]["conversation"]);
    assert!(
        requests[before]["messages"].as_u64() > requests[0]["messages"].as_u64(),
        "{:?}",
        requests[before]
    );
    let again = listed(&repo, SESSION);
    assert_eq!((&again["messages"], &again["last_prompt"]), (&json!(6), &json!("FAKE-SAY again")));
    // It is also resumed from the kept copy after its file was deleted.
    repo.orchestra(["sessions", "keep", SESSION]).succeeded();
    fs::remove_file(&path).expect("gone");
    let before = test_bed.requests().len();
    let said = repo.orchestra(["sessions", "resume", SESSION, "--print", "-m", "FAKE-SAY kept"]).succeeded();
    assert_eq!(said.line(), "You said kept.");
    let requests = test_bed.requests();
    assert!(requests[before]["messages"].as_u64() > requests[0]["messages"].as_u64().map(|count| count + 4));
    assert_eq!(listed(&repo, SESSION)["messages"], 8);
    // A fork is a separate session.
    repo.orchestra(["sessions", "resume", SESSION, "--fork", "--print", "-m", "FAKE-SAY forked"]).succeeded();
    let report = repo.orchestra(["sessions", "--json"]).succeeded().json();
    let all = report["sessions"].as_array().expect("a list");
    assert_eq!(all.len(), 2);
    let fork = all.iter().find(|one| one["last_prompt"] == "FAKE-SAY forked" && one["id"] != SESSION);
    // The repeated part is counted once: it was paid for by the first session.
    let total = &repo.orchestra(["sessions", "stats", "--json"]).succeeded().json()["total"];
    assert_eq!(total["messages"], 10, "{report}");
    assert_eq!(cost(&total["cost_usd"]), cost(&fork.expect("a fork")["cost_usd"]), "{report}");
}

#[test]
fn a_running_session_is_live_and_refused_and_subagents_are_nested() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let mut child = claude(&repo, &["-p", "FAKE-HANG", "--session-id", SESSION]).spawn().expect("claude");
    let live = until("it is live", || {
        let report = repo.orchestra(["sessions", "--live", "--json"]).succeeded().json();
        report["sessions"].as_array().and_then(|all| all.first().cloned())
    });
    assert_eq!((&live["id"], &live["live"]), (&json!(SESSION), &json!(true)));
    assert!(live["pid"].as_u64().is_some(), "{live}");
    repo.orchestra(["sessions", "resume", SESSION, "--print", "-m", "x"])
        .exits(3)
        .stderr_has("is in use by process");
    child.kill().expect("killed");
    child.wait().expect("ended");
    // Its record still exists, but its process does not.
    assert_eq!(listed(&repo, SESSION)["live"], false);
    let inner = "20000000-0000-4000-8000-000000000002";
    Ran::of(&mut claude(&repo, &["-p", "FAKE-SUBAGENT", "--session-id", inner])).succeeded();
    let one = listed(&repo, inner);
    assert_eq!(one["subagents"].as_array().map(Vec::len), Some(1), "{one}");
    let report = repo.orchestra(["sessions", "--json"]).succeeded().json();
    assert_eq!(report["sessions"].as_array().map(Vec::len), Some(2), "a subagent is not listed as a session");
}
