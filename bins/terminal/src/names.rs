//! Names of agents as people type them: the numbers of the rows of a table, and which of several agents is meant.

use orchestra::{
    Result,
    git::Repo,
    ops::{named, shown_list},
};

use crate::output::Terminal;

/// Keeps the agents of a table that is about to be shown on a terminal, in the order of its rows. Returns whether they can be named by
/// their numbers from now on. Elsewhere than on a terminal nothing is kept, and no numbers are shown.
pub fn number_rows<'a>(terminal: &Terminal, repo: &Repo, names: impl Iterator<Item = &'a str>) -> bool {
    let Some(session) = shown_list::session().filter(|_| terminal.width().is_some()) else { return false };
    shown_list::keep(repo, session, names.map(str::to_owned).collect())
}

/// Replaces the numbers of rows by the ids of their agents, unless a branch or a commit has the number as its name.
///
/// # Errors
/// The list has no such row, is too old, or is on another terminal.
pub fn numbered_branches(repo: &Repo, typed: &mut [String]) -> Result<()> {
    for name in typed {
        if repo.commit(name).is_err() {
            number(repo, name)?;
        }
    }
    Ok(())
}

fn number(repo: &Repo, name: &mut String) -> Result<()> {
    if let Some(session) = shown_list::session()
        && let Some(id) = shown_list::agent(repo, session, name)?
    {
        *name = id.to_string();
    }
    Ok(())
}

/// Replaces numbers and names by the ids of the agents that they mean, and names the agent if others that ended match as well. A name that
/// means none or several stays, and the operation says why.
///
/// # Errors
/// The agents cannot be read, or as for [`numbered_branches`].
pub fn meant(terminal: &Terminal, repo: &Repo, typed: &mut [String]) -> Result<()> {
    for name in typed {
        number(repo, name)?;
        let Some(meant) = named::meant(repo, name)? else { continue };
        if meant.others > 0 {
            terminal.eprintln(&format!("meaning {}; the others have ended or are paused", meant.id));
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
