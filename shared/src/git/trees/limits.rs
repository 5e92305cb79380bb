//! Limits on the size and depth of trees.

/// Maximum depth of nested folders: no project has more.
pub(super) const DEEPEST: usize = 256;

/// Maximum length of a path, in bytes: Linux allows no more.
pub(super) const LONGEST_PATH: usize = 4000;

/// Maximum number of files that one branch may add.
pub(super) const MOST_FILES: u64 = 500_000;
