//! Words that several views of conversations share.

use orchestra::{
    model::{text, tool_use},
    ops::sessions::{self, ReadFailure},
};
use orchestra_terminal::{Terminal, agents, here};

/// Columns of what a tool was used on and gave.
pub(crate) const COLUMNS: usize = 160;

/// Says what could not be read, or that there is something.
pub(crate) fn troubles(terminal: &Terminal, troubles: &[ReadFailure], verbose: bool) {
    if !verbose && !troubles.is_empty() {
        return terminal.hint("not everything could be read; --verbose says what");
    }
    for trouble in troubles {
        terminal.warn(&format!("'{}': {}", text::safe(&trouble.path.to_string_lossy()), trouble.why));
    }
}

/// Says that there is nothing, and where there may be more.
pub(crate) fn nothing(terminal: &Terminal, everywhere: bool) {
    terminal.say("there are no conversations here");
    for (variable, folder) in sessions::missing_folders(here::environment()) {
        let folder = text::safe(&folder.to_string_lossy()).into_owned();
        terminal.say(&format!("{variable} names '{folder}', which is not there"));
    }
    if !everywhere {
        terminal.hint("git orchestra sessions --all looks at every folder of this machine");
    }
}

/// An amount of US dollars.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was micros before")]
pub(crate) fn dollars(cost: f64) -> String {
    agents::dollars((cost * 1e6).round() as u64)
}

/// What a tool was used on, on one line.
pub(crate) fn about(input: &str) -> String {
    let subject = serde_json::from_str(input).ok().and_then(|input| tool_use::subject(&input));
    text::one_line(subject.as_deref().unwrap_or(input), COLUMNS)
}

/// What a tool gave, on one line.
pub(crate) fn gist(words: &str) -> String {
    tool_use::gist(words, COLUMNS)
}
