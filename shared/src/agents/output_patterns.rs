//! What the user's configuration says about the output of a custom command: which line names the session, and which shows that the
//! command waits for an answer. The output stays text for people.

use std::{fmt, io::Read};

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::{
    agents::{Answer, Exchange, Question, QuestionKind, StreamEvent},
    model::{expression::expression, request::AskedRequest, text},
};

/// How much of a line is compared, in bytes.
const MAX_LINE: usize = 4 << 10;
/// Maximum length of the id of a session, in bytes.
const MAX_SESSION: usize = 128;

/// The expressions with which the output of a custom command is read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct OutputPatterns {
    /// Matches the line that names the session: its first group, or all of the match, is the id.
    pub session: Option<String>,
    /// Matches the last line while the command waits for an answer.
    pub waiting: Option<String>,
}

impl OutputPatterns {
    /// Begins to read the output of one process.
    pub fn open(&self) -> Box<dyn Exchange> {
        let compiled = |text: &Option<String>| text.as_deref().and_then(expression);
        Box::new(PatternReader {
            session: compiled(&self.session),
            waiting: compiled(&self.waiting),
            ..PatternReader::default()
        })
    }
}

/// Reads the output of one process.
#[derive(Default)]
struct PatternReader {
    session: Option<Regex>,
    waiting: Option<Regex>,
    /// The number of lines that were read whole.
    lines: u64,
    /// The last line that was read whole and is not empty.
    last: String,
    /// The question that was asked last, and whether it is open.
    asked: Option<(String, bool)>,
}

impl fmt::Debug for PatternReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatternReader").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Exchange for PatternReader {
    fn read(&mut self, line: &[u8]) -> Vec<StreamEvent> {
        let line = shown(line);
        self.lines += 1;
        let mut events = Vec::new();
        if let Some(session) = self.session.as_ref().and_then(|session| session_in(session, &line)) {
            // The first one counts.
            self.session = None;
            let (model, mode, folder) = Default::default();
            events.push(StreamEvent::SessionStarted { session, model, mode, folder });
        }
        if !line.is_empty() {
            self.last = line;
        }
        events
    }

    fn read_long(&mut self, line: &mut dyn Read, _length: u64) -> Vec<StreamEvent> {
        let mut beginning = Vec::new();
        let _ = line.take(MAX_LINE as u64).read_to_end(&mut beginning);
        self.read(&beginning)
    }

    fn pause(&mut self, unfinished: &[u8]) -> Vec<StreamEvent> {
        let unfinished = shown(unfinished);
        let (line, id) = match unfinished.is_empty() {
            true => (self.last.as_str(), format!("line-{}", self.lines)),
            false => (unfinished.as_str(), format!("line-{}", self.lines + 1)),
        };
        let waits = self.waiting.as_ref().is_some_and(|waiting| waiting.is_match(line));
        let mut events = Vec::new();
        if let Some((known, is_open)) = &mut self.asked
            && *is_open
            && !(waits && *known == id)
        {
            *is_open = false;
            events.push(StreamEvent::QuestionCancelled(known.clone()));
        }
        if waits && self.asked.as_ref().is_none_or(|(known, _)| *known != id) {
            let request = AskedRequest::new(line, None);
            self.asked = Some((id.clone(), true));
            events.push(StreamEvent::QuestionAsked(Question { id, kind: QuestionKind::Choice, request }));
        }
        events
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        format!("{text}\n").into_bytes()
    }

    fn answer(&mut self, _request: &[u8], answer: &Answer) -> Option<Vec<u8>> {
        if let Some((_, is_open)) = &mut self.asked {
            *is_open = false;
        }
        let plain = if answer.allow { "y" } else { "n" };
        // One line: what follows would answer the next question.
        let line = answer.text.as_deref().and_then(|text| text.lines().next()).unwrap_or(plain);
        Some(format!("{line}\n").into_bytes())
    }
}

/// Returns the beginning of a line as a terminal shows it.
fn shown(line: &[u8]) -> String {
    let beginning = line.get(..MAX_LINE).unwrap_or(line);
    text::rendered_output(&String::from_utf8_lossy(beginning)).trim().to_owned()
}

/// Returns the id of the session that a line names. It becomes an argument, so it must not look like an option.
fn session_in(expression: &Regex, line: &str) -> Option<String> {
    let found = expression.captures(line)?;
    let id = found.get(1).or_else(|| found.get(0))?.as_str();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-.:/@".contains(c);
    let is_id = !id.is_empty() && id.len() <= MAX_SESSION && !id.starts_with('-') && id.chars().all(is_word);
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(session: &str, waiting: &str) -> Box<dyn Exchange> {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        OutputPatterns { session: text(session), waiting: text(waiting) }.open()
    }

    #[test]
    fn the_first_line_with_an_id_names_the_session() {
        let id = |expression: &str, line: &str| {
            let events = reader(expression, "").read(line.as_bytes());
            events.into_iter().find_map(|event| match event {
                StreamEvent::SessionStarted { session, .. } => Some(session),
                _ => None,
            })
        };
        for (expression, line, expected) in [
            ("^session: (.+)$", "session: s-1", Some("s-1")),
            ("[0-9a-f]{8}", "chat \u{1b}[1m01ab23cd\u{1b}[0m begins", Some("01ab23cd")),
            ("^session: (.+)$", "no session", None),
            ("^session: (.+)$", "session: --force", None),
            ("^session: (.+)$", "session: $(id)", None),
            ("^session: (.*)$", "session: ", None),
        ] {
            assert_eq!(id(expression, line).as_deref(), expected, "{line}");
        }
        let mut reader = reader("^s (.+)$", "");
        assert_eq!(reader.read(b"s one").len() + reader.read(b"s two").len(), 1);
    }

    #[test]
    fn a_last_line_that_matches_is_a_question_once() {
        let mut reader = reader("", r"\[y/N\]$");
        let asked = |events: Vec<StreamEvent>| match events.as_slice() {
            [StreamEvent::QuestionAsked(question)] => {
                Some((question.id.clone(), question.request.text.clone()))
            }
            [] => None,
            other => panic!("{other:?}"),
        };
        let question = |line: &str, text: &str| Some((line.to_owned(), text.to_owned()));
        reader.read(b"working");
        assert_eq!(asked(reader.pause(b"")), None);
        assert_eq!(asked(reader.pause(b"Go on? [y/N] ")), question("line-2", "Go on? [y/N]"));
        assert_eq!(asked(reader.pause(b"Go on? [y/N] ")), None);
        let answer =
            |allow, text: Option<&str>| Answer { allow, always: false, text: text.map(str::to_owned) };
        assert_eq!(reader.answer(b"", &answer(true, None)).unwrap(), b"y\n");
        assert_eq!(reader.answer(b"", &answer(false, Some("later\nrm"))).unwrap(), b"later\n");
        reader.read(b"Go on? [y/N] ");
        // The answer is not echoed, and the line ends later.
        assert_eq!(asked(reader.pause(b"")), None);
        reader.read(b"Sure? [y/N]");
        assert_eq!(asked(reader.pause(b"")), question("line-3", "Sure? [y/N]"));
        // The command continues without an answer.
        reader.read(b"done");
        assert_eq!(reader.pause(b""), [StreamEvent::QuestionCancelled("line-3".to_owned())]);
    }
}
