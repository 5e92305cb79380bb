//! The results of the parts of one step: integrating, checking, repairing.

use super::state::RunCheck;
use crate::git::Oid;

/// The result of integrating a branch.
#[derive(Clone, Debug)]
pub(super) enum Integration {
    /// The commit that contains the branch; it is not checked yet.
    Commit(Oid),
    /// The target already has all changes of the branch.
    NothingNew,
    /// The branch conflicts with what landed so far.
    Conflict(Unresolved),
}

/// A conflict that is not resolved yet.
#[derive(Clone, Debug)]
pub(super) struct Unresolved {
    /// With what the branch conflicts, and where, for people.
    pub(super) why: String,
    /// The tree of the merge with conflict markers in the conflicting files; `None` if git could not write one.
    pub(super) marked: Option<Oid>,
    /// The files that conflict.
    pub(super) files: Vec<String>,
}

/// A check that failed on a commit.
#[derive(Debug)]
pub(super) struct CheckFailure {
    /// The name and command of the check that failed.
    pub(super) check: RunCheck,
    /// How the check failed, such as `exit code 3`.
    pub(super) why: String,
    /// The output of the check, possibly shortened in the middle.
    pub(super) output: Vec<u8>,
}

impl CheckFailure {
    /// Returns which check failed and how, for people.
    pub(super) fn sentence(&self) -> String {
        format!("{} fails: {}", self.check.name, self.why)
    }
}

/// The result of asking an agent to repair its branch.
#[derive(Debug)]
pub(super) enum Repair {
    /// The options do not ask for a repair.
    NotAsked,
    /// The repair was not possible or did not help, with the reason for people.
    Unsuccessful(String),
    /// The result of integrating the repaired branch.
    Integrated(Integration),
}
