//! Names of agents as people type them: the numbers of the rows of a table, and which of several agents is meant.

use orchestra::{
    Result,
    git::Repo,
    ops::{named, shown_list},
};

use crate::{
    output::Terminal,
    table::{self, Column, TableCell},
};

/// Keeps the agents of a table that is about to be shown on a terminal, in the order of its rows. Returns whether they can be named by
/// their numbers from now on. Elsewhere than on a terminal nothing is kept, and no numbers are shown.
pub fn number_rows<'a>(terminal: &Terminal, repo: &Repo, names: impl Iterator<Item = &'a str>) -> bool {
    let Some(session) = session_of(terminal) else { return false };
    shown_list::keep(repo, session, names.map(str::to_owned).collect())
}

/// As [`number_rows`], for the sessions of agent programs.
pub fn number_sessions<'a>(terminal: &Terminal, repo: &Repo, ids: impl Iterator<Item = &'a str>) -> bool {
    let Some(session) = session_of(terminal) else { return false };
    shown_list::keep_sessions(repo, session, ids.map(str::to_owned).collect())
}

fn session_of(terminal: &Terminal) -> Option<i32> {
    shown_list::session().filter(|_| terminal.width().is_some())
}

/// Adds a first column with the numbers of the rows.
pub fn add_numbers(columns: &mut Vec<Column>, rows: &mut [Vec<TableCell>]) {
    columns.insert(0, Column::new("#"));
    rows.iter_mut().enumerate().for_each(|(at, row)| row.insert(0, table::row_number(at)));
}

/// Returns the name in the row of the last list whose number was typed, for a command that takes sessions; `None` if this is not a number.
///
/// # Errors
/// The list has no such row, is too old, or is on another terminal.
pub fn session_row(repo: &Repo, typed: &str) -> Result<Option<String>> {
    shown_list::session().map_or(Ok(None), |session| shown_list::session_row(repo, session, typed))
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
