//! The size of a conflict between two commits.

use crate::model::conflict::ConflictKinds;

/// The size and kinds of a conflict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrialConflict {
    /// The number of conflicting files. Some conflicts name no file.
    pub files: u32,
    /// The number of conflicting hunks. A file counts as one if it is binary, was deleted on one side, or was judged by git.
    pub hunks: u32,
    /// The kinds of conflict.
    pub kinds: ConflictKinds,
}

impl TrialConflict {
    /// No conflict yet.
    pub(super) const NONE: Self = Self { files: 0, hunks: 0, kinds: ConflictKinds::from_bits(0) };

    /// Adds a file with its number of hunks.
    pub(super) fn add(&mut self, hunks: u32, kind: ConflictKinds) {
        self.files = self.files.saturating_add(1);
        self.hunks = self.hunks.saturating_add(hunks);
        self.kinds = self.kinds.combine(kind);
    }
}
