//! Adopts a reviewer's repair into the reviewed work: into its branch, its worktree, and its events.

use crate::{
    Code, Error, Result,
    context::Context,
    git::{Oid, Repo},
    landing::finish::{self, BranchMove, TargetMove},
    model::AgentId,
    ops::{
        agent_checkout::{self, AgentCheckout},
        collect, status,
    },
    store,
};

/// Refuses to repair work in whose worktree somebody changed something since it was saved: that would become part of the repair.
///
/// # Errors
/// Somebody did (3), or the worktree cannot be read.
pub(super) fn refuse_changes(repo: &Repo, id: &AgentId) -> Result<()> {
    if !agent_checkout::has_changes(repo, id)? {
        return Ok(());
    }
    let why =
        format!("the work of '{id}' cannot be repaired: its worktree has changes that are not in its work");
    Err(Error::new(Code::WorkUnusable, why).hint(format!("git orchestra collect {id} adds them")))
}

/// Moves the branch of an agent forward to a repaired commit, and records that in its events. `why` is for the log of the branch.
///
/// # Errors
/// The branch does not stand at the work that was repaired, or its worktree is gone or not clean (3).
pub(in crate::ops) fn adopt_repair(
    context: &Context,
    repo: &Repo,
    id: &AgentId,
    (from, to): (Oid, Oid),
    why: &str,
) -> Result<()> {
    finish::recover(repo)?;
    refuse_changes(repo, id)?;
    // Its events learn of the repair from the worktree; with its branch alone they would never name it.
    if AgentCheckout::of(repo, id, &store::agent(repo, id)?)?.is_none() {
        return Err(Error::new(Code::WorktreeMissing, format!("the worktree of '{id}' is gone"))
            .hint(format!("git orchestra resume {id} makes it again from its work")));
    }
    let branch = status::read_agent(repo, id)?.branch;
    let wanted = BranchMove { branch: &branch, old: from, new: to, why };
    let why = match finish::move_branch(repo, wanted)? {
        TargetMove::Moved | TargetMove::Unchanged => {
            return collect::capture_again(context, repo, id).map(|_| ());
        }
        TargetMove::Elsewhere(_) => {
            format!("the branch of '{id}' is not at the commit that was repaired")
        }
        TargetMove::Blocked(blocked) => blocked.why,
    };
    Err(Error::new(Code::WorkUnusable, format!("the repair cannot be merged: {why}"))
        .hint(format!("git merge {to}, in the worktree of {id}")))
}
