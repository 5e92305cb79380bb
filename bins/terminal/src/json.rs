//! `--json`: one object, `{"version":1,"kind":…}`, only ever extended.

use orchestra::{Error, Result};
use serde::Serialize;

use crate::{exit, output::Terminal};

/// Grows only when the meaning of something changes, which it does not.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Envelope<'a, T> {
    version: u32,
    kind: &'a str,
    #[serde(flatten)]
    report: &'a T,
}

/// An error, for scripts: nothing else is on stdout then.
#[derive(Serialize)]
struct Failure<'a> {
    /// What kind of error: the word that belongs to the exit code.
    error: &'static str,
    /// The exit code.
    exit: u8,
    /// What failed, on what.
    message: &'a str,
    /// Why, the outermost first.
    causes: Vec<String>,
    /// What to type next.
    hints: &'a [String],
}

/// Writes an error as the answer, where no other was given: whoever asked for JSON gets one object in any case.
pub fn answer_error(terminal: &Terminal, error: &Error) {
    if terminal.has_answered() {
        return;
    }
    let failure = Failure {
        error: exit::word_of(error),
        exit: exit::code_of(error),
        message: &error.message,
        causes: error.causes(),
        hints: &error.hints,
    };
    // It is told on stderr as well; what cannot be written as JSON is no reason for another error.
    let _ = answer(terminal, "error", &failure);
}

/// Writes a report as the answer.
///
/// # Errors
/// It cannot be written as JSON, which is a bug.
pub fn answer(terminal: &Terminal, kind: &str, report: &impl Serialize) -> Result<()> {
    terminal.answer(&format!("{}\n", text(kind, report)?));
    Ok(())
}

/// The object as text, for an answer that is written piece by piece.
///
/// # Errors
/// As [`answer`].
pub fn text(kind: &str, report: &impl Serialize) -> Result<String> {
    let envelope = Envelope { version: VERSION, kind, report };
    serde_json::to_string(&envelope).map_err(|e| Error::internal("cannot write JSON").because(e))
}
