//! Names of agents as people type them: says which of several is meant.

use orchestra::{Result, git::Repo, ops::named};

use crate::output::Terminal;

/// Replaces names by the ids of the agents that they mean, and names the agent if others that ended match as well. A name that means none or
/// several stays, and the operation says why.
///
/// # Errors
/// The agents cannot be read.
pub fn meant(terminal: &Terminal, repo: &Repo, typed: &mut [String]) -> Result<()> {
    for name in typed {
        let Some(meant) = named::meant(repo, name)? else { continue };
        if meant.others > 0 {
            terminal.eprintln(&format!("meaning {}, the one that is running", meant.id));
        }
        *name = meant.id.to_string();
    }
    Ok(())
}

/// As [`meant`], for one name.
///
/// # Errors
/// As there.
pub fn meant_one(terminal: &Terminal, repo: &Repo, typed: &mut String) -> Result<()> {
    meant(terminal, repo, std::slice::from_mut(typed))
}
