//! Tests with opencode 1.18.33.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo};

use crate::stage::{self, Stage, only};

/// Returns the program as a person starts it, with the scripted model and its prices in its settings.
pub(crate) fn opencode(stage: &Stage, repo: &TestRepo<'_>, arguments: &[&str]) -> Option<Command> {
    let program = stage::program("opencode")?;
    let home = stage.world().home().join(".config/opencode");
    fs::create_dir_all(&home).expect("a folder");
    let model = json!({"cost": {"input": 1.0, "output": 2.0}});
    let options = json!({"baseURL": format!("{}/v1", stage.url()), "apiKey": "dummy"});
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
fn exported(stage: &Stage, repo: &TestRepo<'_>, id: &str) -> Value {
    Ran::of(&mut opencode(stage, repo, &["export", id]).expect("the program")).succeeded().json()
}

#[test]
fn every_field_of_a_new_conversation_and_it_goes_on_even_from_what_is_kept() {
    let Some(stage) = Stage::set() else { return };
    let repo = stage.repo();
    let Some(mut command) = opencode(&stage, &repo, &["run", "FAKE-TASK"]) else { return };
    Ran::of(&mut command).succeeded();
    let one = only(&repo);
    let id = one["id"].as_str().expect("an id").to_owned();
    let inner = &one["subagents"][0];
    assert_eq!(inner["kind"], "general", "{one}");
    let inner = inner["id"].as_str().expect("an id").to_owned();
    let info = exported(&stage, &repo, &id)["info"].clone();
    let of_inner = exported(&stage, &repo, &inner)["info"].clone();
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
        let before = stage.requests().len();
        repo.orchestra(["sessions", "resume", &id, "--print", "-m", words]).succeeded().prints("You said");
        stage.requests()[before]["messages"].as_u64().expect("a number")
    };
    let first = tell("FAKE-SAY two");
    assert_eq!((&only(&repo)["messages"], &only(&repo)["last_prompt"]), (&json!(5), &json!("FAKE-SAY two")));
    // It is also resumed from the kept copy after it was deleted, with its subagent.
    repo.orchestra(["sessions", "keep", &id]).succeeded();
    let before = exported(&stage, &repo, &id);
    Ran::of(&mut opencode(&stage, &repo, &["session", "delete", &id]).expect("the program")).succeeded();
    assert_eq!(only(&repo)["path"], Value::Null);
    assert!(tell("FAKE-SAY three") > first, "{:?}", stage.requests());
    let again = only(&repo);
    assert_eq!(
        (&again["messages"], &again["kept"], &again["subagents"][0]["id"]),
        (&json!(7), &json!(true), &json!(inner))
    );
    let after = exported(&stage, &repo, &id);
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
