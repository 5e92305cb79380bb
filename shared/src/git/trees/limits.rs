//! Limits on the size and depth of trees.

/// Maximum depth of nested folders: no project has more.
pub(super) const MAX_DEPTH: usize = 256;

/// Maximum length of a path, in bytes: Linux allows no more.
pub(super) const MAX_PATH_BYTES: usize = 4000;

/// Maximum number of files that one branch may add.
pub(super) const MAX_FILES: u64 = 500_000;
