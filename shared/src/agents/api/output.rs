//! What the program prints: one event a line, in the form of `stream-json`, which the supervisor reads.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::transcript::Used;

/// Prints events, each at once.
pub(super) struct Output<'a> {
    out: &'a mut dyn Write,
}

/// The end of a turn.
pub(super) struct TurnEnd {
    pub(super) how: How,
    pub(super) text: String,
    pub(super) requests: u64,
    pub(super) denied: Vec<(String, &'static str)>,
}

/// How a turn ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum How {
    Success,
    OutOfTurns,
    OutOfBudget,
    Interrupted,
    /// The conversation is too long for the model.
    ContextFull,
    /// The service refused or did not answer, with this HTTP status.
    ApiError(Option<u16>),
    /// The model refused, or its answer cannot be used.
    Refused,
}

impl<'a> Output<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    pub(super) fn begin(&mut self, session: &str, model: &str, mode: &str, folder: &str) -> io::Result<()> {
        self.print(&json!({"type": "system", "subtype": "init", "session_id": session, "model": model,
            "permissionMode": mode, "cwd": folder}))
    }

    /// Reports that a message was accepted.
    pub(super) fn accepted(&mut self, words: &str) -> io::Result<()> {
        self.print(&json!({"type": "user", "message": {"role": "user", "content": words}, "isReplay": true}))
    }

    pub(super) fn answer(&mut self, content: &[Value]) -> io::Result<()> {
        self.print(&json!({"type": "assistant", "message": {"role": "assistant", "content": content}}))
    }

    /// Reports what the request in progress used so far.
    pub(super) fn used(&mut self, usage: &Value, is_first: bool) -> io::Result<()> {
        let event = match is_first {
            true => json!({"type": "message_start", "message": {"usage": usage}}),
            false => json!({"type": "message_delta", "usage": usage}),
        };
        self.print(&json!({"type": "stream_event", "event": event}))
    }

    /// Reports that the answer is still being written.
    pub(super) fn beat(&mut self) -> io::Result<()> {
        self.print(&json!({"type": "stream_event", "event": {"type": "ping"}}))
    }

    /// Reports that the older part of the conversation was replaced by a summary.
    pub(super) fn compacted(&mut self) -> io::Result<()> {
        self.print(&json!({"type": "system", "subtype": "compact_boundary"}))
    }

    pub(super) fn tool_result(&mut self, result: &Value) -> io::Result<()> {
        self.print(&json!({"type": "user", "message": {"role": "user", "content": [result]}}))
    }

    /// Asks a person whether a tool may run.
    pub(super) fn question(&mut self, id: &str, tool: &str, input: &Value) -> io::Result<()> {
        self.print(&json!({"type": "control_request", "request_id": id,
            "request": {"subtype": "can_use_tool", "tool_name": tool, "input": input}}))
    }

    pub(super) fn question_cancelled(&mut self, id: &str) -> io::Result<()> {
        self.print(&json!({"type": "control_cancel_request", "request_id": id}))
    }

    pub(super) fn denied(&mut self, id: &str, tool: &str, why: &str) -> io::Result<()> {
        self.print(
            &json!({"type": "system", "subtype": "permission_denied", "tool_use_id": id, "tool_name": tool,
            "message": why}),
        )
    }

    pub(super) fn retry(
        &mut self,
        attempt: u32,
        most: u32,
        word: &str,
        status: Option<u16>,
    ) -> io::Result<()> {
        self.print(&json!({"type": "system", "subtype": "api_retry", "attempt": attempt, "max_retries": most,
            "error": word, "error_status": status}))
    }

    pub(super) fn api_error(&mut self, word: &str, sentence: &str) -> io::Result<()> {
        self.print(&json!({"type": "assistant", "error": word,
            "message": {"role": "assistant", "content": [{"type": "text", "text": sentence}]}}))
    }

    pub(super) fn limit(&mut self, info: &Value) -> io::Result<()> {
        self.print(&json!({"type": "rate_limit_event", "rate_limit_info": info}))
    }

    /// Reports the end of a turn, with the totals of the session.
    pub(super) fn end(
        &mut self,
        end: &TurnEnd,
        model: &str,
        used: Used,
        dollars: Option<f64>,
    ) -> io::Result<()> {
        let subtype = match end.how {
            How::OutOfTurns => "error_max_turns",
            How::OutOfBudget => "error_max_budget_usd",
            How::Interrupted | How::Refused => "error_during_execution",
            How::Success | How::ContextFull | How::ApiError(_) => "success",
        };
        let reason = match end.how {
            How::Interrupted => "aborted_tools",
            How::ContextFull => "blocking_limit",
            How::ApiError(_) => "api_error",
            _ => "completed",
        };
        let status = if let How::ApiError(status) = end.how { status } else { None };
        let denied: Vec<Value> =
            end.denied.iter().map(|(id, tool)| json!({"tool_use_id": id, "tool_name": tool})).collect();
        let tokens = used.tokens();
        let usage = json!({"inputTokens": tokens.input, "outputTokens": tokens.output,
            "cacheReadInputTokens": tokens.cache_read, "cacheCreationInputTokens": tokens.cache_write});
        let models: Map<String, Value> = [(model.to_owned(), usage)].into_iter().collect();
        self.print(&json!({"type": "result", "subtype": subtype, "is_error": end.how != How::Success,
            "terminal_reason": reason, "api_error_status": status, "result": end.text, "num_turns": end.requests,
            "total_cost_usd": dollars, "modelUsage": models, "permission_denials": denied}))
    }

    fn print(&mut self, event: &Value) -> io::Result<()> {
        let mut line = event.to_string();
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        self.out.flush()
    }
}
