//! The exchange with one program: the handshake, one prompt after the other, and the answers to its questions.
//!
//! The same code reads the output later for logs, without what was sent. It then assumes what the output implies: a turn is in progress
//! whenever a session is ready.

use std::{collections::VecDeque, io::Read};

use serde_json::{Value, json};

use super::{
    calls::Calls,
    chunks::{Chunks, Voice},
    end, long,
    message::{self, Incoming, RpcError, Sent},
    permission,
    setup::{Action, Setup, Wanted},
    update::{ToolCall, Update, Usage},
};
use crate::{
    agents::{
        Answer, Exchange, FailureKind, Question, QuestionKind, Standing, StreamEvent, Turn, TurnFailure,
    },
    model::{Cost, Tokens},
};

/// The maximum number of open questions that are remembered, for an interrupt.
const MAX_ASKED: usize = 100;

/// The exchange.
#[derive(Debug)]
pub(super) struct AcpExchange {
    setup: Setup,
    /// Whether there is a program that reads what is sent.
    is_connected: bool,
    outgoing: Vec<u8>,
    queued: VecDeque<Prompt>,
    /// The prompt of the turn in progress.
    current: Option<Prompt>,
    /// The number of prompts that were sent.
    prompts: u64,
    /// Whether a turn ended, and nothing of the next one was seen.
    is_between_turns: bool,
    chunks: Chunks,
    calls: Calls,
    asked: Vec<Value>,
    denied: Vec<(String, String)>,
    said: String,
    plan: String,
    usage: Usage,
    was_cancelled: bool,
}

/// A message for the agent.
#[derive(Debug)]
struct Prompt {
    text: String,
    /// Whether it must be reported when the program accepts it.
    is_awaited: bool,
}

impl AcpExchange {
    /// Begins an exchange: with a program, if it is known what is wanted of it, or else with its output alone.
    pub(super) fn new(wanted: Option<Wanted>) -> Self {
        let is_connected = wanted.is_some();
        let (setup, first) = Setup::begin(wanted);
        Self {
            setup,
            is_connected,
            outgoing: if is_connected { first } else { Vec::new() },
            queued: VecDeque::new(),
            current: None,
            prompts: 0,
            is_between_turns: false,
            chunks: Chunks::default(),
            calls: Calls::default(),
            asked: Vec::new(),
            denied: Vec::new(),
            said: String::new(),
            plan: String::new(),
            usage: Usage::default(),
            was_cancelled: false,
        }
    }

    fn is_in_turn(&self) -> bool {
        if self.is_connected { self.current.is_some() } else { self.setup.is_ready() }
    }

    /// Sends bytes, if there is a program that reads them.
    fn send(&mut self, bytes: Vec<u8>) {
        if self.is_connected {
            self.outgoing.extend(bytes);
        }
    }

    /// Sends the next prompt, if the turn before it is over.
    fn advance(&mut self) {
        if !self.setup.is_ready() || self.current.is_some() {
            return;
        }
        let Some(prompt) = self.queued.pop_front() else { return };
        let content = json!([{"type": "text", "text": prompt.text}]);
        let params = json!({"sessionId": self.setup.session(), "prompt": content});
        self.send(message::request(Sent::Prompt(self.prompts), "session/prompt", &params));
        self.prompts += 1;
        self.current = Some(prompt);
    }

    fn value(&mut self, value: Value, cut_from: Option<u64>) -> Option<Vec<StreamEvent>> {
        Some(match Incoming::of(value)? {
            Incoming::Answer(Sent::Prompt(count), outcome) => self.prompt_answered(count, outcome),
            Incoming::Answer(sent, outcome) => {
                let actions = self.setup.answered(sent, outcome);
                self.perform(actions)
            }
            Incoming::Notification { method, params } if method == "session/update" => self.update(&params),
            Incoming::Notification { method, params } if method == "$/cancel_request" => {
                self.withdrawn(&params["requestId"])
            }
            Incoming::Request { id, method, params } if method == "session/request_permission" => {
                self.question(&id, &params, cut_from)
            }
            Incoming::Request { id, method, .. } => {
                self.send(message::not_offered(&id, &method));
                Vec::new()
            }
            Incoming::Notification { .. } | Incoming::Other => Vec::new(),
        })
    }

    fn perform(&mut self, actions: Vec<Action>) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        for action in actions {
            match action {
                Action::Send(bytes) => self.send(bytes),
                Action::Tell(event) => events.push(event),
                Action::Fail(failure, text) => {
                    events.push(ended(Turn { failure: Some(failure), text, ..Turn::default() }));
                }
            }
        }
        self.advance();
        events
    }

    fn update(&mut self, params: &Value) -> Vec<StreamEvent> {
        let update = Update::of(&params["update"]);
        if let Update::Mode(mode) = &update {
            return self.setup.changed_mode(mode).filter(|_| self.is_in_turn()).into_iter().collect();
        }
        if let Update::Usage(usage) = update {
            self.usage.context = usage.context.or(self.usage.context);
            let known = self.usage.cost_micros;
            self.usage.cost_micros = known.max(usage.cost_micros);
            let more = self.usage.cost_micros.unwrap_or(0).saturating_sub(known.unwrap_or(0));
            let cost = Some(Cost::from_micros(more)).filter(|_| more > 0);
            return cost
                .map(|cost| StreamEvent::Used { tokens: Tokens::default(), cost: Some(cost) })
                .into_iter()
                .collect();
        }
        if update == Update::Other {
            return Vec::new();
        }
        if !self.is_in_turn() {
            // A loaded session repeats its history: that is evidence that the program knows it, and nothing new.
            self.setup.saw(&update, params["sessionId"].as_str());
            return Vec::new();
        }
        let mut events = self.begin_turn();
        match update {
            Update::Message(id, part) => {
                let before = self.chunks.add(Voice::Message, id, &part);
                events.extend(self.noted(before));
            }
            Update::Thought(id, part) => {
                let before = self.chunks.add(Voice::Thought, id, &part);
                events.extend(self.noted(before));
            }
            Update::Tool(call) => {
                events.extend(self.end_message());
                events.extend(self.calls.update(call));
            }
            Update::Plan(plan) if plan != self.plan => {
                events.extend(self.end_message());
                self.plan.clone_from(&plan);
                events.push(StreamEvent::Remark(plan));
            }
            _ => {}
        }
        events
    }

    /// Returns the events of the first sign of a turn: it has begun, and the program accepted the prompt.
    fn begin_turn(&mut self) -> Vec<StreamEvent> {
        let begun = std::mem::take(&mut self.is_between_turns).then(|| self.setup.started());
        let accepted = self.current.as_mut().and_then(|prompt| {
            std::mem::take(&mut prompt.is_awaited).then(|| StreamEvent::MessageAccepted(prompt.text.clone()))
        });
        begun.into_iter().chain(accepted).collect()
    }

    fn end_message(&mut self) -> Option<StreamEvent> {
        let message = self.chunks.end();
        self.noted(message)
    }

    /// Remembers what the agent said last.
    fn noted(&mut self, event: Option<StreamEvent>) -> Option<StreamEvent> {
        if let Some(StreamEvent::Text(text)) = &event {
            self.said.clone_from(text);
        }
        event
    }

    fn question(&mut self, id: &Value, params: &Value, cut_from: Option<u64>) -> Vec<StreamEvent> {
        let call = ToolCall::of(&params["toolCall"]);
        if !self.is_in_turn() {
            // Nobody asked for anything: a left-over of an earlier turn.
            self.send(message::answer(id, &permission::cancelled()));
            return Vec::new();
        }
        let mut events = self.begin_turn();
        events.extend(self.end_message());
        let (used, name, about) =
            call.map_or_else(|| (vec![], "tool".to_owned(), String::new()), |call| self.calls.asked(call));
        events.extend(used);
        if self.asked.len() < MAX_ASKED {
            self.asked.push(id.clone());
        }
        let request = match cut_from {
            Some(length) => permission::too_long(&name, &about, length),
            None => permission::asked(params, &name, &about),
        };
        let kind = QuestionKind::Permission;
        events.push(StreamEvent::QuestionAsked(Question { id: question_id(id), kind, request }));
        events
    }

    /// Handles a question that the program no longer asks.
    fn withdrawn(&mut self, id: &Value) -> Vec<StreamEvent> {
        if !self.asked.contains(id) {
            return Vec::new();
        }
        self.asked.retain(|asked| asked != id);
        self.send(message::answer(id, &permission::cancelled()));
        vec![StreamEvent::QuestionCancelled(question_id(id))]
    }

    fn prompt_answered(&mut self, count: u64, outcome: Result<Value, RpcError>) -> Vec<StreamEvent> {
        // Only the latest prompt has an answer, and only one.
        if !self.is_in_turn() || (self.is_connected && count + 1 != self.prompts) {
            return Vec::new();
        }
        let (failure, sentence) = match outcome {
            Ok(result) => {
                let reason = result["stopReason"].as_str().unwrap_or_default();
                end::stopped(reason, self.was_cancelled).unzip()
            }
            Err(error) => {
                let failure = end::failed(&error, self.was_cancelled);
                (Some(failure), Some(error.message))
            }
        };
        let is_login = matches!(&failure, Some(TurnFailure { kind: FailureKind::NotLoggedIn { .. }, .. }));
        // A program that is not logged in did not pass the prompt on.
        let mut events = if is_login { Vec::new() } else { self.begin_turn() };
        events.extend(self.end_message());
        if let Some((used, size)) = self.usage.context {
            events.push(StreamEvent::Remark(format!("its context holds {used} of {size} tokens")));
        }
        let text = sentence.unwrap_or_else(|| std::mem::take(&mut self.said));
        let denied = std::mem::take(&mut self.denied);
        let cost_micros = self.usage.cost_micros;
        events.push(ended(Turn { failure, text, denied, cost_micros, ..Turn::default() }));
        if is_login {
            self.setup.fail();
        }
        self.end_turn();
        events
    }

    fn end_turn(&mut self) {
        self.calls.end_turn();
        self.said.clear();
        self.plan.clear();
        self.asked.clear();
        self.usage.context = None;
        self.was_cancelled = false;
        self.is_between_turns = true;
        self.current = None;
        self.advance();
    }
}

fn ended(turn: Turn) -> StreamEvent {
    StreamEvent::TurnEnded(turn)
}

fn question_id(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

impl Exchange for AcpExchange {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        if line.trim_ascii().is_empty() {
            return Vec::new();
        }
        let events = serde_json::from_slice(line).ok().and_then(|value| self.value(value, None));
        events.unwrap_or_else(|| vec![StreamEvent::Unparsed(String::from_utf8_lossy(line).into_owned())])
    }

    fn read_long(&mut self, line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        let events = long::read(line).and_then(|value| self.value(value, Some(length)));
        events.unwrap_or_else(|| vec![StreamEvent::Remark(format!("a line of {length} bytes"))])
    }

    /// Queues a message: its prompt is sent when the turn in progress has ended, as a second prompt in a turn would race with it.
    fn message(&mut self, text: &str) -> Vec<u8> {
        self.queued.push_back(Prompt { text: text.to_owned(), is_awaited: true });
        self.advance();
        self.outgoing()
    }

    fn answer(&mut self, request: &[u8], answer: &Answer) -> Option<Vec<u8>> {
        let Some(Incoming::Request { id, params, .. }) = Incoming::of(serde_json::from_slice(request).ok()?)
        else {
            return None;
        };
        self.asked.retain(|asked| *asked != id);
        let (outcome, is_allowed) = permission::outcome(&params, answer);
        if !is_allowed {
            let call = &params["toolCall"];
            let tool = call["title"].as_str().or(call["kind"].as_str()).unwrap_or("tool");
            self.denied.push((call["toolCallId"].as_str().unwrap_or_default().to_owned(), tool.to_owned()));
            // A denial has no place for a reason: it becomes the next prompt.
            let reason = answer.text.clone().filter(|_| !answer.allow);
            self.queued.extend(reason.map(|text| Prompt { text, is_awaited: false }));
        }
        Some(message::answer(&id, &outcome))
    }

    fn outgoing(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outgoing)
    }

    fn standing(&self) -> Standing {
        match self.setup.has_failed() {
            true => Standing::Over,
            false if self.current.is_some() || !self.queued.is_empty() => Standing::Busy,
            false => Standing::Unknown,
        }
    }

    fn interrupt(&mut self) -> Option<Vec<u8>> {
        self.current.as_ref()?;
        self.was_cancelled = true;
        let mut bytes = message::notification("session/cancel", &json!({"sessionId": self.setup.session()}));
        for id in std::mem::take(&mut self.asked) {
            bytes.extend(message::answer(&id, &permission::cancelled()));
        }
        Some(bytes)
    }
}
