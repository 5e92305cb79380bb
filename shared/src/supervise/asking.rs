//! Programs that ask for their messages. One that never did so gets none, and who sends one learns that.

use std::io;

use crate::{git::careful, model::quote, private_files, process, store::layout::AgentDir};

/// The variable with the command, for a shell, with which a program asks for its messages.
pub const VARIABLE: &str = "ORCHESTRA_INBOX";

/// Returns the value of the variable.
pub fn command() -> String {
    quote::command(&[&process::own_program(), &"inbox", &"hear"])
}

/// Notes that the program of this attempt asks for its messages.
///
/// # Errors
/// The file cannot be written.
pub fn note(dir: &AgentDir, attempt: u32) -> io::Result<()> {
    if has_asked(dir, attempt) { Ok(()) } else { private_files::replace(&dir.asks(), attempt.to_string()) }
}

/// Returns whether the program of this attempt has asked for its messages.
pub fn has_asked(dir: &AgentDir, attempt: u32) -> bool {
    careful::text(dir.asks()).is_ok_and(|noted| noted == attempt.to_string())
}
