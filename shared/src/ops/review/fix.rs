//! A repair by the reviewer becomes part of the work that it reviewed: on its branch, in its worktree, in its life.

use crate::{
    Code, Error, Result,
    context::Context,
    git::{Oid, Repo},
    landing::finish::{self, Move, TargetMove},
    model::AgentId,
    ops::{collect, status},
};

/// Brings the branch of an agent forward to a repaired commit, and tells its life.
///
/// # Errors
/// The branch does not stand at the work that was reviewed, or its worktree is not clean (3).
pub(super) fn bring(context: &Context, repo: &Repo, id: &AgentId, from: Oid, to: Oid) -> Result<()> {
    finish::recover(repo)?;
    let branch = status::one(repo, id)?.branch;
    let wanted = Move { branch: &branch, old: from, new: to, why: "orchestra review: repaired" };
    let why = match finish::move_branch(repo, wanted)? {
        TargetMove::Yes | TargetMove::NotNeeded => return collect::take_again(context, repo, id).map(|_| ()),
        TargetMove::Elsewhere(_) => {
            format!("the branch of '{id}' does not stand at the work that was reviewed")
        }
        TargetMove::Blocked(blocked) => blocked.why,
    };
    Err(Error::new(Code::WorkUnusable, format!("the repair cannot be taken over: {why}"))
        .hint(format!("git merge {to}, in the worktree of {id}")))
}
