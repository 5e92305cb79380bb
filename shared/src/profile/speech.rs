//! How a program is read and answered.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::{Said, claude};

/// The language of a program's standard streams.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Speech {
    /// Any text.
    #[default]
    Plain,
    /// Claude Code's `stream-json`, both ways.
    ClaudeStream,
}

/// The answer to a question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Yes or no.
    pub allow: bool,
    /// What the user says with it.
    pub text: Option<String>,
}

impl Speech {
    /// What a line says; nothing where it is of no interest. Total: any bytes will do.
    pub fn read(self, line: &[u8]) -> Vec<Said> {
        match self {
            Self::Plain => vec![Said::Plain(String::from_utf8_lossy(line).into_owned())],
            Self::ClaudeStream => claude::read(line),
        }
    }

    /// As [`Speech::read`], for a line that is too long to hold: only what matters is taken from it.
    pub fn read_long(self, line: impl Read, length: u64) -> Vec<Said> {
        match self {
            Self::Plain => vec![Said::Note(format!("a line of {length} bytes"))],
            Self::ClaudeStream => claude::read_long(line, length),
        }
    }

    /// Whether what a program says can be understood.
    pub const fn is_understood(self) -> bool {
        !matches!(self, Self::Plain)
    }

    /// A message to the program, as a line of its speech.
    pub fn message(self, text: &str) -> Vec<u8> {
        match self {
            Self::Plain => format!("{text}\n").into_bytes(),
            Self::ClaudeStream => claude::message(text),
        }
    }

    /// The answer to the question on `line`. `None`: there is no such way.
    pub fn answer(self, line: &[u8], answer: &Answer) -> Option<Vec<u8>> {
        match self {
            Self::Plain => None,
            Self::ClaudeStream => claude::answer(line, answer),
        }
    }
}
