//! Reading the output of the real program, and lines that it never writes.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::*;
use crate::{
    agents::{Protocol, StreamSummary, codex::protocol::AppServer, limit::Reset},
    model::limit::LimitKind,
};

/// Returns the events in the recorded output: a denied command, a change of a file, an error, a warning, and a usage limit, in five turns.
fn recorded() -> Vec<StreamEvent> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/codex/app_server.jsonl");
    let mut exchange = Protocol::of(&AppServer).open();
    let text = fs::read_to_string(path).unwrap();
    text.lines().flat_map(|line| exchange.read(line.as_bytes())).collect()
}

fn read(lines: &[Value]) -> Vec<StreamEvent> {
    let mut exchange = Protocol::of(&AppServer).open();
    lines.iter().flat_map(|line| exchange.read(line.to_string().as_bytes())).collect()
}

fn session() -> Value {
    json!({"id": 2, "result": {"thread": {"id": "t", "cwd": "/w"}, "model": "m", "sandbox": {"type": "readOnly"}}})
}

#[test]
fn a_recorded_session_is_read() {
    let events = recorded();
    let turns: Vec<&Turn> = events
        .iter()
        .filter_map(|event| if let StreamEvent::TurnEnded(turn) = event { Some(turn) } else { None })
        .collect();
    let ends: Vec<(Option<FailureKind>, &str)> = turns
        .iter()
        .map(|turn| (turn.failure.as_ref().map(|failure| failure.kind), turn.text.as_str()))
        .collect();
    let bad = Some(FailureKind::Permanent);
    assert_eq!(ends[..4], [(None, "Done."), (None, "Done."), (bad, "scripted bad request"), (None, "hm")]);
    // Totals of the session so far, never sums of totals.
    assert_eq!(turns.iter().map(|turn| turn.turns).collect::<Vec<_>>()[..2], [2, 2]);
    assert_eq!((turns[3].input_tokens, turns[3].output_tokens), (Some(56_382), Some(67)));
    let tools: Vec<(&str, &str)> = events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::ToolUse { name, about, .. } => Some((name.as_str(), about.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(tools, [("shell", "touch /out/esc"), ("apply_patch", "/w/p.txt")]);
    let mut summary = StreamSummary::default();
    events.iter().for_each(|event| summary.observe(event));
    assert_eq!(summary.first_denied.as_deref(), Some("shell touch /out/esc"));
    assert_eq!((summary.usage.denials, summary.questions.len()), (1, 0));
    assert_eq!(summary.usage.model.as_deref(), Some("fake-model"));
    assert_eq!(summary.limit.map(|limit| limit.warning), Some(false));
    let near = events.iter().find_map(|event| match event {
        StreamEvent::UsageLimit(limit) if limit.warning => Some((limit.kind, limit.used)),
        _ => None,
    });
    assert_eq!(near, Some((LimitKind::FiveHour, Some(93))));
}

#[test]
fn a_question_has_the_id_of_its_call_until_it_is_resolved() {
    let asks = json!({"id": 0, "method": "item/commandExecution/requestApproval",
        "params": {"threadId": "t", "itemId": "call_1", "command": "ls", "cwd": "/w"}});
    let resolved = json!({"method": "serverRequest/resolved", "params": {"threadId": "t", "requestId": 0}});
    let events = read(&[session(), asks, resolved]);
    let [StreamEvent::QuestionAsked(question), StreamEvent::QuestionCancelled(id)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((question.id.as_str(), id.as_str()), ("call_1", "call_1"));
}

#[test]
fn a_question_about_files_shows_their_lines() {
    let change = json!({"path": "/w/a", "kind": {"type": "add"}, "diff": "+one"});
    let item = json!({"type": "fileChange", "id": "c", "changes": [change], "status": "inProgress"});
    let begins = json!({"method": "item/started", "params": {"threadId": "t", "item": item}});
    let asks = json!({"id": 0, "method": "item/fileChange/requestApproval",
        "params": {"threadId": "t", "itemId": "c", "reason": null}});
    let events = read(&[session(), begins, asks]);
    let Some(StreamEvent::QuestionAsked(question)) = events.last() else { panic!("{events:?}") };
    assert!(question.request.text.contains("/w/a (add)"), "{question:?}");
    assert!(question.request.text.contains("+one") && question.request.pattern.is_some(), "{question:?}");
}

#[test]
fn a_subagent_ends_no_turn_and_its_tokens_count() {
    let used = |thread: &str, read: u64| {
        json!({"method": "thread/tokenUsage/updated", "params": {"threadId": thread, "turnId": "1",
            "tokenUsage": {"total": {"inputTokens": read, "outputTokens": 1}}}})
    };
    let ended = |thread: &str| json!({"method": "turn/completed", "params": {"threadId": thread, "turn": {"id": "1", "status": "completed"}}});
    let events = read(&[session(), used("t", 10), used("u", 5), used("u", 7), ended("u"), ended("t")]);
    let [StreamEvent::TurnEnded(turn)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((turn.input_tokens, turn.output_tokens), (Some(17), Some(2)));
}

#[test]
fn retries_and_interruptions_are_no_answers() {
    let status = json!({"responseStreamDisconnected": {"httpStatusCode": 529}});
    let retried = json!({"method": "error", "params": {"threadId": "t", "willRetry": true, "error":
        {"message": "Reconnecting... 2/5", "codexErrorInfo": status, "additionalDetails": "unexpected status 529"}}});
    let ended =
        json!({"method": "turn/completed", "params": {"threadId": "t", "turn": {"status": "interrupted"}}});
    let events = read(&[session(), retried, ended]);
    let why = "unexpected status 529".to_owned();
    assert_eq!(events[0], StreamEvent::Retry { attempt: 2, most: 5, why });
    let StreamEvent::TurnEnded(turn) = &events[1] else { panic!("{events:?}") };
    assert_eq!(turn.failure.as_ref().map(|failure| failure.kind), Some(FailureKind::Interrupted));
}

#[test]
fn the_end_of_a_limit_is_the_one_that_was_reported() {
    let window = json!({"usedPercent": 100, "windowDurationMins": 300, "resetsAt": 1_795_754_822});
    let report =
        json!({"method": "account/rateLimits/updated", "params": {"rateLimits": {"primary": window}}});
    let error = json!({"message": "You've hit your usage limit. Try again at 3:28 PM.", "codexErrorInfo": "usageLimitExceeded"});
    let ended = json!({"method": "turn/completed", "params": {"threadId": "t", "turn": {"status": "failed", "error": error}}});
    for (lines, kind, reset) in [
        (vec![session(), report, ended.clone()], LimitKind::FiveHour, Reset::At(1_795_754_822)),
        (vec![session(), ended], LimitKind::Other, Reset::Words("3:28 PM".to_owned())),
    ] {
        let events = read(&lines);
        let limit = events.iter().find_map(|event| match event {
            StreamEvent::UsageLimit(limit) => Some((limit.kind, limit.reset.clone(), limit.warning)),
            _ => None,
        });
        assert_eq!(limit, Some((kind, reset, false)), "{events:?}");
    }
}

#[test]
fn foreign_lines_are_shown() {
    let mut exchange = Protocol::of(&AppServer).open();
    assert_eq!(exchange.read(b"hello"), [StreamEvent::Unparsed("hello".to_owned())]);
    assert_eq!(exchange.read(b"{}"), []);
    assert_eq!(exchange.read(br#"{"method":"of/next/year","params":{"a":1}}"#), []);
    assert_eq!(exchange.read(b""), []);
}
