//! The outcome of an agent's check in `--json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::WorkCheck;

/// The outcome of the check that decides whether an agent is done.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct CheckObject {
    /// The id of the tree that was checked: the files of the worktree.
    pub tree: String,
    /// The id of the command: the first 32 hexadecimal digits of its SHA-256.
    pub id: String,
    /// The command, if the event holds it.
    pub command: Option<String>,
    /// Why it failed, such as `exit code 3`; `null` if it passed.
    pub failure: Option<String>,
    /// How many rounds of work and check there were.
    pub rounds: u32,
    /// How many there may be.
    pub most_rounds: u32,
    /// Whether it failed twice on the same files, so that the agent was not asked again.
    pub stuck: bool,
    /// Whether the files of the work are others by now: the outcome is not about them.
    pub outdated: bool,
}

impl CheckObject {
    /// Returns whether it passed, and the work is still what was checked.
    pub const fn holds(&self) -> bool {
        self.failure.is_none() && !self.outdated
    }
}

impl From<WorkCheck> for CheckObject {
    fn from(check: WorkCheck) -> Self {
        let WorkCheck { tree, id, command, failure, rounds, most_rounds, stuck, outdated } = check;
        Self { tree, id, command, failure, rounds, most_rounds, stuck, outdated }
    }
}
