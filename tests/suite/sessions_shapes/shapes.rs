//! The shapes: a file as a program writes it, and the expected results.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::World;

/// A file as a program writes it, and the expected results.
pub(crate) struct Shape {
    /// Its path below the home directory.
    pub(crate) path: String,
    /// Its lines, or its only object.
    pub(crate) text: String,
    /// The id of the session.
    pub(crate) id: String,
    /// Expected fields of the list.
    pub(crate) fields: Value,
    /// Expected output of `show`.
    pub(crate) shown: &'static [&'static str],
}

pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shapes").join(name);
    fs::read_to_string(path).expect("a fixture")
}

/// Creates a session of Claude Code.
pub(crate) fn claude(id: &str, text: String, fields: Value, shown: &'static [&'static str]) -> Shape {
    Shape { path: format!(".claude/projects/-w-app/{id}.jsonl"), text, id: id.to_owned(), fields, shown }
}

/// Creates the session of a fixture, which has its id.
fn claude_fixture(name: &str, fields: Value, shown: &'static [&'static str]) -> Shape {
    let text = fixture(name);
    let first: Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    let id = first["sessionId"].as_str().expect("an id").to_owned();
    claude(&id, text, fields, shown)
}

pub(crate) fn codex(id: &str, text: String, fields: Value, shown: &'static [&'static str]) -> Shape {
    let path = format!(".codex/sessions/2026/07/14/rollout-2026-07-14T22-00-00-{id}.jsonl");
    Shape { path, text, id: id.to_owned(), fields, shown }
}

fn gemini(name: &str, id: &str, text: String, fields: Value, shown: &'static [&'static str]) -> Shape {
    Shape { path: format!(".gemini/tmp/p/chats/{name}"), text, id: id.to_owned(), fields, shown }
}

impl Shape {
    pub(crate) fn lay(&self, world: &World) -> PathBuf {
        let path = match self.path.strip_prefix(".claude/") {
            Some(below) => world.claude_config().join(below),
            None => world.home().join(&self.path),
        };
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, &self.text).expect("a file");
        path
    }
}

/// Creates one line of Claude Code, with its own time.
pub(crate) fn line(at: &str, kind: &str, more: Value) -> Value {
    let mut line = json!({"type": kind, "sessionId": "s", "cwd": "/w/app", "gitBranch": "main", "isSidechain": false,
        "timestamp": format!("2026-05-01T10:00:{at}.000Z")});
    if let (Some(fields), Value::Object(more)) = (line.as_object_mut(), more) {
        fields.extend(more);
    }
    line
}

pub(crate) fn asks(at: &str, text: impl Into<Value>) -> Value {
    line(at, "user", json!({"message": {"role": "user", "content": text.into()}}))
}

/// Creates a line of the answer `id`, which has written this many tokens.
pub(crate) fn answers(at: &str, id: &str, text: &str, written: u64) -> Value {
    let usage = json!({"input_tokens": 100, "cache_read_input_tokens": 20, "output_tokens": written});
    let content = json!([{"type": "text", "text": text}]);
    line(at, "assistant", json!({"message": {"id": id, "model": "m", "content": content, "usage": usage}}))
}

pub(crate) fn lines(lines: &[Value]) -> String {
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
    let queued = |at, prompt: &str, mode: &str| {
        let queued = json!({"type": "queued_command", "prompt": prompt, "commandMode": mode});
        line(at, "attachment", json!({"attachment": queued}))
    };
    vec![
        claude(
            "typed-while-it-works",
            lines(&[
                asks("01", "begin"),
                answers("02", "m1", "one", 5),
                queued("03", "and the tests?", "prompt"),
                line("04", "attachment", json!({"attachment": {"type": "todo_reminder", "prompt": 7}})),
                answers("05", "m2", "two", 5),
                queued(
                    "06",
                    "<task-notification>\n<task-id>7</task-id> is done\n</task-notification>",
                    "task-notification",
                ),
            ]),
            json!({"first_prompt": "begin", "last_prompt": "and the tests?", "messages": 4, "output_tokens": 10}),
            &["── you  2026-05-01T10:00:03.000Z\n> and the tests?\n", "\ntwo\n  · 7 is done\n"],
        ),
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
            "subagents-in-the-same-file",
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
            &["I delegate\n  · subagent: look for it\nit is found\n"],
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
pub(crate) const PARENT: &str = "019f6249-055d-76d3-b381-cd9d3eb99189";
pub(crate) const CHILD: &str = "019f624a-cc95-7c50-b9fa-1db381270b73";

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

pub(crate) const SPOKEN: &str = "9640edb1-da8c-4f11-8e8a-96de872f2549";

pub(crate) fn shapes_of_gemini() -> Vec<Shape> {
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

pub(crate) fn shapes() -> impl Iterator<Item = Shape> {
    shapes_of_claude().into_iter().chain(shapes_of_codex()).chain(shapes_of_gemini())
}
