//! Claude Code's `stream-json` protocol, for input and output.

use std::io::Read;

use super::{input, launch, stream::Stream};
use crate::agents::{Answer, Exchange, ProtocolKind, Reported, StreamEvent};

/// The `stream-json` protocol.
pub(super) struct StreamJson;

impl ProtocolKind for StreamJson {
    fn name(&self) -> &'static str {
        "claude_stream"
    }

    fn is_structured(&self) -> bool {
        true
    }

    fn rule_arguments(&self, rule: &str) -> Vec<String> {
        vec![launch::allowed_rule(rule)]
    }

    fn reports(&self) -> Reported {
        Reported { tokens: true, cost: true }
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(Stream::default())
    }
}

impl Exchange for Stream {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        self.line(line)
    }

    fn read_long(&mut self, line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        self.long_line(line, length)
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        input::message(text)
    }

    fn answer(&mut self, request: &[u8], answer: &Answer) -> Option<Vec<u8>> {
        input::answer(request, answer)
    }

    fn interrupt(&mut self) -> Option<Vec<u8>> {
        Some(input::interrupt())
    }
}
