//! Errors as sentences: what failed, why, what to type next.

use orchestra::{Error, Kind, model::text, ops::failure::Failure};

use crate::{Exit, output::Terminal, paint::Role};

/// Tells on stderr for which of several agents a command failed. Gives how it ends then; `None`: none failed.
pub fn tell_failures(terminal: &Terminal, failures: &[Failure]) -> Option<Exit> {
    for failure in failures {
        terminal.note("error", Role::Bad, &text::safe(&format!("{}: {}", failure.id, failure.error)));
        for hint in &failure.hints {
            terminal.hint(hint);
        }
    }
    failures.first().map(|failure| Exit::Failed(failure.kind))
}

/// Tells an error on stderr.
pub fn tell(terminal: &Terminal, error: &Error) {
    // For a folder without a repository git has its own words, and tools look for them.
    let word = if error.kind == Kind::NotARepository && error.source.is_none() { "fatal" } else { "error" };
    terminal.note(word, Role::Bad, &text::safe_block(&error.message));
    for cause in error.causes() {
        for line in text::safe_block(&cause).lines().filter(|line| !line.trim().is_empty()).take(20) {
            terminal.note("", Role::Faint, &format!("  {line}"));
        }
    }
    for hint in &error.hints {
        terminal.hint(hint);
    }
    if error.kind == Kind::Internal {
        terminal.hint("this is a bug of git orchestra, or damage to its refs; nothing was changed");
    }
}
