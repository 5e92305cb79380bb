//! Encoding messages to Claude Code and answers to its questions.

use serde_json::{Map, Value, json};

use super::permission;
use crate::agents::Answer;

/// The answer to a choice if the user allows it without choosing.
const DEFAULT_CHOICE: &str = "Choose what you think best.";
/// The reason for a denial if the user gives none.
const DEFAULT_DENIAL: &str = "The user does not want this. Continue without it.";

pub(super) fn message(text: &str) -> Vec<u8> {
    line(&json!({"type": "user", "message": {"role": "user", "content": text}}))
}

/// Encodes an interrupt, which ends the current turn; the process keeps running and accepts the next message.
pub(super) fn interrupt() -> Vec<u8> {
    line(&json!({"type": "control_request", "request_id": "interrupt", "request": {"subtype": "interrupt"}}))
}

/// Encodes the answer to a `can_use_tool` request; `request` is the line of the request.
pub(super) fn answer(request: &[u8], answer: &Answer) -> Option<Vec<u8>> {
    let request: Value = serde_json::from_slice(request).ok()?;
    let id = request.get("request_id")?.as_str()?;
    let asked = request.get("request")?;
    let response = if answer.allow {
        // Versions before 2.1.329 require the input in the answer.
        let mut input = asked.get("input").and_then(Value::as_object).cloned().unwrap_or_default();
        add_choices(&mut input, answer.text.as_deref());
        let mut allowed = json!({"behavior": "allow", "updatedInput": input});
        if answer.always {
            allowed["updatedPermissions"] = permission::session_update(asked);
        }
        allowed
    } else {
        json!({"behavior": "deny", "message": answer.text.as_deref().unwrap_or(DEFAULT_DENIAL)})
    };
    Some(line(&json!({
        "type": "control_response",
        "response": {"subtype": "success", "request_id": id, "response": response},
    })))
}

/// Adds the answers to the input of a question for the user: one line of the text per question, the last one for all that remain.
fn add_choices(input: &mut Map<String, Value>, text: Option<&str>) {
    let Some(questions) = input.get("questions").and_then(Value::as_array) else { return };
    let mut lines = text.unwrap_or(DEFAULT_CHOICE).lines();
    let mut last = lines.next().unwrap_or(DEFAULT_CHOICE);
    let mut answers = Map::new();
    for question in questions.iter().filter_map(|question| question.get("question")?.as_str()) {
        answers.insert(question.to_owned(), Value::from(last));
        last = lines.next().unwrap_or(last);
    }
    input.insert("answers".to_owned(), Value::Object(answers));
}

fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(request: &Value, allow: bool, text: Option<&str>) -> Value {
        let answer = Answer { allow, always: false, text: text.map(str::to_owned) };
        let line = super::answer(request.to_string().as_bytes(), &answer).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let value: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["response"]["request_id"], "r1");
        value["response"]["response"].clone()
    }

    #[test]
    fn allows_denies_and_chooses() {
        let tool = json!({"type": "control_request", "request_id": "r1",
            "request": {"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": "ls"}}});
        assert_eq!(
            answered(&tool, true, None),
            json!({"behavior": "allow", "updatedInput": {"command": "ls"}})
        );
        assert_eq!(answered(&tool, false, Some("no")), json!({"behavior": "deny", "message": "no"}));
        let choice = json!({"request_id": "r1", "request": {"tool_name": "AskUserQuestion",
            "input": {"questions": [{"question": "Which?"}, {"question": "Why?"}, {"question": "When?"}]}}});
        assert_eq!(
            answered(&choice, true, Some("blue\nbecause"))["updatedInput"]["answers"],
            json!({"Which?": "blue", "Why?": "because", "When?": "because"})
        );
        assert!(super::answer(b"{}", &Answer { allow: true, always: false, text: None }).is_none());
    }

    #[test]
    fn an_interrupt_is_one_request() {
        let line = interrupt();
        let value: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(
            (&value["type"], &value["request"]["subtype"]),
            (&json!("control_request"), &json!("interrupt"))
        );
        assert!(line.ends_with(b"\n"));
    }

    #[test]
    fn a_message_is_one_line() {
        let line = message("a\nb\u{2028}\"c\"");
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let value: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["message"]["content"], "a\nb\u{2028}\"c\"");
    }
}
