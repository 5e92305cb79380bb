//! The agent that a command is about: the one that was named, or on a terminal the one that the user picks.

use orchestra::{Result, git::Repo, ops::status};

use crate::{context, names, output::Terminal, prompt};

/// Returns the id of the agent that was named. If none was, the user picks one on a terminal; the only one needs no question.
/// `alternative` is the command to type where the user cannot be asked.
///
/// # Errors
/// The agents cannot be read, there is none, or there is no terminal to ask on (2).
pub fn agent(terminal: &Terminal, repo: &Repo, typed: Option<&String>, alternative: &str) -> Result<String> {
    if let Some(typed) = typed {
        let mut agent = typed.clone();
        names::meant_one(terminal, repo, &mut agent)?;
        return Ok(agent);
    }
    let all = status::run(&context::uninterrupted(), repo, &status::Request::default())?.agents;
    match all.as_slice() {
        [only] if terminal.can_ask() => Ok(only.id.to_string()),
        _ => prompt::pick_agent(terminal, "which agent?", &all, alternative),
    }
}
