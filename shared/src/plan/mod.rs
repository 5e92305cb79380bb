//! Plans: tasks with ids and with the tasks that each of them needs. Read from the formats that people have, written as one Markdown
//! list. Pure.
//!
//! Nothing in a plan names a command that runs: a plan may come from a stranger.

pub mod answer;
mod flaws;
mod levels;
pub mod read;
mod task_id;
mod write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    flaws::{Flaw, flaws},
    levels::levels,
    task_id::TaskId,
    write::markdown,
};

/// The most tasks of a plan; more is taken for a mistake.
pub const MAX_TASKS: usize = 1000;
/// The largest file that is read, in bytes.
pub const MAX_FILE: u64 = 16 << 20;

/// A plan.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// Its title.
    pub title: Option<String>,
    /// The branch that the work is for, if the plan names one.
    pub into: Option<String>,
    /// The check that its author proposes. It is text: a person decides whether it ever runs.
    pub check: Option<String>,
    /// The profile of the agents that review all work before it lands, if its author wants that.
    pub review: Option<String>,
    /// The tasks, in the order of the file.
    pub tasks: Vec<Task>,
    /// What the file has besides, and why that is not a task.
    pub left_out: Vec<LeftOutPart>,
    /// What is wrong in the text, besides what [`flaws`] finds in the tasks.
    pub flaws: Vec<Flaw>,
}

/// A task of a plan.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Task {
    /// Its id, unique in a plan without flaws.
    pub id: TaskId,
    /// What to do, on one line.
    pub title: String,
    /// The rest of the text for the agent; empty if the title is all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub details: String,
    /// Whether it is ticked: done, so that the tasks after it need not wait.
    pub done: bool,
    /// The tasks that come before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<TaskId>,
    /// The profile of its agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The team that works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The files that it is about, as git's pathspecs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// How large it is, from 1 to 5, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u8>,
    /// The line of the file on which it begins, counted from 1; 0 if the format has no lines.
    pub line: usize,
}

impl Task {
    /// Returns the whole text for an agent.
    pub fn text(&self) -> String {
        if self.details.is_empty() {
            self.title.clone()
        } else {
            format!("{}\n\n{}", self.title, self.details)
        }
    }
}

/// A part of the file that is not a task.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LeftOutPart {
    /// What the file calls it.
    pub what: String,
    /// Why it is not a task.
    pub why: String,
}
