//! The output of a coding agent while it works, line by line.

use orchestra::agents::{Answer, Exchange, OutputPatterns, StreamEvent, StreamSummary, program};

use crate::shown;

pub(crate) fn check(bytes: &[u8]) {
    for name in ["gemini", "aider"] {
        is_read(open(name), bytes);
    }
    let patterns = OutputPatterns { session: Some("s: (.+)".to_owned()), waiting: Some(r"\?$".to_owned()) };
    is_read(patterns.open(), bytes);
    let (mut exchange, mut summary) = (open("claude"), StreamSummary::default());
    let mut lines = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        lines += 1;
        let mut events = exchange.read(line);
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
    is_one_line_of_json(&exchange.message(&String::from_utf8_lossy(bytes)));
    assert!(summary.questions.len() <= 2 * lines, "no line asks twice");
    let written = serde_json::to_string(&summary).expect("JSON");
    let again: StreamSummary = serde_json::from_str(&written).unwrap_or_else(|e| panic!("{e}: {written}"));
    assert_eq!(serde_json::to_string(&again).expect("JSON"), written);
}

fn open(name: &str) -> Box<dyn Exchange> {
    let launcher = program(name).and_then(|program| program.launcher()).expect("a program that is started");
    launcher.protocol().open()
}

/// Reads the output of a program to which nothing is sent in a protocol.
fn is_read(mut exchange: Box<dyn Exchange>, bytes: &[u8]) {
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
