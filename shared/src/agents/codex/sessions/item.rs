//! Completed items, which versions that number their lines record: messages, reasoning, and tool calls.

use serde_json::{Value, json};

use super::response::texts;
use crate::conversation::ItemKind;

/// The fields of an item that are not part of a tool's input.
const NOT_INPUT: [&str; 8] =
    ["type", "id", "status", "tool", "result", "error", "agents_states", "sender_thread_id"];

/// Converts a completed item, except the messages of the user and of the agent, which `super::what` converts.
pub(super) fn convert(item: &Value) -> Vec<ItemKind> {
    match item["type"].as_str().unwrap_or_default() {
        "" | "UserMessage" | "AgentMessage" => Vec::new(),
        "Reasoning" => thought(item).into_iter().collect(),
        "Plan" => item["text"].as_str().map(|text| ItemKind::Remark(text.to_owned())).into_iter().collect(),
        "ContextCompaction" => {
            vec![ItemKind::Remark("the conversation so far was summarized for the model".to_owned())]
        }
        "CommandExecution" => {
            let input = json!({"command": item["command"]}).to_string();
            let text = item["aggregated_output"].as_str().unwrap_or_default().to_owned();
            let error = item["exit_code"].as_i64().is_some_and(|code| code != 0);
            vec![ItemKind::Tool { name: "exec".to_owned(), input }, ItemKind::Result { error, text }]
        }
        "FileChange" => {
            vec![ItemKind::Tool { name: "apply_patch".to_owned(), input: patch(item).to_string() }]
        }
        kind => {
            let name = item["tool"].as_str().unwrap_or(kind).to_owned();
            let used = item.as_object().into_iter().flatten();
            let used = used.filter(|(field, value)| !NOT_INPUT.contains(&field.as_str()) && !value.is_null());
            let input: serde_json::Map<String, Value> =
                used.map(|(field, value)| (field.clone(), value.clone())).collect();
            let tool = ItemKind::Tool { name, input: Value::Object(input).to_string() };
            std::iter::once(tool).chain(tool_result(item)).collect()
        }
    }
}

fn thought(item: &Value) -> Option<ItemKind> {
    let parts = item["summary_text"].as_array().into_iter().flatten();
    let plain: Vec<&str> = parts.filter_map(Value::as_str).collect();
    let text = if plain.is_empty() { texts(&item["summary"]) } else { plain.join("\n") };
    (!text.trim().is_empty()).then_some(ItemKind::Thought(text))
}

/// Returns the result of a tool call, if the item has one.
fn tool_result(item: &Value) -> Option<ItemKind> {
    let error = matches!(item["status"].as_str(), Some("failed" | "declined"));
    let gave = [&item["error"], &item["result"]].into_iter().find(|value| !value.is_null());
    match gave {
        Some(gave) => {
            let words = texts(&gave["content"]);
            let text = gave.as_str().or_else(|| gave["message"].as_str()).map(str::to_owned);
            let text = text.unwrap_or_else(|| if words.is_empty() { gave.to_string() } else { words });
            Some(ItemKind::Result { error: error || !item["error"].is_null(), text })
        }
        None => error.then(|| ItemKind::Result { error, text: String::new() }),
    }
}

/// Returns the changed files and lines in the form of a patch.
fn patch(item: &Value) -> Value {
    let files: Vec<(&String, &Value)> = item["changes"].as_object().into_iter().flatten().collect();
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let mut patch = String::from("*** Begin Patch\n");
    for (_, change) in &files {
        let marked =
            |mark: char, text: &str| text.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
        match (change["type"].as_str(), change["content"].as_str(), change["unified_diff"].as_str()) {
            (Some("delete"), Some(text), _) => patch.push_str(&marked('-', text)),
            (_, Some(text), _) => patch.push_str(&marked('+', text)),
            (_, None, Some(diff)) => {
                let lines =
                    diff.lines().filter(|line| !line.starts_with("--- ") && !line.starts_with("+++ "));
                lines.for_each(|line| patch.extend([line, "\n"]));
            }
            _ => {}
        }
    }
    json!({"path": paths.join(", "), "input": patch})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::edit::{Change, changes};

    #[test]
    fn every_kind_of_item_is_converted() {
        let tool = |name: &str, input: &str| ItemKind::Tool { name: name.into(), input: input.into() };
        let result = |error, text: &str| ItemKind::Result { error, text: text.into() };
        for (item, found) in [
            (
                r#"{"type":"CommandExecution","command":["ls"],"aggregated_output":"a","exit_code":1}"#,
                vec![tool("exec", r#"{"command":["ls"]}"#), result(true, "a")],
            ),
            (
                r#"{"type":"CollabAgentToolCall","id":"c","tool":"spawn_agent","status":"completed","prompt":"look"}"#,
                vec![tool("spawn_agent", r#"{"prompt":"look"}"#)],
            ),
            (
                r#"{"type":"McpToolCall","id":"c","server":"s","tool":"find","arguments":{"q":1},"status":"completed",
                    "result":{"content":[{"type":"text","text":"found"}]},"error":null}"#,
                vec![tool("find", r#"{"arguments":{"q":1},"server":"s"}"#), result(false, "found")],
            ),
            (
                r#"{"type":"McpToolCall","tool":"find","status":"failed","error":{"message":"gone"}}"#,
                vec![tool("find", "{}"), result(true, "gone")],
            ),
            (r#"{"type":"WebSearch","id":"w","query":"x"}"#, vec![tool("WebSearch", r#"{"query":"x"}"#)]),
            (r#"{"type":"Reasoning","summary_text":["hm"]}"#, vec![ItemKind::Thought("hm".into())]),
            (r#"{"type":"Reasoning","summary_text":[]}"#, vec![]),
            (r#"{"type":"Plan","text":"1. do it"}"#, vec![ItemKind::Remark("1. do it".into())]),
            (r#"{"type":"AgentMessage","content":[{"text":"hi"}]}"#, vec![]),
            ("7", vec![]),
        ] {
            assert_eq!(convert(&serde_json::from_str(item).unwrap()), found, "{item}");
        }
    }

    #[test]
    fn changed_files_are_a_patch() {
        let item = json!({"type": "FileChange", "changes": {
            "a.rs": {"type": "update", "unified_diff": "--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n"},
            "b.rs": {"type": "add", "content": "more\n"},
            "c.rs": {"type": "delete", "content": "gone\n"}}});
        let items = convert(&item);
        let [ItemKind::Tool { name, input }] = items.as_slice() else { panic!("{items:?}") };
        let (removed, added) =
            (|text: &str| Change::Removed(text.into()), |text: &str| Change::Added(text.into()));
        assert_eq!(changes(input), [removed("old"), added("new"), added("more"), removed("gone")]);
        assert!(name == "apply_patch" && input.contains("a.rs, b.rs, c.rs"), "{input}");
    }
}
