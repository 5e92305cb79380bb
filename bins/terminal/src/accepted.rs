//! Opens the repository for a command that may run programs its configuration names. A configuration that
//! changed while agents ran is shown, key by key, and must be accepted first.

use orchestra::{
    Result,
    git::Repo,
    model::text,
    ops::config::{self, Decision, DecisionRequest, Proposal},
    ops::configuration::{self, AcceptedRepo, ConfigChange, ConfigCheck, PendingChanges},
};

use crate::{
    context, here,
    output::Terminal,
    prompt::{self, Answer},
};

/// The question below the list of changes.
pub const QUESTION: &str = "use this configuration?";

/// Opens the repository of the current directory, with its configuration accepted.
///
/// # Errors
/// No repository was found (128), or its configuration changed while agents ran and was not accepted (3).
pub fn repository(terminal: &Terminal) -> Result<AcceptedRepo> {
    accept(terminal, here::repository()?)
}

/// The question below the file of the project.
const APPROVE: &str = "approve this file?";

/// Like [`repository`], for a command that uses settings which a project may propose: on a terminal, the file that proposes them is
/// shown, and the user is asked until they answered for this content. Elsewhere, the operation refuses what nobody approved.
///
/// # Errors
/// As [`repository`].
pub fn with_project_settings(terminal: &Terminal) -> Result<AcceptedRepo> {
    let repo = repository(terminal)?;
    let Ok(Some(proposal)) = config::proposal(&repo) else { return Ok(repo) };
    if !proposal.decision.is_open() || proposal.keys.is_empty() || !terminal.can_ask() {
        return Ok(repo);
    }
    show_proposal(terminal, &proposal);
    if !answer(terminal, &repo, &proposal, "")? {
        return Ok(repo);
    }
    config::approve(&context::uninterrupted(), &repo, &DecisionRequest { hash: proposal.digest })?;
    repository(terminal)
}

/// Asks whether the file of the project, which was shown, is approved. A "no" that was typed is recorded, so that nobody is asked about
/// this content again; an empty line is none. `alternative` is what to type where the user cannot be asked.
///
/// # Errors
/// The user cannot be asked (3), or the answer cannot be recorded.
pub fn answer(terminal: &Terminal, repo: &Repo, proposal: &Proposal, alternative: &str) -> Result<bool> {
    match prompt::answer(terminal, APPROVE, alternative)? {
        Answer::Yes => Ok(true),
        Answer::No => {
            let request = DecisionRequest { hash: proposal.digest.clone() };
            config::decline(&context::uninterrupted(), repo, &request)?;
            terminal.eprintln("declined: nobody asks again until the file changes");
            terminal.hint("git orchestra config approve");
            Ok(false)
        }
        Answer::Neither => Ok(false),
    }
}

/// Prints the file of the project in full, and what it proposes.
pub fn show_proposal(terminal: &Terminal, proposal: &Proposal) {
    let decided = match proposal.decision {
        Decision::Declined => "was declined here",
        Decision::Changed => "changed after it was approved here",
        Decision::Open | Decision::Approved => "nobody approved here",
    };
    terminal.warn(&format!("the commit that is checked out has a file '.gitorchestra' that {decided}:"));
    for line in text::safe_block(&proposal.content).lines() {
        terminal.eprintln(&format!("  {line}"));
    }
    terminal.eprintln(&format!("it proposes {}", text::safe(&proposal.keys.join(", "))));
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
