//! Reading lines as the real program writes them.

use serde_json::json;

use super::*;

fn step(reason: &str, cost: f64) -> Value {
    json!({"type": "step_finish", "sessionID": "ses_1", "part": {"reason": reason, "cost": cost,
        "tokens": {"input": 7771, "output": 34, "reasoning": 1, "cache": {"read": 2, "write": 3}}}})
}

fn tool(tool: &str, state: &Value) -> Value {
    json!({"type": "tool_use", "sessionID": "ses_1", "part": {"tool": tool, "callID": "c", "state": state}})
}

fn read(output: &mut Output, lines: &[Value]) -> Vec<StreamEvent> {
    lines.iter().flat_map(|line| output.read(line.to_string().as_bytes())).collect()
}

fn last_turn(events: &[StreamEvent]) -> Option<&Turn> {
    events
        .iter()
        .rev()
        .find_map(|event| if let StreamEvent::TurnEnded(turn) = event { Some(turn) } else { None })
}

#[test]
fn a_turn_ends_with_a_step_without_tools() {
    let start = json!({"type": "step_start", "sessionID": "ses_1", "part": {"type": "step-start"}});
    let text = |text: &str| json!({"type": "text", "sessionID": "ses_1", "part": {"text": text}});
    let wrote = json!({"status": "completed", "input": {"filePath": "/w/a.txt", "content": "x"}, "output": "Wrote file successfully."});
    let mut output = Output::default();
    let lines = [
        start.clone(),
        text("I write."),
        tool("write", &wrote),
        step("tool-calls", 0.007_839),
        text("Done."),
    ];
    let events = read(&mut output, &lines);
    assert!(
        matches!(&events[0], StreamEvent::SessionStarted { session, .. } if session == "ses_1"),
        "{events:?}"
    );
    let about = "/w/a.txt".to_owned();
    assert!(events.contains(&StreamEvent::ToolUse { id: "c".to_owned(), name: "write".to_owned(), about }));
    assert_eq!(last_turn(&events), None);
    let events = read(&mut output, &[step("stop", 0.001)]);
    let turn = last_turn(&events).expect("an end");
    assert!(turn.is_ok() && turn.text == "Done." && turn.turns == 2, "{turn:?}");
    assert_eq!((turn.input_tokens, turn.output_tokens), (Some(2 * 7776), Some(70)));
    assert_eq!(turn.cost_micros, Some(8839));
    // The next turn is announced again.
    assert!(matches!(read(&mut output, &[start])[..], [StreamEvent::SessionStarted { .. }]));
}

#[test]
fn a_question_that_nobody_can_answer_is_no_success() {
    let asked = json!({"status": "error", "input": {"command": "touch x"},
        "error": "The user rejected permission to use this specific tool call."});
    let events = read(&mut Output::default(), &[tool("bash", &asked), step("tool-calls", 0.0)]);
    let turn = last_turn(&events).expect("an end");
    assert_eq!((turn.is_ok(), turn.text.as_str()), (false, "asked, but nobody can answer: bash touch x"));
}

#[test]
fn denials_are_recognized() {
    let rule = json!({"status": "error", "input": {"command": "touch x"},
        "error": "The user has specified a rule which prevents you from using this specific tool call. Here are …"});
    let hidden = json!({"status": "completed", "output": "…", "input": {"tool": "Bash",
        "error": "Model tried to call unavailable tool 'Bash'. Available tools: edit, glob."}});
    for (line, named) in [(tool("bash", &rule), "bash"), (tool("invalid", &hidden), "Bash")] {
        let events = read(&mut Output::default(), &[line]);
        assert!(
            matches!(events.last(), Some(StreamEvent::ToolDenied { tool, .. }) if tool == named),
            "{events:?}"
        );
    }
    let failed = json!({"status": "error", "input": {"command": "x"}, "error": "no such file"});
    let events = read(&mut Output::default(), &[tool("bash", &failed)]);
    let text = "no such file".to_owned();
    assert_eq!(events.last(), Some(&StreamEvent::ToolResult { error: true, text }));
}

#[test]
fn errors_of_the_real_program() {
    for (name, status, is_retryable, expected) in [
        ("APIError", Some(400), false, FailureKind::Permanent),
        ("APIError", Some(401), false, LOGIN),
        ("APIError", Some(529), true, FailureKind::Transient),
        ("APIError", None, true, FailureKind::Transient),
        ("ProviderAuthError", None, false, LOGIN),
        ("MessageAbortedError", None, false, FailureKind::Interrupted),
        ("ContextOverflowError", None, false, FailureKind::ContextFull { is_transient: false }),
        ("UnknownError", None, false, FailureKind::Permanent),
    ] {
        let data = json!({"message": "scripted", "statusCode": status, "isRetryable": is_retryable});
        let line = json!({"type": "error", "sessionID": "ses_1", "error": {"name": name, "data": data}});
        let events = read(&mut Output::default(), &[line]);
        let turn = last_turn(&events).expect("an end");
        assert_eq!(turn.failure.as_ref().map(|failure| failure.kind), Some(expected), "{name} {status:?}");
        assert_eq!(turn.text, "scripted");
    }
    let cut = read(&mut Output::default(), &[step("length", 0.0)]);
    assert!(!last_turn(&cut).expect("an end").is_ok());
}

#[test]
fn foreign_lines_are_shown() {
    let mut output = Output::default();
    assert_eq!(output.read(b"hello"), [StreamEvent::Unparsed("hello".to_owned())]);
    assert_eq!(output.read(b""), []);
}
