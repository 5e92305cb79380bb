//! The state of an agent before it is asked to repair its branch. A repair that fails is rolled back to this state.

use serde::{Deserialize, Serialize};

use crate::{
    git::Oid,
    model::{Agent, AgentId, BranchName, Phase},
};

/// The state of an agent that is not running, taken before a repair.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BeforeRepair {
    /// The id of the agent.
    pub agent: AgentId,
    /// The agent's branch, without `refs/heads/`.
    pub branch: BranchName,
    /// The commit the branch pointed to; `None` if the branch did not exist.
    pub tip: Option<Oid>,
    /// The commit that held the agent's work.
    pub head: Option<Oid>,
    /// The phase of the agent.
    pub phase: Phase,
    /// Commits between base and head.
    pub commits: u64,
    /// Files that differ between base and head.
    pub files: u64,
    /// Lines added between base and head.
    pub insertions: u64,
    /// Lines removed between base and head.
    pub deletions: u64,
    /// The number of files that exist only in the agent's worktree, because they are not captured.
    pub left_out: u64,
}

impl BeforeRepair {
    /// Returns the current state of an agent, given the commits its branch and its head ref point to.
    pub fn of(id: &AgentId, agent: &Agent, tip: Option<Oid>, head: Option<Oid>) -> Self {
        Self {
            agent: id.clone(),
            branch: agent.branch.clone(),
            tip,
            head,
            phase: agent.phase,
            commits: agent.work.commits,
            files: agent.work.files,
            insertions: agent.work.insertions,
            deletions: agent.work.deletions,
            left_out: agent.work.left_out_count(),
        }
    }
}
