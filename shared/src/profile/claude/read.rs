//! Reading Claude Code's `stream-json`, one line at a time. Total: what is unknown says nothing, what is broken is shown as it
//! came.

use std::io::Read;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    model::{text, tool_use},
    profile::{
        Ask, Question, Said, Turn,
        limit::{self, Reached},
    },
};

/// Columns kept of what a tool is used on.
const ABOUT: usize = 200;
/// How the pieces of an answer begin, of which there are very many: they are life, and say nothing.
const PIECE: &[u8] = b"{\"type\":\"stream_event\"";

pub(in super::super) fn read(line: &[u8]) -> Vec<Said> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(PIECE) {
        return Vec::new();
    }
    let parsed: Option<Value> = match serde_json::from_slice(line) {
        Ok(value) => Some(value),
        // Bytes that are no text stand in a string; the rest of the line is as good as any.
        Err(_) => serde_json::from_str(&String::from_utf8_lossy(line)).ok(),
    };
    match parsed {
        Some(value) if value.get("type").is_some_and(Value::is_string) => event(&value),
        _ => vec![Said::Plain(String::from_utf8_lossy(line).into_owned())],
    }
}

/// Of a line that is too long to hold: its kind, and what decides.
pub(in super::super) fn read_long(line: impl Read, length: u64) -> Vec<Said> {
    let reader = std::io::BufReader::with_capacity(64 * 1024, line);
    let Ok(long) = serde_json::from_reader::<_, Long>(reader) else {
        return vec![Said::Note(format!("a line of {length} bytes that is not understood"))];
    };
    let mut said = match (long.kind.as_str(), long.request) {
        ("control_request", Some(request)) if request.subtype == "can_use_tool" => {
            let ask = kind_of(&request.tool_name);
            vec![Said::Asks(Question { id: long.request_id, ask, text: request.tool_name })]
        }
        ("result", _) => result(&Value::Object(long.small)),
        ("user", _) if long.is_replay => vec![Said::Heard(String::new())],
        _ => Vec::new(),
    };
    said.push(Said::Note(format!("a line of {length} bytes ({})", text::one_line(&long.kind, 40))));
    said
}

/// What is kept of a long line; the long texts in it are passed over without being held.
#[derive(Default)]
struct Long {
    kind: String,
    request_id: String,
    is_replay: bool,
    request: Option<Request>,
    /// The fields of a result that are short by nature.
    small: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    subtype: String,
    #[serde(default)]
    tool_name: String,
}

impl<'de> Deserialize<'de> for Long {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = Long;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Long, A::Error> {
                let mut long = Long::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "type" => long.kind = map.next_value()?,
                        "request_id" => long.request_id = map.next_value()?,
                        "request" => long.request = map.next_value()?,
                        "isReplay" => long.is_replay = map.next_value()?,
                        "subtype" | "is_error" | "num_turns" | "total_cost_usd" | "modelUsage"
                        | "api_error_status" | "api_error" | "terminal_reason" => {
                            long.small.insert(key, map.next_value()?);
                        }
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(long)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn event(value: &Value) -> Vec<Said> {
    let said = match word(value, "type") {
        "system" => system(value),
        "assistant" => assistant(value),
        "user" => user(value),
        "result" => result(value),
        "rate_limit_event" => limit::in_event(value).map(Said::Limit).into_iter().collect(),
        "control_request" => asks(value),
        "control_cancel_request" => vec![Said::Withdrawn(word(value, "request_id").to_owned())],
        _ => Vec::new(),
    };
    if value.get("parent_tool_use_id").is_some_and(Value::is_string) {
        return said.into_iter().map(|said| Said::Inner(Box::new(said))).collect();
    }
    said
}

fn system(value: &Value) -> Vec<Said> {
    let own = |key: &str| word(value, key).to_owned();
    let said = match word(value, "subtype") {
        "init" => Said::Begun {
            session: own("session_id"),
            model: own("model"),
            mode: own("permissionMode"),
            folder: own("cwd"),
        },
        "permission_denied" => {
            Said::Denied { id: own("tool_use_id"), tool: own("tool_name"), why: own("message") }
        }
        "api_retry" => Said::Retry {
            attempt: count(value, "attempt"),
            most: count(value, "max_retries"),
            why: match value.get("error_status").and_then(Value::as_u64) {
                Some(status) => format!("{} {status}", word(value, "error")),
                None => own("error"),
            },
        },
        "status" if word(value, "status") == "compacting" => Said::Note("compacts its conversation".into()),
        "compact_boundary" => Said::Note("has compacted its conversation".into()),
        "task_started" => Said::Note(format!("subagent: {}", word(value, "description"))),
        "informational" => Said::Note(own("content")),
        _ => return Vec::new(),
    };
    vec![said]
}

fn assistant(value: &Value) -> Vec<Said> {
    let message = &value["message"];
    if let Some(kind) = value.get("error").or_else(|| message.get("error")).and_then(Value::as_str) {
        return vec![Said::Trouble(kind.to_owned(), texts(&message["content"]))];
    }
    let mut all = Vec::new();
    for block in message["content"].as_array().into_iter().flatten() {
        match word(block, "type") {
            "text" => all.push(Said::Text(word(block, "text").to_owned())),
            "thinking" => all.push(Said::Thinking(word(block, "thinking").to_owned())),
            "tool_use" | "server_tool_use" => all.push(Said::Tool {
                id: word(block, "id").to_owned(),
                name: word(block, "name").to_owned(),
                about: about(&block["input"]),
            }),
            _ => {}
        }
    }
    all
}

fn user(value: &Value) -> Vec<Said> {
    let content = &value["message"]["content"];
    if flag(value, "isReplay") {
        return vec![Said::Heard(texts(content))];
    }
    if flag(value, "isSynthetic") {
        return Vec::new();
    }
    let mut all = Vec::new();
    for block in content.as_array().into_iter().flatten() {
        match word(block, "type") {
            "tool_result" => {
                all.push(Said::Result { error: flag(block, "is_error"), text: texts(&block["content"]) });
            }
            "text" => all.push(Said::Note(word(block, "text").to_owned())),
            _ => {}
        }
    }
    all
}

fn asks(value: &Value) -> Vec<Said> {
    let request = &value["request"];
    if word(request, "subtype") != "can_use_tool" {
        return Vec::new();
    }
    let tool = word(request, "tool_name");
    let about = about(&request["input"]);
    let (ask, text) = match kind_of(tool) {
        Ask::Choice => (Ask::Choice, about),
        Ask::Permission => (Ask::Permission, format!("{tool} {about}")),
    };
    let text = text::one_line(&text, ABOUT);
    vec![Said::Asks(Question { id: word(value, "request_id").to_owned(), ask, text })]
}

fn kind_of(tool: &str) -> Ask {
    if tool == "AskUserQuestion" { Ask::Choice } else { Ask::Permission }
}

/// The end of a turn; before it the limit by which it ended, where only the text tells.
fn result(value: &Value) -> Vec<Said> {
    let turn = turn(value);
    let is_limit = word(value, "api_error") == "usage_limit_reached";
    // A conversation that is too long mentions a limit as well: 'blocking_limit'.
    let may_be =
        matches!(turn.how.as_str(), "api_error" | "success") && matches!(turn.status, None | Some(429));
    let limit = match turn.ok {
        false if is_limit => Some(limit::in_text(&turn.text).unwrap_or_else(Reached::unknown)),
        false if may_be => limit::in_text(&turn.text),
        _ => None,
    };
    limit.map(Said::Limit).into_iter().chain([Said::Turn(turn)]).collect()
}

fn turn(value: &Value) -> Turn {
    let subtype = word(value, "subtype");
    let ok = subtype == "success" && !flag(value, "is_error");
    let how = match word(value, "terminal_reason") {
        "" | "completed" => subtype,
        reason => reason,
    };
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
        ok,
        how: how.to_owned(),
        status: value["api_error_status"].as_u64().and_then(|status| u16::try_from(status).ok()),
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
fn micros(dollars: f64) -> Option<u64> {
    (0.0..1e9).contains(&dollars).then(|| (dollars * 1e6).round() as u64)
}

/// What a tool is used on, in a line: the one thing that tells most of it.
fn about(input: &Value) -> String {
    let told =
        tool_use::subject(input).or_else(|| question(input)).unwrap_or_else(|| match input.as_object() {
            Some(map) if map.is_empty() => String::new(),
            Some(_) => input.to_string(),
            None => String::new(),
        });
    text::one_line(&told, ABOUT)
}

/// `Which color? (red, blue)`.
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

/// All text of a content: a string, or blocks of which some are text.
fn texts(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let blocks = content.as_array().into_iter().flatten();
    let texts: Vec<&str> = blocks.filter_map(|block| block.get("text")?.as_str()).collect();
    texts.join("\n")
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}
