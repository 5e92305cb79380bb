//! `sessions`: the shapes of files that people really have. Each is listed, summed up and shown as its program meant it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::{TestRepo, World};

use crate::{
    sessions::{listed, one},
    world,
};

/// A file as a program keeps it, and what is right for it.
struct Shape {
    /// Where it lies below the home folder.
    path: String,
    /// Its lines, or its only object.
    text: String,
    /// The id of the conversation.
    id: String,
    /// Fields of the list.
    fields: Value,
    /// What `show` prints.
    shown: &'static [&'static str],
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shapes").join(name);
    fs::read_to_string(path).expect("a fixture")
}

/// A conversation of Claude Code.
fn claude(id: &str, text: String, fields: Value, shown: &'static [&'static str]) -> Shape {
    Shape { path: format!(".claude/projects/-w-app/{id}.jsonl"), text, id: id.to_owned(), fields, shown }
}

/// The same, of a fixture, which bears its id.
fn claude_fixture(name: &str, fields: Value, shown: &'static [&'static str]) -> Shape {
    let text = fixture(name);
    let first: Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    let id = first["sessionId"].as_str().expect("an id").to_owned();
    claude(&id, text, fields, shown)
}

fn codex(id: &str, text: String, fields: Value, shown: &'static [&'static str]) -> Shape {
    let path = format!(".codex/sessions/2026/07/14/rollout-2026-07-14T22-00-00-{id}.jsonl");
    Shape { path, text, id: id.to_owned(), fields, shown }
}

fn gemini(name: &str, id: &str, text: String, fields: Value, shown: &'static [&'static str]) -> Shape {
    Shape { path: format!(".gemini/tmp/p/chats/{name}"), text, id: id.to_owned(), fields, shown }
}

impl Shape {
    fn lay(&self, world: &World) -> PathBuf {
        let path = match self.path.strip_prefix(".claude/") {
            Some(below) => world.claude_config().join(below),
            None => world.home().join(&self.path),
        };
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, &self.text).expect("a file");
        path
    }

    /// List, sums and what is shown are right.
    fn is_right(&self, world: &World, repo: &TestRepo<'_>) {
        let path = self.lay(world);
        let all = listed(repo, &["--all"]);
        let found = all.iter().find(|found| found["id"] == self.id);
        let found = found.unwrap_or_else(|| panic!("{} is listed", self.path));
        for (field, value) in self.fields.as_object().expect("fields") {
            assert_eq!(&found[field], value, "{field} of {}", self.path);
        }
        let total =
            repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
        for field in ["messages", "input_tokens", "output_tokens", "cost_usd"] {
            assert_eq!(total[field], found[field], "{field} of {} in the sums", self.path);
        }
        let shown = repo.orchestra(["sessions", "show", &self.id]).succeeded().stdout();
        for words in self.shown {
            assert!(shown.contains(words), "{words} of {} in {shown}", self.path);
        }
        let said = repo.orchestra(["sessions", "--all", "--verbose"]).succeeded();
        assert_eq!(said.stderr(), "", "{}: nothing is passed over", self.path);
        fs::remove_file(path).expect("gone");
    }
}

/// One line of Claude Code; every line has a time of its own.
fn line(at: &str, kind: &str, more: Value) -> Value {
    let mut line = json!({"type": kind, "sessionId": "s", "cwd": "/w/app", "gitBranch": "main", "isSidechain": false,
        "timestamp": format!("2026-05-01T10:00:{at}.000Z")});
    if let (Some(fields), Value::Object(more)) = (line.as_object_mut(), more) {
        fields.extend(more);
    }
    line
}

fn asks(at: &str, text: impl Into<Value>) -> Value {
    line(at, "user", json!({"message": {"role": "user", "content": text.into()}}))
}

/// A line of the answer `id`, which has written so many tokens.
fn answers(at: &str, id: &str, text: &str, written: u64) -> Value {
    let usage = json!({"input_tokens": 100, "cache_read_input_tokens": 20, "output_tokens": written});
    let content = json!([{"type": "text", "text": text}]);
    line(at, "assistant", json!({"message": {"id": id, "model": "m", "content": content, "usage": usage}}))
}

fn lines(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn command(name: &str, words: &str) -> String {
    format!(
        "<command-message>{name}</command-message>\n<command-name>/{name}</command-name>\n<command-args>{words}</command-args>"
    )
}

fn shapes_of_claude() -> Vec<Shape> {
    let long = |at| {
        let gave = json!([{"type": "tool_result", "content": "x".repeat(3 << 19)}]);
        asks(at, gave)
    };
    vec![
        claude(
            "command-alone",
            lines(&[
                line("01", "summary", json!({})),
                asks("02", command("plan", "14 now")),
                line(
                    "03",
                    "user",
                    json!({"isMeta": true, "message": {"content": [{"type": "text", "text": "the plan"}]}}),
                ),
                answers("04", "m1", "planned", 7),
            ]),
            json!({"title": "/plan 14 now", "first_prompt": "/plan 14 now", "last_prompt": "/plan 14 now", "messages": 2,
                "output_tokens": 7, "started_at": "2026-05-01T10:00:01.000Z", "last_active_at": "2026-05-01T10:00:04.000Z"}),
            &[
                "── you  2026-05-01T10:00:02.000Z\n> /plan 14 now\n",
                "── claude  2026-05-01T10:00:04.000Z\nplanned\n",
            ],
        ),
        claude(
            "prompt-far-from-both-ends",
            lines(&[
                asks("01", command("init", "")),
                long("02"),
                asks("03", "commit this"),
                long("04"),
                answers("05", "m1", "done", 3),
            ]),
            json!({"title": "commit this", "first_prompt": "commit this", "messages": 3}),
            &["> /init\n", "> commit this\n"],
        ),
        claude(
            "growing-numbers",
            lines(&[
                asks("01", "go"),
                answers("02", "m1", "first", 1),
                answers("03", "m1", "", 30),
                answers("04", "m2", "second", 2),
                answers("05", "m1", "", 400),
                answers("06", "m2", "", 400),
            ]),
            json!({"input_tokens": 240, "output_tokens": 800, "messages": 3}),
            &["tokens    240 read, 800 written\n"],
        ),
        claude(
            "the-program-speaks",
            lines(&[
                asks("01", "<ide_opened_file>a.rs</ide_opened_file>"),
                asks(
                    "02",
                    "Caveat: The messages below were generated by the user while running local commands.",
                ),
                asks("03", "<bash-input>git switch main</bash-input>"),
                asks("04", "<bash-stdout>Switched</bash-stdout><bash-stderr></bash-stderr>"),
                asks("05", "<task-notification>\n<task-id>b1</task-id> is done\n</task-notification>"),
                asks(
                    "06",
                    json!([{"type": "text", "text": "<system-reminder>x</system-reminder>"}, {"type": "text", "text": "push"}]),
                ),
                answers("07", "m1", "pushed", 5),
                asks(
                    "08",
                    "This session is being continued from a previous conversation that ran out of context.",
                ),
            ]),
            json!({"title": "! git switch main", "last_prompt": "push", "messages": 3}),
            &["> ! git switch main\n", "  · b1 is done\n", "> push\n"],
        ),
        claude(
            "titles",
            lines(&[
                line("01", "summary", json!({"summary": "of the program"})),
                asks("02", "yes"),
                answers("03", "m1", "ok", 5),
                json!({"type": "ai-title", "aiTitle": "Better words", "sessionId": "s"}),
                json!({"type": "last-prompt", "lastPrompt": "yes", "sessionId": "s"}),
            ]),
            json!({"title": "Better words", "first_prompt": "yes"}),
            &["title     Better words\n"],
        ),
        claude(
            "summary-before-first-prompt",
            lines(&[
                json!({"type": "summary", "summary": "What it was about"}),
                asks("02", "8"),
                answers("03", "m1", "ok", 5),
            ]),
            json!({"title": "What it was about", "messages": 2}),
            &[],
        ),
        claude(
            "sub-agents-in-the-same-file",
            lines(&[
                asks("01", "delegate"),
                answers("02", "m1", "I delegate", 10),
                line("03", "user", json!({"isSidechain": true, "message": {"content": "look for it"}})),
                line(
                    "04",
                    "assistant",
                    json!({"isSidechain": true, "message": {"id": "i1", "model": "m",
                    "content": [{"type": "text", "text": "hidden words"}], "usage": {"input_tokens": 1000, "output_tokens": 300}}}),
                ),
                answers("05", "m2", "it is found", 20),
            ]),
            json!({"messages": 3, "input_tokens": 1240, "output_tokens": 330}),
            &["I delegate\n  · sub-agent: look for it\nit is found\n"],
        ),
        claude(
            "two-objects-on-one-line",
            format!("{}{}\n{}\n", asks("01", "one"), asks("02", "two"), answers("03", "m1", "three", 5)),
            json!({"messages": 3, "first_prompt": "one", "last_prompt": "two"}),
            &["> one\n", "> two\n"],
        ),
        claude(
            "null-everywhere",
            lines(&[
                line(
                    "01",
                    "user",
                    json!({"isMeta": null, "isSidechain": null, "message": {"content": "hello"}}),
                ),
                line(
                    "02",
                    "assistant",
                    json!({"isApiErrorMessage": null, "message": {"id": null, "model": "m", "content":
                    [{"type": "text", "text": "hi"}, {"type": "tool_use", "name": null, "input": null}], "usage": null}}),
                ),
                line(
                    "03",
                    "user",
                    json!({"message": {"content": [{"type": "tool_result", "is_error": null, "content": "gave"}]}}),
                ),
            ]),
            json!({"messages": 2, "model": "m", "input_tokens": null}),
            &["> hello\n", "\nhi\n", "  ← gave\n"],
        ),
        claude_fixture(
            "lone-surrogates.jsonl",
            json!({"messages": 4, "input_tokens": 2220, "output_tokens": 12, "last_prompt": "birch juniper \u{FFFD}"}),
            &[
                "> birch juniper \u{FFFD}\n",
                "birch heron \u{FFFD} fjord\n",
                "  ← ember delta \u{FFFD} nettle\n",
            ],
        ),
        claude_fixture(
            "usage-null.jsonl",
            json!({"messages": 4, "input_tokens": 20, "output_tokens": 110}),
            &["birch heron 2\n"],
        ),
        claude_fixture(
            "usage-float.jsonl",
            json!({"messages": 2, "input_tokens": 1112, "output_tokens": 50}),
            &["heron\n"],
        ),
        claude_fixture(
            "image-only-prompt.jsonl",
            json!({"title": "Image", "first_prompt": "Image", "messages": 2}),
            &["> Image\n"],
        ),
        claude_fixture(
            "costUSD-per-line.jsonl",
            json!({"messages": 4, "cost_usd": 0.42}),
            &["cost      $0.42\n"],
        ),
        claude_fixture(
            "ai-title-and-relocated.jsonl",
            json!({"title": "Cedar birch inlet", "cwd": "/w/app.worktrees/x", "first_prompt": "delta nettle"}),
            &["folder    /w/app.worktrees/x\n"],
        ),
    ]
}

const OLD: &str = "cf4def41-21e0-4b91-adb4-5397c1492085";
const CALLS: &str = "019ef35b-2300-75e0-98d6-8e4dce140510";
const PARENT: &str = "019f6249-055d-76d3-b381-cd9d3eb99189";
const CHILD: &str = "019f624a-cc95-7c50-b9fa-1db381270b73";

fn shapes_of_codex() -> Vec<Shape> {
    let message = |role: &str, text: &str| {
        let kind = if role == "user" { "input_text" } else { "output_text" };
        json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
    };
    let event = |at: &str, kind: &str, payload: Value| json!({"timestamp": format!("2026-06-23T07:00:{at}Z"), "type": kind, "payload": payload});
    let count = |read: Value, written: Value| json!({"type": "token_count", "info": {"total_token_usage": {"input_tokens": read, "output_tokens": written}}});
    vec![
        codex(
            OLD,
            lines(&[
                json!({"id": OLD, "timestamp": "2025-09-10T18:58:38.331Z", "instructions": null, "git": {"branch": "main"}}),
                json!({"record_type": "state"}),
                message("user", "<user_instructions>\n\nbe brief\n\n</user_instructions>"),
                message("user", "<environment_context>\n  <cwd>/w/app</cwd>\n</environment_context>"),
                message("user", "which is next?"),
                json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}),
                message("assistant", "I look."),
                json!({"type": "function_call", "name": "next_task", "arguments": "{\"id\":60}", "call_id": "c"}),
                json!({"type": "function_call_output", "call_id": "c", "output": "task 60"}),
            ]),
            json!({"title": "which is next?", "cwd": "/w/app", "branch": "main", "messages": 2,
                "started_at": "2025-09-10T18:58:38.331Z"}),
            &["> which is next?\n", "I look.\n  → next_task {\"id\":", "60}\n  ← task 60\n"],
        ),
        codex(
            CALLS,
            lines(&[
                event("00", "session_meta", json!({"id": CALLS, "cwd": "/w/app", "source": "cli"})),
                event("01", "turn_context", json!({"cwd": "/w/app", "model": "m"})),
                event("02", "event_msg", json!({"type": "user_message", "message": "run it"})),
                event("03", "event_msg", count(json!(100), json!(10))),
                event("04", "event_msg", count(json!(100), json!(10))),
                event(
                    "05",
                    "response_item",
                    json!({"type": "function_call", "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}"}),
                ),
                event("06", "response_item", json!({"type": "function_call_output", "output": "a\nb"})),
                event("07", "event_msg", count(json!(250.0), json!(25))),
                event("08", "event_msg", json!({"type": "agent_message", "message": "it ran"})),
            ]),
            json!({"messages": 2, "input_tokens": 250, "output_tokens": 25, "last_active_at": "2026-06-23T07:00:08Z"}),
            &["  → exec_command ls\n  ← a (+1 lines)\nit ran\n"],
        ),
    ]
}

const SPOKEN: &str = "9640edb1-da8c-4f11-8e8a-96de872f2549";

fn shapes_of_gemini() -> Vec<Shape> {
    let messages = [
        json!({"id": "1", "timestamp": "2026-03-18T00:00:50.465Z", "type": "user", "content": "list it"}),
        json!({"id": "2", "timestamp": "2026-03-18T00:00:53.302Z", "type": "gemini", "content": "I list it.", "model": "g",
            "tokens": {"input": 60, "output": 4.0, "thoughts": 11}, "toolCalls": [{"name": "shell", "args": {"command": "ls"},
            "status": "success", "result": [{"functionResponse": {"response": {"output": "a file"}}}]}]}),
    ];
    let header = json!({"sessionId": SPOKEN, "startTime": "2026-03-18T00:00:50.465Z", "kind": "main"});
    let mut whole = header.clone();
    whole["messages"] = json!(messages);
    let fields = json!({"title": "list it", "messages": 2, "model": "g", "input_tokens": 60, "output_tokens": 15,
        "started_at": "2026-03-18T00:00:50.465Z", "last_active_at": "2026-03-18T00:00:53.302Z"});
    let shown = &["> list it\n", "I list it.\n  → shell ls\n  ← a file\n"];
    let [asked, answered] = messages;
    vec![
        gemini(
            "session-2026-03-18T00-00-9640edb1.json",
            SPOKEN,
            serde_json::to_string_pretty(&whole).expect("JSON"),
            fields.clone(),
            shown,
        ),
        gemini(
            "session-2026-03-18T00-00-9640edb1.jsonl",
            SPOKEN,
            lines(&[header, asked, answered]),
            fields,
            shown,
        ),
    ]
}

fn shapes() -> impl Iterator<Item = Shape> {
    shapes_of_claude().into_iter().chain(shapes_of_codex()).chain(shapes_of_gemini())
}

#[test]
fn every_shape_is_listed_summed_up_and_shown() {
    let world = world();
    let repo = world.repo();
    shapes().for_each(|shape| shape.is_right(&world, &repo));
}

#[test]
fn what_a_script_rewrote_means_the_same() {
    let world = world();
    let repo = world.repo();
    for shape in shapes() {
        // As editors and scripts write it: a byte order mark, spaces behind the colons, other ends of lines.
        let spaced = shape.text.replace("\":", "\": ").replace('\n', "\r\n");
        Shape { text: format!("\u{FEFF}{spaced}"), ..shape }.is_right(&world, &repo);
    }
}

#[test]
fn a_codex_sub_agent_with_the_header_of_its_parent_is_counted_once() {
    let world = world();
    let repo = world.repo();
    let none = json!({});
    codex(PARENT, fixture("codex-parent-repeated-token-counts.rollout.jsonl"), none.clone(), &[]).lay(&world);
    codex(CHILD, fixture("codex-child-with-parents-header.rollout.jsonl"), none, &[]).lay(&world);
    // The second time all of it is remembered.
    for _ in 0..2 {
        let all = listed(&repo, &["--all"]);
        assert_eq!(all.len(), 1, "{all:?}");
        let (found, inner) = (&all[0], &all[0]["subagents"][0]);
        assert_eq!(
            (&found["id"], &found["input_tokens"], &found["output_tokens"]),
            (&json!(PARENT), &json!(2500), &json!(250))
        );
        assert_eq!(
            (&inner["id"], &inner["input_tokens"], &inner["output_tokens"]),
            (&json!(CHILD), &json!(500), &json!(50))
        );
        assert_eq!(inner["description"], "reed at ember inlet olive");
        let total =
            repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
        assert_eq!(
            (&total["input_tokens"], &total["output_tokens"], &total["messages"]),
            (&json!(2500), &json!(250), &json!(2))
        );
    }
    let shown = repo.orchestra(["sessions", "show", CHILD]).succeeded().stdout();
    assert!(
        shown.contains("tokens    500 read, 50 written\n") && shown.contains("ember inlet is zinc\n"),
        "{shown}"
    );
}

#[test]
fn what_a_codex_fork_repeats_is_summed_up_once() {
    let world = world();
    let repo = world.repo();
    let none = json!({});
    codex(PARENT, fixture("codex-parent-repeated-token-counts.rollout.jsonl"), none.clone(), &[]).lay(&world);
    let child = fixture("codex-child-with-parents-header.rollout.jsonl");
    let (header, rest) = child.split_once('\n').expect("lines");
    let mut header: Value = serde_json::from_str(header).expect("JSON");
    header["payload"]["source"] = json!("cli");
    header["payload"]["parent_thread_id"] = Value::Null;
    codex(CHILD, format!("{header}\n{rest}"), none, &[]).lay(&world);
    let all = listed(&repo, &["--all"]);
    assert_eq!(all.len(), 2, "{all:?}");
    for one in all {
        let expected = if one["id"] == CHILD { (2500, 250) } else { (2000, 200) };
        assert_eq!(
            (&one["input_tokens"], &one["output_tokens"]),
            (&json!(expected.0), &json!(expected.1)),
            "{one}"
        );
    }
    let total = repo.orchestra(["sessions", "stats", "--all", "--json"]).succeeded().json()["total"].clone();
    assert_eq!(
        (&total["input_tokens"], &total["output_tokens"], &total["messages"]),
        (&json!(2500), &json!(250), &json!(4))
    );
}

/// A conversation of Claude Code with a sub-agent, one of a workflow, and a fork of the whole.
fn with_sub_agents(world: &World, repo: &TestRepo<'_>) -> PathBuf {
    let folder = world.claude_config().join("projects/-w-app");
    let of = |id: &str, mut line: Value, is_inner: bool| {
        line["sessionId"] = json!(id);
        line["cwd"] = json!(repo.path());
        line["isSidechain"] = json!(is_inner);
        line["uuid"] = json!(format!("{} {}", line["timestamp"], line["type"]));
        line
    };
    let told = [asks("01", "delegate"), answers("02", "m1", "one", 10), answers("03", "m2", "two", 20)];
    let write = |path: PathBuf, id: &str, told: &[Value], is_inner: bool| {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let told: Vec<Value> = told.iter().map(|line| of(id, line.clone(), is_inner)).collect();
        fs::write(path, lines(&told)).expect("a file");
    };
    write(folder.join("parent.jsonl"), "parent", &told, false);
    let inner = folder.join("parent/subagents");
    // It begins with what its conversation said.
    let repeats =
        [told[2].clone(), asks("04", "look for the needle"), answers("05", "m3", "the needle is here", 1000)];
    write(inner.join("agent-a1b2.jsonl"), "parent", &repeats, true);
    let workflow = [asks("06", "step"), answers("07", "m4", "a step", 5000)];
    write(inner.join("workflows/wf_1/agent-c3d4.jsonl"), "parent", &workflow, true);
    let fork = [told.as_slice(), &[asks("08", "go on"), answers("09", "m5", "gone on", 100_000)]].concat();
    write(folder.join("fork.jsonl"), "fork", &fork, false);
    folder
}

#[test]
fn what_sub_agents_used_is_counted_once() {
    let world = world();
    let repo = world.repo();
    let folder = with_sub_agents(&world, &repo);
    for _ in 0..2 {
        let parent = one(&repo, "parent");
        assert_eq!((&parent["messages"], &parent["output_tokens"]), (&json!(3), &json!(6030)));
        assert_eq!(parent["input_tokens"], 4 * 120);
        let written = |at: usize| {
            (parent["subagents"][at]["id"].clone(), parent["subagents"][at]["output_tokens"].clone())
        };
        assert_eq!([written(0), written(1)], [(json!("a1b2"), json!(1000)), (json!("c3d4"), json!(5000))]);
        let total = repo.orchestra(["sessions", "stats", "--json"]).succeeded().json()["total"].clone();
        assert_eq!((&total["output_tokens"], &total["messages"]), (&json!(106_030), &json!(5)));
    }
    // The sums of the program hold those of sub-agents.
    let path = folder.join("parent.jsonl");
    let text = fs::read_to_string(&path).expect("a file");
    let used = json!({"m": {"inputTokens": 480, "outputTokens": 6030, "costUSD": 0.5}});
    let sums = json!({"type": "cost-state", "sessionId": "parent", "totalCostUSD": 0.5, "modelUsage": used});
    fs::write(&path, format!("{text}{sums}\n")).expect("a file");
    let parent = one(&repo, "parent");
    assert_eq!((&parent["output_tokens"], &parent["cost_usd"]), (&json!(6030), &json!(0.5)));
}

#[test]
fn sub_agents_are_shown_searched_and_kept() {
    let world = world();
    let repo = world.repo();
    let folder = with_sub_agents(&world, &repo);
    let inner = one(&repo, "parent")["subagents"][0].clone();
    assert_eq!((&inner["messages"], &inner["description"]), (&json!(2), &json!("look for the needle")));
    let another = folder.join("parent/subagents/agent-a1b3.jsonl");
    fs::write(&another, lines(&[asks("01", "other")])).expect("a file");
    repo.orchestra(["sessions", "show", "a1b"]).exits(3).says("'a1b' means 2 sub-agents").says("a1b2, a1b3");
    fs::remove_file(another).expect("gone");
    let shown = repo.orchestra(["sessions", "show", "c3d4"]).succeeded().stdout();
    assert!(shown.contains("title     step\n"), "{shown}");
    assert!(shown.contains("> step\n") && shown.contains("\na step\n"), "{shown}");
    let shown = repo.orchestra(["sessions", "show", "parent"]).succeeded().stdout();
    assert!(shown.contains("subagent  a1b2 ") && shown.contains("120 read, 1000 written)\n"), "{shown}");
    let hits = repo.orchestra(["sessions", "search", "--json", "the needle is"]).succeeded().json();
    let hit = &hits["sessions"][0]["hits"][0];
    assert_eq!(
        (&hits["sessions"][0]["id"], &hit["subagent"], &hit["role"]),
        (&json!("parent"), &json!("a1b2"), &json!("assistant"))
    );
    repo.orchestra(["sessions", "search", "the needle is"]).succeeded().prints("sub-agent a1b2");
    let before = one(&repo, "parent");
    repo.orchestra(["sessions", "keep", "parent"]).succeeded();
    let kept = "refs/orchestra-local/transcripts/parent";
    let tree = repo.git(["ls-tree", "-r", "--name-only", kept]).stdout();
    assert!(
        tree.contains("subagents/agent-a1b2.jsonl") && tree.contains("subagents/agent-c3d4.jsonl"),
        "{tree}"
    );
    fs::remove_dir_all(folder).expect("gone");
    let kept = one(&repo, "parent");
    for field in ["messages", "input_tokens", "output_tokens"] {
        assert_eq!(kept[field], before[field], "{field} of what is kept");
    }
}

#[test]
fn a_conversation_in_one_object_is_kept_and_its_copy_goes_with_it() {
    let world = world();
    let repo = world.repo();
    let shapes = shapes_of_gemini();
    let path = shapes[0].lay(&world);
    let project = path.parent().and_then(Path::parent).expect("a project");
    fs::write(project.join(".project_root"), repo.path().as_os_str().as_encoded_bytes()).expect("a file");
    assert_eq!(listed(&repo, &[]).len(), 1);
    repo.orchestra(["sessions", "keep", SPOKEN]).succeeded();
    fs::remove_file(path).expect("gone");
    repo.orchestra(["sessions", "show", SPOKEN]).succeeded().prints("I list it.");
    let copies = world.home().join(".cache/git-orchestra/gemini/p");
    assert_eq!(fs::read_dir(copies).expect("a folder").count(), 0, "what was deleted lies nowhere else");
    assert_eq!(listed(&repo, &["--all"])[0]["kept"], true);
    repo.git(["config", "orchestra.agent.gemini.program", "true"]);
    // Going on puts it where a later version of its program looks for it.
    repo.orchestra(["sessions", "resume", SPOKEN]).succeeded();
    let back = world.home().join(&shapes[1].path);
    assert!(fs::read_to_string(back).expect("it is back").contains("I list it."));
    assert_eq!(listed(&repo, &[]).len(), 1);
}

#[test]
fn who_speaks_and_what_an_edit_changes_is_shown() {
    let world = world();
    let repo = world.repo();
    let edit = json!([{"type": "text", "text": "\n\n# Plan\n\n```sh\n# as it is\n```"}, {"type": "tool_use", "name": "Edit",
        "input": {"file_path": "a.rs", "old_string": "same\nold", "new_string": "same\nnew\nmore"}}]);
    let told = [
        asks("01", "first\n\n## Aim"),
        line("02", "assistant", json!({"message": {"id": "m1", "model": "m", "content": edit}})),
        line("03", "user", json!({"isSidechain": true, "message": {"content": "look for it"}})),
        line("04", "assistant", json!({"isSidechain": true, "message": {"id": "i1", "content": "found it"}})),
    ];
    claude("speakers", lines(&told), json!({}), &[]).lay(&world);
    let shown = repo.orchestra(["sessions", "show", "speakers"]).succeeded().stdout();
    let talk = "\n── you  2026-05-01T10:00:01.000Z\n> first\n>\n> ## Aim\n\n── claude  2026-05-01T10:00:02.000Z\n# Plan\n\n\
        ```sh\n# as it is\n```\n  → Edit a.rs\n    - old\n    + new\n    + more\n  · sub-agent: look for it\n";
    assert!(shown.ends_with(talk), "{shown}");
    let full = repo.orchestra(["sessions", "show", "--full", "speakers"]).succeeded().stdout();
    assert!(full.contains("\n── sub-agent  2026-05-01T10:00:03.000Z\n> look for it\nfound it\n"), "{full}");
    let exported = repo.orchestra(["sessions", "export", "speakers"]).succeeded().stdout();
    for part in
        ["# first ## Aim\n", "\nfirst\n\n#### Aim\n", ".000Z)\n\n### Plan\n\n```sh\n# as it is\n```\n"]
    {
        assert!(exported.contains(part), "{part} in {exported}");
    }
    let hit = repo.orchestra(["sessions", "search", "--all", "--json", "found it"]).succeeded().json();
    assert_eq!(hit["sessions"][0]["hits"][0]["role"], "assistant");
}

#[test]
fn what_is_passed_over_is_named() {
    let world = world();
    let repo = world.repo();
    let folder = with_sub_agents(&world, &repo);
    let inner = folder.join("parent/subagents/agent-a1b2.jsonl");
    let fork = folder.join("fork.jsonl");
    for path in [&inner, &fork] {
        let text = fs::read_to_string(path).expect("a file");
        fs::write(path, text.replacen('\n', "\n{\"type\":\"user\",\"message\":{\"con\n", 1)).expect("a file");
    }
    fs::write(folder.join("parent/subagents/workflows/wf_1/agent-c3d4.jsonl"), "no JSON\nnor this\n")
        .expect("a file");
    // The second time what was read is remembered.
    for _ in 0..2 {
        let said = repo.orchestra(["sessions", "--verbose"]).succeeded().stderr();
        assert!(said.contains("fork.jsonl': 1 line cannot be read"), "{said}");
        assert!(said.contains("agent-c3d4.jsonl': 2 lines cannot be read"), "{said}");
    }
    repo.orchestra(["sessions"]).succeeded().says("--verbose says what");
}

#[test]
fn sums_since_a_day_are_those_of_its_days() {
    let world = world();
    let repo = world.repo();
    let day = |day: &str, line: Value| {
        let mut line = line;
        line["timestamp"] = json!(format!("{day}T10:00:00.000Z"));
        line
    };
    let told = lines(&[
        day("2026-04-10", asks("01", "before")),
        day("2026-04-10", answers("01", "m1", "one", 10)),
        day("2026-04-13", asks("01", "since")),
        day("2026-04-13", answers("01", "m2", "two", 200)),
    ]);
    claude("days", told, json!({}), &[]).lay(&world);
    for (since, days, written) in [
        ("2026-04-13", vec!["2026-04-13"], json!(200)),
        ("2026-04-11", vec!["2026-04-13"], json!(200)),
        ("2026-04-10", vec!["2026-04-13", "2026-04-10"], json!(210)),
    ] {
        let report =
            repo.orchestra(["sessions", "stats", "--all", "--json", "--since", since]).succeeded().json();
        let found: Vec<&Value> =
            report["days"].as_array().expect("a list").iter().map(|day| &day["name"]).collect();
        assert_eq!(found, days, "{since}");
        assert_eq!(report["total"]["output_tokens"], written, "{since}");
    }
    repo.orchestra(["sessions", "stats", "--all", "--since", "2026-04-14"])
        .succeeded()
        .says("there are no conversations here");
}

#[test]
fn a_copy_without_times_is_as_old_as_what_was_said() {
    let world = world();
    let repo = world.repo();
    for (id, at) in [("c-newest", "59"), ("a-oldest", "01"), ("b-middle", "30")] {
        claude(id, lines(&[asks(at, id), answers(at, "m1", "ok", 1)]), json!({}), &[]).lay(&world);
    }
    let order = |options: &[&str]| -> Vec<String> {
        listed(&repo, options).iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(order(&["--all"]), ["c-newest", "b-middle", "a-oldest"]);
    assert_eq!(order(&["--all", "--limit", "2"]), ["c-newest", "b-middle"]);
    assert_eq!(order(&["--all", "--since", "2026-05-01T10:00:20Z"]), ["c-newest", "b-middle"]);
}
