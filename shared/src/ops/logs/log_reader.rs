//! The output of an agent as typed entries, which every window shows in its own way. Pure.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    agents::{Exchange, Protocol, StreamEvent, relative_to},
    supervise::sent_messages::SentMessage,
    world::Timestamp,
};

/// The longest line that is read, in bytes; only the length of a longer line is reported.
const MAX_LINE_BYTES: usize = 4 << 20;

/// One entry of a log. Its text is not ours and must be made safe before it is shown (see [`crate::model::text`]).
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LogEntry {
    /// Who said or did it.
    pub role: Role,
    /// The nesting depth: 0 for the agent itself, 1 for one of its subagents, and so on.
    pub depth: u32,
    /// What was said or done.
    pub event: LogEvent,
}

/// The source of an entry.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LogRole")]
pub enum Role {
    /// The person or program that gives the agent its task and answers its questions.
    User,
    /// The model.
    Agent,
    /// A tool that the model used.
    Tool,
    /// The program around the model, and the service behind it.
    Program,
}

/// What was said or done.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LogEvent {
    /// The agent received a message.
    Message {
        /// The message.
        text: String,
    },
    /// The model said something.
    Text {
        /// What it said.
        text: String,
    },
    /// The model's reasoning.
    Thinking {
        /// The reasoning.
        text: String,
    },
    /// The agent uses a tool.
    ToolUse {
        /// The name of the tool, such as `Bash`.
        tool: String,
        /// What the tool is used on, on one line, with paths relative to the agent's folder.
        about: String,
    },
    /// A tool returned a result.
    ToolResult {
        /// Whether the tool failed.
        failed: bool,
        /// The result.
        text: String,
    },
    /// A tool was denied without asking.
    Denied {
        /// The name of the tool, such as `Bash`.
        tool: String,
        /// Why it was denied.
        reason: String,
    },
    /// The agent asked a question, and waits for the answer.
    Question {
        /// The question, on one line.
        text: String,
    },
    /// The model did not answer, and the request is repeated.
    Retry {
        /// The number of this try.
        attempt: u64,
        /// The highest number of tries.
        most: u64,
        /// Why it did not answer.
        reason: String,
    },
    /// The model did not answer, and the program gave up.
    Error {
        /// The error of the service.
        text: String,
    },
    /// A usage limit of the service was reached or is near.
    Limit {
        /// The limit, in a sentence.
        text: String,
        /// Whether it is near, and not reached.
        warning: bool,
        /// When it ends, if the service says.
        #[schemars(with = "Option<String>")]
        until: Option<Timestamp>,
    },
    /// A turn ended. The cost is that of the whole session so far.
    TurnEnd {
        /// Whether it ended without an error.
        ok: bool,
        /// The program's word for the error, or an empty text.
        how: String,
        /// The number of rounds with the model.
        turns: u64,
        /// The cost, in millionths of a US dollar.
        cost_micros: Option<u64>,
        /// How often a tool was denied.
        denied: u64,
    },
    /// The program printed a message for people.
    Note {
        /// The message.
        text: String,
    },
    /// A line that does not follow the program's protocol.
    Output {
        /// The line, without its end.
        text: String,
    },
    /// A line that is too long to be read.
    LongLine {
        /// The length of the line, in bytes.
        bytes: u64,
    },
}

/// Turns output into entries. The output may be cut into pieces anywhere.
#[derive(Debug)]
pub struct LogReader {
    stream: Box<dyn Exchange>,
    /// The folder in which the agent works.
    folder: String,
    /// The messages that the program was given in this attempt and does not repeat.
    sent: Vec<SentMessage>,
    /// How many of them were passed on.
    told: usize,
    /// The offset of the current line in the output of the attempt, in bytes.
    offset: u64,
    /// The reason of the last denial, which the program repeats as the tool's result.
    denied: String,
    line: Vec<u8>,
    /// The number of bytes of the current line that were dropped because it is too long.
    skipped: usize,
}

impl LogReader {
    /// Begins a log in this protocol.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            stream: protocol.open(),
            folder: String::new(),
            sent: Vec::new(),
            told: 0,
            offset: 0,
            denied: String::new(),
            line: Vec::new(),
            skipped: 0,
        }
    }

    /// Makes paths relative to this folder, if the output does not say in which one the program works.
    #[must_use]
    pub fn in_folder(self, folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default(),
            ..self
        }
    }

    /// Begins the output of another attempt.
    pub fn begin_attempt(&mut self) {
        (self.told, self.offset) = (0, 0);
        self.sent.clear();
    }

    /// Adds the messages that the program was given in this attempt so far: all of them, in order.
    pub fn set_sent(&mut self, sent: Vec<SentMessage>) {
        self.sent = sent;
    }

    /// Reads more output, and passes the entries of each complete line to `emit`.
    pub fn read(&mut self, mut bytes: &[u8], mut emit: impl FnMut(LogEntry)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.buffer_bytes(&bytes[..end]);
            self.end_line(&mut emit);
            bytes = &bytes[end + 1..];
        }
        self.buffer_bytes(bytes);
    }

    /// Ends the output: what is left counts as a line.
    pub fn finish(&mut self, mut emit: impl FnMut(LogEntry)) {
        if !self.line.is_empty() {
            self.end_line(&mut emit);
        }
        self.pass_on(u64::MAX, &mut emit);
        for event in self.stream.finish() {
            self.entry(event, 0).into_iter().for_each(&mut emit);
        }
    }

    fn buffer_bytes(&mut self, bytes: &[u8]) {
        if self.line.len() <= MAX_LINE_BYTES {
            self.line.extend_from_slice(bytes);
        } else {
            self.skipped += bytes.len();
        }
    }

    fn end_line(&mut self, emit: &mut impl FnMut(LogEntry)) {
        self.pass_on(self.offset, emit);
        let line = std::mem::take(&mut self.line);
        let skipped = std::mem::take(&mut self.skipped);
        self.offset += (line.len() + skipped + 1) as u64;
        if skipped > 0 {
            let event = LogEvent::LongLine { bytes: (line.len() + skipped) as u64 };
            return emit(LogEntry { role: Role::Program, depth: 0, event });
        }
        for event in self.stream.read(&line) {
            self.entry(event, 0).into_iter().for_each(&mut *emit);
        }
    }

    /// Passes on the messages that the program was given before this place in its output.
    fn pass_on(&mut self, offset: u64, emit: &mut impl FnMut(LogEntry)) {
        while let Some(message) = self.sent.get(self.told).filter(|message| message.at <= offset) {
            self.told += 1;
            let event = LogEvent::Message { text: message.text.clone() };
            emit(LogEntry { role: Role::User, depth: 0, event });
        }
    }

    /// Converts an event of the program. Returns `None` for an event that readers of the log do not need.
    fn entry(&mut self, event: StreamEvent, depth: u32) -> Option<LogEntry> {
        let (role, event) = match event {
            StreamEvent::Subagent(event) => return self.entry(*event, depth + 1),
            StreamEvent::SessionStarted { folder, .. } => {
                if !folder.is_empty() {
                    self.folder = folder;
                }
                return None;
            }
            StreamEvent::QuestionCancelled(_) | StreamEvent::Used { .. } => return None,
            StreamEvent::ToolResult { text, .. } if text == self.denied => return None,
            StreamEvent::MessageAccepted(text) => (Role::User, LogEvent::Message { text }),
            StreamEvent::Text(text) => (Role::Agent, LogEvent::Text { text }),
            StreamEvent::Thinking(text) => (Role::Agent, LogEvent::Thinking { text }),
            StreamEvent::ToolUse { name, about, .. } => {
                let about = relative_to(&self.folder, &about).to_owned();
                (Role::Agent, LogEvent::ToolUse { tool: name, about })
            }
            StreamEvent::QuestionAsked(question) => {
                (Role::Agent, LogEvent::Question { text: question.request.text })
            }
            StreamEvent::ToolResult { error, text } => {
                (Role::Tool, LogEvent::ToolResult { failed: error, text })
            }
            StreamEvent::ToolDenied { tool, why, .. } => {
                self.denied.clone_from(&why);
                (Role::Program, LogEvent::Denied { tool, reason: why })
            }
            StreamEvent::Retry { attempt, most, why } => {
                (Role::Program, LogEvent::Retry { attempt, most, reason: why })
            }
            StreamEvent::ApiError(_, text) => (Role::Program, LogEvent::Error { text }),
            StreamEvent::UsageLimit(limit) => {
                let (text, until) = (limit.sentence(), limit.for_event().until);
                (Role::Program, LogEvent::Limit { text, warning: limit.warning, until })
            }
            StreamEvent::TurnEnded(turn) => {
                let denied = turn.denied.len() as u64;
                let (ok, turns, cost_micros) = (turn.is_ok(), turn.turns, turn.cost_micros);
                let how = turn.failure.map(|failure| failure.word).unwrap_or_default();
                (Role::Program, LogEvent::TurnEnd { ok, how, turns, cost_micros, denied })
            }
            StreamEvent::Remark(text) => (Role::Program, LogEvent::Note { text }),
            StreamEvent::Unparsed(text) => (Role::Program, LogEvent::Output { text }),
        };
        Some(LogEntry { role, depth, event })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        agents::{Question, QuestionKind, Turn, program},
        model::request::AskedRequest,
    };

    fn entries(protocol: Protocol, pieces: &[&[u8]]) -> Vec<LogEntry> {
        let (mut story, mut all) = (LogReader::new(protocol), Vec::new());
        pieces.iter().for_each(|piece| story.read(piece, |entry| all.push(entry)));
        story.finish(|entry| all.push(entry));
        all
    }

    #[test]
    fn messages_that_are_not_repeated_stand_where_they_were_read() {
        let message = |at: u64, text: &str| SentMessage { at, text: text.to_owned() };
        let shown = |entry: LogEntry| match entry.event {
            LogEvent::Message { text } => format!("> {text}"),
            LogEvent::Output { text } => text,
            other => format!("{other:?}"),
        };
        let mut all = Vec::new();
        let mut story = LogReader::new(Protocol::PLAIN);
        story.set_sent(vec![message(0, "task")]);
        story.read(b"a\nb", |entry| all.push(shown(entry)));
        // What follows is read later, with the messages until then.
        story.set_sent(vec![message(0, "task"), message(4, "more"), message(9, "last")]);
        story.read(b"\nc\n", |entry| all.push(shown(entry)));
        story.finish(|entry| all.push(shown(entry)));
        story.begin_attempt();
        story.set_sent(vec![message(0, "again")]);
        story.read(b"d\n", |entry| all.push(shown(entry)));
        assert_eq!(all, ["> task", "a", "b", "> more", "c", "> last", "> again", "d"]);
    }

    #[test]
    fn paths_are_relative_to_the_folder_that_the_output_does_not_name() {
        let mut story = LogReader::new(Protocol::PLAIN).in_folder(Some(Path::new("/w")));
        let started = StreamEvent::SessionStarted {
            session: String::new(),
            model: String::new(),
            mode: String::new(),
            folder: String::new(),
        };
        assert_eq!(story.entry(started, 0), None);
        let used =
            StreamEvent::ToolUse { id: String::new(), name: "edit".to_owned(), about: "/w/a".to_owned() };
        let event = LogEvent::ToolUse { tool: "edit".to_owned(), about: "a".to_owned() };
        assert_eq!(story.entry(used, 0), Some(LogEntry { role: Role::Agent, depth: 0, event }));
    }

    fn claude() -> Protocol {
        program("claude").and_then(|program| program.launcher()).unwrap().protocol()
    }

    fn output(text: &str) -> LogEntry {
        let event = LogEvent::Output { text: text.to_owned() };
        LogEntry { role: Role::Program, depth: 0, event }
    }

    #[test]
    fn each_event_is_one_entry() {
        let text = || "t".to_owned();
        let events = [
            (StreamEvent::MessageAccepted(text()), Some((Role::User, LogEvent::Message { text: text() }))),
            (StreamEvent::Text(text()), Some((Role::Agent, LogEvent::Text { text: text() }))),
            (StreamEvent::QuestionCancelled(text()), None),
            (
                StreamEvent::SessionStarted {
                    session: text(),
                    model: text(),
                    mode: text(),
                    folder: "/project".to_owned(),
                },
                None,
            ),
            (
                StreamEvent::ToolUse {
                    id: text(),
                    name: "Read".to_owned(),
                    about: "/project/a.rs".to_owned(),
                },
                Some((Role::Agent, LogEvent::ToolUse { tool: "Read".to_owned(), about: "a.rs".to_owned() })),
            ),
            (
                StreamEvent::ToolDenied { id: text(), tool: "Bash".to_owned(), why: "no".to_owned() },
                Some((Role::Program, LogEvent::Denied { tool: "Bash".to_owned(), reason: "no".to_owned() })),
            ),
            // The program repeats the denial as the tool's result.
            (StreamEvent::ToolResult { error: true, text: "no".to_owned() }, None),
            (
                StreamEvent::ToolResult { error: false, text: text() },
                Some((Role::Tool, LogEvent::ToolResult { failed: false, text: text() })),
            ),
            (
                StreamEvent::QuestionAsked(Question {
                    id: text(),
                    kind: QuestionKind::Choice,
                    request: AskedRequest::new("t", None),
                }),
                Some((Role::Agent, LogEvent::Question { text: text() })),
            ),
            (
                StreamEvent::TurnEnded(Turn { turns: 3, cost_micros: Some(5), ..Turn::default() }),
                Some((
                    Role::Program,
                    LogEvent::TurnEnd {
                        ok: true,
                        how: String::new(),
                        turns: 3,
                        cost_micros: Some(5),
                        denied: 0,
                    },
                )),
            ),
        ];
        let mut story = LogReader::new(Protocol::PLAIN);
        for (event, expected) in events {
            let entry = |depth| expected.clone().map(|(role, event)| LogEntry { role, depth, event });
            assert_eq!(story.entry(event.clone(), 0), entry(0), "{event:?}");
            let inner = StreamEvent::Subagent(Box::new(StreamEvent::Subagent(Box::new(event))));
            assert_eq!(story.entry(inner, 0), entry(2));
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_counted() {
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        let event = LogEvent::LongLine { bytes: MAX_LINE_BYTES as u64 + 3 };
        let counted = LogEntry { role: Role::Program, depth: 0, event };
        assert_eq!(entries(Protocol::PLAIN, &[&long, b"yz\nnext\n"]), [counted, output("next")]);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_they_are_cut(text in "[a-c\n]{0,40}", cut in 0..40_usize) {
            let bytes = text.as_bytes();
            let (one, other) = bytes.split_at(cut.min(bytes.len()));
            let all = entries(Protocol::PLAIN, &[bytes]);
            prop_assert_eq!(&entries(Protocol::PLAIN, &[one, other]), &all);
            let expected: Vec<LogEntry> = text.lines().map(output).collect();
            prop_assert_eq!(all, expected);
        }

        #[test]
        fn any_bytes_can_be_read_and_entries_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            for protocol in [Protocol::PLAIN, claude()] {
                let all = entries(protocol, &[&bytes]);
                let json = serde_json::to_string(&all).unwrap();
                prop_assert_eq!(serde_json::from_str::<Vec<LogEntry>>(&json).unwrap(), all);
            }
        }
    }
}
