//! The agents of a run.

use std::collections::BTreeMap;

use super::task_tag;
use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId, RunKey},
    store::Listing,
};

/// Returns the agents of a run by the places of their tasks. The tags were written in the event that made the agent, so that there is
/// never a second one for a task.
///
/// # Errors
/// The refs, or one of the agents, cannot be read.
pub(super) fn of_run(repo: &Repo, key: &RunKey, tasks: usize) -> Result<BTreeMap<usize, (AgentId, Agent)>> {
    let listing = Listing::read(repo)?;
    let mut agents = BTreeMap::new();
    for row in &listing.rows {
        let tags = listing.trailer(row, "Tags").unwrap_or_default();
        let place = (0..tasks)
            .filter(|_| tags.contains(key.as_str()))
            .find(|place| tags.split(' ').any(|tag| tag == task_tag(key, *place)));
        if let Some(place) = place {
            let agent = listing.agent(repo, row)?;
            agents.entry(place).or_insert_with(|| (row.id.clone(), agent));
        }
    }
    Ok(agents)
}
