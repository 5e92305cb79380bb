//! Opens the repository for a command that may run programs its configuration names. A configuration that
//! changed while agents ran is shown, key by key, and must be accepted first.

use orchestra::{
    Result,
    git::Repo,
    ops::configuration::{self, AcceptedRepo, ConfigChange, ConfigCheck, PendingChanges},
};

use crate::{here, output::Terminal, prompt};

/// The question below the list of changes.
pub const QUESTION: &str = "use this configuration?";

/// Opens the repository of the current directory, with its configuration accepted.
///
/// # Errors
/// No repository was found (128), or its configuration changed while agents ran and was not accepted (3).
pub fn repository(terminal: &Terminal) -> Result<AcceptedRepo> {
    accept(terminal, here::repository()?)
}

/// Asks the user to accept the configuration of an open repository, if it changed while agents ran.
///
/// # Errors
/// The configuration changed while agents ran and was not accepted (3).
pub fn accept(terminal: &Terminal, repo: Repo) -> Result<AcceptedRepo> {
    match configuration::check(repo)? {
        ConfigCheck::Accepted(repo) => Ok(repo),
        ConfigCheck::Pending(pending) => ask(terminal, pending),
    }
}

fn ask(terminal: &Terminal, pending: PendingChanges) -> Result<AcceptedRepo> {
    terminal.warn("the configuration of this repository changed while agents ran");
    show(terminal, pending.changes());
    if terminal.can_ask() && prompt::confirm(terminal, QUESTION, "")? {
        return pending.accept();
    }
    Err(pending.refusal())
}

/// Prints the changes on stderr, one line per key.
pub fn show(terminal: &Terminal, changes: &[ConfigChange]) {
    for change in changes {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
        terminal.eprintln(&format!("  {}: {} → {}", change.key, value(&change.before), value(&change.after)));
    }
}
