//! Selects the agents of a command: those that a person names, or all of this clone to which it applies.

use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId},
    ops::named,
    store::{Listing, list::ListRow},
};

/// Resolves ids, unique prefixes, and tags. Returns each agent once, in the order of the names.
///
/// # Errors
/// A name matches no agent, several agents, or an archived agent, or no agent has a tag (3).
pub(super) fn named(repo: &Repo, listing: &Listing, typed: &[String]) -> Result<Vec<AgentId>> {
    named_or_tagged(repo, listing, typed, |_, _| true)
}

/// As [`named`]. A tag means those of its agents that are of this clone and that `concerns` selects.
///
/// # Errors
/// As there.
pub(super) fn named_or_tagged(
    repo: &Repo,
    listing: &Listing,
    typed: &[String],
    concerns: impl Fn(&ListRow, &Agent) -> bool,
) -> Result<Vec<AgentId>> {
    let mut ids = Vec::with_capacity(typed.len());
    for typed in typed {
        let meant = match listing.tagged(typed) {
            Some(rows) => of_this_clone(repo, listing, rows?.into_iter(), &concerns),
            None => vec![named::find_current(repo, listing, typed)?],
        };
        for id in meant {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

/// Returns the agents of this clone among some rows of a listing that `concerns` selects, in the order in which they were spawned, which
/// is that of the queue. Agents that cannot be read are left out; the listing reports them.
pub(super) fn of_this_clone<'a>(
    repo: &Repo,
    listing: &'a Listing,
    rows: impl Iterator<Item = &'a ListRow>,
    concerns: impl Fn(&ListRow, &Agent) -> bool,
) -> Vec<AgentId> {
    let chosen = |row: &'a ListRow| {
        let agent = listing.agent(repo, row).ok()?;
        let is_chosen = listing.writer.as_deref() == Some(agent.writer.as_str()) && concerns(row, &agent);
        is_chosen.then(|| (agent.queued_at, agent.run, agent.place, row.id.clone()))
    };
    let mut all: Vec<_> = rows.filter_map(chosen).collect();
    all.sort_unstable();
    all.into_iter().map(|(.., id)| id).collect()
}
