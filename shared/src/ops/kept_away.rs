//! Agents in a sandbox, which keeps the history of agents, messages and specs away from them.

use crate::{git::Repo, model::AgentId, store::layout};

/// What such an agent reads in place of a command to type.
pub const WHY: &str =
    "an agent in a sandbox sees no agents, messages and specs: what it has to know belongs into its task";

/// Returns whether the caller is the program of an agent whose own history this repository does not show to it.
pub fn is_kept_away(repo: &Repo) -> bool {
    let environment = repo.environment();
    let is_shown = |id: &AgentId| repo.find_ref(&layout::agent_ref(id)).is_ok_and(|tip| tip.is_some());
    environment.is_agent() && environment.agent().is_some_and(|id| !is_shown(&id))
}
