//! The output of the real program, and odd lines.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::{
    agents::{Session, StreamSummary, TurnFailure, gemini::end::LOGIN, limit::Reset},
    model::limit::LimitKind,
};

const COMMITTED: &str = include_str!("../../../../../tests/fixtures/gemini/streams/committed.jsonl");
const DENIED: &str = include_str!("../../../../../tests/fixtures/gemini/streams/denied.jsonl");
const LIMIT: &str = include_str!("../../../../../tests/fixtures/gemini/streams/limit.jsonl");
const NOT_LOGGED_IN: &str = include_str!("../../../../../tests/fixtures/gemini/streams/not-logged-in.jsonl");

fn read(output: &str, permission: Permission) -> (Vec<StreamEvent>, StreamSummary) {
    let mut exchange = StreamJson.connect(&Connection {
        servers: &serde_json::Value::Null,
        opens_with_task: true,
        folder: Path::new("/home/kim/app.worktrees/a-1"),
        session: Session::None,
        permission: Some(permission),
        model: None,
        in_sandbox: false,
    });
    let mut events: Vec<StreamEvent> =
        output.lines().flat_map(|line| exchange.read(line.as_bytes())).collect();
    events.extend(exchange.finish());
    let mut summary = StreamSummary::default();
    events.iter().for_each(|event| summary.observe(event));
    (events, summary)
}

#[test]
fn a_committed_file_is_a_whole_story() {
    let (events, summary) = read(COMMITTED, Permission::BypassPermissions);
    let tool = |id: &str, name: &str, about: &str| StreamEvent::ToolUse {
        id: id.to_owned(),
        name: name.to_owned(),
        about: about.to_owned(),
    };
    let [_, said, wrote, made, _, ran, printed, _, ended] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*said, StreamEvent::Text("I will create hello.txt and commit it.".to_owned()));
    let StreamEvent::ToolUse { id, .. } = wrote else { panic!("{wrote:?}") };
    assert_eq!(*wrote, tool(id, "write_file", "/home/kim/app.worktrees/a-1/hello.txt"));
    assert_eq!(*made, StreamEvent::ToolResult { error: false, text: String::new() });
    let StreamEvent::ToolUse { id, about, .. } = ran else { panic!("{ran:?}") };
    assert_eq!(*ran, tool(id, "run_shell_command", about));
    assert!(about.starts_with("git add -A"), "{about}");
    assert!(
        matches!(printed, StreamEvent::ToolResult { error: false, text } if text.contains("Add hello.txt"))
    );
    let StreamEvent::TurnEnded(turn) = ended else { panic!("{ended:?}") };
    assert!(turn.is_ok() && turn.turns == 3, "{turn:?}");
    assert_eq!((turn.input_tokens, turn.output_tokens), (Some(37502), Some(88)));
    assert_eq!(summary.last_words.as_deref(), Some("Created hello.txt and committed it."));
    assert_eq!(summary.usage.session.as_deref(), Some("11111111-1111-4111-8111-111111111111"));
    assert_eq!(
        (summary.usage.model.as_deref(), summary.mode.as_deref()),
        (Some("gemini-2.5-pro"), Some("yolo"))
    );
    assert_eq!((summary.usage.turns, summary.usage.denials), (3, 0));
}

#[test]
fn a_tool_that_is_not_offered_is_denied() {
    let (events, summary) = read(DENIED, Permission::Default);
    assert_eq!(summary.first_denied.as_deref(), Some("Bash touch denied-marker.txt"));
    assert_eq!(summary.usage.denials, 1);
    // Parts of a message are joined.
    let text = "I need to run a command that may not be allowed.";
    assert!(events.contains(&StreamEvent::Text(text.to_owned())), "{events:?}");
    // Where everything is allowed, it is only a name that the model made up.
    let (_, summary) = read(DENIED, Permission::BypassPermissions);
    assert_eq!((summary.first_denied, summary.usage.denials), (None, 0));
}

#[test]
fn other_refusals() {
    let refused = |kind: &str, message: &str| {
        let error = json!({"type": kind, "message": message});
        let line = json!({"type": "tool_result", "tool_id": "1", "status": "error", "output": message, "error": error});
        read(&line.to_string(), Permission::BypassPermissions).1.usage.denials
    };
    for (kind, message, denials) in [
        ("policy_violation", "Tool execution denied by policy.", 1),
        ("invalid_tool_params", "Path not in workspace: Attempted path \"/x\" resolves outside", 1),
        ("invalid_tool_params", "Access denied: plan path (/x) must be within", 1),
        ("invalid_tool_params", "params must have required property 'command'", 0),
        ("shell_execute_error", "exit code 1", 0),
    ] {
        assert_eq!(refused(kind, message), denials, "{kind} {message}");
    }
}

#[test]
fn errors_of_the_service_end_the_turn() {
    let (events, summary) = read(LIMIT, Permission::AcceptEdits);
    let limit = summary.limit.expect("a limit");
    assert_eq!((limit.kind, limit.reset), (LimitKind::Daily, Reset::Unknown), "{events:?}");
    let (_, summary) = read(NOT_LOGGED_IN, Permission::AcceptEdits);
    let turn = summary.last_turn.expect("a turn");
    let kind = FailureKind::NotLoggedIn { login: LOGIN };
    assert_eq!(turn.failure, Some(TurnFailure { word: "unknown".to_owned(), kind }));
    assert_eq!(turn.text, "invalid x-api-key");
}

#[test]
fn only_readers_of_the_log_see_the_prompt() {
    let mut log = StreamJson.open();
    let events: Vec<StreamEvent> = COMMITTED.lines().flat_map(|line| log.read(line.as_bytes())).collect();
    assert!(events.contains(&StreamEvent::MessageAccepted("FAKE-WRITE hello.txt".to_owned())), "{events:?}");
    let (events, _) = read(COMMITTED, Permission::Default);
    assert!(!events.iter().any(|event| matches!(event, StreamEvent::MessageAccepted(_))), "{events:?}");
}

#[test]
fn odd_lines_are_shown_and_long_ones_summarized() {
    let (events, _) = read("no JSON\n[1]\n\n{\"type\":\"of_next_year\"}\n", Permission::Default);
    let unparsed = |text: &str| StreamEvent::Unparsed(text.to_owned());
    assert_eq!(events, [unparsed("no JSON"), unparsed("[1]")]);
    let long = json!({"type": "tool_use", "tool_name": "write_file", "tool_id": "7",
        "parameters": {"content": "x".repeat(1 << 20)}})
    .to_string();
    let mut exchange = StreamJson.open();
    let events = exchange.read_long(&mut long.as_bytes(), long.len() as u64);
    let remark = format!("a line of {} bytes (tool_use)", long.len());
    assert_eq!(
        events,
        [
            StreamEvent::ToolUse { id: "7".into(), name: "write_file".into(), about: String::new() },
            StreamEvent::Remark(remark)
        ]
    );
    let events = exchange.read_long(&mut "xxxx".as_bytes(), 4);
    assert_eq!(events, [StreamEvent::Remark("a line of 4 bytes".to_owned())]);
    // An answer that is cut off is still shown.
    let part = json!({"type": "message", "role": "assistant", "content": "Half an", "delta": true});
    let (events, _) = read(&part.to_string(), Permission::Default);
    assert_eq!(events, [StreamEvent::Text("Half an".to_owned())]);
}
