//! The updates of a session. Pure.

use serde_json::Value;

use crate::model::{Cost, tool_use};

/// The maximum number of blocks, places, or steps that are read of one update.
const MAX_PARTS: usize = 1000;

/// One update. Kinds that are not known are [`Update::Other`]: they stay in the output.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Update {
    /// A part of a message of the user, which is only repeated.
    User,
    /// A part of a message of the agent, with the id of the message.
    Message(Option<String>, String),
    /// A part of its reasoning.
    Thought(Option<String>, String),
    /// A tool call begins or changes.
    Tool(ToolCall),
    /// Its plan, on one line.
    Plan(String),
    /// Its mode.
    Mode(String),
    /// What it used so far.
    Usage(Usage),
    /// Anything else.
    Other,
}

/// What an update says about a tool call. Later updates leave out what did not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) status: Option<Status>,
    /// The first file that it touches.
    pub(super) place: Option<String>,
    /// The most informative argument of its input.
    pub(super) argument: Option<String>,
    /// What it printed.
    pub(super) output: Option<String>,
}

/// The status of a tool call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    Pending,
    Running,
    Completed,
    Failed,
}

/// What a session used so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Usage {
    /// The tokens in the context, and how many fit.
    pub(super) context: Option<(u64, u64)>,
    /// The cost of the session, in millionths of a US dollar.
    pub(super) cost_micros: Option<u64>,
}

impl Update {
    /// Reads the `update` of a notification.
    pub(super) fn of(update: &Value) -> Self {
        let id = || update["messageId"].as_str().map(str::to_owned);
        let said = || block_text(&update["content"]).unwrap_or_default();
        match update["sessionUpdate"].as_str().unwrap_or_default() {
            "user_message_chunk" => Self::User,
            "agent_message_chunk" => Self::Message(id(), said()),
            "agent_thought_chunk" => Self::Thought(id(), said()),
            "tool_call" | "tool_call_update" => ToolCall::of(update).map_or(Self::Other, Self::Tool),
            "plan" => Self::Plan(plan(&update["entries"])),
            "current_mode_update" => {
                update["currentModeId"].as_str().map_or(Self::Other, |mode| Self::Mode(mode.to_owned()))
            }
            "usage_update" => Self::Usage(Usage::of(update)),
            _ => Self::Other,
        }
    }
}

impl ToolCall {
    /// Reads a tool call; returns `None` if it has no id.
    pub(super) fn of(call: &Value) -> Option<Self> {
        let word = |key: &str| call[key].as_str().filter(|word| !word.is_empty()).map(str::to_owned);
        let place = call["locations"].as_array().and_then(|places| places.first()?["path"].as_str());
        let input = &call["rawInput"];
        Some(Self {
            id: word("toolCallId")?,
            title: word("title").or_else(|| call["_meta"]["toolName"].as_str().map(str::to_owned)),
            kind: word("kind"),
            status: call["status"].as_str().and_then(Status::of),
            place: place.map(str::to_owned),
            argument: tool_use::main_argument(input),
            output: output(call),
        })
    }
}

impl Status {
    fn of(word: &str) -> Option<Self> {
        match word {
            "pending" => Some(Self::Pending),
            "in_progress" => Some(Self::Running),
            "completed" => Some(Self::Completed),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

impl Usage {
    fn of(update: &Value) -> Self {
        let cost = &update["cost"];
        let dollars = cost["amount"].as_f64().filter(|amount| *amount >= 0.0 && cost["currency"] == "USD");
        Self {
            context: update["used"].as_u64().zip(update["size"].as_u64()),
            cost_micros: dollars.map(|dollars| Cost::from_dollars(dollars).micros()),
        }
    }
}

/// Returns the text of a block of content; another kind of block is named.
fn block_text(block: &Value) -> Option<String> {
    match block["type"].as_str()? {
        "text" => block["text"].as_str().map(str::to_owned),
        "resource_link" => block["uri"].as_str().map(str::to_owned),
        "resource" => {
            block["resource"]["text"].as_str().or(block["resource"]["uri"].as_str()).map(str::to_owned)
        }
        other => Some(format!("[{other}]")),
    }
}

/// Returns what a tool call printed: its contents, or else its raw output.
fn output(call: &Value) -> Option<String> {
    let blocks = call["content"].as_array().into_iter().flatten().take(MAX_PARTS);
    let texts = blocks.filter_map(|block| match block["type"].as_str()? {
        "content" => block_text(&block["content"]),
        "diff" => Some(format!("changed {}", block["path"].as_str()?)),
        _ => None,
    });
    let whole = texts.collect::<Vec<_>>().join("\n");
    let raw = &call["rawOutput"];
    let raw = [raw, &raw["output"], &raw["error"]].into_iter().find_map(Value::as_str);
    Some(whole).filter(|whole| !whole.is_empty()).or_else(|| raw.map(str::to_owned))
}

/// Describes a plan: `plan: 1 of 3 done, now: write the tests`.
fn plan(entries: &Value) -> String {
    let all: Vec<&Value> = entries.as_array().into_iter().flatten().take(MAX_PARTS).collect();
    let done = all.iter().filter(|entry| entry["status"] == "completed").count();
    let now = all.iter().find(|entry| entry["status"] == "in_progress");
    let now = now.and_then(|entry| entry["content"].as_str()).map(|content| format!(", now: {content}"));
    format!("plan: {done} of {} done{}", all.len(), now.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn updates_of_all_kinds_are_read() {
        let text = |text: &str| json!({"type": "text", "text": text});
        for (update, expected) in [
            (
                json!({"sessionUpdate": "agent_message_chunk", "messageId": "m", "content": text("hi")}),
                Update::Message(Some("m".to_owned()), "hi".to_owned()),
            ),
            (
                json!({"sessionUpdate": "agent_thought_chunk", "content": {"type": "image", "data": "…"}}),
                Update::Thought(None, "[image]".to_owned()),
            ),
            (json!({"sessionUpdate": "user_message_chunk", "content": text("task")}), Update::User),
            (
                json!({"sessionUpdate": "plan", "entries": [{"content": "a", "status": "completed"},
                    {"content": "b", "status": "in_progress"}, {"content": "c", "status": "pending"}]}),
                Update::Plan("plan: 1 of 3 done, now: b".to_owned()),
            ),
            (
                json!({"sessionUpdate": "current_mode_update", "currentModeId": "plan"}),
                Update::Mode("plan".to_owned()),
            ),
            (
                json!({"sessionUpdate": "usage_update", "used": 5, "size": 9, "cost": {"amount": 0.25, "currency": "USD"}}),
                Update::Usage(Usage { context: Some((5, 9)), cost_micros: Some(250_000) }),
            ),
            (
                json!({"sessionUpdate": "usage_update", "used": 5, "size": 9, "cost": {"amount": 1, "currency": "EUR"}}),
                Update::Usage(Usage { context: Some((5, 9)), cost_micros: None }),
            ),
            (json!({"sessionUpdate": "of_next_year", "x": 1}), Update::Other),
            (json!({"sessionUpdate": "tool_call", "title": "without an id"}), Update::Other),
            (json!({"sessionUpdate": "current_mode_update"}), Update::Other),
            (json!(null), Update::Other),
        ] {
            assert_eq!(Update::of(&update), expected, "{update}");
        }
    }

    #[test]
    fn a_tool_call_is_read_with_its_place_and_output() {
        let call = json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "title": "Writing", "kind": "edit",
            "status": "completed", "locations": [{"path": "/w/a"}], "rawInput": {"command": "ls"},
            "content": [{"type": "content", "content": {"type": "text", "text": "one"}}, {"type": "diff", "path": "/w/a"}]});
        let own = str::to_owned;
        let expected = ToolCall {
            id: own("c"),
            title: Some(own("Writing")),
            kind: Some(own("edit")),
            status: Some(Status::Completed),
            place: Some(own("/w/a")),
            argument: Some(own("ls")),
            output: Some(own("one\nchanged /w/a")),
        };
        assert_eq!(ToolCall::of(&call), Some(expected));
        let raw = json!({"toolCallId": "c", "status": "odd", "rawOutput": {"error": "no"}, "_meta": {"toolName": "write_file"}});
        let read = ToolCall::of(&raw).unwrap();
        assert_eq!(
            (read.status, read.output.as_deref(), read.title.as_deref()),
            (None, Some("no"), Some("write_file"))
        );
    }
}
