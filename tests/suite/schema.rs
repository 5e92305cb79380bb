//! `schema`: the schemas of answers and requests, and that requests are parsed as their schemas say.

use std::collections::BTreeMap;

use orchestra::wire::{self, KINDS, REQUESTS};
use serde_json::{Value, json};
use testkit::schema_faults;

use crate::world;

/// Returns the smallest valid request of an operation.
fn least(name: &str) -> Value {
    match name {
        "attach" | "logs" | "diff" | "rewind" => json!({"agent": "tidy-k3m9q"}),
        "blame" => json!({"file": "src/a.rs"}),
        "adopt" | "sessions-resume" => json!({"session": "3f2a"}),
        "search" => json!({"words": "rate limit"}),
        "review-by" => json!({"profile": "claude"}),
        _ => json!({}),
    }
}

/// Requests with a value in every field that is not a plain text or flag.
const FULL: &[(&str, &str)] = &[
    (
        "spawn",
        r#"{"tasks":["a","b"],"issue":12,"agents":["claude"],"team":"feature-dev","copies":2,"base":"main","after":["auth"],"on_failed":"stop","on":null,"name":"x","tags":["web"],"reviews":"tidy-k3m9q","settings":{"options":{"permission":"acceptEdits","on_prompt":"ask","allow":["Bash(git *)"],"deny":[],"add_dirs":["/tmp"],"model":"m","append_system_prompt":"be brief","max_turns":7,"budget_micros":2500000,"mcp":["notes"]},"jobs":2,"max_time_seconds":3600,"idle_timeout_seconds":60,"retries":1,"retry_delay_seconds":5,"max_cost_micros":5000000,"max_tokens":500000,"until":"make test","rounds":3,"setup":"npm ci","no_setup":false,"check":null,"recheck":true,"sandbox":"files"},"with_changes":true,"fetch":true,"again":true,"dry_run":true}"#,
    ),
    (
        "resume",
        r#"{"agents":["tidy-k3m9q"],"all":false,"message":"go on","fresh":false,"profile":null,"take_over":"at_rest","settings":{"options":{"permission":null,"on_prompt":null,"allow":[],"deny":[],"add_dirs":[],"model":null,"append_system_prompt":null,"max_turns":null,"budget_micros":null},"jobs":null,"max_time_seconds":null,"idle_timeout_seconds":null,"retries":null,"retry_delay_seconds":null,"max_cost_micros":null,"max_tokens":null,"until":null,"rounds":null,"setup":null,"no_setup":false,"check":null,"recheck":false,"sandbox":null},"despite_limit":false,"dry_run":false}"#,
    ),
    (
        "run",
        r#"{"plan":"- a","file":null,"resume":null,"abort":null,"take":"","yes":true,"again":true,"even_if_red":true,"tasks":["a"],"into":null,"check":"make test","agent":"sh","jobs":2,"sequential":true,"confirm":false,"yolo":true,"strict":true,"tick":true,"pr":true,"with_review":null,"dry_run":true}"#,
    ),
    (
        "designer",
        r#"{"profile":null,"again":true,"designer":"designer-k3m9q","worktree":false,"writes":true,"arguments":["-m"],"dry_run":true}"#,
    ),
    ("spec", r#"{"name":null,"version":2}"#),
    (
        "spec-save",
        r#"{"name":"plan","new":false,"text":"","restore":2,"base":"0123456789ab","merges":["0123456789ab"],"designer":null}"#,
    ),
    ("decide", r#"{"run":"019aa0a0","gate":2,"option":"retry","note":"keep it","wait_seconds":30}"#),
    (
        "review",
        r#"{"agent":"tidy-k3m9q","give":{"verdict":"changes","text":"no","comments":[{"file":"a.rs","line":3,"text":"why"}],"base":null,"head":null,"keep":true}}"#,
    ),
    (
        "cleanup",
        r#"{"agents":[],"discard":["x"],"older_than_seconds":86400,"into":"main","force":false,"dry_run":true}"#,
    ),
    (
        "pr",
        r#"{"agents":["tidy-k3m9q"],"action":{"merge":"squash"},"remote":"origin","into":"main","title":null,"draft":true,"labels":["bug"],"reviewers":["tess"],"stack":false,"dry_run":true}"#,
    ),
    (
        "pr-watch",
        r#"{"agents":["tidy-k3m9q"],"remote":"origin","fix":true,"interval_seconds":60,"for_seconds":3600}"#,
    ),
    (
        "pr-review",
        r#"{"pull_request":42,"remote":null,"by":{"profile":"claude","test":"make test","fix":false,"recheck":true},"test":"make test","give":{"verdict":"reject","text":null,"comments":[],"base":null,"head":null,"keep":false},"trust":true,"post":true,"automerge":true,"method":"squash","fix":true,"fixer":"claude"}"#,
    ),
    (
        "sync",
        r#"{"remote":"origin","way":"fetch","dry_run":false,"restore":false,"work":false,"with":["snapshots","transcripts"],"agreed":false}"#,
    ),
];

fn schema_of(name: &str) -> Value {
    let described = REQUESTS.iter().find(|one| one.name == name).expect("a request");
    described.schema().to_value()
}

#[test]
fn a_request_is_parsed_with_defaults_and_written_in_full() {
    for one in REQUESTS {
        let least = least(one.name).to_string();
        let whole = wire::rewrite_request(one.name, &least).expect(one.name);
        let again = wire::rewrite_request(one.name, &whole).expect(one.name);
        assert_eq!(again, whole, "{}", one.name);
        for text in [&least, &whole] {
            let value: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(schema_faults(&schema_of(one.name), &value), [""; 0], "{}: {text}", one.name);
        }
    }
    for (name, text) in FULL {
        assert_eq!(wire::rewrite_request(name, text).expect(name), *text);
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(schema_faults(&schema_of(name), &value), [""; 0], "{name}");
    }
}

#[test]
fn a_request_with_an_unknown_field_is_refused() {
    for one in REQUESTS {
        let mut wrong = least(one.name);
        wrong["dry_rum"] = true.into();
        let error = wire::rewrite_request(one.name, wrong.to_string()).expect_err(one.name);
        assert!(error.one_line().contains("dry_rum"), "{}: {}", one.name, error.one_line());
        assert!(!schema_faults(&schema_of(one.name), &wrong).is_empty(), "{}", one.name);
    }
    for (name, text) in [
        ("stop", r#"{"agents":"all"}"#),
        ("sync", r#"{"ask":true}"#),
        ("sync", r#"{"here":"/tmp"}"#),
        ("spawn", r#"{"reviews":"no such id"}"#),
        ("resume", r#"{"take_over":"perhaps"}"#),
        ("nosuch", "{}"),
    ] {
        assert!(wire::rewrite_request(name, text).is_err(), "{name} {text}");
    }
}

#[test]
fn schemas_are_titled_described_and_named() {
    let mut names: Vec<&str> = KINDS.iter().map(|one| one.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KINDS.len(), "each kind is listed once");
    let mut known: BTreeMap<(bool, String), Value> = BTreeMap::new();
    for (one, is_answer) in KINDS.iter().map(|one| (one, true)).chain(REQUESTS.iter().map(|one| (one, false)))
    {
        let schema = one.schema().to_value();
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            let first = known.entry((is_answer, name.clone())).or_insert_with(|| definition.clone());
            assert_eq!(first, definition, "{}: two types are called {name}", one.name);
        }
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!((&schema["title"], &schema["description"]), (&one.name.into(), &one.about().into()));
        assert!(one.about().ends_with('.') && one.about().len() < 120, "{}", one.about());
        undescribed(one.name, &schema);
    }
}

/// Checks that every property and every definition has a description.
fn undescribed(at: &str, schema: &Value) {
    for (name, one) in schema["properties"].as_object().into_iter().flatten() {
        assert!(!one["description"].is_null(), "{at}: '{name}' has no description");
    }
    for (name, one) in schema["$defs"].as_object().into_iter().flatten() {
        assert!(!one["description"].is_null(), "{at}: '{name}' has no description");
        undescribed(&format!("{at}/{name}"), one);
    }
}

#[test]
fn a_schema_is_printed_by_name_and_all_are_listed() {
    let world = world();
    let repo = world.repo();
    let schema = repo.orchestra(["schema", "status"]).succeeded().json();
    assert_eq!(
        (&schema["title"], &schema["properties"]["kind"]["const"]),
        (&"status".into(), &"status".into())
    );
    let request = repo.orchestra(["schema", "--request", "spawn"]).succeeded().json();
    assert_eq!(request["properties"]["tasks"]["type"], "array");
    let listed = repo.orchestra(["schema"]).succeeded().stdout();
    for one in KINDS {
        assert!(listed.contains(one.name) && listed.contains(one.about()), "{}", one.name);
    }
    let requests = repo.orchestra(["schema", "--request"]).succeeded().stdout();
    assert!(REQUESTS.iter().all(|one| requests.contains(one.about())), "{requests}");
}

#[test]
fn an_unknown_name_is_a_usage_error_with_a_suggestion() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["schema", "statuss"])
        .exits(2)
        .stderr_has("there is no kind of answer 'statuss'")
        .stderr_has("did you mean 'git orchestra schema status'?")
        .stderr_has("'git orchestra schema' lists all");
    repo.orchestra(["schema", "--request", "spwan"])
        .exits(2)
        .stderr_has("did you mean 'git orchestra schema --request spawn'?");
    let ran = repo.orchestra(["schema", "zzzzzzzzzzzz"]).exits(2);
    assert!(!ran.stderr().contains("did you mean"), "{}", ran.stderr());
}
