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
        /// Its work passed the check and is in the target branch.
        Landed = "landed",
        /// Its work passed the check and is in a pull request, instead of the target branch.
        Published = "published",
        /// Its agent was done and changed nothing, and the target branch passes the check as it is.
        Unchanged = "unchanged",
        /// Its agent was not done, or its work did not land.
        Failed = "failed",
        /// It was not started, because a task that it needs did not land, or a person left it out at a gate.
        Skipped = "skipped",
    }
}

impl TaskOutcome {
    /// Returns whether tasks that need one with this outcome can start.
    pub const fn satisfies(self) -> bool {
        matches!(self, Self::Landed | Self::Published | Self::Unchanged)
    }

    /// Returns the rank that decides which end counts if there are several: the highest.
    const fn rank(self) -> u8 {
        match self {
            Self::Landed => 4,
            Self::Published => 3,
            Self::Unchanged => 2,
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
    /// How it ended; see [`TaskEnd::outcome`].
    outcome: TaskOutcome,
    /// Whether it changed nothing. Such an end has the outcome `landed` in events, for programs that do not know the word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unchanged: bool,
    /// The reason, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl TaskEnd {
    /// Makes the end of a task.
    pub fn new(task: String, outcome: TaskOutcome, reason: Option<String>) -> Self {
        let unchanged = outcome == TaskOutcome::Unchanged;
        let outcome = if unchanged { TaskOutcome::Landed } else { outcome };
        Self { task, outcome, unchanged, reason }
    }

    /// Returns how it ended.
    pub const fn outcome(&self) -> TaskOutcome {
        match self.outcome {
            TaskOutcome::Landed if self.unchanged => TaskOutcome::Unchanged,
            outcome => outcome,
        }
    }

    /// Returns whether the id is one that a plan can have.
    pub(super) fn is_sound(&self) -> bool {
        let is_letter = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        };
        (1..=MAX_TASK).contains(&self.task.len()) && self.task.bytes().all(is_letter)
    }

    /// Returns whether this end counts more than another one of the same task.
    pub(super) const fn beats(&self, other: &Self) -> bool {
        self.outcome().rank() > other.outcome().rank()
    }
}
