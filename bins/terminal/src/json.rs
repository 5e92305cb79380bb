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
    let envelope = Envelope { version: VERSION, kind, report };
    let text =
        serde_json::to_string(&envelope).map_err(|e| Error::internal("cannot write JSON").because(e))?;
    terminal.answer(&format!("{text}\n"));
    Ok(())
}
