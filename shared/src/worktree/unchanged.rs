//! Whether a worktree has nothing in addition to a commit, found out without git and without storing anything. What this cannot
//! tell for certain counts as changed; then the worktree is captured.

use std::time::Instant;

use crate::{
    Result,
    git::{
        Oid, Repo,
        worktrees::{Worktree, WorktreeHead},
    },
    store::layout,
    worktree::{
        capture::{self, CapturePlace, CaptureTarget},
        dirty::{self, ComparedWorktree, WorktreeComparison},
    },
};

/// Compares a worktree with a commit.
///
/// # Errors
/// The worktree has no index, or something cannot be read.
pub fn compare(repo: &Repo, place: &CapturePlace<'_>, tip: Oid) -> Result<WorktreeComparison> {
    let deadline = Instant::now() + capture::CAPTURE_TIMEOUT;
    let compared = ComparedWorktree {
        root: place.root,
        worktree: place.worktree,
        isolated: place.isolated,
        head_tree: repo.tree_of(tip)?,
    };
    dirty::compare_worktree(&compared, 1, deadline)
}

/// Returns whether nothing is changed or new, and nothing is hidden from the comparison.
pub fn is_clean(comparison: &WorktreeComparison, worktree: &Worktree) -> bool {
    comparison.changes == 0
        && comparison.left_out == 0
        && !comparison.hides_files
        && matches!(worktree.head(), WorktreeHead::Branch(_))
}

/// Returns whether a capture would find the work that was captured before as `head`, and nothing else.
pub fn has_only(repo: &Repo, target: &CaptureTarget<'_>, place: &CapturePlace<'_>, head: Oid) -> bool {
    let branch = layout::branch_ref(target.branch);
    let is_at_head = |name: &str| repo.find_ref(name).is_ok_and(|tip| tip == Some(head));
    place.worktree.head() == WorktreeHead::Branch(branch.clone())
        && place.worktree.operation().is_none()
        && is_at_head(&branch)
        && is_at_head(&layout::head_ref(target.id))
        && compare(repo, place, head).is_ok_and(|comparison| is_clean(&comparison, place.worktree))
}
