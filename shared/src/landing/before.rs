//! What an agent had before it was asked to repair its branch. A repair that fails is rolled back to it.

use serde::{Deserialize, Serialize};

use crate::{
    git::Oid,
    model::{Agent, AgentId, BranchName, Phase},
};

/// An agent at rest, as it was.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BeforeRepair {
    /// Its id.
    pub agent: AgentId,
    /// Its branch, without `refs/heads/`.
    pub branch: BranchName,
    /// Where the branch stood.
    pub tip: Option<Oid>,
    /// The commit that held its work.
    pub head: Option<Oid>,
    /// Where it was.
    pub phase: Phase,
    /// Commits between base and head.
    pub commits: u64,
    /// Files that differ between base and head.
    pub files: u64,
    /// Lines added between base and head.
    pub insertions: u64,
    /// Lines removed between base and head.
    pub deletions: u64,
    /// Files that stay in its worktree only.
    pub left_out: u64,
}

impl BeforeRepair {
    /// Of an agent as it is, with its refs.
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
