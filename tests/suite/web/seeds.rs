//! Scripts for the dashboards of other programs, as their documents have them. Only the port differs, and what logs a person in, which
//! is in the settings of curl.

use std::process::Command;

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, World, until};

use super::{Browser, Server};
use crate::{
    cleanup::{ended, landed},
    skip, world,
};

/// Lets every curl of this world send what shows who a browser is.
fn log_in(world: &World, browser: &Browser) -> bool {
    if Command::new("curl").arg("--version").output().is_err() {
        skip("curl is not installed");
        return false;
    }
    let headers = [
        format!("Cookie: {}", browser.cookie),
        format!("Orchestra-Key: {}", browser.key),
        format!("Origin: http://localhost:{}", browser.port),
    ];
    let lines: String = headers.iter().map(|header| format!("header = \"{header}\"\nsilent\n")).collect();
    std::fs::write(world.home().join(".curlrc"), lines).expect("written");
    true
}

/// Runs a script, in which the port of its program is that of ours.
fn script(repo: &TestRepo<'_>, port: u16, text: &str) -> Value {
    let text = text.replace(":8888", &format!(":{port}")).replace(":8080", &format!(":{port}"));
    let mut command = repo.command("sh");
    Ran::of(command.args(["-c", &text])).succeeded().json()
}

/// Adds a profile whose program does what its task says, and a team of one role.
pub(super) fn with_worker(repo: &TestRepo<'_>) {
    let place = repo.path().parent().expect("a folder").join("worker.sh");
    repo.write("../worker.sh", "cp \"$1\" $ORCHESTRA_AGENT.txt; echo done\n");
    for (key, value) in [
        ("agent.worker.command", format!("sh {} {{prompt_file}}", place.display())),
        ("agent.worker.reads", "prose".to_owned()),
        ("agent.worker.writes", "true".to_owned()),
        ("agent", "worker".to_owned()),
        ("team.feature-dev.role", "worker".to_owned()),
    ] {
        repo.git(["config", "--add", &format!("orchestra.{key}"), &value]).succeeded();
    }
}

#[test]
fn scripts_of_claude_orchestra_run() {
    let world = world();
    let repo = world.repo();
    with_worker(&repo);
    let gone = landed(&repo, "echo 1 > one.txt");
    let server = Server::start(&repo, &["--write"]);
    if !log_in(&world, &server.browser(0)) {
        return;
    }
    let run = |text: &str| script(&repo, server.port, text);
    let spawned = run(r#"curl -X POST http://localhost:8888/api/spawn \
        -H "Content-Type: application/json" \
        -d '{"tasks": ["Add user auth", "Fix login bug"], "parallel": 1, "use_worktrees": true}'"#);
    assert_eq!(spawned["spawned"], 2, "{spawned}");
    let ids: Vec<&str> = spawned["agents"]
        .as_array()
        .expect("agents")
        .iter()
        .map(|one| one["agent_id"].as_str().expect("an id"))
        .collect();
    assert_eq!(spawned["agents"][0]["task"], "Add user auth");
    assert_eq!(spawned["agents"][0]["worktree"], format!("orchestra/{}", ids[0]));
    ids.iter().for_each(|id| drop(repo.end_of(id)));
    let status = run("curl http://localhost:8888/api/status");
    assert_eq!(
        (&status["total"], &status["completed"], &status["running"], &status["failed"], &status["stale"]),
        (&json!(3), &json!(3), &json!(0), &json!(0), &json!(0)),
        "{status}"
    );
    let one = status["agents"].as_array().expect("agents").iter().find(|one| one["agent_id"] == ids[0]);
    assert_eq!(one.expect("the agent")["status"], "completed");
    assert_eq!(run("curl 'http://localhost:8888/api/sessions?hours=24'"), json!([]));
    let worktrees = run("curl http://localhost:8888/api/worktrees");
    assert_eq!(worktrees.as_array().map(Vec::len), Some(3), "{worktrees}");
    assert_eq!(worktrees[0]["is_active"], false);
    let long = repo.spawn("touch ready; sleep 60");
    repo.wait_for_file(&long, "ready");
    let paused = run(&format!("curl -X POST http://localhost:8888/api/agents/{long}/pause"));
    assert_eq!((&paused["success"], &repo.agent(&long)["phase"]), (&json!(true), &json!("paused")));
    let resumed = run(&format!("curl -X POST http://localhost:8888/api/agents/{long}/resume"));
    assert_eq!(resumed["success"], true);
    repo.orchestra(["stop", &long]).succeeded();
    // What deleted unmerged work there keeps it here.
    let cleaned = run("curl -X POST 'http://localhost:8888/api/cleanup?all_agents=true'");
    assert_eq!(cleaned["cleaned"], 1, "the one whose work has landed: {cleaned}");
    assert!(!repo.agents().iter().any(|agent| agent["id"] == gone.as_str()));
    assert_eq!(repo.agents().len(), 3);
    assert!(server.end());
}

#[test]
fn scripts_of_agent_orchestra_run() {
    let world = world();
    let repo = world.repo();
    with_worker(&repo);
    let server = Server::start(&repo, &["--write"]);
    if !log_in(&world, &server.browser(0)) {
        return;
    }
    let run = |text: &str| script(&repo, server.port, text);
    let templates = run("curl http://localhost:8080/api/teams/templates");
    assert_eq!(
        (&templates[0]["name"], &templates[0]["teammates"]),
        (&json!("feature-dev"), &json!(["worker"]))
    );
    let launched = run(r#"curl -s -X POST http://localhost:8080/api/teams/launch \
        -H 'Content-Type: application/json' \
        -d '{"team_name": "feature-dev", "task_description": "Add rate limiting", "repo_path": "."}'"#);
    let id = launched["session_id"].as_str().expect("an id").to_owned();
    repo.end_of(&id);
    let list = run("curl 'http://localhost:8080/api/teams?limit=5'");
    assert_eq!(
        (&list["total"], &list["limit"], &list["sessions"][0]["status"]),
        (&json!(1), &json!(5), &json!("completed"))
    );
    let one = run(&format!("curl http://localhost:8080/api/teams/{id}"));
    assert_eq!(
        (&one["team_name"], one["tasks"].as_array().map(Vec::len)),
        (&json!("feature-dev"), Some(1)),
        "{one}"
    );
    let difference = run(&format!("curl http://localhost:8080/api/teams/{id}/diff"));
    assert!(difference["diff"].as_str().expect("a diff").contains("+Add rate limiting"), "{difference}");
    let merged = run(&format!("curl -X POST http://localhost:8080/api/teams/{id}/merge"));
    assert!(merged["status"] == "merged" || merged["running"] == true, "{merged}");
    until("it lands", || repo.has("main", &format!("{id}.txt")).then_some(()));
    let other = ended(&repo, "echo 2 > two.txt");
    let discarded = run(&format!("curl -X POST http://localhost:8080/api/teams/{other}/discard"));
    assert_eq!(discarded["status"], "discarded", "{discarded}");
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.agent(&other)["phase"], "done", "and undo brings it back");
    let long = repo.spawn("touch ready; sleep 60");
    repo.wait_for_file(&long, "ready");
    assert_eq!(
        run(&format!("curl -X POST http://localhost:8080/api/teams/{long}/cancel"))["status"],
        "cancelled"
    );
    assert_eq!(repo.agent(&long)["phase"], "stopped");
    let elsewhere =
        run(r#"curl -X POST http://localhost:8080/api/teams/launch -H 'Content-Type: application/json' \
        -d '{"team_name": "feature-dev", "task_description": "x", "repo_path": "/"}'"#);
    assert_eq!(elsewhere["kind"], "error", "{elsewhere}");
    assert!(server.end());
}

#[test]
fn projects_of_agent_orchestra_are_runs() {
    let world = world();
    let repo = world.repo();
    with_worker(&repo);
    repo.git(["config", "orchestra.test", "test ! -e hold"]).succeeded();
    let server = Server::start(&repo, &["--write"]);
    if !log_in(&world, &server.browser(0)) {
        return;
    }
    let run = |text: &str| script(&repo, server.port, text);
    assert_eq!(run("curl http://localhost:8080/api/gm/templates"), json!([]));
    let evil = run(r#"curl -X POST http://localhost:8080/api/gm/launch -H 'Content-Type: application/json' \
        -d '{"project_name": "x", "agents": [{"team": "a", "task": "b"}], "repo_path": ".", "build_command": "touch evil"}'"#);
    assert_eq!(evil["kind"], "error", "a page names no command: {evil}");
    let launched = run(
        r#"curl -X POST http://localhost:8080/api/gm/launch -H 'Content-Type: application/json' \
        -d '{"project_name": "Limits", "agents": [{"team": "feature-dev", "task": "Add rate limiting"}], "repo_path": ".", "test_command": "test ! -e hold"}'"#,
    );
    assert_eq!(launched["project_name"], "Limits", "{launched}");
    let landed = || repo.git(["ls-tree", "--name-only", "main"]).stdout().contains("add-rate-limiting");
    until("its work lands", || landed().then_some(()));
    let ended = || run("curl http://localhost:8080/api/gm/projects")["total"] == 0;
    until("the run ends", || ended().then_some(()));
    let none = run(
        "curl -X POST http://localhost:8080/api/gm/decisions/nosuch.1/resolve -H 'Content-Type: application/json' -d '{\"action\": \"approve\"}'",
    );
    assert_eq!(none["kind"], "error");
    let push = run("curl -X POST http://localhost:8080/api/gm/projects/x/push");
    assert!(push["message"].as_str().expect("a message").contains("nothing is pushed"), "{push}");
    assert!(server.end());
}
