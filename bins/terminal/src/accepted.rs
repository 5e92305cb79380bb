//! Opening the repository for a command that may run what its configuration names: a change that was made while agents
//! ran is shown, key by key, and asked about.

use orchestra::{
    Result,
    git::Repo,
    ops::configuration::{self, AcceptedRepo, ConfigChange, ConfigCheck, Pending},
};

use crate::{here, output::Terminal, prompt};

/// What is asked under the changes.
pub const QUESTION: &str = "is this what you want to use?";

/// The repository here, its configuration accepted.
///
/// # Errors
/// There is none (128); its configuration changed while agents ran and nobody accepts that (3).
pub fn repository(terminal: &Terminal) -> Result<AcceptedRepo> {
    accept(terminal, here::repository()?)
}

/// A repository that was opened before, its configuration accepted.
///
/// # Errors
/// As [`repository`].
pub fn accept(terminal: &Terminal, repo: Repo) -> Result<AcceptedRepo> {
    match configuration::check(repo)? {
        ConfigCheck::Accepted(repo) => Ok(repo),
        ConfigCheck::Pending(pending) => ask(terminal, pending),
    }
}

fn ask(terminal: &Terminal, pending: Pending) -> Result<AcceptedRepo> {
    terminal.warn("the configuration of this repository changed while agents ran");
    show(terminal, pending.changes());
    if terminal.can_ask() && prompt::confirm(terminal, QUESTION, "")? {
        return pending.accept();
    }
    Err(pending.refusal())
}

/// One line a key, on stderr.
pub fn show(terminal: &Terminal, changes: &[ConfigChange]) {
    for change in changes {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
        terminal.say(&format!("  {}: {} → {}", change.key, value(&change.before), value(&change.after)));
    }
}
