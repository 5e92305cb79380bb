//! Values for shell completion and for lists to choose from. Never waits, and returns nothing where nothing can be read.

use std::cmp::Reverse;

use crate::{
    agents,
    config::{Config, keys::TEAM_ROLE},
    conversation::SessionReader,
    git::Repo,
    model::{AgentId, Phase, tag::SELECTOR},
    store::{Listing, layout, operations},
};

pub use crate::store::operations::Operation;

/// An agent to choose.
#[derive(Clone, Debug)]
pub struct AgentCandidate {
    /// The id of the agent.
    pub id: AgentId,
    /// The current phase.
    pub phase: Phase,
    /// The first line of its task, shortened.
    pub title: String,
}

/// Returns the newest agents whose phase `wanted` accepts, at most `limit`.
pub fn agents_where(repo: &Repo, limit: usize, wanted: impl Fn(Phase) -> bool) -> Vec<AgentCandidate> {
    let Ok(listing) = Listing::read(repo) else { return Vec::new() };
    let mut rows: Vec<_> = listing.rows.iter().filter(|row| wanted(row.entry.header.phase)).collect();
    rows.sort_by_key(|row| Reverse(row.entry.header.queued_at));
    rows.truncate(limit);
    let candidate = |row| {
        let title = listing.agent(repo, row).map(|agent| agent.title).unwrap_or_default();
        AgentCandidate { id: row.id.clone(), phase: row.entry.header.phase, title }
    };
    rows.into_iter().map(candidate).collect()
}

/// Returns the selectors `tag:NAME` of the tags that agents have, at most `limit`.
pub fn tags(repo: &Repo, limit: usize) -> Vec<String> {
    let Ok(listing) = Listing::read(repo) else { return Vec::new() };
    listing.tags().into_iter().take(limit).map(|tag| format!("{SELECTOR}{tag}")).collect()
}

/// Returns the short names of the user's branches, at most `limit`.
pub fn branches(repo: &Repo, limit: usize) -> Vec<String> {
    let refs = repo.refs_below(layout::BRANCHES).unwrap_or_default();
    let names = refs.iter().take(limit).filter_map(|(name, _)| layout::branch_of(name));
    names.map(str::to_owned).collect()
}

/// Returns the profiles that can be started here.
pub fn profiles(repo: &Repo) -> Vec<String> {
    agents::ready(&Config::of(repo))
}

/// Returns the MCP servers that are configured.
pub fn mcp_servers(repo: &Repo) -> Vec<String> {
    agents::configured_servers(&Config::of(repo))
}

/// Returns the teams that are configured.
pub fn teams(repo: &Repo) -> Vec<String> {
    Config::of(repo).repeated_names(&TEAM_ROLE)
}

/// Returns the names of the programs whose sessions can be read.
pub fn session_programs() -> Vec<&'static str> {
    agents::session_readers().map(SessionReader::name).collect()
}

/// Returns the newest operations, at most `limit`.
pub fn operations(repo: &Repo, limit: usize) -> Vec<Operation> {
    let mut all = operations::all(repo).unwrap_or_default();
    all.truncate(limit);
    all
}
