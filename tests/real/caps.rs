//! Caps on money and tokens, as real programs reach them against the scripted model.

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::test_bed::TestBed;

/// How often a cap is raised at most until the agents are done.
const MAX_RAISES: usize = 40;

fn repo(test_bed: &TestBed) -> TestRepo<'_> {
    let repo = test_bed.repo();
    for (key, value) in [
        ("orchestra.agent.api.model", "large-1.5"),
        ("orchestra.price.large-1-5", "3/15"),
        ("orchestra.permission", "acceptEdits"),
        ("orchestra.grace", "1s"),
    ] {
        repo.git(["config", key, value]);
    }
    repo
}

fn spawn(repo: &TestRepo<'_>, options: &[&str], task: &str) -> String {
    let arguments = [&["spawn", "--detach"], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

/// Waits until the agent is paused at a cap, held by one in the queue, or has ended.
fn next_stop(repo: &TestRepo<'_>, id: &str) -> Value {
    until("a cap is reached, or the agent ends", || {
        Some(repo.agent(id)).filter(|agent| {
            let is_over = agent["ended_at"].is_string() && agent["phase"] != "paused";
            is_over || agent["phase"] == "paused" && agent["waiting"].is_string() || is_held(agent)
        })
    })
}

fn is_held(agent: &Value) -> bool {
    agent["phase"] == "queued" && agent["cap"]["warning"] == false
}

/// Raises caps until the agent has ended, and returns it with the number of raises.
fn raise_until_done(repo: &TestRepo<'_>, id: &str) -> (Value, usize) {
    for raises in 0..MAX_RAISES {
        let agent = next_stop(repo, id);
        if agent["phase"] != "paused" && !is_held(&agent) {
            return (agent, raises);
        }
        repo.orchestra(["send", id, "--allow"]).succeeded();
    }
    panic!("{}", repo.agent(id));
}

#[test]
fn a_cap_pauses_claude_code_and_an_answer_resumes_its_session() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = repo(&test_bed);
    let options = ["--name", "capped", "--permission", "bypassPermissions", "--max-tokens", "19k"];
    let id = spawn(&repo, &options, "FAKE-COSTLY a.txt");
    let paused = next_stop(&repo, &id);
    let cap = &paused["cap"];
    assert_eq!(
        (&paused["phase"], &paused["liveness"], &cap["scope"], &cap["limit_tokens"], &cap["warning"]),
        (&"paused".into(), &"live".into(), &"agent".into(), &19_000.into(), &false.into()),
        "{paused}"
    );
    assert!(cap["used_tokens"].as_u64() >= Some(19_000), "{paused}");
    let question = "raise its cap of 19000 tokens to 38000 tokens (";
    assert!(paused["waiting"].as_str().is_some_and(|asked| asked.starts_with(question)), "{paused}");
    assert_eq!(paused["request"]["id"], "cap-1");
    repo.orchestra(["status"])
        .succeeded()
        .stderr_has("waits for an answer: raise its cap of 19000 tokens")
        .stderr_has(&format!("git orchestra send {id} --allow"));
    repo.orchestra(["resume", &id])
        .exits(3)
        .stderr_has("has reached its cap of 19000 tokens")
        .stderr_has(&format!("git orchestra send {id} --allow raises it by 19000 tokens"))
        .stderr_has(&format!("git orchestra resume {id} --max-tokens "));
    // An answer for all leaves money and tokens alone.
    repo.orchestra(["send", "--all", "--allow"]).succeeded();
    repo.orchestra(["send", &id, "--allow", "--always"]).exits(3).stderr_has("cannot be raised for good");
    // What is said with the answer is what it continues with.
    repo.orchestra(["send", &id, "--allow", "-m", "FAKE-SAY finished"]).succeeded();
    let done = repo.end_of(&id);
    assert_eq!(
        (&done["phase"], &done["attempt"], &done["session"]),
        (&"done".into(), &2.into(), &paused["session"]),
        "{done}"
    );
    // The tool call in which the cap was reached was not interrupted.
    assert_eq!(repo.file_in_head(&id, "a.txt"), "hello from the scripted agent\n");
    assert_eq!(repo.file_in_head(&id, "late.txt"), "late\n");
}

#[test]
fn a_cap_on_money_is_measured_by_prices_and_a_denial_ends_the_agent() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let options = ["--agent", "api", "--name", "money", "--permission", "bypassPermissions"];
    let id = spawn(&repo, &[&options[..], &["--max-cost", "0.000001"]].concat(), "API-BIG");
    let paused = next_stop(&repo, &id);
    assert_eq!((&paused["phase"], &paused["cap"]["limit_usd"]), (&"paused".into(), &0.000_001.into()));
    assert!(paused["cost_usd"].as_f64() > Some(0.000_001), "{paused}");
    assert_eq!(paused["cost_usd"], paused["cap"]["used_usd"], "{paused}");
    repo.orchestra(["send", &id, "--deny", "-m", "enough"]).succeeded();
    let stopped = repo.wait_for(&id, "stopped");
    assert_eq!(stopped["reason"], "its cap of $0.000001 was not raised: enough", "{stopped}");
    // A higher cap continues the same session.
    repo.orchestra(["resume", &id, "--max-cost", "5"]).succeeded();
    let done = repo.agent(&id);
    assert_eq!((&done["phase"], &done["session"]), (&"done".into(), &paused["session"]), "{done}");
    assert!(done["cost_usd"].as_f64() > paused["cost_usd"].as_f64(), "{done}");
}

#[test]
fn a_cap_of_the_day_pauses_those_that_run_and_holds_those_that_wait() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    repo.git(["config", "orchestra.maxDayTokens", "4000"]);
    let options = ["--agent", "api", "--name", "first", "--permission", "bypassPermissions"];
    let first = spawn(&repo, &options, "API-BIG");
    let paused = next_stop(&repo, &first);
    assert_eq!((&paused["phase"], &paused["cap"]["scope"]), (&"paused".into(), &"day".into()), "{paused}");
    let second = spawn(&repo, &["--agent", "api", "--name", "second"], "FAKE-SAY hello");
    let held = next_stop(&repo, &second);
    assert!(is_held(&held) && held["cap"]["scope"] == "day", "{held}");
    let status = repo.orchestra(["status"]).succeeded();
    assert!(status.stdout().contains("caps: today ") && status.stdout().contains(" of 4000 tokens"));
    status.stderr_has("waits: reached the day's cap of 4000 tokens");
    let report = repo.orchestra(["status", "--json"]).succeeded().json();
    let total = &report["caps"][0];
    assert_eq!((&total["scope"], &total["limit_tokens"]), (&"day".into(), &4000.into()), "{report}");
    assert!(total["used_tokens"].as_u64() >= Some(4000), "{report}");
    // An answer to the one that is held raises the cap for both.
    let (second, raises) = raise_until_done(&repo, &second);
    assert!(second["phase"] == "done" && raises > 0, "{second}");
    until("the first continues", || {
        Some(repo.agent(&first)).filter(|agent| agent["attempt"].as_u64() > Some(1))
    });
    let again = next_stop(&repo, &first);
    assert!(again["cap"]["limit_tokens"].as_u64() > Some(4000), "{again}");
    repo.orchestra(["stop", &first]).succeeded();
}
