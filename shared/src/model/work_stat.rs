//! The size of an agent's work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maximum number of excluded paths in one event; further ones are only counted.
pub const MAX_LEFT_OUT: usize = 50;

/// The size of the work between an agent's base and its head, and the files that were not captured.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct WorkStat {
    /// Commits between base and head.
    pub commits: u64,
    /// Files that differ between base and head.
    pub files: u64,
    /// Lines added between base and head.
    pub insertions: u64,
    /// Lines removed between base and head.
    pub deletions: u64,
    /// Files that are only in the worktree, at most [`MAX_LEFT_OUT`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many more such files there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out_more: u64,
}

/// A file that was not captured and is only in the worktree.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LeftOut {
    /// The path in the worktree.
    pub path: String,
    /// Why it was not captured.
    pub why: String,
}

impl WorkStat {
    /// Returns how many files are only in the worktree.
    pub const fn left_out_count(&self) -> u64 {
        self.left_out_more.saturating_add(self.left_out.len() as u64)
    }

    /// Returns the same figures with the excluded files only counted.
    #[must_use]
    pub fn without_paths(&self) -> Self {
        Self { left_out: Vec::new(), left_out_more: self.left_out_count(), ..*self }
    }
}

/// Deserializes a [`WorkStat`] in which no figure may be missing, as in a `collected` event.
#[derive(Deserialize)]
#[serde(remote = "WorkStat")]
pub(super) struct WholeWorkStat {
    commits: u64,
    files: u64,
    insertions: u64,
    deletions: u64,
    #[serde(default)]
    left_out: Vec<LeftOut>,
    #[serde(default)]
    left_out_more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) const fn is_zero(number: &u64) -> bool {
    *number == 0
}
