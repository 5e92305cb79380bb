//! The failure of a command for one of several agents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Code, Error, git::Repo, model::AgentId, store::layout};

/// An agent for which the command failed. The other agents were handled nevertheless.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Failure {
    /// The id of the agent.
    pub id: String,
    /// The error, on one line.
    pub error: String,
    /// Commands to type next, or other advice.
    pub hints: Vec<String>,
    /// The error code; it decides the exit code.
    pub code: Code,
}

impl Failure {
    /// Records the error of one agent.
    pub(super) fn new(id: &AgentId, error: Error) -> Self {
        Self { id: id.to_string(), error: error.one_line(), code: error.code, hints: error.hints }
    }
}

/// Moves agents whose refs are locked now to the end, so that the others need not wait for them.
pub(super) fn locked_last(repo: &Repo, ids: &mut [AgentId]) {
    ids.sort_by_cached_key(|id| repo.is_locked(&layout::agent_ref(id)));
}
