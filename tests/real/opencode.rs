//! Tests with opencode 1.18.33.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo};

use crate::test_bed::{self, TestBed, only_session};

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
