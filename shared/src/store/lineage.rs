//! The agents that agents started, as a listing has them.

use std::collections::HashSet;

use crate::{
    git::Repo,
    model::{
        AgentId,
        lineage::{self, Born},
    },
    store::Listing,
};

/// Returns each agent of a listing with the one that started it.
fn born(listing: &Listing) -> Vec<Born<'_>> {
    listing.rows.iter().map(|row| (row.id.as_str(), listing.trailer(row, "Parent"))).collect()
}

/// Returns the agents of this clone that have not ended and that an agent started, directly or indirectly, in the order of their ids.
pub fn open_descendants(repo: &Repo, listing: &Listing, ancestor: &AgentId) -> Vec<AgentId> {
    let all = born(listing);
    let below = lineage::descendants(&all, ancestor.as_str());
    let rows = listing.rows.iter().filter(|row| below.contains(row.id.as_str()));
    let open = rows.filter(|row| !row.entry.header.phase.is_terminal());
    let is_ours = |row: &&crate::store::list::ListRow| {
        let agent = listing.agent(repo, row);
        agent.is_ok_and(|agent| listing.writer.as_deref() == Some(agent.writer.as_str()))
    };
    open.filter(is_ours).map(|row| row.id.clone()).collect()
}

/// Returns the agents that an agent started, directly or indirectly.
pub fn below(listing: &Listing, ancestor: &AgentId) -> HashSet<AgentId> {
    let all = born(listing);
    let below = lineage::descendants(&all, ancestor.as_str());
    below.into_iter().filter_map(|id| AgentId::parse(id).ok()).collect()
}

/// Returns an agent with those that started each other above it, the topmost one last.
pub fn ancestry(listing: &Listing, id: &AgentId) -> Vec<AgentId> {
    let all = born(listing);
    lineage::ancestry(&all, id.as_str()).into_iter().filter_map(|id| AgentId::parse(id).ok()).collect()
}

/// Returns the agents that an agent started itself, in the order of their ids.
pub fn children(listing: &Listing, id: &AgentId) -> Vec<AgentId> {
    let is_child = |parent: Option<&str>| parent == Some(id.as_str());
    let rows = listing.rows.iter().filter(|row| is_child(listing.trailer(row, "Parent")));
    rows.map(|row| row.id.clone()).collect()
}
