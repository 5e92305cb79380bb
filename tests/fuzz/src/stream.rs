//! The output of a coding agent while it works, line by line.

use std::path::Path;

use orchestra::agents::{Answer, Connection, Session, StreamEvent, StreamSummary, program};

use crate::shown;

pub(crate) fn check(bytes: &[u8]) {
    check_program("claude", bytes);
    check_program("qwen", bytes);
}

/// Checks the protocol of a program. One stands for all that speak the Agent Client Protocol.
fn check_program(name: &str, bytes: &[u8]) {
    let launcher = program(name).and_then(|program| program.launcher()).expect("a program that is started");
    let connection = Connection {
        folder: Path::new("/w"),
        session: Session::Unnamed,
        opens_with_task: true,
        permission: None,
        model: None,
    };
    let (mut exchange, mut summary) = (launcher.protocol().connect(&connection), StreamSummary::default());
    let mut reader = launcher.protocol().open();
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
                is_one_line_of_json(&written);
            }
        }
    }
    is_lines_of_json(&exchange.message(&String::from_utf8_lossy(bytes)));
    assert!(reader.outgoing().is_empty(), "nobody reads what a reader of the output would send");
    assert!(summary.questions.len() <= 2 * lines, "no line asks twice");
    let written = serde_json::to_string(&summary).expect("JSON");
    let again: StreamSummary = serde_json::from_str(&written).unwrap_or_else(|e| panic!("{e}: {written}"));
    assert_eq!(serde_json::to_string(&again).expect("JSON"), written);
}

/// Checks that what is sent to the program is one line, so that no part of a user's text becomes a separate
/// message.
fn is_one_line_of_json(written: &[u8]) {
    let (end, line) = written.split_last().expect("a line");
    assert!(*end == b'\n' && !line.contains(&b'\n'), "{}", String::from_utf8_lossy(written));
    assert!(
        serde_json::from_slice::<serde_json::Value>(line).is_ok(),
        "{}",
        String::from_utf8_lossy(written)
    );
}

/// Checks any number of lines: a protocol may have nothing to say, or more than one thing.
fn is_lines_of_json(written: &[u8]) {
    written.split_inclusive(|byte| *byte == b'\n').for_each(is_one_line_of_json);
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
