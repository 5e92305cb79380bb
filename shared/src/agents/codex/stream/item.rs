//! The items of a turn: messages, reasoning, and tool calls.

use serde_json::Value;

use super::super::approval::unwrapped;
use crate::{
    agents::{StreamEvent, fields::word},
    model::{text, tool_use},
};

/// Maximum width of the summary of a tool call, in columns.
const MAX_SUMMARY_WIDTH: usize = 200;

/// Returns the event of an item that begins.
pub(super) fn started(item: &Value) -> Option<StreamEvent> {
    let (name, about) = match word(item, "type") {
        "commandExecution" => ("shell", unwrapped(word(item, "command")).to_owned()),
        "fileChange" => ("apply_patch", paths(item).join(" ")),
        "webSearch" => ("web_search", word(item, "query").to_owned()),
        "mcpToolCall" | "dynamicToolCall" => {
            (word(item, "tool"), tool_use::main_argument(&item["arguments"]).unwrap_or_default())
        }
        "collabAgentToolCall" => (word(item, "tool"), word(item, "prompt").to_owned()),
        _ => return None,
    };
    let about = text::one_line(&about, MAX_SUMMARY_WIDTH);
    Some(StreamEvent::ToolUse { id: word(item, "id").to_owned(), name: name.to_owned(), about })
}

/// Returns the event of an item that is complete.
pub(super) fn completed(item: &Value) -> Option<StreamEvent> {
    let texts = |key: &str| {
        let parts = item[key].as_array().into_iter().flatten();
        parts.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    };
    match word(item, "type") {
        "userMessage" if word(item, "clientId") == super::approval::REASON => None,
        "userMessage" => {
            let parts = item["content"].as_array().into_iter().flatten();
            let said: Vec<&str> = parts.map(|part| word(part, "text")).collect();
            Some(StreamEvent::MessageAccepted(said.join("\n")))
        }
        "agentMessage" => Some(StreamEvent::Text(word(item, "text").to_owned())),
        "reasoning" => {
            let thought = [texts("summary"), texts("content")].into_iter().find(|text| !text.is_empty())?;
            Some(StreamEvent::Thinking(thought))
        }
        "plan" => Some(StreamEvent::Remark(word(item, "text").to_owned())),
        "contextCompaction" => Some(StreamEvent::Remark("has compacted its conversation".into())),
        "commandExecution" => Some(result(item, "shell", word(item, "aggregatedOutput"))),
        "fileChange" => Some(result(item, "apply_patch", "")),
        "mcpToolCall" | "dynamicToolCall" => {
            Some(result(item, word(item, "tool"), word(&item["error"], "message")))
        }
        _ => None,
    }
}

fn result(item: &Value, tool: &str, output: &str) -> StreamEvent {
    match word(item, "status") {
        "declined" => StreamEvent::ToolDenied {
            id: word(item, "id").to_owned(),
            tool: tool.to_owned(),
            why: "nobody allowed it".to_owned(),
        },
        status => StreamEvent::ToolResult { error: status == "failed", text: output.to_owned() },
    }
}

fn paths(item: &Value) -> Vec<String> {
    let changes = item["changes"].as_array().into_iter().flatten();
    changes.map(|change| word(change, "path").to_owned()).collect()
}

/// Returns the files of a change, each with its kind and its lines.
pub(super) fn changes(item: &Value) -> String {
    let changes = item["changes"].as_array().into_iter().flatten();
    let one = |change: &Value| {
        let kind = word(&change["kind"], "type");
        format!("{} ({kind})\n{}", word(change, "path"), word(change, "diff"))
    };
    changes.map(one).collect::<Vec<_>>().join("\n")
}
