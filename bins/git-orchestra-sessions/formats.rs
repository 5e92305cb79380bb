//! Messages and formats that several views of sessions share.

use orchestra::{
    model::{text, tool_use},
    ops::sessions::{self, ReadFailure},
};
use orchestra_terminal::{Terminal, agents, here};

/// The width of a tool's input and output, in columns.
pub(crate) const COLUMNS: usize = 160;

/// Warns about files that could not be read, or hints that there are some.
pub(crate) fn print_read_failures(terminal: &Terminal, troubles: &[ReadFailure], verbose: bool) {
    if !verbose && !troubles.is_empty() {
        return terminal.hint("some files could not be read; --verbose lists them");
    }
    for trouble in troubles {
        terminal.warn(&format!("'{}': {}", text::safe(&trouble.path.to_string_lossy()), trouble.why));
    }
}

/// Says that no session was found, which configured directories do not exist, and how to include more.
pub(crate) fn print_none(terminal: &Terminal, everywhere: bool) {
    terminal.eprintln("no sessions here");
    for (variable, folder) in sessions::missing_folders(here::environment()) {
        let folder = text::safe(&folder.to_string_lossy()).into_owned();
        terminal.eprintln(&format!("{variable} names '{folder}', which does not exist"));
    }
    if !everywhere {
        terminal.hint("git orchestra sessions --all includes every directory of this machine");
    }
}

/// Formats an amount of US dollars.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the amount was converted from micros"
)]
pub(crate) fn dollars(cost: f64) -> String {
    agents::dollars((cost * 1e6).round() as u64)
}

/// Returns what a tool was used on, as one line.
pub(crate) fn tool_subject(input: &str) -> String {
    let subject = serde_json::from_str(input).ok().and_then(|input| tool_use::main_argument(&input));
    text::one_line(subject.as_deref().unwrap_or(input), COLUMNS)
}

/// Returns the result of a tool, as one line.
pub(crate) fn tool_result(words: &str) -> String {
    tool_use::summary_line(words, COLUMNS)
}
