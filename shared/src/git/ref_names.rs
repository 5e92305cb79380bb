//! Names of git's own refs: the prefixes of branches, tags and remote-tracking branches, and which names git allows.

/// The prefix of branches.
pub const BRANCHES: &str = "refs/heads/";

/// The prefix of tags.
pub const TAGS: &str = "refs/tags/";

/// The prefix of remote-tracking branches.
pub const REMOTE_BRANCHES: &str = "refs/remotes/";

/// The file of all refs that have no file of their own.
pub(super) const PACKED_REFS: &str = "packed-refs";

/// Returns whether git allows a full ref name.
pub(super) fn is_ref_name(name: &str) -> bool {
    gix::refs::FullName::try_from(name).is_ok()
}

/// Returns whether all worktrees share a ref, so that it is in the common git directory and nowhere else.
pub(super) fn is_shared(name: &str) -> bool {
    let of_one_worktree = ["bisect/", "rewritten/", "worktree/"];
    name.strip_prefix("refs/")
        .is_some_and(|rest| !of_one_worktree.iter().any(|prefix| rest.starts_with(prefix)))
}

/// Returns whether git would create a branch of this name, given without `refs/heads/`.
pub fn is_branch_name(branch: &str) -> bool {
    !branch.starts_with('-') && is_ref_name(&format!("refs/heads/{branch}"))
}
