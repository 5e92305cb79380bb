//! The error type of the whole library: a stable code that decides the exit code, a sentence, and what to type next.

mod code;

use std::{error::Error as StdError, ffi::OsStr, fmt, io};

pub use code::Code;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::quote;

/// The kind of an error. Each kind has one exit code (see `orchestra_terminal::exit`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ErrorKind")]
pub enum Kind {
    /// The request itself is wrong (2).
    Usage,
    /// The operation is not possible in the current state; a hint says what would change that (3).
    Refused,
    /// Another writer was faster, or two things collide; trying again is safe (4).
    Conflict,
    /// An outside program (git, an agent) could not be run, or failed (5).
    External,
    /// A bug, or state that cannot be read (70).
    Internal,
    /// A wait reached its limit (124).
    Timeout,
    /// There is no git repository here (128).
    NotARepository,
    /// The user pressed Ctrl-C (130).
    Interrupted,
}

/// An error: what failed, on what and why, in lower case and without a full stop; hints are commands to type.
#[derive(Debug)]
pub struct Error {
    /// The code by which callers, scripts and windows decide.
    pub code: Code,
    /// What failed, on what.
    pub message: String,
    /// What to do next; each hint is a line of its own.
    pub hints: Vec<String>,
    /// The cause, from the layer below.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error with a code, or with the general code of a [`Kind`].
    pub fn new(code: impl Into<Code>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hints: Vec::new(), source: None }
    }

    /// Returns the kind of the code, which decides the exit code.
    pub const fn kind(&self) -> Kind {
        self.code.kind()
    }

    /// Creates an error of the kind [`Kind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Creates an error of the kind [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Creates an error of the kind [`Kind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Returns whether another process was faster or holds a lock, so that the same attempt may succeed in a moment.
    pub const fn is_race(&self) -> bool {
        matches!(self.code, Code::RefChanged | Code::LockHeld)
    }

    /// Adds what to type next, in our own words. For a command that holds a name or a path use [`Error::hint_command`].
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.trim().is_empty() {
            self.hints.push(hint);
        }
        self
    }

    /// Adds a command to type next, as an argument vector; names and paths in it are quoted for a shell.
    #[must_use]
    pub fn hint_command(self, words: &[&dyn AsRef<OsStr>]) -> Self {
        self.hint(quote::command(words))
    }

    /// Adds the cause. If the code is a general one and the cause is an I/O error, the code becomes more precise.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        self.code = match (self.code, io_kind(&*source)) {
            (Code::External, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) => {
                Code::DiskFull
            }
            (Code::External, Some(_)) => Code::IoFailed,
            (Code::Refused, Some(_)) => Code::FileInaccessible,
            (code, _) => code,
        };
        self.source = Some(source);
        self
    }

    /// Returns the message and all causes on one line, for places that hold only text (an agent's reason).
    pub fn one_line(&self) -> String {
        let mut text = self.message.clone();
        for cause in self.causes() {
            text.push_str(": ");
            text.push_str(&cause);
        }
        text
    }

    /// Returns the causes, outermost first, without those that only repeat the one before.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next: Option<&dyn StdError> = self.source.as_deref().map(|e| e as _);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !text.is_empty() && !causes.last().is_some_and(|last| last.contains(&text)) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

/// Converts a foreign error into ours and keeps it as the cause.
pub trait ErrorContext<T> {
    /// Describes what failed, as an error with a code or with the general code of a [`Kind`].
    fn context(self, code: impl Into<Code>, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> ErrorContext<T> for Result<T, E> {
    fn context(self, code: impl Into<Code>, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::new(code, message()).because(source))
    }
}

/// Returns the kind of the first I/O error among the causes.
fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return Some(cause.kind());
        }
        next = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: impl Into<Code>, kind: io::ErrorKind) -> Error {
        Error::new(code, "cannot write 'x'").because(io::Error::from(kind))
    }

    #[test]
    fn an_io_cause_makes_a_general_code_precise_and_keeps_the_kind() {
        for (error, code) in [
            (failed(Kind::External, io::ErrorKind::StorageFull), Code::DiskFull),
            (failed(Kind::External, io::ErrorKind::QuotaExceeded), Code::DiskFull),
            (failed(Kind::External, io::ErrorKind::PermissionDenied), Code::IoFailed),
            (failed(Kind::Refused, io::ErrorKind::NotFound), Code::FileInaccessible),
            (failed(Kind::Internal, io::ErrorKind::NotFound), Code::Internal),
            (failed(Code::ProgramFailed, io::ErrorKind::NotFound), Code::ProgramFailed),
        ] {
            assert_eq!(error.code, code);
        }
        let wrapped = failed(Kind::External, io::ErrorKind::StorageFull);
        assert_eq!(Error::new(Kind::External, "cannot save it").because(wrapped).code, Code::DiskFull);
    }
}
