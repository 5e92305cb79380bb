//! The embedded agent: the task is a shell script. It needs no install, so that everything can be tried on a bare machine.

use super::{Launch, PROMPT_FILE, Reads, Stdin};

pub(super) const NAME: &str = "sh";

/// The script is a file rather than an argument (Linux allows 128 KiB for one), and reads nothing: a script that asks a
/// question ends instead of waiting for an answer that nobody gives.
pub(super) fn launch() -> Launch {
    Launch::plain(vec!["/bin/sh".into(), PROMPT_FILE.into()], Stdin::Empty, Reads::Script)
}
