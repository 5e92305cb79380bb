//! What happens to the agents that an agent started when it ends.

use crate::{
    Result,
    config::{
        Config,
        keys::{CHILDREN_AT_END, ChildrenAtEnd},
    },
    git::Repo,
    model::AgentId,
    store::{Listing, lineage},
    supervise::control::{self, StopMode},
};

/// Asks the open agents below one that has ended to end as well, if the user chose that. One that cannot be asked keeps running.
///
/// # Errors
/// The agents cannot be listed.
pub(super) fn end_with(repo: &Repo, id: &AgentId) -> Result<()> {
    if Config::of(repo).get_or_default(&CHILDREN_AT_END) != ChildrenAtEnd::Stop {
        return Ok(());
    }
    let listing = Listing::observe(repo)?;
    let reason = format!("agent '{id}', which started it, has ended");
    for child in lineage::open_descendants(repo, &listing, id) {
        let _ = control::request(repo, &child, StopMode::Stop, Some(&reason));
    }
    Ok(())
}

/// Asks the open agents below one to pause. One that cannot be asked keeps running.
///
/// # Errors
/// The agents cannot be listed.
pub(super) fn pause_below(repo: &Repo, id: &AgentId, reason: &str) -> Result<()> {
    let listing = Listing::observe(repo)?;
    for child in lineage::open_descendants(repo, &listing, id) {
        let _ = control::request(repo, &child, StopMode::Pause, Some(reason));
    }
    Ok(())
}
