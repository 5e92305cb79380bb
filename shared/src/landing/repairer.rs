//! The interface through which a landing asks agents for repairs.

use thiserror::Error as ErrorEnum;

use super::before::BeforeRepair;
use crate::{Error, Result, git::Oid, model::AgentId};

/// Why an agent did not repair its branch, or why a repair was not rolled back.
#[derive(Debug, ErrorEnum)]
pub enum RepairError {
    /// The repair or rollback is not possible. The text becomes part of the reason why the branch does not land.
    #[error("{0}")]
    NotPossible(String),
    /// An operation failed, or the user interrupted the landing.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl RepairError {
    /// Returns the error for a repair or rollback that is not possible, with the reason.
    pub fn not_possible(why: impl Into<String>) -> Self {
        Self::NotPossible(why.into())
    }
}

/// Asks agents for repairs, and rolls back failed repairs.
pub trait Repairer {
    /// Moves the branch and worktree of an agent that is not running to `forward_to`, if given, sends the agent a message, and
    /// waits until it has ended. Returns its new head.
    ///
    /// # Errors
    /// The agent cannot be asked or ends without work ([`RepairError::NotPossible`]), or something fails.
    fn ask(&self, agent: &AgentId, forward_to: Option<Oid>, message: &str) -> Result<Oid, RepairError>;

    /// Returns the current state of an agent that is not running.
    ///
    /// # Errors
    /// The agent or its refs cannot be read.
    fn before(&self, agent: &AgentId) -> Result<BeforeRepair>;

    /// Restores the state of an agent before a repair that failed. `why` is recorded in the agent's events.
    ///
    /// # Errors
    /// It is not possible ([`RepairError::NotPossible`]), or something cannot be read or written.
    fn roll_back(&self, before: &BeforeRepair, why: &str) -> Result<(), RepairError>;
}
