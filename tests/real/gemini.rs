//! Tests with Gemini CLI 0.61.0.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo};

use crate::test_bed::{self, TestBed, only_session};

/// Returns the program as a person starts it, connected to the scripted model.
pub(crate) fn gemini(test_bed: &TestBed, repo: &TestRepo<'_>, arguments: &[&str]) -> Option<Command> {
    let program = test_bed::program("gemini")?;
    let home = test_bed.world().home().join(".gemini");
    fs::create_dir_all(&home).expect("a folder");
    let settings = json!({"security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": false}, "general": {"disableAutoUpdate": true}});
    fs::write(home.join("settings.json"), settings.to_string()).expect("a file");
    repo.git(["config", "orchestra.agent.gemini.program", &program.to_string_lossy()]);
    let mut command = repo.command(program);
    command.args(arguments).args(["-m", "gemini-2.5-pro"]);
    Some(command)
}

#[test]
fn a_new_session_has_every_field_and_resumes_even_from_the_kept_copy() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(mut command) = gemini(&test_bed, &repo, &["-p", "FAKE-SAY one", "-o", "json"]) else { return };
    let result = Ran::of(&mut command).succeeded().json();
    let one = only_session(&repo);
    let here = repo.path().to_string_lossy().into_owned();
    let used = &result["stats"]["models"]["gemini-2.5-pro"]["tokens"];
    for (field, value) in [
        ("id", result["session_id"].clone()),
        ("program", json!("gemini")),
        ("title", json!("FAKE-SAY one")),
        ("first_prompt", json!("FAKE-SAY one")),
        ("last_prompt", json!("FAKE-SAY one")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("messages", json!(2)),
        ("model", json!("gemini-2.5-pro")),
        ("input_tokens", used["prompt"].clone()),
        ("output_tokens", used["candidates"].clone()),
        ("cost_usd", Value::Null),
        ("live", json!(false)),
        ("kept", json!(false)),
    ] {
        assert_eq!(one[field], value, "{field} of {one} after {result}");
    }
    let id = one["id"].as_str().expect("an id").to_owned();
    let tell = |words: &str| {
        let arguments = ["sessions", "resume", &id, "--print", "-m", words, "--", "-m", "gemini-2.5-pro"];
        repo.orchestra(arguments).succeeded()
    };
    let before = test_bed.requests().len();
    tell("FAKE-SAY two").stdout_has("You said two.");
    let requests = test_bed.requests();
    assert!(requests[before]["messages"].as_u64() > requests[0]["messages"].as_u64(), "{requests:?}");
    assert_eq!(
        (&only_session(&repo)["messages"], &only_session(&repo)["last_prompt"]),
        (&json!(4), &json!("FAKE-SAY two"))
    );
    repo.orchestra(["sessions", "keep", &id]).succeeded();
    fs::remove_dir_all(
        one["path"].as_str().map(std::path::Path::new).and_then(|path| path.parent()).expect("a folder"),
    )
    .expect("gone");
    let before = test_bed.requests().len();
    tell("FAKE-SAY three").stdout_has("You said three.");
    let again = &test_bed.requests()[before];
    assert!(again["messages"].as_u64() > requests[0]["messages"].as_u64().map(|count| count + 2), "{again}");
    assert_eq!(only_session(&repo)["messages"], 6);
}
