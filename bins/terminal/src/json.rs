//! `--json`: one object, `{"version":1,"kind":…}`, only ever extended.

use orchestra::{Error, Result};
use serde::Serialize;

use crate::output::Terminal;

/// Grows only when the meaning of something changes, which it does not.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Envelope<'a, T> {
    version: u32,
    kind: &'a str,
    #[serde(flatten)]
    report: &'a T,
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
