//! How a program is read and answered.

use std::{fmt, io::Read};

use serde::{Serialize, Serializer};

use super::StreamEvent;

/// The language of a program's standard streams.
///
/// Several programs may share one. What is known in the course of one stream, such as the ids of open requests, belongs to the
/// [`Exchange`].
pub trait ProtocolKind: Sync {
    /// The word for it in state files.
    fn name(&self) -> &'static str;

    /// Whether the output consists of events. Else it is text for people, of which nothing is concluded.
    fn is_structured(&self) -> bool;

    /// Begins to read, and to answer, the streams of one process.
    fn open(&self) -> Box<dyn Exchange>;
}

/// The streams of one process: its output is read line by line, in order; what it is told is encoded for its standard input.
pub trait Exchange: fmt::Debug + Send {
    /// The events on a line of output, none where it is of no interest. Total: any bytes will do.
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent>;

    /// As [`Exchange::read`], for a line that is too long to be held: only what decides is taken from it.
    fn read_long(&mut self, line: &mut dyn Read, length: u64) -> Vec<StreamEvent>;

    /// A message to the agent.
    fn message(&mut self, text: &str) -> Vec<u8>;

    /// The answer to the question that was asked on the line `request`. `None`: the program cannot be answered.
    fn answer(&mut self, _request: &[u8], _answer: &Answer) -> Option<Vec<u8>> {
        None
    }

    /// Interrupts the turn under way; the program stays, and takes the next message. `None`: it can only be ended.
    fn interrupt(&mut self) -> Option<Vec<u8>> {
        None
    }
}

/// The answer to a question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Yes or no.
    pub allow: bool,
    /// What the user says with it.
    pub text: Option<String>,
}

/// One of the protocols that some program speaks. In state files it is a word.
#[derive(Clone, Copy)]
pub struct Protocol(&'static dyn ProtocolKind);

impl Protocol {
    /// Any text, each line for people to read.
    pub const PLAIN: Self = Self(&Plain);

    /// The protocol of this kind.
    pub const fn of(kind: &'static dyn ProtocolKind) -> Self {
        Self(kind)
    }

    /// Its name in state files.
    pub(super) fn name(self) -> &'static str {
        self.0.name()
    }

    /// See [`ProtocolKind::is_structured`].
    pub fn is_structured(self) -> bool {
        self.0.is_structured()
    }

    /// See [`ProtocolKind::open`].
    pub fn open(self) -> Box<dyn Exchange> {
        self.0.open()
    }
}

impl Default for Protocol {
    fn default() -> Self {
        Self::PLAIN
    }
}

impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Protocol {}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

/// Text for people, one way and the other.
#[derive(Clone, Copy, Debug)]
struct Plain;

impl ProtocolKind for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn is_structured(&self) -> bool {
        false
    }

    fn open(&self) -> Box<dyn Exchange> {
        Box::new(*self)
    }
}

impl Exchange for Plain {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        vec![StreamEvent::Plain(String::from_utf8_lossy(line).into_owned())]
    }

    fn read_long(&mut self, _line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        vec![StreamEvent::Note(format!("a line of {length} bytes"))]
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        format!("{text}\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_words_in_state_files() {
        for word in ["plain", "claude_stream"] {
            let protocol: Protocol = serde_json::from_value(word.into()).unwrap();
            assert_eq!(serde_json::to_value(protocol).unwrap(), word);
        }
        assert!(serde_json::from_value::<Protocol>("of_next_year".into()).is_err());
    }
}
