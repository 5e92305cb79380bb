//! Parsing lines as Claude Code writes them, and lines that it never writes.

use serde_json::{Value, json};

use super::*;
use crate::{
    agents::{FailureKind, TurnFailure, limit::Reset},
    model::{limit::LimitKind, request::Pattern},
};

fn read(line: &Value) -> Vec<StreamEvent> {
    Stream::default().line(line.to_string().as_bytes())
}

fn failed(word: &str, kind: FailureKind) -> Turn {
    Turn { failure: Some(TurnFailure { word: word.into(), kind }), ..Turn::default() }
}

#[test]
fn every_kind_of_line_has_its_event() {
    let ask = |tool: &str, input: Value| {
        let request = json!({"subtype": "can_use_tool", "tool_name": tool, "input": input});
        json!({"type": "control_request", "request_id": "r1", "request": request})
    };
    let question =
        |kind, request| vec![StreamEvent::QuestionAsked(Question { id: "r1".into(), kind, request })];
    let permission = |text: &str, raw: &str| {
        let asked = AskedRequest::new(text, None);
        let pattern = Some(Pattern::exact(&asked, raw.as_bytes()));
        question(QuestionKind::Permission, AskedRequest { pattern, ..asked })
    };
    let choice = |text: &str| question(QuestionKind::Choice, AskedRequest::new(text, None));
    let said = |block: Value| json!({"type": "assistant", "message": {"content": [block]}});
    let user = |content: Value| json!({"type": "user", "message": {"content": content}});
    let note = |text: &str| vec![StreamEvent::Remark(text.into())];
    for (line, expected) in [
        (
            json!({"type": "system", "subtype": "init", "session_id": "s", "model": "m", "permissionMode": "plan", "cwd": "/w"}),
            vec![StreamEvent::SessionStarted {
                session: "s".into(),
                model: "m".into(),
                mode: "plan".into(),
                folder: "/w".into(),
            }],
        ),
        (
            json!({"type": "system", "subtype": "permission_denied", "tool_use_id": "t", "tool_name": "Bash", "message": "no"}),
            vec![StreamEvent::ToolDenied { id: "t".into(), tool: "Bash".into(), why: "no".into() }],
        ),
        (
            json!({"type": "system", "subtype": "api_retry", "attempt": 2, "max_retries": 10, "error": "overloaded", "error_status": 529}),
            vec![StreamEvent::Retry { attempt: 2, most: 10, why: "overloaded 529".into() }],
        ),
        (
            json!({"type": "system", "subtype": "api_retry", "error": "unknown", "error_status": null}),
            vec![StreamEvent::Retry { attempt: 0, most: 0, why: "unknown".into() }],
        ),
        (
            json!({"type": "system", "subtype": "status", "status": "compacting"}),
            note("compacts its conversation"),
        ),
        (json!({"type": "system", "subtype": "status", "status": "idle"}), vec![]),
        (json!({"type": "system", "subtype": "compact_boundary"}), note("has compacted its conversation")),
        (json!({"type": "system", "subtype": "task_started", "description": "look"}), note("subagent: look")),
        (json!({"type": "system", "subtype": "informational", "content": "news"}), note("news")),
        (said(json!({"type": "text", "text": "Done."})), vec![StreamEvent::Text("Done.".into())]),
        (said(json!({"type": "thinking", "thinking": "Hm."})), vec![StreamEvent::Thinking("Hm.".into())]),
        (
            said(
                json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls\n-l", "description": "list"}}),
            ),
            vec![StreamEvent::ToolUse { id: "t".into(), name: "Bash".into(), about: "ls\\n-l".into() }],
        ),
        (said(json!({"type": "of_next_year"})), vec![]),
        (
            json!({"type": "assistant", "error": "rate_limit", "message": {"content": [{"type": "text", "text": "Later."}]}}),
            vec![StreamEvent::ApiError("rate_limit".into(), "Later.".into())],
        ),
        (
            user(
                json!([{"type": "tool_result", "is_error": true, "content": [{"text": "a"}, {"image": 1}, {"text": "b"}]}]),
            ),
            vec![StreamEvent::ToolResult { error: true, text: "a\nb".into() }],
        ),
        (
            user(json!([{"type": "text", "text": "[Request interrupted by user]"}])),
            note("[Request interrupted by user]"),
        ),
        (
            json!({"type": "user", "isReplay": true, "message": {"content": "go on"}}),
            vec![StreamEvent::MessageAccepted("go on".into())],
        ),
        (
            json!({"type": "user", "isSynthetic": true, "message": {"content": [{"type": "text", "text": "x"}]}}),
            vec![],
        ),
        (ask("Bash", json!({"command": "rm x"})), permission("Bash rm x", "Bash\n{\"command\":\"rm x\"}")),
        (
            ask("Edit", json!({"file_path": "a", "new_string": "x\ny"})),
            permission(
                "Edit a {\"new_string\":\"x\\ny\"}",
                "Edit\n{\"file_path\":\"a\",\"new_string\":\"x\\ny\"}",
            ),
        ),
        (
            ask(
                "AskUserQuestion",
                json!({"questions": [{"question": "Which?", "options": [{"label": "red"}, {"label": "blue"}]}, {"question": "Why?"}]}),
            ),
            choice("Which? (red, blue) / Why?"),
        ),
        (json!({"type": "control_request", "request_id": "r1", "request": {"subtype": "hook"}}), vec![]),
        (
            json!({"type": "control_cancel_request", "request_id": "r1"}),
            vec![StreamEvent::QuestionCancelled("r1".into())],
        ),
        (
            json!({"type": "assistant", "parent_tool_use_id": "t", "message": {"content": [{"type": "text", "text": "x"}]}}),
            vec![StreamEvent::Subagent(Box::new(StreamEvent::Text("x".into())))],
        ),
        (json!({"type": "stream_event", "event": {}}), vec![]),
        (json!({"type": "of_next_year"}), vec![]),
    ] {
        assert_eq!(read(&line), expected, "{line}");
    }
}

#[test]
fn malformed_lines_are_shown_unchanged() {
    for (line, expected) in [
        (&b"Warning: no login"[..], Some("Warning: no login")),
        (b"{\"type\":", Some("{\"type\":")),
        (b"[1]", Some("[1]")),
        (b"{\"type\":1}", Some("{\"type\":1}")),
        (b"\xff\xfe", Some("\u{fffd}\u{fffd}")),
        (b"  \r\n", None),
    ] {
        let expected: Vec<StreamEvent> =
            expected.iter().map(|text| StreamEvent::Unparsed((*text).to_owned())).collect();
        assert_eq!(Stream::default().line(line), expected);
    }
    let cut = b"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"\xff\"}]}}";
    assert_eq!(Stream::default().line(cut), [StreamEvent::Text("\u{fffd}".into())]);
}

#[test]
fn the_end_of_a_turn_says_why_it_failed_and_what_it_used() {
    let ended = |more: Value| {
        let mut line = json!({"type": "result", "subtype": "success", "is_error": true});
        line.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        read(&line)
    };
    let limit =
        |kind, reset| StreamEvent::UsageLimit(ReportedLimit { kind, reset, warning: false, used: None });
    let words = "You've hit your 5-hour limit · resets 2pm (UTC)";
    let five = limit(LimitKind::FiveHour, Reset::Words("2pm (UTC)".into()));
    let with = |turn: Turn, text: &str| StreamEvent::TurnEnded(Turn { text: text.into(), ..turn });
    for (line, expected) in [
        (json!({"is_error": false}), vec![StreamEvent::TurnEnded(Turn::default())]),
        (
            json!({"terminal_reason": "api_error", "api_error_status": 529}),
            vec![with(failed("api_error", FailureKind::Transient), "")],
        ),
        (
            json!({"terminal_reason": "api_error", "api_error_status": 429, "result": words}),
            vec![five, with(failed("api_error", FailureKind::Transient), words)],
        ),
        (
            json!({"terminal_reason": "api_error", "api_error": "usage_limit_reached", "api_error_status": 400, "result": "x"}),
            vec![
                limit(LimitKind::Other, Reset::Unknown),
                with(failed("api_error", FailureKind::Permanent), "x"),
            ],
        ),
        (
            json!({"terminal_reason": "blocking_limit", "result": words}),
            vec![with(failed("blocking_limit", FailureKind::ContextFull { is_transient: false }), words)],
        ),
        (
            json!({"subtype": "error_during_execution", "errors": ["no such session", "more"]}),
            vec![with(failed("error_during_execution", FailureKind::Permanent), "no such session")],
        ),
    ] {
        assert_eq!(ended(line.clone()), expected, "{line}");
    }
    let usage = json!({"is_error": false, "num_turns": 3, "total_cost_usd": 0.25, "result": "ok",
        "modelUsage": {"a": {"inputTokens": 1, "cacheReadInputTokens": 2, "outputTokens": 4}, "b": {"inputTokens": 8}},
        "permission_denials": [{"tool_use_id": "t", "tool_name": "Bash"}]});
    let turn = Turn {
        text: "ok".into(),
        turns: 3,
        cost_micros: Some(250_000),
        input_tokens: Some(11),
        output_tokens: Some(4),
        denied: vec![("t".into(), "Bash".into())],
        ..Turn::default()
    };
    assert_eq!(ended(usage), [StreamEvent::TurnEnded(turn)]);
    for dollars in [json!(-1), json!(1e12), json!("0.1"), json!(null)] {
        let [StreamEvent::TurnEnded(turn)] = &ended(json!({"total_cost_usd": dollars}))[..] else { panic!() };
        assert_eq!(turn.cost_micros, None, "{dollars}");
    }
}

#[test]
fn an_error_counts_until_the_model_answers_again() {
    let error = json!({"type": "assistant", "error": "authentication_failed", "message": {"content": []}});
    let of_subagent = json!({"type": "assistant", "error": "authentication_failed", "parent_tool_use_id": "t", "message": {"content": []}});
    let answer = json!({"type": "assistant", "message": {"content": [{"type": "text", "text": "x"}]}});
    let end =
        json!({"type": "result", "subtype": "success", "is_error": true, "terminal_reason": "api_error"});
    let login = FailureKind::NotLoggedIn { login: "run 'claude' once to log in" };
    for (lines, expected) in [
        (vec![&end], FailureKind::Transient),
        (vec![&error, &end], login),
        (vec![&error, &end, &end], login),
        (vec![&error, &answer, &end], FailureKind::Transient),
        (vec![&of_subagent, &end], FailureKind::Transient),
    ] {
        let mut stream = Stream::default();
        let events: Vec<StreamEvent> =
            lines.iter().flat_map(|line| stream.line(line.to_string().as_bytes())).collect();
        let Some(StreamEvent::TurnEnded(turn)) = events.last() else { panic!("{events:?}") };
        assert_eq!(turn.failure.as_ref().map(|failure| failure.kind), Some(expected), "{lines:?}");
    }
}

#[test]
fn long_lines_give_their_important_fields() {
    let long = "x".repeat(1000);
    let note = |kind: &str| StreamEvent::Remark(format!("a line of 9 bytes ({kind})"));
    let request = AskedRequest { text: "Write …".into(), cut_from_bytes: 9, pattern: None };
    let question = Question { id: "r1".into(), kind: QuestionKind::Permission, request };
    for (line, expected) in [
        (
            json!({"type": "control_request", "request_id": "r1",
                "request": {"subtype": "can_use_tool", "tool_name": "Write", "input": {"content": long}}}),
            vec![StreamEvent::QuestionAsked(question), note("control_request")],
        ),
        (
            json!({"type": "user", "isReplay": true, "message": {"content": long}}),
            vec![StreamEvent::MessageAccepted(String::new()), note("user")],
        ),
        (
            json!({"type": "result", "subtype": "success", "result": long, "num_turns": 2}),
            vec![StreamEvent::TurnEnded(Turn { turns: 2, ..Turn::default() }), note("result")],
        ),
        (json!({"type": "assistant", "message": {"content": long}}), vec![note("assistant")]),
        (json!([long]), vec![StreamEvent::Remark("a line of 9 bytes that cannot be parsed".into())]),
    ] {
        assert_eq!(Stream::default().long_line(line.to_string().as_bytes(), 9), expected);
    }
}
