//! The protocols that agent programs use on their standard streams.

use std::{fmt, io::Read, path::Path};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{FailureKind, Session, StreamEvent};
use crate::model::Permission;

/// The protocol of a program's standard streams.
///
/// Several programs may share one. The state of one conversation, such as the ids of open requests, belongs to the [`Exchange`].
pub trait ProtocolKind: Sync {
    /// Returns the word for it in state files.
    fn name(&self) -> &'static str;

    /// Returns whether the output consists of events. Otherwise it is text for people, and is not interpreted.
    fn is_structured(&self) -> bool;

    /// Returns the arguments that allow a permission rule of the program from the start; none if it has no such rules.
    fn rule_arguments(&self, _rule: &str) -> Vec<String> {
        Vec::new()
    }

    /// Returns whether sessions are started and resumed by messages of the protocol rather than by arguments of the program.
    fn negotiates_session(&self) -> bool {
        false
    }

    /// Returns whether a program may stay after its last turn although its input was closed. The supervisor then ends it.
    fn outlives_input(&self) -> bool {
        false
    }

    /// Returns whether the output repeats the messages that the program reads. Otherwise the supervisor notes them.
    fn repeats_messages(&self) -> bool {
        true
    }

    /// Returns whether cost and tokens of a turn are totals of the process, and not of the session that it resumed.
    fn counts_from_start(&self) -> bool {
        false
    }

    /// Returns which figures the program reports of what it uses.
    fn reports(&self) -> Reported {
        Reported::default()
    }

    /// Returns what the exit code means of a program that ended before its turn did, if it says more than that.
    fn exit_failure(&self, _code: i32) -> Option<FailureKind> {
        None
    }

    /// Returns what a program reads as text when it starts, if it would take some texts for commands.
    fn prompt(&self, text: String) -> String {
        text
    }

    /// Begins to read the output of one process.
    fn open(&self) -> Box<dyn Exchange>;

    /// Begins an exchange with a process that was just started. Protocols in which the session is negotiated need to know it.
    fn connect(&self, _connection: &Connection<'_>) -> Box<dyn Exchange> {
        self.open()
    }
}

/// Which figures a program reports of what it uses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reported {
    /// Its tokens.
    pub tokens: bool,
    /// Its cost.
    pub cost: bool,
}

/// What an exchange knows about the process at its other end.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// The working directory of the process.
    pub folder: &'a Path,
    /// The session that the process is to start or resume.
    pub session: Session<'a>,
    /// Whether the first message contains the whole task, so that a lost session can be replaced by a new one.
    pub opens_with_task: bool,
    /// The permission mode that was typed or configured for it.
    pub permission: Option<Permission>,
    /// The model that was typed or configured for it.
    pub model: Option<&'a str>,
    /// The MCP servers that it gets, with the values of their variables: a list.
    pub servers: &'a Value,
    /// Whether it runs in a sandbox of git orchestra, in which it does not need its own and may not be able to make it.
    pub in_sandbox: bool,
}

/// The exchange with one process: parses its output line by line, in order, and encodes messages for its standard input.
pub trait Exchange: fmt::Debug + Send {
    /// Returns the events on a line of output. Any bytes are accepted.
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent>;

    /// Returns the events on a line that is too long for memory, from its important fields. `length` is in bytes.
    fn read_long(&mut self, line: &mut dyn Read, length: u64) -> Vec<StreamEvent>;

    /// Returns the events that are due while no more output follows for the moment. `unfinished` is the beginning of the next line.
    fn pause(&mut self, _unfinished: &[u8]) -> Vec<StreamEvent> {
        Vec::new()
    }

    /// Returns the events that are due when the output has ended, such as the rest of a text that came in parts.
    fn finish(&mut self) -> Vec<StreamEvent> {
        Vec::new()
    }

    /// Encodes a message to the agent.
    fn message(&mut self, text: &str) -> Vec<u8>;

    /// Encodes the answer to the question on the line `request`; returns `None` if the program cannot be answered.
    fn answer(&mut self, _request: &[u8], _answer: &Answer) -> Option<Vec<u8>> {
        None
    }

    /// Returns the bytes that the protocol itself has to send now, such as the next step of its handshake; none if nothing is due.
    fn outgoing(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// Returns what it knows about the turns beyond the events in the output.
    fn standing(&self) -> Standing {
        Standing::Unknown
    }

    /// Encodes an interrupt of the current turn, after which the program accepts the next message; returns `None` if the program can
    /// only be ended.
    fn interrupt(&mut self) -> Option<Vec<u8>> {
        None
    }
}

/// What an exchange knows about the turns of its program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Nothing beyond the events in the output.
    Unknown,
    /// A turn has begun, or is about to, of which the output may not show anything yet.
    Busy,
    /// No message can reach the agent any more.
    Over,
}

/// The answer to a question of the agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Whether the request is allowed.
    pub allow: bool,
    /// Whether the rules that the program proposes with the request are allowed too, as long as the process runs.
    pub always: bool,
    /// The user's text: a choice, or the reason for a denial.
    pub text: Option<String>,
}

/// A protocol of a known program. In state files it is a word.
#[derive(Clone, Copy)]
pub struct Protocol(&'static dyn ProtocolKind);

impl Protocol {
    /// The protocol of programs that print text for people.
    pub const PLAIN: Self = Self(&PlainText);

    /// Makes a protocol of a kind.
    pub const fn of(kind: &'static dyn ProtocolKind) -> Self {
        Self(kind)
    }

    /// Its name in state files.
    pub(super) fn name(self) -> &'static str {
        self.0.name()
    }

    /// Returns whether the output consists of events; see [`ProtocolKind::is_structured`].
    pub fn is_structured(self) -> bool {
        self.0.is_structured()
    }

    /// Returns the arguments that allow a rule; see [`ProtocolKind::rule_arguments`].
    pub fn rule_arguments(self, rule: &str) -> Vec<String> {
        self.0.rule_arguments(rule)
    }

    /// Returns whether it starts and resumes sessions itself; see [`ProtocolKind::negotiates_session`].
    pub fn negotiates_session(self) -> bool {
        self.0.negotiates_session()
    }

    /// Returns whether its programs may stay after their last turn; see [`ProtocolKind::outlives_input`].
    pub fn outlives_input(self) -> bool {
        self.0.outlives_input()
    }

    /// Returns whether messages are in the output; see [`ProtocolKind::repeats_messages`].
    pub fn repeats_messages(self) -> bool {
        self.0.repeats_messages()
    }

    /// Returns whether figures count from the start of the process; see [`ProtocolKind::counts_from_start`].
    pub fn counts_from_start(self) -> bool {
        self.0.counts_from_start()
    }

    /// Returns which figures its programs report; see [`ProtocolKind::reports`].
    pub fn reports(self) -> Reported {
        self.0.reports()
    }

    /// Returns what an exit code means; see [`ProtocolKind::exit_failure`].
    pub fn exit_failure(self, code: i32) -> Option<FailureKind> {
        self.0.exit_failure(code)
    }

    /// Returns what a program reads when it starts; see [`ProtocolKind::prompt`].
    pub fn prompt(self, text: String) -> String {
        self.0.prompt(text)
    }

    /// Begins to read the output of one process; see [`ProtocolKind::open`].
    pub fn open(self) -> Box<dyn Exchange> {
        self.0.open()
    }

    /// Begins an exchange with a process that was just started; see [`ProtocolKind::connect`].
    pub fn connect(self, connection: &Connection<'_>) -> Box<dyn Exchange> {
        self.0.connect(connection)
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

/// Plain text in both directions.
#[derive(Clone, Copy, Debug)]
struct PlainText;

impl ProtocolKind for PlainText {
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

impl Exchange for PlainText {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        vec![StreamEvent::Unparsed(String::from_utf8_lossy(line).into_owned())]
    }

    fn read_long(&mut self, _line: &mut dyn Read, length: u64) -> Vec<StreamEvent> {
        vec![StreamEvent::Remark(format!("a line of {length} bytes"))]
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
        for word in ["plain", "claude_stream", "acp", "gemini_stream", "aider_text"] {
            let protocol: Protocol = serde_json::from_value(word.into()).unwrap();
            assert_eq!(serde_json::to_value(protocol).unwrap(), word);
        }
        assert!(serde_json::from_value::<Protocol>("of_next_year".into()).is_err());
    }
}
