//! What the parts of one step come to.

use super::state::RunCheck;
use crate::git::Oid;

/// What integrating a branch came to.
#[derive(Debug)]
pub(super) enum Integration {
    /// This commit has it; it is not checked yet.
    Commit(Oid),
    /// The target has all of its changes.
    NothingNew,
    /// It conflicts.
    Conflict(Unresolved),
}

/// A conflict that nobody has resolved.
#[derive(Debug)]
pub(super) struct Unresolved {
    /// What conflicts, where, for people.
    pub(super) why: String,
    /// The merge with marks in the files that conflict, where git could make one.
    pub(super) marked: Option<Oid>,
    /// The files that conflict.
    pub(super) files: Vec<String>,
}

/// A check that failed with a commit.
#[derive(Debug)]
pub(super) struct CheckFailure {
    /// The check.
    pub(super) check: RunCheck,
    /// How it ended, in words such as `exit code 3`.
    pub(super) why: String,
    /// What it printed.
    pub(super) output: Vec<u8>,
}

impl CheckFailure {
    /// Which check failed and how, for people.
    pub(super) fn sentence(&self) -> String {
        format!("{} fails: {}", self.check.name, self.why)
    }
}

/// What the agent of a branch did about a conflict or a failure.
#[derive(Debug)]
pub(super) enum Repair {
    /// The options ask for no repair.
    NotAsked,
    /// The repair was not possible or did not help; why, for people.
    Unsuccessful(String),
    /// The branch, repaired, is integrated again.
    Integrated(Integration),
}
