//! How much two commits conflict, in figures.

use crate::model::conflict::Kinds;

/// What cannot be merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrialConflict {
    /// Files; there are conflicts in which git names none.
    pub files: u32,
    /// Places in them; a file that is no text, or is gone on one side, or that git judged, counts as one.
    pub hunks: u32,
    /// In which ways.
    pub kinds: Kinds,
}

impl TrialConflict {
    /// Nothing yet.
    pub(super) const NONE: Self = Self { files: 0, hunks: 0, kinds: Kinds::from_bits(0) };

    /// One file more.
    pub(super) fn add(&mut self, hunks: u32, kind: Kinds) {
        self.files = self.files.saturating_add(1);
        self.hunks = self.hunks.saturating_add(hunks);
        self.kinds = self.kinds.and(kind);
    }
}
