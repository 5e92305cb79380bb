//! `sessions`: subagents of every depth and program, even if the session that started them is gone or only
//! kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{TestRepo, World};

use crate::{
    sessions::{ids, listed, one},
    sessions_shapes::shapes::{CHILD as INNER, PARENT, answers, asks, codex as codex_shape, fixture, lines},
    world,
};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn sums(repo: &TestRepo<'_>) -> (Value, Value) {
    let total = repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
    (total["input_tokens"].clone(), total["output_tokens"].clone())
}

/// Writes a session of Claude Code, `parent`, with a subagent `a1b2`, in the directory of a repository.
fn claude_with_inner(world: &World, repo: &TestRepo<'_>) -> PathBuf {
    let folder = world.claude_config().join("projects/-w-app");
    let told = |is_inner: bool, told: &[Value]| {
        let told: Vec<Value> = told
            .iter()
            .map(|line| {
                let mut line = line.clone();
                line["sessionId"] = json!("parent");
                line["cwd"] = json!(repo.path());
                line["isSidechain"] = json!(is_inner);
                line
            })
            .collect();
        lines(&told)
    };
    write(
        &folder.join("parent.jsonl"),
        &told(false, &[asks("01", "delegate"), answers("02", "m1", "done", 10)]),
    );
    let inner =
        told(true, &[asks("03", "look for the needle"), answers("04", "m2", "the needle is here", 1000)]);
    write(&folder.join("parent/subagents/agent-a1b2.jsonl"), &inner);
    write(
        &folder.join("parent/subagents/agent-a1b2.meta.json"),
        &json!({"agentType": "Explore", "description": "find it"}).to_string(),
    );
    folder
}

#[test]
fn a_subagent_of_a_kept_session_is_listed_shown_searched_and_restored() {
    let world = world();
    let repo = world.repo();
    let folder = claude_with_inner(&world, &repo);
    let before = one(&repo, "parent")["subagents"][0].clone();
    repo.orchestra(["sessions", "keep", "parent"]).succeeded();
    fs::remove_dir_all(&folder).expect("gone");
    let kept = one(&repo, "parent");
    let inner = &kept["subagents"][0];
    for field in
        ["id", "kind", "description", "size", "messages", "input_tokens", "output_tokens", "cost_usd"]
    {
        assert_eq!(inner[field], before[field], "{field}");
    }
    assert_eq!(inner["path"], Value::Null);
    for name in ["a1b2", "a1"] {
        let shown = repo.orchestra(["sessions", "show", name]).succeeded().stdout();
        assert!(shown.contains("part of   parent\n"), "{shown}");
        // The agent prompts, not a person.
        let talk = "── claude  2026-05-01T10:00:03.000Z\n> look for the needle\n\n── subagent  2026-05-01T10:00:04.000Z\nthe needle is here\n";
        assert!(shown.ends_with(talk), "{shown}");
    }
    let exported = repo.orchestra(["sessions", "export", "a1b2"]).succeeded().stdout();
    assert!(
        exported.contains("- Subagent of: `parent`\n") && exported.contains("\n## Subagent ("),
        "{exported}"
    );
    assert!(!exported.contains("## User"), "{exported}");
    let hits = repo.orchestra(["sessions", "search", "--json", "needle is"]).succeeded().json();
    assert_eq!(hits["sessions"][0]["hits"][0]["subagent"], "a1b2", "{hits}");
    repo.git(["config", "orchestra.agent.claude.program", "true"]);
    repo.orchestra(["sessions", "resume", "parent"]).succeeded();
    assert!(folder.join("parent/subagents/agent-a1b2.jsonl").is_file(), "it is back");
    assert_eq!(one(&repo, "parent")["subagents"][0]["path"], before["path"]);
}

#[test]
fn an_orphan_subagent_is_listed_in_place_of_its_session() {
    let world = world();
    let repo = world.repo();
    let folder = claude_with_inner(&world, &repo);
    fs::remove_file(folder.join("parent.jsonl")).expect("gone");
    for _ in 0..2 {
        let found = listed(&repo, &["--all"]);
        assert_eq!((ids(&found), &found[0]["subagent_of"]), (vec!["a1b2"], &json!("parent")));
        assert_eq!(
            (&found[0]["title"], &found[0]["output_tokens"]),
            (&json!("look for the needle"), &json!(1000))
        );
        assert_eq!(sums(&repo), (json!(120), json!(1000)));
    }
    repo.orchestra(["sessions", "show", "a1b2"]).succeeded().stdout_has("part of   parent\n");
    for verb in ["resume", "adopt"] {
        repo.orchestra(["sessions", verb, "a1b2"]).exits(3).stderr_has("is a subagent of session 'parent'");
    }
    repo.orchestra(["sessions", "keep", "a1b2"]).succeeded();
    // An older layout: next to its session, which is gone as well.
    fs::rename(folder.join("parent/subagents/agent-a1b2.jsonl"), folder.join("agent-a1b2.jsonl"))
        .expect("moved");
    assert_eq!(ids(&listed(&repo, &["--all"])), ["a1b2"]);
    write(&folder.join("parent.jsonl"), &lines(&[asks("01", "delegate")]).replace("\"s\"", "\"parent\""));
    let found = listed(&repo, &["--all", "--program", "claude"]);
    let parent = found.iter().find(|one| one["id"] == "parent").expect("it is back");
    assert_eq!(parent["subagents"][0]["id"], "a1b2");
}

const ROOT: &str = "019f6249-055d-76d3-b381-000000000001";
const CHILD: &str = "019f6249-055d-76d3-b381-000000000002";
const GRANDCHILD: &str = "019f6249-055d-76d3-b381-000000000003";

/// Writes a session of Codex, or a subagent of `parent`, that used this many tokens.
fn codex(world: &World, folder: &str, id: &str, parent: Option<&str>, read: u64) -> PathBuf {
    let line = |at: &str, kind: &str, payload: Value| json!({"timestamp": format!("2026-06-23T07:00:{at}Z"), "type": kind, "payload": payload});
    let source = parent.map_or_else(
        || json!("cli"),
        |parent| json!({"subagent": {"thread_spawn": {"parent_thread_id": parent}}}),
    );
    let header = json!({"id": id, "cwd": "/w/app", "source": source, "parent_thread_id": parent});
    let used = json!({"type": "token_count", "info": {"total_token_usage": {"input_tokens": read, "output_tokens": 1}}});
    let told = [
        line("00", "session_meta", header),
        line("01", "event_msg", json!({"type": "user_message", "message": format!("task {}", &id[35..])})),
        line("02", "event_msg", used),
        line("03", "event_msg", json!({"type": "agent_message", "message": "done"})),
    ];
    let path = world.home().join(format!(".codex/{folder}/rollout-2026-06-23T07-00-00-{id}.jsonl"));
    write(&path, &lines(&told));
    path
}

#[test]
fn nested_codex_subagents_count_and_cycles_hide_none() {
    let today = "sessions/2026/06/23";
    for (name, parents, expected) in [
        ("a chain", [None, Some(ROOT), Some(CHILD)], vec![(ROOT, 2, 1110)]),
        (
            "the middle is all there is",
            [None, Some("gone"), Some(CHILD)],
            vec![(CHILD, 0, 100), (GRANDCHILD, 0, 1000), (ROOT, 0, 10)],
        ),
        (
            "a circle",
            [None, Some(GRANDCHILD), Some(CHILD)],
            vec![(CHILD, 0, 100), (GRANDCHILD, 0, 1000), (ROOT, 0, 10)],
        ),
        ("its own parent", [None, Some(CHILD), Some(ROOT)], vec![(CHILD, 0, 100), (ROOT, 1, 1010)]),
    ] {
        let world = world();
        let repo = world.repo();
        for ((id, parent), read) in [ROOT, CHILD, GRANDCHILD].into_iter().zip(parents).zip([10, 100, 1000]) {
            codex(&world, today, id, parent, read);
        }
        for _ in 0..2 {
            let mut found: Vec<(String, usize, u64)> = listed(&repo, &["--all"])
                .iter()
                .map(|one| {
                    let inner = one["subagents"].as_array().map_or(0, Vec::len);
                    (
                        one["id"].as_str().expect("an id").to_owned(),
                        inner,
                        one["input_tokens"].as_u64().expect("a sum"),
                    )
                })
                .collect();
            found.sort();
            let mut expected: Vec<_> =
                expected.iter().map(|(id, inner, read)| ((*id).to_owned(), *inner, *read)).collect();
            expected.sort();
            assert_eq!(found, expected, "{name}");
            assert_eq!(sums(&repo).0, 1110, "{name}");
        }
    }
}

#[test]
fn a_codex_session_has_the_title_that_a_person_gave_it() {
    let world = world();
    let repo = world.repo();
    codex(&world, "sessions/2026/06/23", ROOT, None, 10);
    let title = || listed(&repo, &["--all"])[0]["title"].clone();
    assert_eq!(title(), "task 1");
    let name = |name: &str| json!({"id": ROOT, "thread_name": name, "updated_at": "2026-06-23T07:00:00Z"});
    let names = world.home().join(".codex/session_index.jsonl");
    write(&names, &format!("{}no JSON\n", lines(&[name("a name"), name("a better name")])));
    assert_eq!(title(), "a better name");
    write(&names, &lines(&[name("a better name"), name("another one")]));
    assert_eq!(title(), "another one");
}

#[test]
fn archived_codex_sessions_are_listed_and_compressed_ones_reported() {
    let world = world();
    let repo = world.repo();
    codex(&world, "archived_sessions", ROOT, None, 10);
    write(&world.home().join(format!(".codex/sessions/2026/06/23/rollout-x-{CHILD}.jsonl.zst")), "zstd");
    assert_eq!(ids(&listed(&repo, &["--all"])), [ROOT]);
    let said = repo.orchestra(["sessions", "--all", "-v"]).succeeded().stderr();
    assert!(said.contains(".jsonl.zst': it is compressed by Codex, and is not read"), "{said}");
}

const SPOKEN: &str = "9640edb1-da8c-4f11-8e8a-96de872f2549";
const STARTED: &str = "5b640edb-da8c-4f11-8e8a-96de872f2549";

fn gemini(at: &str, kind: &str, more: Value) -> Value {
    let mut line = json!({"id": format!("{kind}-{at}"), "timestamp": format!("2026-11-18T00:00:{at}.000Z"), "type": kind});
    if let (Some(fields), Value::Object(more)) = (line.as_object_mut(), more) {
        fields.extend(more);
    }
    line
}

fn header(id: &str, kind: &str) -> Value {
    json!({"sessionId": id, "projectHash": "h", "startTime": "2026-11-18T00:00:00.000Z", "kind": kind})
}

#[test]
fn gemini_subagents_count_and_a_resumed_session_is_one_session() {
    let world = world();
    let repo = world.repo();
    let chats = world.home().join(".gemini/tmp/p/chats");
    write(&world.home().join(".gemini/tmp/p/.project_root"), &repo.path().to_string_lossy());
    let tokens = |read: u64| json!({"input": read, "output": 5, "cached": 0, "thoughts": 0, "tool": 0, "total": read + 5});
    let call = json!({"id": "c", "name": "shell", "args": {"command": "ls"}, "status": "success",
        "result": [{"functionResponse": {"response": {"output": "a file"}}}]});
    let told = [
        header(SPOKEN, "main"),
        gemini("01", "user", json!({"content": [{"text": "<session_context>\nToday is Thursday"}]})),
        gemini(
            "02",
            "user",
            json!({"content": [{"text": "list it"}, {"text": "--- a.rs ---"}], "displayContent": ["list @a.rs"]}),
        ),
        gemini("03", "gemini", json!({"content": "I list it.", "model": "g", "tokens": tokens(60)})),
        gemini(
            "03",
            "gemini",
            json!({"content": "I list it.", "model": "g", "tokens": tokens(60), "toolCalls": [call]}),
        ),
        gemini(
            "03",
            "gemini",
            json!({"content": "I list it.", "model": "g", "tokens": tokens(60), "toolCalls": [call, call]}),
        ),
        json!({"$set": {"summary": "Listing the files", "lastUpdated": "2026-11-18T00:00:03.000Z"}}),
        json!({"$rewindTo": "gemini-03"}),
        gemini("04", "user", json!({"content": "/compress"})),
    ];
    write(&chats.join("session-2026-11-18T00-00-9640edb1.jsonl"), &lines(&told));
    // A later version continued what an earlier one had written.
    let mut whole = header(SPOKEN, "main");
    whole["messages"] = json!(told[1..4]);
    write(&chats.join("session-2026-11-18T00-00-9640edb1.json"), &whole.to_string());
    let inner = [
        header(STARTED, "subagent"),
        gemini("05", "user", json!({"content": "look for the needle"})),
        gemini(
            "06",
            "gemini",
            json!({"content": "the needle is here", "model": "g", "tokens": tokens(1000)}),
        ),
    ];
    write(&chats.join(SPOKEN).join(format!("{STARTED}.jsonl")), &lines(&inner));
    let found = listed(&repo, &[]);
    assert_eq!(ids(&found), [SPOKEN]);
    for (field, value) in [
        ("title", json!("Listing the files")),
        ("first_prompt", json!("list @a.rs")),
        ("last_prompt", json!("/compress")),
        ("messages", json!(3)),
        ("input_tokens", json!(1060)),
        ("output_tokens", json!(10)),
    ] {
        assert_eq!(found[0][field], value, "{field}");
    }
    assert_eq!(found[0]["subagents"][0]["id"], STARTED);
    assert_eq!(sums(&repo), (json!(1060), json!(10)));
    let shown = repo.orchestra(["sessions", "show", SPOKEN]).succeeded().stdout();
    let talk = "> list @a.rs\n\n── gemini  2026-11-18T00:00:03.000Z\nI list it.\n  → shell ls\n  ← a file\n  · the session was \
        rewound to an earlier point\n\n── you  2026-11-18T00:00:04.000Z\n> /compress\n";
    assert!(shown.ends_with(talk), "{shown}");
    repo.orchestra(["sessions", "show", &STARTED[..6]]).succeeded().stdout_has("the needle is here");
    repo.orchestra(["sessions", "search", "needle is"])
        .succeeded()
        .stdout_has(&format!("subagent {STARTED}"));
    repo.orchestra(["sessions", "keep", SPOKEN]).succeeded();
    let name = format!("refs/orchestra-local/transcripts/{SPOKEN}:subagents/{STARTED}.jsonl");
    assert!(repo.git(["show", &name]).stdout().contains("the needle is here"));
    fs::remove_dir_all(&chats).expect("gone");
    repo.git(["config", "orchestra.agent.gemini.program", "true"]);
    repo.orchestra(["sessions", "resume", SPOKEN]).succeeded();
    assert!(chats.join(SPOKEN).join(format!("{STARTED}.jsonl")).is_file(), "it is back");
    // Without its session it is listed by itself.
    fs::remove_file(chats.join("session-2026-11-18T00-00-9640edb1.jsonl")).expect("gone");
    repo.orchestra(["sessions", "forget", SPOKEN]).succeeded();
    assert_eq!(ids(&listed(&repo, &["--all"])), [STARTED]);
}

#[test]
fn repeated_lines_of_a_subagent_count_only_while_its_session_is_gone() {
    let world = world();
    let repo = world.repo();
    let shape = |id: &str, name: &str| codex_shape(id, fixture(name), json!({}), &[]);
    shape(INNER, "codex-child-with-parents-header.rollout.jsonl").lay(&world);
    let parent = shape(PARENT, "codex-parent-repeated-token-counts.rollout.jsonl");
    for _ in 0..2 {
        assert_eq!(ids(&listed(&repo, &["--all"])), [INNER]);
        assert_eq!(sums(&repo), (json!(2500), json!(250)), "all that is left");
        let path = parent.lay(&world);
        let found = listed(&repo, &["--all"]);
        assert_eq!((ids(&found), &found[0]["input_tokens"]), (vec![PARENT], &json!(2500)));
        assert_eq!(found[0]["subagents"][0]["input_tokens"], 500);
        assert_eq!(sums(&repo), (json!(2500), json!(250)));
        fs::remove_file(path).expect("gone");
    }
}
