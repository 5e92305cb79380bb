//! A task that is ticked when its work lands.

use serde::{Deserialize, Serialize};

use crate::{
    model::{AgentId, text},
    plan::TaskId,
};

/// The width of the name of a list in a sentence, in columns.
const NAME_WIDTH: usize = 100;

/// A task of a list, which is ticked when the work of its agent lands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tick {
    /// The agent.
    pub agent: AgentId,
    /// The path of the list in the repository.
    pub list: String,
    /// The id of the task in the list.
    pub task: TaskId,
    /// The title of the task, by which it is found.
    pub title: String,
}

impl Tick {
    /// Returns what is ticked for an agent.
    pub(super) fn of<'a>(all: &'a [Self], agent: &AgentId) -> Option<&'a Self> {
        all.iter().find(|tick| tick.agent == *agent)
    }

    /// Returns the path of the list, for a sentence.
    pub(super) fn list(&self) -> String {
        text::one_line(&self.list, NAME_WIDTH)
    }

    /// Returns the note on the step that ticks it.
    pub(super) fn note(&self) -> String {
        format!("task '{}' is ticked in {}", self.task, self.list())
    }

    /// Returns the warning that it is not ticked.
    pub(super) fn not_ticked(&self, why: &str) -> String {
        format!("task '{}' is not ticked in {}: {why}", self.task, self.list())
    }
}
