//! The protocol of the agent's standard streams: `stream-json`, with the agent's own words about keys.

use std::io::Read;

use crate::agents::{Answer, Exchange, FailureKind, ProtocolKind, Reported, STREAM_JSON, StreamEvent};

/// The protocol.
pub(super) struct ApiStream;

/// The exchange with one process.
#[derive(Debug)]
struct ApiExchange(Box<dyn Exchange>);

impl ProtocolKind for ApiStream {
    fn name(&self) -> &'static str {
        "api_stream"
    }

    fn is_structured(&self) -> bool {
        true
    }

    fn rule_arguments(&self, rule: &str) -> Vec<String> {
        vec![format!("--allow={rule}")]
    }

    fn reports(&self) -> Reported {
        Reported { tokens: true, cost: false }
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(ApiExchange(STREAM_JSON.open()))
    }
}

impl Exchange for ApiExchange {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        self.0.read(line).into_iter().map(about_keys).collect()
    }

    fn read_long(&mut self, line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        self.0.read_long(line, length).into_iter().map(about_keys).collect()
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        self.0.message(text)
    }

    fn answer(&mut self, request: &[u8], answer: &Answer) -> Option<Vec<u8>> {
        self.0.answer(request, answer)
    }

    fn interrupt(&mut self) -> Option<Vec<u8>> {
        self.0.interrupt()
    }
}

/// The agent has a key where other programs have a login.
fn about_keys(mut event: StreamEvent) -> StreamEvent {
    if let StreamEvent::TurnEnded(turn) = &mut event
        && let Some(failure) = &mut turn.failure
        && let FailureKind::NotLoggedIn { login } = &mut failure.kind
    {
        *login = "check ANTHROPIC_API_KEY";
    }
    event
}
