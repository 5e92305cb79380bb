//! Real agent programs of a person that start agents by `mcp`.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo};

use crate::{codex::codex, gemini::gemini, opencode::opencode, sessions::claude, test_bed::TestBed};

/// Lets agents of the profile `quick` write what they are told to a file.
pub(crate) fn with_quick_agents(repo: &TestRepo<'_>) -> String {
    repo.git(["config", "orchestra.agent.quick.command", "cp {prompt_file} made.txt"]);
    repo.git(["config", "orchestra.agent.quick.reads", "prose"]);
    repo.world().bins().join("git-orchestra-mcp").to_string_lossy().into_owned()
}

/// Adds the server to a file of settings, as the program's own command would.
fn register(settings: &Path, server: &Value, at: &str) {
    let known = fs::read_to_string(settings).expect("settings");
    let mut known: Value = serde_json::from_str(&known).expect("JSON");
    known[at] = json!({"orchestra": server});
    fs::write(settings, known.to_string()).expect("written");
}

/// Runs a designer, and checks that its two agents did what it told them, and that the model got all answers.
fn delegates(test_bed: &TestBed, repo: &TestRepo<'_>, designer: &mut Command) {
    let before = repo.checkout();
    let said = Ran::of(designer).succeeded();
    let seen = || format!("{}\n{}\n{:?}", said.stdout(), said.stderr(), test_bed.requests());
    assert!(said.stdout().contains("The agents work."), "{}", seen());
    let agents = repo.agents();
    assert_eq!(agents.len(), 2, "{}", seen());
    for (agent, told) in agents.iter().zip(["left", "right"]) {
        let id = agent["id"].as_str().expect("an id");
        assert_eq!(repo.end_of(id)["phase"], "done", "{}", seen());
        assert_eq!(repo.file_in_head(id, "made.txt").trim(), told);
    }
    assert_eq!(repo.checkout(), before, "the checkout of the person is as it was");
}

#[test]
fn codex_delegates_to_two_agents() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let server = with_quick_agents(&repo);
    let (command, args) = (
        format!("mcp_servers.orchestra.command=\"{server}\""),
        "mcp_servers.orchestra.args=[\"--write=spawn\"]".to_owned(),
    );
    let options = [
        "exec",
        "--dangerously-bypass-approvals-and-sandbox",
        "-c",
        &command,
        "-c",
        &args,
        "FAKE-DELEGATE-CODEX",
    ];
    let Some(mut designer) = codex(&test_bed, &repo, &options) else { return };
    delegates(&test_bed, &repo, &mut designer);
}

#[test]
fn opencode_delegates_to_two_agents() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let server = with_quick_agents(&repo);
    let Some(mut designer) = opencode(&test_bed, &repo, &["run", "FAKE-DELEGATE-OPENCODE"]) else { return };
    let settings = test_bed.world().home().join(".config/opencode/opencode.json");
    register(&settings, &json!({"type": "local", "command": [server, "--write=spawn"]}), "mcp");
    delegates(&test_bed, &repo, &mut designer);
}

#[test]
fn gemini_delegates_to_two_agents() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let server = with_quick_agents(&repo);
    let options = ["-p", "FAKE-DELEGATE-GEMINI", "--allowed-mcp-server-names", "orchestra", "--yolo"];
    let Some(mut designer) = gemini(&test_bed, &repo, &options) else { return };
    let settings = test_bed.world().home().join(".gemini/settings.json");
    register(&settings, &json!({"command": server, "args": ["--write=spawn"], "trust": true}), "mcpServers");
    delegates(&test_bed, &repo, &mut designer);
}

#[test]
fn claude_code_delegates_to_two_agents() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let server = repo.world().bins().join("git-orchestra-mcp");
    let servers = json!({"mcpServers": {"orchestra": {"command": server, "args": ["--write=spawn"]}}});
    let file = repo.world().dir().join("servers.json");
    std::fs::write(&file, servers.to_string()).expect("written");
    let file = file.to_string_lossy().into_owned();
    let before = repo.checkout();
    let options = [
        "--mcp-config",
        &file,
        "--strict-mcp-config",
        "--allowedTools=mcp__orchestra",
        "--output-format",
        "json",
    ];
    let said =
        Ran::of(&mut claude(&repo, &[&["-p", "FAKE-DESIGN"], &options[..]].concat())).succeeded().json();
    assert_eq!(said["result"], "The agents work.", "{said}");
    let agents = repo.agents();
    assert_eq!(agents.len(), 2, "{agents:?}");
    for (agent, file) in agents.iter().zip(["left.txt", "right.txt"]) {
        let id = agent["id"].as_str().expect("an id");
        assert_eq!(repo.end_of(id)["phase"], "done");
        assert_eq!(agent["parent"], Value::Null, "a person's program started it");
        assert_eq!(repo.file_in_head(id, file), "hello from the scripted agent\n");
    }
    assert_eq!(repo.checkout(), before, "the checkout of the person is as it was");
}

#[test]
fn claude_code_gives_up_a_call_and_calls_the_same_server_again() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    repo.git(["config", "orchestra.agent.slow.command", "sleep 600"]);
    repo.git(["config", "orchestra.agent.slow.reads", "prose"]);
    let id = repo.orchestra(["spawn", "-d", "--agent", "slow", "--", "x"]).succeeded().line();
    repo.wait_for(&id, "running");
    let dir = repo.world().dir().to_owned();
    let (asked, answered) = (dir.join("asked"), dir.join("answered"));
    let line = format!("tee {} | git-orchestra-mcp | tee {}", asked.display(), answered.display());
    let servers =
        json!({"mcpServers": {"orchestra": {"command": "sh", "args": ["-c", line], "timeout": 3000}}});
    let file = dir.join("servers.json");
    fs::write(&file, servers.to_string()).expect("written");
    let file = file.to_string_lossy().into_owned();
    let options = ["--mcp-config", &file, "--strict-mcp-config", "--allowedTools=mcp__orchestra"];
    let said = Ran::of(&mut claude(&repo, &[&["-p", "FAKE-IMPATIENT"], &options[..]].concat())).succeeded();
    assert!(said.stdout().contains("It still answers."), "{}", said.stdout());
    let lines = |path: &Path| -> Vec<Value> {
        let text = fs::read_to_string(path).expect("lines");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let (asked, answered) = (lines(&asked), lines(&answered));
    let of =
        |tool: &str| asked.iter().find(|line| line["params"]["name"] == tool).expect("a call")["id"].clone();
    let (wait, status) = (of("agents_wait"), of("agents_status"));
    let gave_up = asked.iter().find(|line| line["method"] == "notifications/cancelled").expect("given up");
    assert_eq!(gave_up["params"]["requestId"], wait, "{asked:?}");
    assert!(answered.iter().all(|line| line["id"] != wait), "{answered:?}");
    assert!(answered.iter().any(|line| line["id"] == status && line["result"]["isError"] == false));
    repo.orchestra(["stop", &id]).succeeded();
}
