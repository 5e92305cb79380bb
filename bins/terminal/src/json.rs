//! Prints the answer of `--json`: one object per command, of a kind that the library lists.

use std::io::{BufWriter, Write};

use orchestra::{
    Error, Result,
    ops::sessions::read::OpenSession,
    wire::{self, Answer},
};
use serde::Serialize;

use crate::output::Terminal;

/// Prints a report as the answer.
///
/// # Errors
/// The report cannot be written as JSON, which is a bug.
pub fn print_answer<T: Serialize>(terminal: &Terminal, kind: Answer<T>, report: &T) -> Result<()> {
    terminal.print(&format!("{}\n", kind.text(report)?));
    Ok(())
}

/// Prints a session as the answer, while it is read. Stops silently if stdout is closed.
///
/// # Errors
/// The transcript cannot be read to the end.
pub fn print_session(terminal: &Terminal, open: &mut OpenSession) -> Result<()> {
    let mut sink = BufWriter::new(terminal.writer());
    let written = wire::SESSION.write(open, &mut sink);
    let ended = sink.write_all(b"\n").and_then(|()| sink.flush());
    if terminal.is_closed() {
        return Ok(());
    }
    written?;
    ended.map_err(|error| Error::internal("cannot write JSON").because(error))
}
