//! How large, long and deep a tree may be.

/// Folders in each other: more than any project has.
pub(super) const DEEPEST: usize = 256;

/// Longest path, in bytes: Linux takes no longer one.
pub(super) const LONGEST_PATH: usize = 4000;

/// Files that one branch may add.
pub(super) const MOST_FILES: u64 = 500_000;
