//! Reading the notifications of `codex app-server`. Any input is accepted: unknown notifications are ignored.

mod item;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{approval, end, limit};
use crate::{
    agents::{
        FailureKind, Question, StreamEvent, Turn, TurnFailure,
        fields::{count, flag, word},
        limit::ReportedLimit,
    },
    conversation::json,
    model::Tokens,
};

/// Maximum number of threads whose tokens are counted, and of items and questions that are kept.
const MOST: usize = 1000;

/// The state of reading the output of one process.
#[derive(Debug, Default)]
pub(super) struct Stream {
    thread: Option<String>,
    model: String,
    mode: String,
    folder: String,
    /// The current turn.
    turn: String,
    /// The number of requests to the model in this turn.
    requests: u64,
    /// The last text of the agent in this turn.
    text: String,
    /// The tokens of each thread so far, read and written: subagents have their own threads.
    tokens: BTreeMap<String, (u64, u64)>,
    /// The changes that are about to be made, by the id of their item.
    changes: HashMap<String, String>,
    /// The open questions, by the id of their request.
    open: HashMap<String, String>,
    limits: limit::Windows,
}

/// Returns the kind of a line that is too long for memory, and the id of its request if the server waits for an answer.
pub(super) fn long(beginning: &[u8]) -> (String, Option<Value>) {
    let kind = json::first_text(beginning, b"\"method\"").unwrap_or_default();
    let text = String::from_utf8_lossy(beginning);
    // The id of a request stands before its parameters.
    let head = text.split("\"params\"").next().unwrap_or_default();
    let id = head.split("\"id\":").nth(1).and_then(|rest| rest.split([',', '}']).next());
    let id = id.and_then(|id| serde_json::from_str(id.trim()).ok()).filter(|_| !kind.is_empty());
    (kind, id)
}

impl Stream {
    /// Returns the id of the session, once it is open.
    pub(super) fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }

    /// Records the session that was started or resumed.
    pub(super) fn open(&mut self, session: &Value) {
        let thread = &session["thread"];
        self.thread = Some(word(thread, "id").to_owned());
        word(session, "model").clone_into(&mut self.model);
        word(thread, "cwd").clone_into(&mut self.folder);
        word(&session["sandbox"], "type").clone_into(&mut self.mode);
    }

    /// Records a question, which has the id of its call.
    pub(super) fn asked(&mut self, request: &Value, method: &str, params: &Value) -> Question {
        let item = word(params, "itemId");
        let id = approval::id(request, method, params);
        if self.open.len() < MOST {
            self.open.insert(request.to_string(), id.clone());
        }
        approval::question(id, method, params, self.changes.get(item).map(String::as_str))
    }

    /// Returns the events of a notification.
    pub(super) fn notified(&mut self, method: &str, params: &Value) -> Vec<StreamEvent> {
        let thread = word(params, "threadId");
        let is_own = thread.is_empty() || self.thread.as_deref().is_none_or(|own| own == thread);
        let events = match method {
            "thread/tokenUsage/updated" => self.count_tokens(thread, is_own, params),
            "account/rateLimits/updated" => self.limits.update(&params["rateLimits"]),
            "serverRequest/resolved" => {
                let id = self.open.remove(&params["requestId"].to_string());
                id.map(StreamEvent::QuestionCancelled).into_iter().collect()
            }
            "item/started" => self.item_started(&params["item"]),
            "item/completed" => self.item_completed(&params["item"], is_own),
            "warning" | "configWarning" | "deprecationNotice" => {
                let text = [word(params, "message"), word(params, "summary")].concat();
                vec![StreamEvent::Remark(text)]
            }
            _ if !is_own => Vec::new(),
            "turn/started" => vec![self.turn_started(&params["turn"])],
            "turn/completed" => return self.turn_completed(&params["turn"]),
            "error" => error(&params["error"], flag(params, "willRetry")),
            "thread/compacted" => vec![StreamEvent::Remark("has compacted its conversation".into())],
            _ => Vec::new(),
        };
        if is_own {
            return events;
        }
        events.into_iter().map(|event| StreamEvent::Subagent(Box::new(event))).collect()
    }

    fn count_tokens(&mut self, thread: &str, is_own: bool, params: &Value) -> Vec<StreamEvent> {
        // A session that is resumed repeats the usage of its last turn.
        self.requests += u64::from(is_own && word(params, "turnId") == self.turn);
        let total = &params["tokenUsage"]["total"];
        if self.tokens.len() < MOST || self.tokens.contains_key(thread) {
            self.tokens
                .insert(thread.to_owned(), (count(total, "inputTokens"), count(total, "outputTokens")));
        }
        if is_own && word(params, "turnId") != self.turn {
            return Vec::new();
        }
        let last = &params["tokenUsage"]["last"];
        let (cached, written) = (count(last, "cachedInputTokens"), count(last, "cacheWriteInputTokens"));
        let tokens = Tokens {
            input: count(last, "inputTokens").saturating_sub(cached.saturating_add(written)),
            cache_read: cached,
            cache_write: written,
            output: count(last, "outputTokens"),
        };
        let used = StreamEvent::Used { tokens, cost: None };
        Some(used).filter(|_| tokens != Tokens::default()).into_iter().collect()
    }

    fn item_started(&mut self, item: &Value) -> Vec<StreamEvent> {
        if word(item, "type") == "fileChange" && self.changes.len() < MOST {
            self.changes.insert(word(item, "id").to_owned(), item::changes(item));
        }
        item::started(item).into_iter().collect()
    }

    fn item_completed(&mut self, item: &Value, is_own: bool) -> Vec<StreamEvent> {
        self.changes.remove(word(item, "id"));
        if is_own && word(item, "type") == "agentMessage" {
            word(item, "text").clone_into(&mut self.text);
        }
        item::completed(item).into_iter().collect()
    }

    fn turn_started(&mut self, turn: &Value) -> StreamEvent {
        word(turn, "id").clone_into(&mut self.turn);
        self.requests = 0;
        self.text.clear();
        StreamEvent::SessionStarted {
            session: self.thread.clone().unwrap_or_default(),
            model: self.model.clone(),
            mode: self.mode.clone(),
            folder: self.folder.clone(),
        }
    }

    /// Returns the end of a turn, after the usage limit that ended it.
    fn turn_completed(&mut self, turn: &Value) -> Vec<StreamEvent> {
        let error = &turn["error"];
        let failure = match word(turn, "status") {
            "completed" => None,
            "interrupted" => {
                Some(TurnFailure { word: "interrupted".to_owned(), kind: FailureKind::Interrupted })
            }
            _ => Some(end::failure(error)),
        };
        let limit = failure.is_some().then(|| self.limit_in(error)).flatten();
        let text = if failure.is_some() { end::sentence(error) } else { std::mem::take(&mut self.text) };
        let sum = |of: fn(&(u64, u64)) -> u64| self.tokens.values().map(of).reduce(u64::saturating_add);
        let ended = Turn {
            failure,
            text,
            turns: std::mem::take(&mut self.requests),
            cost_micros: None,
            input_tokens: sum(|tokens| tokens.0),
            output_tokens: sum(|tokens| tokens.1),
            denied: Vec::new(),
        };
        limit.map(StreamEvent::UsageLimit).into_iter().chain([StreamEvent::TurnEnded(ended)]).collect()
    }

    /// Returns the usage limit in an error. The limits that the service reported before know its end better than the sentence.
    fn limit_in(&self, error: &Value) -> Option<ReportedLimit> {
        let said = limit::in_sentence(&end::sentence(error));
        let is_limit = end::word_of(error).0 == "usageLimitExceeded";
        let said = said.or_else(|| is_limit.then(ReportedLimit::unknown))?;
        Some(self.limits.reached().unwrap_or(said))
    }
}

/// Returns the event of an error during a turn.
fn error(error: &Value, is_retried: bool) -> Vec<StreamEvent> {
    if !is_retried {
        return vec![StreamEvent::ApiError(end::word_of(error).0.to_owned(), end::sentence(error))];
    }
    // The message is `Reconnecting... 1/5`, and the details are the reason.
    let message = word(error, "message");
    let numbers = message.rsplit(' ').next().and_then(|word| word.split_once('/'));
    let (attempt, most) = numbers.unwrap_or_default();
    let why = error["additionalDetails"].as_str().unwrap_or(message).to_owned();
    let number = |text: &str| text.parse().unwrap_or_default();
    vec![StreamEvent::Retry { attempt: number(attempt), most: number(most), why }]
}
