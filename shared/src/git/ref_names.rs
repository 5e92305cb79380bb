//! Names of git's own refs: how branches, tags and remote branches begin, and which names git allows.

/// All branches of a clone.
pub const BRANCHES: &str = "refs/heads/";

/// All tags.
pub const TAGS: &str = "refs/tags/";

/// What remotes had at the last fetch of the user's.
pub const REMOTE_BRANCHES: &str = "refs/remotes/";

/// The file of all refs that have no file of their own.
pub(super) const PACKED_REFS: &str = "packed-refs";

/// Whether git allows such a full name of a ref.
pub(super) fn is_ref_name(name: &str) -> bool {
    gix::refs::FullName::try_from(name).is_ok()
}

/// Whether git would make a branch of this name, without `refs/heads/`.
pub fn is_branch_name(branch: &str) -> bool {
    !branch.starts_with('-') && is_ref_name(&format!("refs/heads/{branch}"))
}
