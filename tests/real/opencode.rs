//! Tests with opencode 1.18.33.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, until};

use crate::test_bed::{self, TestBed, only_session, outcome};

/// Returns the program as a person starts it, with the scripted model and its prices in its settings.
pub(crate) fn opencode(test_bed: &TestBed, repo: &TestRepo<'_>, arguments: &[&str]) -> Option<Command> {
    let program = test_bed::program("opencode")?;
    let home = test_bed.world().home().join(".config/opencode");
    fs::create_dir_all(&home).expect("a folder");
    let model = json!({"cost": {"input": 1.0, "output": 2.0}});
    let options = json!({"baseURL": format!("{}/v1", test_bed.url()), "apiKey": "dummy"});
    let provider = json!({"npm": "@ai-sdk/openai-compatible", "name": "fake", "options": options,
        "models": {"fake-model": model, "fake-small": {}}});
    let settings = json!({"autoupdate": false, "share": "disabled", "model": "fake/fake-model",
        "small_model": "fake/fake-small", "provider": {"fake": provider}});
    fs::write(home.join("opencode.json"), settings.to_string()).expect("a file");
    repo.git(["config", "orchestra.agent.opencode.program", &program.to_string_lossy()]);
    let mut command = repo.command(program);
    command.args(arguments).stdin(std::process::Stdio::null());
    Some(command)
}

/// Returns the session as the program itself exports it.
fn exported(test_bed: &TestBed, repo: &TestRepo<'_>, id: &str) -> Value {
    Ran::of(&mut opencode(test_bed, repo, &["export", id]).expect("the program")).succeeded().json()
}

#[test]
fn a_new_session_has_every_field_and_resumes_even_from_the_kept_copy() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(mut command) = opencode(&test_bed, &repo, &["run", "FAKE-TASK"]) else { return };
    Ran::of(&mut command).succeeded();
    let one = only_session(&repo);
    let id = one["id"].as_str().expect("an id").to_owned();
    let inner = &one["subagents"][0];
    assert_eq!(inner["kind"], "general", "{one}");
    let inner = inner["id"].as_str().expect("an id").to_owned();
    let info = exported(&test_bed, &repo, &id)["info"].clone();
    let of_inner = exported(&test_bed, &repo, &inner)["info"].clone();
    assert_eq!(of_inner["parentID"], json!(id));
    // The usage of a subagent is counted for the session that started it.
    let tokens = |kind: &str| {
        let of = |info: &Value| info["tokens"][kind].as_u64().expect("a number of tokens");
        json!(of(&info) + of(&of_inner))
    };
    let here = repo.path().to_string_lossy().into_owned();
    for (field, value) in [
        ("program", json!("opencode")),
        ("title", info["title"].clone()),
        ("first_prompt", json!("FAKE-TASK")),
        ("last_prompt", json!("FAKE-TASK")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", Value::Null),
        ("messages", json!(3)),
        ("model", json!("fake-model")),
        ("input_tokens", tokens("input")),
        ("output_tokens", tokens("output")),
        ("live", json!(false)),
        ("pid", Value::Null),
        ("agent", Value::Null),
        ("kept", json!(false)),
    ] {
        assert_eq!(one[field], value, "{field} of {one}");
    }
    let micros = |value: &Value| (value.as_f64().expect("a cost") * 1e6).round();
    assert_eq!(micros(&one["cost_usd"]), micros(&info["cost"]) + micros(&of_inner["cost"]));
    // It is resumed: the model receives the earlier conversation.
    let tell = |words: &str| {
        let before = test_bed.requests().len();
        repo.orchestra(["sessions", "resume", &id, "--print", "-m", words])
            .succeeded()
            .stdout_has("You said");
        test_bed.requests()[before]["messages"].as_u64().expect("a number")
    };
    let first = tell("FAKE-SAY two");
    assert_eq!(
        (&only_session(&repo)["messages"], &only_session(&repo)["last_prompt"]),
        (&json!(5), &json!("FAKE-SAY two"))
    );
    // It is also resumed from the kept copy after it was deleted, with its subagent.
    repo.orchestra(["sessions", "keep", &id]).succeeded();
    let before = exported(&test_bed, &repo, &id);
    Ran::of(&mut opencode(&test_bed, &repo, &["session", "delete", &id]).expect("the program")).succeeded();
    assert_eq!(only_session(&repo)["path"], Value::Null);
    assert!(tell("FAKE-SAY three") > first, "{:?}", test_bed.requests());
    let again = only_session(&repo);
    assert_eq!(
        (&again["messages"], &again["kept"], &again["subagents"][0]["id"]),
        (&json!(7), &json!(true), &json!(inner))
    );
    let after = exported(&test_bed, &repo, &id);
    let said = |export: &Value| export["messages"].as_array().cloned().unwrap_or_default();
    let texts = |messages: &[Value]| -> Vec<Value> {
        messages.iter().map(|message| message["parts"].clone()).collect()
    };
    assert_eq!(texts(&said(&after)[..said(&before).len()]), texts(&said(&before)));
    // A fork is a separate session.
    repo.orchestra(["sessions", "resume", &id, "--fork", "--print", "-m", "FAKE-SAY forked"]).succeeded();
    let report = repo.orchestra(["sessions", "--json"]).succeeded().json();
    let all = report["sessions"].as_array().expect("a list");
    assert!(
        all.len() == 2 && all[0]["last_prompt"] == "FAKE-SAY forked" && all[0]["id"] != json!(id),
        "{report}"
    );
    assert_eq!(all[0]["messages"], 9);
    let total = &repo.orchestra(["sessions", "stats", "--json"]).succeeded().json()["total"];
    assert_eq!(total["messages"], 9, "the repeated part of a fork is counted once: {report}");
}

/// Creates a repository in which agents run opencode; `None` if it is not installed.
fn repo(test_bed: &TestBed) -> Option<TestRepo<'_>> {
    let repo = test_bed.repo();
    // A person has used it before: several programs that make its database at once disturb each other.
    Ran::of(&mut opencode(test_bed, &repo, &["session", "list"])?).succeeded();
    repo.git(["config", "orchestra.agent", "opencode"]);
    Some(repo)
}

fn spawn(repo: &TestRepo<'_>, name: &str, options: &[&str], task: &str) -> String {
    let arguments = [&["spawn", "--detach", "-j", "8", "--name", name], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

#[test]
fn agents_of_every_mode_end_with_what_they_may_do() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    let settings = || fs::read_to_string(test_bed.world().home().join(".config/opencode/opencode.json")).ok();
    let (before, settings_before) = (repo.checkout(), settings());
    let ids: Vec<String> = [
        ("edits", [].as_slice(), "FAKE-WRITE a.txt"),
        ("bypass", &["--permission", "bypassPermissions", "--model", "fake/fake-model"], "FAKE-WRITE b.txt"),
        ("rules", &["--allow", "Bash(git *)"], "FAKE-WRITE c.txt"),
        ("denied", &["--allow", "Bash(git *)"], "FAKE-DENIED by a rule"),
        ("asked", &["--on-prompt", "fail"], "FAKE-DENIED by nobody"),
        ("bad", &[], "FAKE-400 unique"),
        ("login", &[], "FAKE-401 unique"),
        ("silent", &["--idle-timeout", "30s", "--retries", "0"], "FAKE-ALWAYS529 unique"),
    ]
    .iter()
    .map(|(name, options, task)| spawn(&repo, name, options, task))
    .collect();
    repo.orchestra(["status", "--wait"]).exits(1);
    let agents: Vec<Value> = ids.iter().map(|id| repo.agent(id)).collect();
    for (agent, expected) in agents.iter().zip([
        ("done", 1, 1),
        ("done", 1, 0),
        ("done", 1, 0),
        ("failed", 0, 1),
        ("failed", 0, 1),
        ("failed", 0, 0),
        ("failed", 0, 0),
        ("timeout", 0, 0),
    ]) {
        let log = repo.orchestra(["logs", agent["id"].as_str().expect("an id")]).stdout();
        assert_eq!(outcome(agent), expected, "{agent}\n{log}");
    }
    let subject =
        |id: &str| repo.git(["log", "-1", "--format=%s", &format!("refs/orchestra/heads/{id}")]).line();
    assert_ne!(subject(&ids[0]), "Add a.txt", "it may not commit, so its work was captured");
    assert_eq!(subject(&ids[1]), "Add b.txt");
    assert_eq!(subject(&ids[2]), "Add c.txt");
    assert_eq!(repo.file_in_head(&ids[0], "a.txt"), "hello from the scripted agent\n");
    assert!(agents[0]["session"].as_str().is_some_and(|id| id.starts_with("ses_")), "{}", agents[0]);
    assert!(agents[0]["cost_usd"].as_f64() > Some(0.0) && agents[0]["input_tokens"].as_u64() > Some(0));
    let reasons: Vec<&str> =
        agents.iter().map(|agent| agent["reason"].as_str().unwrap_or_default()).collect();
    assert_eq!(reasons[3], "denied: bash touch denied-marker.txt");
    assert!(
        reasons[4].starts_with("asked, but nobody can answer: bash touch denied-marker.txt"),
        "{reasons:?}"
    );
    assert_eq!(reasons[5], "scripted bad request");
    assert!(reasons[6].contains("run 'opencode auth login' once to log in"), "{reasons:?}");
    assert_eq!(reasons[7], "idle for 30 s");
    assert_eq!((repo.checkout(), settings()), (before, settings_before));
}

#[test]
fn an_agent_is_paused_resumed_and_followed_up_in_its_session() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    let id = spawn(&repo, "slow", &["--permission", "bypassPermissions"], "FAKE-WRITE first.txt");
    let first = repo.end_of(&id);
    assert_eq!(outcome(&first), ("done", 1, 0), "{first}");
    let asked = test_bed.requests().len();
    repo.orchestra(["resume", "--detach", &id, "-m", "FAKE-SLOWTOOL"]).succeeded();
    // Only what it says shows that it read its message: a tool is reported when it has ended.
    until("it begins", || {
        Some(repo.agent(&id)).filter(|agent| agent["activity"] == "Running something slow.")
    });
    repo.orchestra(["pause", &id]).succeeded();
    let paused = repo.agent(&id);
    assert_eq!((&paused["phase"], &paused["orphans"]), (&"paused".into(), &json!([])));
    let processes = || test_bed::marked(&format!("ORCHESTRA_AGENT={id}"));
    assert_eq!(processes(), Vec::<String>::new(), "what a paused agent left");
    repo.orchestra(["resume", "--detach", &id, "-m", "FAKE-SLOWTOOL again"]).succeeded();
    until("it works again", || {
        Some(repo.agent(&id))
            .filter(|agent| agent["attempt"] == 3 && agent["activity"] == "Running something slow.")
    });
    repo.orchestra(["stop", &id]).succeeded();
    let stopped = repo.end_of(&id);
    assert_eq!((&stopped["phase"], &stopped["orphans"]), (&"stopped".into(), &json!([])));
    assert_eq!(processes(), Vec::<String>::new(), "what a stopped agent left");
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE after.txt"]).succeeded();
    let done = repo.agent(&id);
    assert_eq!(
        (&done["phase"], &done["session"], &done["attempt"]),
        (&"done".into(), &first["session"], &4.into())
    );
    assert_eq!(repo.file_in_head(&id, "after.txt"), "hello from the scripted agent\n");
    assert!(done["input_tokens"].as_u64() > first["input_tokens"].as_u64(), "{first} {done}");
    assert!(done["cost_usd"].as_f64() > first["cost_usd"].as_f64(), "{first} {done}");
    // A message that is sent while it works is kept, and is its next prompt.
    let told = spawn(&repo, "told", &["--permission", "bypassPermissions"], "FAKE-SLOWSAY");
    repo.wait_for(&told, "running");
    repo.orchestra(["send", &told, "FAKE-WRITE told.txt"]).succeeded();
    repo.orchestra(["status", "--wait"]).succeeded();
    let end = repo.agent(&told);
    assert_eq!((outcome(&end), &end["attempt"]), (("done", 1, 0), &2.into()), "{end}");
    let messages = |at: usize| test_bed.requests()[at]["messages"].as_u64();
    assert!(messages(asked) > messages(0));
}
