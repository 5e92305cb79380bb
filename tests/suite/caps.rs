//! Caps on money and tokens: warned of at 80 %, asked about at 100 %, held in the queue. The scripted program reports one cent for each
//! turn; `tests/real` uses real programs.

use serde_json::Value;
use testkit::{TestRepo, World, until};

use crate::world;

/// Returns an action that waits for a file outside the worktree, and a function that makes the file.
fn gate<'a>(world: &'a World, name: &str) -> (String, impl Fn() + 'a) {
    let file = world.dir().join(name);
    (format!("await {}", file.display()), move || std::fs::write(&file, "").expect("a file"))
}

/// Waits until an agent is warned of its cap, and returns the cap.
fn warned(repo: &TestRepo<'_>, id: &str) -> Value {
    until("a cap is near", || Some(repo.agent(id)["cap"].clone()).filter(|cap| cap["warning"] == true))
}

#[test]
fn an_agent_warns_at_80_percent_of_its_cap_and_asks_at_100() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let ((first, end_first), (second, end_second)) = (gate(&world, "first"), gate(&world, "second"));
    let id = repo.spawn_claude(&["--max-cost", "0.012"], &format!("write a 1\n{first}"));
    repo.wait_for_file(&id, "a");
    assert_eq!(repo.agent(&id)["cap"], Value::Null, "nothing is used yet");
    repo.orchestra(["send", &id, &second]).succeeded();
    repo.orchestra(["send", &id, "write b 2\nhang"]).succeeded();
    end_first();
    let cap = warned(&repo, &id);
    assert_eq!(
        (&cap["scope"], &cap["limit_usd"], &cap["used_percent"]),
        (&"agent".into(), &0.012.into(), &83.into())
    );
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["waiting"]), (&"running".into(), &Value::Null), "{agent}");
    repo.orchestra(["status"]).succeeded().stderr_has("83 % of its cap of $0.012 is used");
    end_second();
    let paused = repo.wait_for(&id, "paused");
    let cap = &paused["cap"];
    assert_eq!((&cap["warning"], &cap["used_usd"]), (&false.into(), &0.02.into()), "{paused}");
    repo.orchestra(["status"]).succeeded().stderr_has("raise its cap of $0.012 to $0.024");
    repo.orchestra(["send", &id, "--deny", "-m", "enough"]).succeeded();
    let stopped = repo.wait_for(&id, "stopped");
    assert_eq!(stopped["reason"], "its cap of $0.012 was not raised: enough", "{stopped}");
    assert_eq!(repo.file_in_head(&id, "a"), "1\n");
    // It warned once.
    let warnings = repo.events(&id).iter().filter(|event| event["cap"]["warning"] == true).count();
    assert_eq!(warnings, 1);
}

#[test]
fn the_tool_call_of_the_answer_that_reached_a_cap_is_made() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--max-tokens", "1k"], "spend 1000 a 1\nhang");
    let paused = repo.wait_for(&id, "paused");
    assert_eq!(
        (&paused["cap"]["warning"], &paused["request"]["id"]),
        (&false.into(), &"cap-1".into()),
        "{paused}"
    );
    assert_eq!(repo.file_in_head(&id, "a"), "1\n");
}

#[test]
fn a_cap_of_the_run_holds_its_agents_in_the_queue_and_an_answer_to_one_raises_it() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.maxRunCost", "0.01"]);
    let spawned = repo.orchestra(["spawn", "-d", "-j", "1", "write a 1", "write b 2"]).succeeded().stdout();
    let [first, second] = spawned.lines().collect::<Vec<_>>()[..] else { panic!("{spawned}") };
    assert_eq!(repo.wait_for(first, "done")["cost_usd"], 0.01);
    let held =
        until("it is held", || Some(repo.agent(second)).filter(|agent| agent["cap"]["warning"] == false));
    assert_eq!((&held["phase"], &held["cap"]["scope"]), (&"queued".into(), &"run".into()), "{held}");
    // Another run has its own cap.
    let other = repo.spawn_claude(&["-j", "1"], "write c 3");
    assert_eq!(repo.wait_for(&other, "done")["cap"], Value::Null);
    repo.orchestra(["send", second, "--allow"]).succeeded();
    assert_eq!(repo.wait_for(second, "done")["cost_usd"], 0.01);
    assert_eq!(repo.file_in_head(second, "b"), "2\n");
}

#[test]
fn a_role_has_its_own_cap_and_what_is_typed_takes_precedence() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    for (key, value) in [
        ("orchestra.maxCost", "5"),
        ("orchestra.agent.tester.program", "claude"),
        ("orchestra.agent.tester.maxCost", "0.0125"),
    ] {
        repo.git(["config", key, value]);
    }
    let near = |options: &[&str], name: &str| {
        let (wait, go) = gate(&world, name);
        let arguments =
            [&["spawn", "-d", "--agent", "tester", "--name", name], options, &["write a 1"]].concat();
        let id = repo.orchestra(arguments).succeeded().line();
        repo.orchestra(["send", &id, &wait]).succeeded();
        let cap = warned(&repo, &id);
        go();
        repo.end_of(&id);
        cap
    };
    let cap = near(&[], "own");
    assert_eq!((&cap["limit_usd"], &cap["limit_tokens"]), (&0.0125.into(), &Value::Null), "{cap}");
    assert_eq!(near(&["--max-cost", "0.012"], "typed")["limit_usd"], 0.012);
    repo.git(["config", "--unset", "orchestra.agent.tester.maxCost"]);
    repo.git(["config", "orchestra.agent.tester.maxTokens", "130"]);
    let cap = near(&[], "tokens");
    assert_eq!((&cap["limit_usd"], &cap["limit_tokens"]), (&Value::Null, &130.into()), "{cap}");
}

#[test]
fn the_roles_of_a_team_have_their_own_use_and_their_own_caps() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    for name in ["coder", "tester"] {
        repo.git(["config", &format!("orchestra.agent.{name}.program"), "claude"]);
        repo.git(["config", "--add", "orchestra.team.duo.role", name]);
    }
    repo.git(["config", "orchestra.agent.tester.maxCost", "0.006"]);
    let id = repo.orchestra(["spawn", "-d", "--team", "duo", "write a 1"]).succeeded().line();
    let agent = repo.end_of(&id);
    let used = |agent: &Value| {
        let all = agent["team"]["used"].as_array().expect("roles").iter();
        all.map(|one| (one["role"].as_str().expect("a name").to_owned(), one["cost_usd"].clone()))
            .collect::<Vec<_>>()
    };
    let of =
        |coder: f64, tester: f64| vec![("coder".to_owned(), coder.into()), ("tester".into(), tester.into())];
    assert_eq!((&agent["phase"], used(&agent)), (&"done".into(), of(0.01, 0.01)), "{agent}");
    repo.orchestra(["status", &id]).succeeded().stdout_has("tester 111 tokens, $0.01");
    repo.orchestra(["review", &id]).succeeded().stdout_has("used by roles: coder 111 tokens, $0.01");
    // The next turn of the role is beyond its cap; the other one has none.
    repo.git(["config", "orchestra.agent.tester.prompt", "hang"]);
    repo.orchestra(["resume", "--detach", &id]).succeeded();
    let cap = repo.wait_for(&id, "paused")["cap"].clone();
    assert_eq!(
        (&cap["scope"], &cap["limit_usd"], &cap["used_usd"]),
        (&"role".into(), &0.006.into(), &0.01.into())
    );
    repo.orchestra(["status"]).succeeded().stderr_has("raise its role's cap of $0.006 to $0.012");
    repo.orchestra(["stop", &id]).succeeded();
    repo.orchestra(["resume", &id]).exits(3).stderr_has("git config orchestra.agent.tester.maxCost 0.016");
    repo.git(["config", "orchestra.agent.tester.maxCost", "1"]);
    repo.git(["config", "--unset", "orchestra.agent.tester.prompt"]);
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(used(&repo.agent(&id)), of(0.01, 0.02));
}

#[test]
fn a_program_that_reports_nothing_is_said_to_have_no_cap() {
    let world = world();
    let repo = world.repo();
    let spawn = |options: &[&str]| {
        repo.orchestra(
            [&["spawn", "--detach", "--agent", "sh", "--again"], options, &["--", "true"]].concat(),
        )
    };
    let none = "agent 'sh' does not report what it uses: it has no cap";
    // It is not held by a cap either.
    let first = spawn(&["--max-cost", "5"]).succeeded().stderr_has(none);
    assert_eq!(repo.end_of(&first.line())["phase"], "done");
    repo.git(["config", "orchestra.maxDayTokens", "500k"]);
    let second = spawn(&[]).succeeded().stderr_has(none);
    assert_eq!(repo.end_of(&second.line())["phase"], "done");
    let status = repo.orchestra(["status"]).succeeded();
    assert!(status.stdout().contains("caps: today 0 of 500000 tokens"), "{}", status.stdout());
}

#[test]
fn a_cap_that_is_none_is_refused() {
    let world = world();
    let repo = world.repo();
    let spawn =
        |options: &[&str]| repo.orchestra([&["spawn", "--agent", "sh"], options, &["--", "true"]].concat());
    spawn(&["--max-tokens", "0"]).exits(2).stderr_has("expected a number such as 500000, 500k or 2m");
    spawn(&["--max-cost", "-1"]).exits(2);
    repo.git(["config", "orchestra.maxRunCost", "much"]);
    spawn(&[]).exits(3).stderr_has("orchestra.maxRunCost").stderr_has("not an amount of US dollars");
}

#[test]
fn doctor_names_models_without_a_price_if_there_is_a_cap_on_money() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.api.model", "large-1.5"]);
    let said = || repo.orchestra(["doctor"]).stdout();
    assert!(!said().contains("has no price"));
    repo.git(["config", "orchestra.maxDayCost", "20"]);
    assert!(
        said().contains("'large-1.5' has no price") && said().contains("orchestra.price.large-1-5 3/15"),
        "{}",
        said()
    );
    repo.git(["config", "orchestra.price.large-1-5", "3/15"]);
    assert!(!said().contains("has no price"));
}
