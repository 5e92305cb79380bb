//! Profiles that take over from another one, and the variables of profiles.

use serde_json::Value;
use testkit::{Ran, TestRepo, World};

use crate::world;

/// Returns a repository in which `agent-teams` takes over from `claude`, with another login, and where the first login is limited.
fn limited(world: &World) -> TestRepo<'_> {
    let repo = world.repo().with_scripted_claude();
    let other = world.dir().join("other");
    std::fs::create_dir(&other).expect("a folder");
    for (key, value) in [
        ("claude.fallback", "agent-teams".to_owned()),
        ("agent-teams.env", format!("CLAUDE_CONFIG_DIR={}", other.display())),
    ] {
        repo.git(["config", &format!("orchestra.agent.{key}"), &value]);
    }
    std::fs::create_dir_all(world.claude_config()).expect("a folder");
    std::fs::write(world.claude_config().join("limited"), "").expect("a file");
    repo
}

fn facts(agent: &Value) -> (&str, &str, &str, u64) {
    let text = |key: &str| agent[key].as_str().unwrap_or_default();
    (text("phase"), text("profile"), text("instead_of"), agent["attempt"].as_u64().unwrap_or_default())
}

#[test]
fn another_profile_takes_over_at_a_usage_limit() {
    let world = world();
    let repo = limited(&world);
    let id = repo.spawn_claude(&[], "write a b");
    let agent = repo.end_of(&id);
    assert_eq!(facts(&agent), ("done", "agent-teams", "claude", 2), "{agent}");
    assert_eq!(repo.file_in_head(&id, "a"), "b\n");
    let shown = repo.orchestra(["status", &id]).succeeded().stdout();
    assert!(shown.contains("agent-teams instead of claude"), "{shown}");
    let events = repo.events(&id);
    let launches: Vec<&Value> = events.iter().filter(|event| event["phase"] == "starting").collect();
    assert_eq!((&launches[0]["profile"], &launches[1]["profile"]), (&Value::Null, &"agent-teams".into()));
    assert_ne!(launches[0]["session"], launches[1]["session"]);
    let why = launches[1]["reason"].as_str().expect("a reason");
    assert!(why.starts_with("agent-teams takes over: "), "{why}");
    // It is resumed by the program that has its session.
    repo.orchestra(["resume", &id, "-m", "write c d"]).succeeded();
    let resumed = repo.end_of(&id);
    assert_eq!(
        (facts(&resumed), &resumed["session"]),
        (("done", "agent-teams", "claude", 3), &agent["session"])
    );
    // The next agent does not wait for a limit that is known.
    let next = repo.end_of(&repo.spawn_claude(&[], "write e f"));
    assert_eq!(facts(&next), ("done", "agent-teams", "claude", 1), "{next}");
}

#[test]
fn another_profile_takes_over_from_a_role_of_a_team_that_did_nothing_yet() {
    let world = world();
    let repo = limited(&world);
    for (key, value) in [
        ("agent.planner.command", "cp {prompt_file} plan"),
        ("agent.planner.reads", "prose"),
        ("agent.coder.program", "claude"),
        ("agent.coder.prompt", "write by-role coder"),
        ("agent.coder.fallback", "agent-teams"),
        ("team.duo.role", "planner"),
    ] {
        repo.git(["config", &format!("orchestra.{key}"), value]);
    }
    repo.git(["config", "--add", "orchestra.team.duo.role", "coder"]);
    let id = repo.orchestra(["spawn", "-d", "--team", "duo", "write a b"]).succeeded().line();
    let agent = repo.end_of(&id);
    assert_eq!(facts(&agent), ("done", "agent-teams", "", 3), "{agent}");
    let parts: Vec<(&str, u64)> = agent["team"]["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| (part["role"].as_str().expect("a role"), part["attempt"].as_u64().expect("an attempt")))
        .collect();
    assert_eq!(parts, [("planner", 1), ("coder", 2)]);
    // It works with the prompt of the role, on what the role before it did.
    assert_eq!(
        (repo.file_in_head(&id, "by-role"), repo.file_in_head(&id, "a")),
        ("coder\n".into(), "b\n".into())
    );
    assert!(!repo.file_in_head(&id, "plan").is_empty());
    let events = repo.events(&id);
    let why = events.iter().filter_map(|event| event["reason"].as_str());
    assert!(
        why.clone().any(|why| why.starts_with("agent-teams takes over: ")),
        "{:?}",
        why.collect::<Vec<_>>()
    );
    // A resumed role continues with the program that has its conversation.
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(repo.agent(&id)["phase"], "done");
}

#[test]
fn what_would_fail_again_is_handed_over_and_work_is_not() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.agent.claude.fallback", "agent-teams"]);
    for (task, expected) in [
        ("fail 400", ("failed", "agent-teams", "claude", 2)),
        ("write a b\nfail 400", ("failed", "claude", "", 1)),
        ("fail 500 once\nwrite a b", ("done", "claude", "", 2)),
        ("ask make\nfail 400", ("failed", "claude", "", 1)),
    ] {
        let agent = repo.end_of(&repo.spawn_claude(&[], task));
        assert_eq!(facts(&agent), expected, "{task}: {agent}");
    }
}

#[test]
fn another_profile_runs_where_a_program_or_a_key_is_missing() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.agent.api.model", "m"]);
    let spawn = || {
        let mut command = repo.orchestra_command(["spawn", "--agent", "api", "write a b"]);
        Ran::of(command.env_remove("ANTHROPIC_API_KEY"))
    };
    spawn().exits(3).stderr_has("agent 'api' needs a key: ANTHROPIC_API_KEY is not set");
    repo.git(["config", "orchestra.agent.api.fallback", "claude"]);
    spawn().succeeded().stderr_has("warning: 'claude' runs instead of 'api': agent 'api' needs a key");
    assert_eq!(facts(&repo.agents()[0]), ("done", "claude", "", 1));
    // A task in prose is never given to what would execute it.
    repo.git(["config", "orchestra.agent.claude.fallback", "sh"]);
    let ran = repo.orchestra(["spawn", "write a b"]).succeeded();
    ran.stderr_has("warning: 'sh' cannot take over from 'claude': a task of agent 'claude' cannot be given to agent 'sh'");
}

#[test]
fn variables_of_a_profile_are_set_and_do_not_redirect_git() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "--add", "orchestra.agent.sh.env", "GREETING=hello {agent}"]);
    repo.git(["config", "--add", "orchestra.agent.sh.env", "OTHER=a=b"]);
    let id = repo.spawn("echo \"$GREETING $OTHER\" > said");
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert_eq!(repo.file_in_head(&id, "said"), format!("hello {id} a=b\n"));
    repo.git(["config", "--add", "orchestra.agent.sh.env", "GIT_DIR=/elsewhere"]);
    repo.orchestra(["spawn", "--agent", "sh", "true"]).exits(3).stderr_has("orchestra.agent.sh.env");
}
