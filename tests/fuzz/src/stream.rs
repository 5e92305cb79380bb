//! The output of a coding agent while it works, line by line.

use std::path::Path;

use orchestra::agents::{
    Answer, Connection, Exchange, OutputPatterns, Protocol, Session, StreamEvent, StreamSummary, all,
};

use crate::shown;

/// The programs that read their messages when they start, as text.
const READ_AT_START: [&str; 2] = ["gemini", "aider"];

pub(crate) fn check(bytes: &[u8]) {
    let patterns = OutputPatterns { session: Some("s: (.+)".to_owned()), waiting: Some(r"\?$".to_owned()) };
    check_reading(patterns.open(), bytes);
    let mut checked = Vec::new();
    for program in all() {
        let Some(protocol) = program.launcher().map(|launcher| launcher.protocol()) else { continue };
        // Many programs speak the same protocol.
        if !protocol.is_structured() || checked.contains(&protocol) {
            continue;
        }
        checked.push(protocol);
        check_reading(protocol.open(), bytes);
        if !READ_AT_START.contains(&program.name()) {
            check_with(protocol, bytes);
        }
    }
}

/// Checks what is read from the output of a program, also of one to which nothing is sent in a protocol.
fn check_reading(mut exchange: Box<dyn Exchange>, bytes: &[u8]) {
    let mut summary = StreamSummary::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut events = exchange.read(line);
        events.extend(exchange.pause(line));
        events.extend(exchange.read_long(&mut &*line, line.len() as u64));
        for event in events {
            summary.observe(&event);
            is_shown_safely(&event);
        }
    }
    exchange.finish().iter().for_each(is_shown_safely);
}

fn check_with(protocol: Protocol, bytes: &[u8]) {
    let connection = Connection {
        servers: &serde_json::Value::Null,
        folder: Path::new("/w"),
        session: Session::Unnamed,
        opens_with_task: true,
        permission: None,
        model: None,
        in_sandbox: false,
    };
    let (mut exchange, mut summary) = (protocol.connect(&connection), StreamSummary::default());
    let mut reader = protocol.open();
    let mut lines = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        lines += 1;
        let mut events = exchange.read(line);
        let _ = reader.read(line);
        is_lines_of_json(&exchange.outgoing());
        events.extend(exchange.read_long(&mut &*line, line.len() as u64));
        for event in events {
            summary.observe(&event);
            is_shown_safely(&event);
        }
        for allow in [true, false] {
            let answer =
                Answer { allow, always: allow, text: Some(String::from_utf8_lossy(line).into_owned()) };
            if let Some(written) = exchange.answer(line, &answer) {
                is_lines_of_json(&written);
            }
        }
        is_lines_of_json(&exchange.outgoing());
    }
    is_lines_of_json(&exchange.message(&String::from_utf8_lossy(bytes)));
    is_lines_of_json(&reader.outgoing());
    assert!(summary.questions.len() <= 2 * lines, "no line asks twice");
    let written = serde_json::to_string(&summary).expect("JSON");
    let again: StreamSummary = serde_json::from_str(&written).unwrap_or_else(|e| panic!("{e}: {written}"));
    assert_eq!(serde_json::to_string(&again).expect("JSON"), written);
}

/// Checks that what is sent to the program is whole lines of JSON, so that no part of a user's text becomes a
/// separate message.
fn is_lines_of_json(written: &[u8]) {
    let whole = written.split_inclusive(|byte| *byte == b'\n').all(|line| {
        line.ends_with(b"\n")
            && serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| value.is_object())
    });
    assert!(whole, "{}", String::from_utf8_lossy(written));
}

fn is_shown_safely(event: &StreamEvent) {
    match event {
        StreamEvent::Text(text)
        | StreamEvent::Thinking(text)
        | StreamEvent::Remark(text)
        | StreamEvent::Unparsed(text)
        | StreamEvent::MessageAccepted(text) => {
            shown::check(text);
        }
        StreamEvent::ToolUse { name, about, .. } => {
            [name, about].into_iter().for_each(|text| shown::check(text))
        }
        StreamEvent::ToolResult { text, .. } => shown::check(text),
        StreamEvent::QuestionAsked(question) => shown::check(&question.request.text),
        StreamEvent::Subagent(inner) => is_shown_safely(inner),
        _ => {}
    }
}
