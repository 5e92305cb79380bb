//! What a landing asks of whoever can talk to agents.

use thiserror::Error as ErrorEnum;

use super::before::BeforeRepair;
use crate::{Error, Result, git::Oid, model::AgentId};

/// Why an agent did not repair its branch, or a repair was not rolled back.
#[derive(Debug, ErrorEnum)]
pub enum RepairError {
    /// It is not possible as things stand. The words become part of the reason why the branch does not land.
    #[error("{0}")]
    NotPossible(String),
    /// Something broke, or the user interrupted the landing.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl RepairError {
    /// A repair that is not possible, and why.
    pub fn not_possible(why: impl Into<String>) -> Self {
        Self::NotPossible(why.into())
    }
}

/// Asks agents for repairs, and takes failed repairs back.
pub trait Repairer {
    /// Moves the branch and the worktree of an agent at rest forward to a commit (`None`: they stay where they are), sends the
    /// agent a message, and waits until it has ended. Returns its new head.
    ///
    /// # Errors
    /// The agent cannot be asked or ends without work ([`RepairError::NotPossible`]), or something breaks.
    fn ask(&self, agent: &AgentId, forward_to: Option<Oid>, message: &str) -> Result<Oid, RepairError>;

    /// What an agent at rest has now.
    ///
    /// # Errors
    /// It cannot be read.
    fn before(&self, agent: &AgentId) -> Result<BeforeRepair>;

    /// Restores what an agent had before a repair that failed; `why` becomes the reason in the agent's life.
    ///
    /// # Errors
    /// It is not possible as things stand ([`RepairError::NotPossible`]), or something cannot be read or written.
    fn roll_back(&self, before: &BeforeRepair, why: &str) -> Result<(), RepairError>;
}
