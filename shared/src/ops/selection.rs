//! Which agents a command is about: those that a person names, or all of this clone that it concerns.

use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId},
    ops::named,
    store::{Listing, list::ListRow},
};

/// The agents that are named, by id or unique prefix, each once and in the order in which they are named.
///
/// # Errors
/// A name means no agent or several, or one that was archived (3).
pub(super) fn named(repo: &Repo, listing: &Listing, typed: &[String]) -> Result<Vec<AgentId>> {
    let mut ids = Vec::with_capacity(typed.len());
    for typed in typed {
        let id = named::living(repo, listing, typed)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The agents of this clone among some rows of a listing, as far as `concerns` chooses them. One that cannot be read is nobody's: the
/// listing names it.
pub(super) fn of_this_clone<'a>(
    repo: &Repo,
    listing: &'a Listing,
    rows: impl Iterator<Item = &'a ListRow>,
    concerns: impl Fn(&ListRow, &Agent) -> bool,
) -> Vec<AgentId> {
    let is_chosen = |row: &&'a ListRow| {
        let agent = listing.agent(repo, row).ok();
        agent.is_some_and(|agent| {
            listing.writer.as_deref() == Some(agent.writer.as_str()) && concerns(row, &agent)
        })
    };
    rows.filter(is_chosen).map(|row| row.id.clone()).collect()
}
