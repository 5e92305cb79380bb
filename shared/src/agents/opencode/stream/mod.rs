//! Reading the output of `opencode run --format json`: the parts of the conversation as they are completed. There is no event at the
//! beginning and at the end: a turn is over when a step ends without a tool call.

#[cfg(test)]
mod tests;

use std::io::Read;

use serde_json::Value;

use crate::{
    agents::{
        Exchange, FailureKind, ProtocolKind, Reported, StreamEvent, Turn, TurnFailure,
        fields::{self, count, flag, micros, word},
    },
    model::{Cost, Tokens, text, tool_use},
};

/// How a person logs in.
const LOGIN: FailureKind = FailureKind::NotLoggedIn { login: "run 'opencode auth login' once to log in" };
/// How the program begins to say that it asked for a permission, and that nobody answered. It then ends, with exit code 0.
const REJECTED: &str = "The user rejected permission";
/// How the program begins to say that a rule denies a tool.
const DENIED: &str = "The user has specified a rule which prevents";
/// How the program says that a denied tool is not offered to the model at all.
const UNAVAILABLE: &str = "Model tried to call unavailable tool '";
/// Maximum width of the summary of a tool call, in columns.
const MAX_SUMMARY_WIDTH: usize = 200;

/// The output of `opencode run --format json`.
pub(super) struct RunJson;

impl ProtocolKind for RunJson {
    fn name(&self) -> &'static str {
        "opencode_json"
    }

    fn is_structured(&self) -> bool {
        true
    }

    fn repeats_messages(&self) -> bool {
        false
    }

    fn counts_from_start(&self) -> bool {
        true
    }

    fn reports(&self) -> Reported {
        Reported { tokens: true, cost: true }
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(Output::default())
    }
}

/// The state of reading the output of one process.
#[derive(Debug, Default)]
struct Output {
    /// Whether a turn is in progress.
    in_turn: bool,
    /// The number of requests to the model in this turn.
    requests: u64,
    /// The last text of the agent in this turn.
    text: String,
    /// The call for which nobody allowed what it asked for.
    rejected: Option<String>,
    /// The totals of the session: the program reports the usage of each step only.
    cost_micros: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Exchange for Output {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        let line = line.trim_ascii();
        match fields::line(line) {
            _ if line.is_empty() => Vec::new(),
            Some(value) if value.get("type").is_some_and(Value::is_string) => self.event(&value),
            _ => vec![StreamEvent::Unparsed(String::from_utf8_lossy(line).into_owned())],
        }
    }

    fn read_long(&mut self, _line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        vec![StreamEvent::Remark(format!("a line of {length} bytes"))]
    }

    /// Returns nothing: the program reads its message when it starts, and only then.
    fn message(&mut self, _text: &str) -> Vec<u8> {
        Vec::new()
    }
}

impl Output {
    fn event(&mut self, value: &Value) -> Vec<StreamEvent> {
        let part = &value["part"];
        let begins = !self.in_turn;
        self.in_turn = true;
        let mut events = match word(value, "type") {
            "text" => {
                word(part, "text").clone_into(&mut self.text);
                vec![StreamEvent::Text(self.text.clone())]
            }
            "reasoning" => vec![StreamEvent::Thinking(word(part, "text").to_owned())],
            "tool_use" => self.tool(part),
            "step_finish" => self.step_finished(part),
            "error" => self.failed(&value["error"]),
            _ => Vec::new(),
        };
        if begins {
            events.insert(
                0,
                StreamEvent::SessionStarted {
                    session: word(value, "sessionID").to_owned(),
                    model: String::new(),
                    mode: String::new(),
                    folder: String::new(),
                },
            );
        }
        events
    }

    /// Returns the events of a tool call, which is reported when it has ended.
    fn tool(&mut self, part: &Value) -> Vec<StreamEvent> {
        let (state, id) = (&part["state"], word(part, "callID").to_owned());
        let about = tool_use::main_argument(&state["input"]).unwrap_or_default();
        let about = text::one_line(&about, MAX_SUMMARY_WIDTH);
        let tool = word(part, "tool").to_owned();
        let error = word(state, "error");
        let missing = word(&state["input"], "error").strip_prefix(UNAVAILABLE).filter(|_| tool == "invalid");
        if let Some(named) = missing.and_then(|rest| rest.split('\'').next()) {
            return vec![denied(id, named.to_owned(), "it is not available to this agent")];
        }
        let is_rejected = error.starts_with(REJECTED);
        if is_rejected {
            self.rejected = Some(format!("{tool} {about}"));
        }
        let used = StreamEvent::ToolUse { id: id.clone(), name: tool.clone(), about };
        let ended = if is_rejected {
            denied(id, tool, "it asked, and nobody can answer")
        } else if error.starts_with(DENIED) {
            denied(id, tool, "a rule denies it")
        } else {
            let error = word(state, "status") == "error";
            StreamEvent::ToolResult {
                error,
                text: word(state, if error { "error" } else { "output" }).to_owned(),
            }
        };
        vec![used, ended]
    }

    fn step_finished(&mut self, part: &Value) -> Vec<StreamEvent> {
        self.requests += 1;
        let tokens = &part["tokens"];
        let cache = &tokens["cache"];
        let read = [count(tokens, "input"), count(cache, "read"), count(cache, "write")];
        let written = [count(tokens, "output"), count(tokens, "reasoning")];
        add(&mut self.input_tokens, read.iter().sum());
        add(&mut self.output_tokens, written.iter().sum());
        let cost = part["cost"].as_f64().filter(|cost| *cost > 0.0).and_then(micros);
        if let Some(cost) = cost {
            add(&mut self.cost_micros, cost);
        }
        let tokens = Tokens {
            input: read[0],
            cache_read: read[1],
            cache_write: read[2],
            output: written.iter().sum(),
        };
        let mut events = vec![StreamEvent::Used { tokens, cost: cost.map(Cost::from_micros) }];
        events.extend(self.end_of_step(part));
        events
    }

    /// Returns the end of the turn, if the step is its last.
    fn end_of_step(&mut self, part: &Value) -> Vec<StreamEvent> {
        match (word(part, "reason"), self.rejected.take()) {
            ("tool-calls", None) => Vec::new(),
            ("stop", None) => {
                let text = std::mem::take(&mut self.text);
                vec![self.end(None, text)]
            }
            (_, Some(call)) => {
                vec![self.fail(
                    "permission",
                    FailureKind::Permanent,
                    format!("asked, but nobody can answer: {call}"),
                )]
            }
            (reason, None) => {
                vec![self.fail(
                    reason,
                    FailureKind::Permanent,
                    format!("its answer was cut short ({reason})"),
                )]
            }
        }
    }

    fn failed(&mut self, error: &Value) -> Vec<StreamEvent> {
        let (name, data) = (word(error, "name"), &error["data"]);
        let message = match word(data, "message") {
            "" => name.to_owned(),
            message => message.to_owned(),
        };
        let kind = kind(name, data["statusCode"].as_u64(), flag(data, "isRetryable"));
        vec![StreamEvent::ApiError(name.to_owned(), message.clone()), self.fail(name, kind, message)]
    }

    fn fail(&mut self, word: &str, kind: FailureKind, text: String) -> StreamEvent {
        self.end(Some(TurnFailure { word: word.to_owned(), kind }), text)
    }

    fn end(&mut self, failure: Option<TurnFailure>, text: String) -> StreamEvent {
        self.in_turn = false;
        StreamEvent::TurnEnded(Turn {
            failure,
            text,
            turns: std::mem::take(&mut self.requests),
            cost_micros: self.cost_micros,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            denied: Vec::new(),
        })
    }
}

fn denied(id: String, tool: String, why: &str) -> StreamEvent {
    StreamEvent::ToolDenied { id, tool, why: why.to_owned() }
}

fn add(total: &mut Option<u64>, more: u64) {
    *total = Some(total.unwrap_or(0).saturating_add(more));
}

fn kind(name: &str, status: Option<u64>, is_retryable: bool) -> FailureKind {
    match (name, status) {
        ("ProviderAuthError", _) | (_, Some(401)) => LOGIN,
        ("MessageAbortedError", _) => FailureKind::Interrupted,
        ("ContextOverflowError", _) => FailureKind::ContextFull { is_transient: false },
        (_, Some(408 | 409 | 429 | 500..)) => FailureKind::Transient,
        _ if is_retryable => FailureKind::Transient,
        _ => FailureKind::Permanent,
    }
}
