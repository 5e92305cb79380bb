//! The ends of the tasks of a run's plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::words::words;

/// The maximum length of a task's id, in bytes; as in a plan.
const MAX_TASK: usize = 40;

words! {
    /// How a task of a run ended.
    #[derive(Hash)]
    pub enum TaskOutcome {
        /// Its work passed the check and is in the target branch, or changes nothing there.
        Landed = "landed",
        /// Its agent was not done, or its work did not land.
        Failed = "failed",
        /// It was not started, because a task that it needs did not land, or a person left it out at a gate.
        Skipped = "skipped",
    }
}

impl TaskOutcome {
    /// Returns the rank that decides which end counts if there are several: the highest.
    const fn rank(self) -> u8 {
        match self {
            Self::Landed => 2,
            Self::Failed => 1,
            Self::Skipped => 0,
        }
    }
}

/// The end of a task.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TaskEnd {
    /// The id of the task in the plan.
    pub task: String,
    /// How it ended.
    pub outcome: TaskOutcome,
    /// The reason, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl TaskEnd {
    /// Returns whether the id is one that a plan can have.
    pub(super) fn is_sound(&self) -> bool {
        let is_letter = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        };
        (1..=MAX_TASK).contains(&self.task.len()) && self.task.bytes().all(is_letter)
    }

    /// Returns whether this end counts more than another one of the same task.
    pub(super) const fn beats(&self, other: &Self) -> bool {
        self.outcome.rank() > other.outcome.rank()
    }
}
