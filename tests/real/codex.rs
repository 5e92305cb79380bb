//! Tests with Codex 0.169.0.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo};

use crate::test_bed::{self, TestBed, only_session};

/// Returns the program as a person starts it, with the scripted model in its settings.
pub(crate) fn codex(test_bed: &TestBed, repo: &TestRepo<'_>, arguments: &[&str]) -> Option<Command> {
    let program = test_bed::program("codex")?;
    let home = test_bed.world().home().join(".codex");
    fs::create_dir_all(&home).expect("a folder");
    let settings = format!(
        "model = \"fake-model\"\nmodel_provider = \"fake\"\n[analytics]\nenabled = false\n[model_providers.fake]\n\
         name = \"fake\"\nbase_url = \"{}/v1\"\nenv_key = \"FAKE_KEY\"\nwire_api = \"responses\"\n",
        test_bed.url()
    );
    fs::write(home.join("config.toml"), settings).expect("a file");
    repo.git(["config", "orchestra.agent.codex.program", &program.to_string_lossy()]);
    let mut command = repo.command(program);
    command.args(arguments);
    Some(command)
}

#[test]
fn a_new_session_has_every_field_and_resumes_even_from_the_kept_copy() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(mut command) = codex(&test_bed, &repo, &["exec", "--json", "FAKE-SAY one"]) else { return };
    let said = Ran::of(&mut command).succeeded().stdout();
    let events: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let usage = &events.iter().find(|event| event["type"] == "turn.completed").expect("an end")["usage"];
    let one = only_session(&repo);
    let here = repo.path().to_string_lossy().into_owned();
    for (field, value) in [
        ("id", events[0]["thread_id"].clone()),
        ("program", json!("codex")),
        ("title", json!("FAKE-SAY one")),
        ("first_prompt", json!("FAKE-SAY one")),
        ("last_prompt", json!("FAKE-SAY one")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", json!("main")),
        ("messages", json!(2)),
        ("model", json!("fake-model")),
        ("input_tokens", usage["input_tokens"].clone()),
        ("output_tokens", usage["output_tokens"].clone()),
        ("cost_usd", Value::Null),
        ("live", json!(false)),
        ("pid", Value::Null),
        ("agent", Value::Null),
        ("kept", json!(false)),
    ] {
        assert_eq!(one[field], value, "{field} of {one}");
    }
    let id = one["id"].as_str().expect("an id").to_owned();
    let path = one["path"].as_str().expect("a path").to_owned();
    let before = test_bed.requests().len();
    let tell = |words: &str| repo.orchestra(["sessions", "resume", &id, "--print", "-m", words]).succeeded();
    tell("FAKE-SAY two").stdout_has("You said two.");
    let requests = test_bed.requests();
    assert!(requests[before]["messages"].as_u64() > requests[0]["messages"].as_u64(), "{requests:?}");
    assert_eq!(
        (&only_session(&repo)["messages"], &only_session(&repo)["last_prompt"]),
        (&json!(4), &json!("FAKE-SAY two"))
    );
    repo.orchestra(["sessions", "keep", &id]).succeeded();
    fs::remove_file(&path).expect("gone");
    let before = test_bed.requests().len();
    tell("FAKE-SAY three").stdout_has("You said three.");
    let again = &test_bed.requests()[before];
    assert!(again["messages"].as_u64() > requests[0]["messages"].as_u64().map(|count| count + 2), "{again}");
    assert_eq!(only_session(&repo)["messages"], 6);
}

#[test]
fn a_subagent_is_nested_under_its_session() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(mut command) = codex(&test_bed, &repo, &["exec", "--json", "FAKE-SPAWN now"]) else { return };
    let said = Ran::of(&mut command).succeeded().stdout();
    let mut events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let started =
        events.find_map(|event| event["item"]["receiver_thread_ids"][0].as_str().map(str::to_owned));
    let one = only_session(&repo);
    assert_eq!(one["first_prompt"], "FAKE-SPAWN now");
    assert_eq!(one["subagents"][0]["id"].as_str(), started.as_deref(), "{one} after {said}");
    assert!(started.is_some(), "{said}");
}
