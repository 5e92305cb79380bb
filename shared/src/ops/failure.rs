//! One of several agents for which a command could not do what was asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Code, Error, git::Repo, model::AgentId, store::layout};

/// An agent for which the command failed. The others were handled all the same.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Failure {
    /// The id of the agent.
    pub id: String,
    /// What failed, and why, on one line.
    pub error: String,
    /// What to type next.
    pub hints: Vec<String>,
    /// What went wrong; it decides the exit code.
    pub code: Code,
}

impl Failure {
    /// The failure of one agent.
    pub(super) fn new(id: &AgentId, error: Error) -> Self {
        Self { id: id.to_string(), error: error.one_line(), code: error.code, hints: error.hints }
    }
}

/// Moves agents whose refs are locked at this moment behind the others, which need not wait for them.
pub(super) fn locked_last(repo: &Repo, ids: &mut [AgentId]) {
    ids.sort_by_cached_key(|id| repo.is_locked(&layout::agent_ref(id)));
}
