//! The output of a coding agent while it works, line by line.

use orchestra::agents::{Answer, Protocol, StreamEvent, StreamSummary, all};

use crate::shown;

pub(crate) fn check(bytes: &[u8]) {
    let launchers = all().filter_map(|program| program.launcher());
    for protocol in launchers.map(|launcher| launcher.protocol()).filter(|protocol| protocol.is_structured())
    {
        check_with(protocol, bytes);
    }
}

fn check_with(protocol: Protocol, bytes: &[u8]) {
    let (mut exchange, mut summary) = (protocol.open(), StreamSummary::default());
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
                is_lines_of_json(&written);
            }
        }
        is_lines_of_json(&exchange.outgoing());
    }
    is_lines_of_json(&exchange.message(&String::from_utf8_lossy(bytes)));
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
