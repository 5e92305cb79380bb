//! Gemini CLI's `stream-json` output. It reads its prompt from standard input, and takes no message while it runs.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io::{BufReader, Read},
};

use serde::Deserialize;
use serde_json::Value;

use super::{end, limit, modes};
use crate::{
    agents::{Connection, Exchange, FailureKind, ProtocolKind, Reported, StreamEvent, Turn},
    model::{Permission, text, tool_use},
};

/// Maximum width of the summary of a tool call, in columns.
const MAX_SUMMARY_WIDTH: usize = 200;
/// Maximum length of a message that comes in parts, in bytes; a longer one is several.
const MAX_TEXT: usize = 64 << 10;
/// Number of recent tool calls whose tools are known when they are denied.
const MAX_RECENT: usize = 64;
/// The beginnings of messages about a path that the tool must not use.
const DENIED_PATHS: [&str; 2] = ["Access denied:", "Path not in workspace:"];

/// The `stream-json` protocol.
pub(super) struct StreamJson;

impl ProtocolKind for StreamJson {
    fn name(&self) -> &'static str {
        "gemini_stream"
    }

    fn is_structured(&self) -> bool {
        true
    }

    fn counts_from_start(&self) -> bool {
        true
    }

    fn exit_failure(&self, code: i32) -> Option<FailureKind> {
        end::of_exit(code)
    }

    /// A line that begins with a slash may name a command of the user.
    fn prompt(&self, text: String) -> String {
        if text.trim_start().starts_with('/') { format!("\n{text}") } else { text }
    }

    fn reports(&self) -> Reported {
        Reported { tokens: true, cost: false }
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(Stream { withholds_tools: true, shows_prompt: true, ..Stream::default() })
    }

    fn connect(&self, connection: &Connection<'_>) -> Box<dyn Exchange> {
        Box::new(Stream {
            folder: connection.folder.to_string_lossy().into_owned(),
            mode: connection.permission.map_or("", modes::mode),
            withholds_tools: connection.permission != Some(Permission::BypassPermissions),
            ..Stream::default()
        })
    }
}

/// The state of parsing the output of one process.
#[derive(Debug, Default)]
struct Stream {
    folder: String,
    mode: &'static str,
    /// Whether tools that need a permission are not offered: the program then says that there is no such tool.
    withholds_tools: bool,
    /// Whether the prompt is an event. A supervisor knows it.
    shows_prompt: bool,
    /// The message that is coming in parts.
    message: String,
    /// The recent tool calls, with their tools.
    recent: VecDeque<(String, String)>,
    /// Whether the model has something new to answer.
    is_asked: bool,
    /// The number of requests to the model in this turn.
    requests: u64,
}

/// The fields of a line that say what it is, without those that may be long.
#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    tool_name: String,
    #[serde(default)]
    tool_id: String,
    #[serde(default)]
    status: String,
}

impl Exchange for Stream {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Vec::new();
        }
        match serde_json::from_str::<Value>(&String::from_utf8_lossy(line)) {
            Ok(value) if value.get("type").is_some_and(Value::is_string) => self.event(&value),
            _ => vec![StreamEvent::Unparsed(String::from_utf8_lossy(line).into_owned())],
        }
    }

    fn read_long(&mut self, line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        let mut events = self.finish();
        let mut kind = String::new();
        if let Ok(outline) = serde_json::from_reader::<_, Outline>(BufReader::new(line)) {
            events.extend(match outline.kind.as_str() {
                "tool_use" => Some(self.tool(outline.tool_id, outline.tool_name, String::new())),
                "tool_result" => {
                    self.is_asked = true;
                    Some(StreamEvent::ToolResult { error: outline.status == "error", text: String::new() })
                }
                _ => None,
            });
            kind = format!(" ({})", text::one_line(&outline.kind, 40));
        }
        events.push(StreamEvent::Remark(format!("a line of {length} bytes{kind}")));
        events
    }

    fn finish(&mut self) -> Vec<StreamEvent> {
        let message = std::mem::take(&mut self.message);
        Some(message).filter(|text| !text.trim().is_empty()).map(StreamEvent::Text).into_iter().collect()
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        format!("{text}\n").into_bytes()
    }
}

impl Stream {
    fn event(&mut self, value: &Value) -> Vec<StreamEvent> {
        if word(value, "type") == "message" && word(value, "role") == "assistant" {
            self.count_request();
            self.message.push_str(word(value, "content"));
            let is_whole = value["delta"].as_bool() != Some(true) || self.message.len() > MAX_TEXT;
            return if is_whole { self.finish() } else { Vec::new() };
        }
        let mut events = self.finish();
        match word(value, "type") {
            "init" => events.push(StreamEvent::SessionStarted {
                session: word(value, "session_id").to_owned(),
                model: word(value, "model").to_owned(),
                mode: self.mode.to_owned(),
                folder: self.folder.clone(),
            }),
            "message" if word(value, "role") == "user" => {
                self.is_asked = true;
                let text = word(value, "content").trim_end().to_owned();
                events.extend(self.shows_prompt.then_some(StreamEvent::MessageAccepted(text)));
            }
            "tool_use" => {
                self.count_request();
                let [id, name] = ["tool_id", "tool_name"].map(|key| word(value, key).to_owned());
                events.push(self.tool(id, name, about(&value["parameters"])));
            }
            "tool_result" => events.extend(self.tool_result(value)),
            "error" => events.push(StreamEvent::Remark(word(value, "message").to_owned())),
            "result" => events.extend(self.result(value)),
            _ => {}
        }
        events
    }

    const fn count_request(&mut self) {
        if self.is_asked {
            self.is_asked = false;
            self.requests += 1;
        }
    }

    fn tool(&mut self, id: String, name: String, about: String) -> StreamEvent {
        self.recent.push_back((id.clone(), name.clone()));
        if self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
        StreamEvent::ToolUse { id, name, about }
    }

    fn tool_result(&mut self, value: &Value) -> Vec<StreamEvent> {
        self.is_asked = true;
        let error = word(value, "status") == "error";
        let why = word(&value["error"], "message");
        let said = word(value, "output");
        let text = if said.is_empty() { why } else { said }.to_owned();
        let is_denied = match word(&value["error"], "type") {
            "policy_violation" => true,
            "tool_not_registered" => self.withholds_tools,
            _ => DENIED_PATHS.iter().any(|begin| why.starts_with(begin)),
        };
        let result = StreamEvent::ToolResult { error, text: text.clone() };
        if !error || !is_denied {
            return vec![result];
        }
        let id = word(value, "tool_id").to_owned();
        let tool = self.recent.iter().rev().find(|(known, _)| *known == id).map(|(_, tool)| tool.clone());
        vec![StreamEvent::ToolDenied { id, tool: tool.unwrap_or_default(), why: text }, result]
    }

    /// Returns the end of the turn, after the usage limit that ended it.
    fn result(&mut self, value: &Value) -> Vec<StreamEvent> {
        let error = &value["error"];
        let message = word(error, "message");
        let is_ok = word(value, "status") == "success";
        let failed = (!is_ok).then(|| end::failure(word(error, "type"), message));
        let (failure, text) = failed.map_or_else(Default::default, |(failure, text)| (Some(failure), text));
        let tokens = |key: &str| value["stats"][key].as_u64();
        let limit = message.lines().find_map(limit::in_line).filter(|_| !is_ok);
        let turn = Turn {
            failure,
            text,
            turns: std::mem::take(&mut self.requests),
            input_tokens: tokens("input_tokens"),
            output_tokens: tokens("output_tokens"),
            ..Turn::default()
        };
        limit.map(StreamEvent::UsageLimit).into_iter().chain([StreamEvent::TurnEnded(turn)]).collect()
    }
}

/// Summarizes the input of a tool on one line.
fn about(input: &Value) -> String {
    let is_empty = input.as_object().is_none_or(serde_json::Map::is_empty);
    let whole = || if is_empty { String::new() } else { input.to_string() };
    text::one_line(&tool_use::main_argument(input).unwrap_or_else(whole), MAX_SUMMARY_WIDTH)
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
