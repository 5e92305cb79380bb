//! The outcome of an agent's check in `--json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DidNotLand;
use crate::{
    model::{WorkCheck, words::words},
    world::Timestamp,
};

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
    /// When it passed on the same files, if that was known, so that it did not run again.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub known_at: Option<Timestamp>,
    /// Whether it fails on the base as well, so that the work is not the cause.
    #[serde(default)]
    pub fails_on_base: bool,
}

words! {
    /// What is known of an agent's work from checks.
    #[derive(Default)]
    pub enum Checked {
        /// No check ran on it as it is now.
        #[default]
        Unchecked = "unchecked",
        /// Its check passed.
        Checked = "checked",
        /// Its check failed, or a check of a landing failed with it.
        CheckFailed = "check_failed",
        /// Its check failed, and fails on the base as well.
        FailsOnBase = "fails_on_base",
    }
}

impl Checked {
    /// Returns what an agent's own check and the checks of landings say about its current work.
    pub(super) fn of(own: Option<&CheckObject>, failed: Option<&DidNotLand>) -> Self {
        match own.map_or(Self::Unchecked, CheckObject::says) {
            Self::Unchecked | Self::Checked if failed.is_some_and(|failed| failed.current) => {
                Self::CheckFailed
            }
            known => known,
        }
    }
}

impl CheckObject {
    /// Returns whether it passed, and the work is still what was checked.
    pub const fn holds(&self) -> bool {
        self.failure.is_none() && !self.outdated
    }

    /// Returns what it says about the work as it is now.
    pub(super) const fn says(&self) -> Checked {
        match &self.failure {
            _ if self.outdated => Checked::Unchecked,
            None => Checked::Checked,
            Some(_) if self.fails_on_base => Checked::FailsOnBase,
            Some(_) => Checked::CheckFailed,
        }
    }
}

impl From<WorkCheck> for CheckObject {
    fn from(check: WorkCheck) -> Self {
        let WorkCheck {
            tree,
            id,
            command,
            failure,
            rounds,
            most_rounds,
            stuck,
            outdated,
            known_at,
            fails_on_base,
        } = check;
        Self { tree, id, command, failure, rounds, most_rounds, stuck, outdated, known_at, fails_on_base }
    }
}
