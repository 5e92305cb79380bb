//! Parsing Claude Code's `stream-json` output, one line at a time. Any input is accepted: unknown events are ignored, and malformed
//! lines are shown unchanged.

mod long;
#[cfg(test)]
mod tests;

use std::io::Read;

use memchr::memmem;
use serde_json::Value;

use self::long::LongLine;
use super::{end, limit, permission};
use crate::{
    agents::{
        Question, QuestionKind, StreamEvent, Turn,
        fields::{self, count, flag, micros, word},
        limit::ReportedLimit,
    },
    model::{Tokens, request::AskedRequest, text, tool_use},
};

/// Maximum width of the summary of a tool call, in columns.
const MAX_SUMMARY_WIDTH: usize = 200;
/// The beginning of a partial message. There are very many of them, and they only show that the program is working.
const PARTIAL_MESSAGE: &[u8] = b"{\"type\":\"stream_event\"";
/// The partial messages that say what a request used: its beginning and its end.
const WITH_USAGE: [&[u8]; 2] = [b"\"message_start\"", b"\"message_delta\""];
/// How much of a partial message is searched for its kind, in bytes.
const KIND_BYTES: usize = 200;

/// The state of parsing the output of one process.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The program's word for the last API error since the model last answered.
    api_error: Option<String>,
    /// What the message that is being written was counted with.
    counted: Tokens,
}

impl Stream {
    /// Returns the events on a line.
    pub(super) fn line(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Vec::new();
        }
        if line.starts_with(PARTIAL_MESSAGE) {
            let begin = &line[..line.len().min(KIND_BYTES)];
            let says = WITH_USAGE.iter().any(|kind| memmem::find(begin, kind).is_some());
            return says.then(|| self.partial(&fields::line(line)?["event"])).flatten().into_iter().collect();
        }
        match fields::line(line) {
            Some(value) if value.get("type").is_some_and(Value::is_string) => self.event(&value),
            _ => vec![StreamEvent::Unparsed(String::from_utf8_lossy(line).into_owned())],
        }
    }

    /// Returns what a partial message says about its use, as far as it was not counted yet: figures at the end of a message are those of
    /// the whole message.
    fn partial(&mut self, event: &Value) -> Option<StreamEvent> {
        let usage = match word(event, "type") {
            "message_start" => {
                self.counted = Tokens::default();
                &event["message"]["usage"]
            }
            "message_delta" => &event["usage"],
            _ => return None,
        };
        let known = self.counted;
        let all = Tokens {
            input: count(usage, "input_tokens").max(known.input),
            cache_read: count(usage, "cache_read_input_tokens").max(known.cache_read),
            cache_write: count(usage, "cache_creation_input_tokens").max(known.cache_write),
            output: count(usage, "output_tokens").max(known.output),
        };
        self.counted = all;
        let tokens = Tokens {
            input: all.input - known.input,
            cache_read: all.cache_read - known.cache_read,
            cache_write: all.cache_write - known.cache_write,
            output: all.output - known.output,
        };
        (tokens != Tokens::default()).then_some(StreamEvent::Used { tokens, cost: None })
    }

    /// Returns the events on a line that is too long for memory, from its kind and its important fields.
    pub(super) fn long_line(&self, line: impl Read, length: u64) -> Vec<StreamEvent> {
        let Some(long) = LongLine::read(line) else {
            return vec![StreamEvent::Remark(format!("a line of {length} bytes that cannot be parsed"))];
        };
        let mut events = match (long.kind.as_str(), long.request) {
            ("control_request", Some(request)) if request.subtype == "can_use_tool" => {
                let kind = kind_of(&request.tool_name);
                let request = permission::too_long(&request.tool_name, length);
                vec![StreamEvent::QuestionAsked(Question { id: long.request_id, kind, request })]
            }
            ("result", _) => result(&Value::Object(long.small), self.api_error.as_deref()),
            ("user", _) if long.is_replay => vec![StreamEvent::MessageAccepted(String::new())],
            _ => Vec::new(),
        };
        events.push(StreamEvent::Remark(format!(
            "a line of {length} bytes ({})",
            text::one_line(&long.kind, 40)
        )));
        events
    }

    fn event(&mut self, value: &Value) -> Vec<StreamEvent> {
        let events = match word(value, "type") {
            "system" => system(value),
            "assistant" => assistant(value),
            "user" => user(value),
            "result" => result(value, self.api_error.as_deref()),
            "stream_event" => return self.partial(&value["event"]).into_iter().collect(),
            "rate_limit_event" => limit::in_event(value).map(StreamEvent::UsageLimit).into_iter().collect(),
            "control_request" => permission_request(value),
            "control_cancel_request" => {
                vec![StreamEvent::QuestionCancelled(word(value, "request_id").to_owned())]
            }
            _ => Vec::new(),
        };
        if value.get("parent_tool_use_id").is_some_and(Value::is_string) {
            return events.into_iter().map(|event| StreamEvent::Subagent(Box::new(event))).collect();
        }
        events.iter().for_each(|event| self.record_error(event));
        events
    }

    /// Records an API error until the model answers again.
    fn record_error(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::ApiError(word, _) => self.api_error = Some(word.clone()),
            StreamEvent::Text(_) | StreamEvent::Thinking(_) | StreamEvent::ToolUse { .. } => {
                self.api_error = None;
            }
            _ => {}
        }
    }
}

fn system(value: &Value) -> Vec<StreamEvent> {
    let own = |key: &str| word(value, key).to_owned();
    let event = match word(value, "subtype") {
        "init" => StreamEvent::SessionStarted {
            session: own("session_id"),
            model: own("model"),
            mode: own("permissionMode"),
            folder: own("cwd"),
        },
        "permission_denied" => {
            StreamEvent::ToolDenied { id: own("tool_use_id"), tool: own("tool_name"), why: own("message") }
        }
        "api_retry" => StreamEvent::Retry {
            attempt: count(value, "attempt"),
            most: count(value, "max_retries"),
            why: match value.get("error_status").and_then(Value::as_u64) {
                Some(status) => format!("{} {status}", word(value, "error")),
                None => own("error"),
            },
        },
        "status" if word(value, "status") == "compacting" => {
            StreamEvent::Remark("compacts its conversation".into())
        }
        "compact_boundary" => StreamEvent::Remark("has compacted its conversation".into()),
        "task_started" => StreamEvent::Remark(format!("subagent: {}", word(value, "description"))),
        "informational" => StreamEvent::Remark(own("content")),
        _ => return Vec::new(),
    };
    vec![event]
}

fn assistant(value: &Value) -> Vec<StreamEvent> {
    let message = &value["message"];
    if let Some(kind) = value.get("error").or_else(|| message.get("error")).and_then(Value::as_str) {
        return vec![StreamEvent::ApiError(kind.to_owned(), texts(&message["content"]))];
    }
    let mut all = Vec::new();
    for block in message["content"].as_array().into_iter().flatten() {
        match word(block, "type") {
            "text" => all.push(StreamEvent::Text(word(block, "text").to_owned())),
            "thinking" => all.push(StreamEvent::Thinking(word(block, "thinking").to_owned())),
            "tool_use" | "server_tool_use" => all.push(StreamEvent::ToolUse {
                id: word(block, "id").to_owned(),
                name: word(block, "name").to_owned(),
                about: about(&block["input"]),
            }),
            _ => {}
        }
    }
    all
}

fn user(value: &Value) -> Vec<StreamEvent> {
    let content = &value["message"]["content"];
    if flag(value, "isReplay") {
        return vec![StreamEvent::MessageAccepted(texts(content))];
    }
    if flag(value, "isSynthetic") {
        return Vec::new();
    }
    let mut all = Vec::new();
    for block in content.as_array().into_iter().flatten() {
        match word(block, "type") {
            "tool_result" => {
                all.push(StreamEvent::ToolResult {
                    error: flag(block, "is_error"),
                    text: texts(&block["content"]),
                });
            }
            "text" => all.push(StreamEvent::Remark(word(block, "text").to_owned())),
            _ => {}
        }
    }
    all
}

fn permission_request(value: &Value) -> Vec<StreamEvent> {
    let request = &value["request"];
    if word(request, "subtype") != "can_use_tool" {
        return Vec::new();
    }
    let tool = word(request, "tool_name");
    let kind = kind_of(tool);
    let request = match kind {
        QuestionKind::Choice => AskedRequest::new(&question(&request["input"]).unwrap_or_default(), None),
        QuestionKind::Permission => permission::asked(request),
    };
    vec![StreamEvent::QuestionAsked(Question { id: word(value, "request_id").to_owned(), kind, request })]
}

fn kind_of(tool: &str) -> QuestionKind {
    if tool == "AskUserQuestion" { QuestionKind::Choice } else { QuestionKind::Permission }
}

/// Returns the end of a turn, after the usage limit that ended it if only the text mentions one.
fn result(value: &Value, api_error: Option<&str>) -> Vec<StreamEvent> {
    let subtype = word(value, "subtype");
    let is_ok = subtype == "success" && !flag(value, "is_error");
    let how = match word(value, "terminal_reason") {
        "" | "completed" => subtype,
        reason => reason,
    };
    let status = value["api_error_status"].as_u64();
    let failure = (!is_ok).then(|| end::failure(how, status, api_error));
    let turn = Turn { failure, ..turn(value) };
    let is_limit = word(value, "api_error") == "usage_limit_reached";
    // A session that is too long ends with 'blocking_limit', and its text mentions a limit as well.
    let may_be = matches!(how, "api_error" | "success") && matches!(status, None | Some(429));
    let limit = match is_ok {
        false if is_limit => Some(limit::in_text(&turn.text).unwrap_or_else(ReportedLimit::unknown)),
        false if may_be => limit::in_text(&turn.text),
        _ => None,
    };
    limit.map(StreamEvent::UsageLimit).into_iter().chain([StreamEvent::TurnEnded(turn)]).collect()
}

/// Returns the result of a turn, without its failure.
fn turn(value: &Value) -> Turn {
    let mut text = word(value, "result").to_owned();
    if text.is_empty() {
        text =
            value["errors"].as_array().and_then(|all| all.first()?.as_str()).unwrap_or_default().to_owned();
    }
    let used = |key: &str| {
        let models = value["modelUsage"].as_object()?;
        Some(models.values().map(|model| count(model, key)).fold(0, u64::saturating_add))
    };
    let read = ["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"];
    let denied = value["permission_denials"].as_array().into_iter().flatten();
    Turn {
        failure: None,
        text,
        turns: count(value, "num_turns"),
        cost_micros: value["total_cost_usd"].as_f64().and_then(micros),
        input_tokens: read.iter().map(|key| used(key)).sum(),
        output_tokens: used("outputTokens"),
        denied: denied
            .map(|one| (word(one, "tool_use_id").to_owned(), word(one, "tool_name").to_owned()))
            .collect(),
    }
}

/// Summarizes the input of a tool on one line: by its most informative argument, if it is known.
fn about(input: &Value) -> String {
    let summary = tool_use::main_argument(input).or_else(|| question(input)).unwrap_or_else(|| {
        match input.as_object() {
            Some(map) if map.is_empty() => String::new(),
            Some(_) => input.to_string(),
            None => String::new(),
        }
    });
    text::one_line(&summary, MAX_SUMMARY_WIDTH)
}

/// Formats questions with their options: `Which color? (red, blue)`.
fn question(input: &Value) -> Option<String> {
    let all: Vec<String> = input
        .get("questions")?
        .as_array()?
        .iter()
        .map(|question| {
            let options = question["options"].as_array().into_iter().flatten();
            let labels: Vec<&str> = options.map(|option| word(option, "label")).collect();
            match labels.as_slice() {
                [] => word(question, "question").to_owned(),
                labels => format!("{} ({})", word(question, "question"), labels.join(", ")),
            }
        })
        .collect();
    Some(all.join(" / "))
}

/// Returns all text of a message's content, which is a string or an array of blocks.
fn texts(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let blocks = content.as_array().into_iter().flatten();
    let texts: Vec<&str> = blocks.filter_map(|block| block.get("text")?.as_str()).collect();
    texts.join("\n")
}
