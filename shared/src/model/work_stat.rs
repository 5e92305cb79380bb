//! How much an agent's work is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Paths named in one event as left out; more are only counted.
pub const MAX_LEFT_OUT: usize = 50;

/// What lies between the base of an agent and its head, and what does not.
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
    /// Files that stay in the worktree only, at most [`MAX_LEFT_OUT`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many more such files there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out_more: u64,
}

/// A file that stays in the worktree only.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LeftOut {
    /// Path in the worktree.
    pub path: String,
    /// Why it was not taken.
    pub why: String,
}

impl WorkStat {
    /// How many files stay in the worktree only.
    pub const fn left_out_count(&self) -> u64 {
        self.left_out_more.saturating_add(self.left_out.len() as u64)
    }

    /// The same figures without names of files: those left out are only counted.
    #[must_use]
    pub fn counted(&self) -> Self {
        Self { left_out: Vec::new(), left_out_more: self.left_out_count(), ..*self }
    }
}

/// Reads figures of which none may be missing, as an event of collected work has them.
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) const fn is_zero(number: &u64) -> bool {
    *number == 0
}
