//! Which clone drives a run, and what another one needs to take it over.
//!
//! A run is driven by the clone that began it until another one takes it. Each taking has a number, its epoch: one more than that of the
//! driver before. Of two clones that take a run in the same epoch, the first in the order of the events has it. What a clone that does not
//! drive writes about tasks, gates and the end of the run is void.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{WriterId, event::Event, text::short_or_none};

/// The maximum number of tasks of one run.
const MAX_TASKS: usize = 1000;
/// The maximum length of a path, in bytes.
const MAX_PATH: usize = 4096;
/// The epoch of the clone that began a run.
const FIRST: u64 = 1;

/// How the plan of a run is carried out: what a clone needs to take the run over, besides its own check and its own profiles.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct RunOptions {
    /// The target branch.
    pub into: String,
    /// The ids of the tasks to carry out, in the order of the plan.
    pub tasks: Vec<String>,
    /// Whether a task starts only after the one before it has ended.
    #[serde(skip_serializing_if = "is_false")]
    pub sequential: bool,
    /// Whether a person is asked about the plan before anything is started.
    #[serde(skip_serializing_if = "is_false")]
    pub confirm: bool,
    /// Whether no person is asked about tasks that fail.
    #[serde(skip_serializing_if = "is_false")]
    pub yolo: bool,
    /// Whether work does not land that changes other files than its task names.
    #[serde(skip_serializing_if = "is_false")]
    pub strict: bool,
    /// Whether an agent reviews the work of each task before it lands. By which profile, each clone decides itself.
    #[serde(skip_serializing_if = "is_false")]
    pub reviewed: bool,
    /// Whether the work of each task becomes a pull request instead of landing in the branch of this clone.
    #[serde(skip_serializing_if = "is_false")]
    pub publish: bool,
    /// The path in the repository of the list in which tasks are ticked that land.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl RunOptions {
    pub(super) fn is_sound(&self) -> bool {
        self.tasks.len() <= MAX_TASKS
            && !self.into.is_empty()
            && self.list.as_ref().is_none_or(|list| list.len() <= MAX_PATH)
    }
}

/// What the fact `driving` states.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Driving {
    /// The number of the taking: one more than that of the driver before. Any other number is void.
    pub epoch: u64,
    /// The label of the clone that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The ids of the tasks whose work landed in the branch of the clone before, and is not in that of this one: they land again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reopened: Vec<String>,
}

impl Driving {
    pub(super) const fn is_sound(&self) -> bool {
        self.epoch > FIRST && self.reopened.len() <= MAX_TASKS
    }
}

/// The clone that drives a run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DrivingClone {
    /// The number of its taking, from 1: the clone that began the run.
    pub epoch: u64,
    /// The clone.
    pub writer: WriterId,
    /// Its label, safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

impl DrivingClone {
    /// Returns the clone that began a run.
    pub(super) fn first<F>(event: &Event<F>, label: Option<&str>) -> Self {
        Self { epoch: FIRST, writer: event.writer.clone(), label: short_or_none(label), since: event.at }
    }

    /// Returns the driver after a taking; `None` if the taking is void.
    pub(super) fn after<F>(before: Option<&Self>, event: &Event<F>, driving: &Driving) -> Option<Self> {
        let next = before.map_or(FIRST, |before| before.epoch).saturating_add(1);
        let label = short_or_none(driving.label.as_deref());
        (driving.epoch == next).then(|| Self {
            epoch: next,
            writer: event.writer.clone(),
            label,
            since: event.at,
        })
    }

    /// Returns whether the run was taken from the clone that began it.
    pub const fn has_taken(&self) -> bool {
        self.epoch > FIRST
    }

    /// Returns the clone in words: its label and its id.
    pub fn name(&self) -> String {
        match &self.label {
            Some(label) => format!("clone {label} ({})", self.writer),
            None => format!("clone {}", self.writer),
        }
    }
}
