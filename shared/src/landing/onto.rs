//! Puts the work of an agent on top of another commit than the one that it started from. This happens in a scratch worktree, and no branch
//! moves.

use super::{
    merge::{self, Committer, Rebased},
    scratch::LazyScratch,
};
use crate::{
    Result,
    context::Context,
    git::{Oid, Repo, repo::Identity},
    model::AgentId,
};

/// What became of the work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PutOnto {
    /// It is on top of the other commit; this is its newest commit.
    Head(Oid),
    /// It conflicts in these files.
    Conflict(String),
    /// It holds a merge, which cannot be moved as it is.
    HoldsMerge,
}

/// Puts the commits from `base` to `head`, which are the work of an agent, on top of `onto`.
///
/// # Errors
/// Git fails, or all scratch worktrees are in use (4).
pub fn put_onto(
    context: &Context,
    repo: &Repo,
    id: &AgentId,
    onto: Oid,
    (base, head): (Oid, Oid),
    identity: &Identity,
) -> Result<PutOnto> {
    if repo.has_merge_between(base, head)? {
        return Ok(PutOnto::HoldsMerge);
    }
    // The same agent takes over what a killed command left.
    let mut scratch = LazyScratch::of(context, &format!("onto-{id}"));
    let by = Committer { identity, sign: false };
    let rebased = scratch.at(repo, onto).and_then(|scratch| scratch.rebase(None, onto, base, head, by));
    let removed = scratch.remove(repo);
    Ok(match (rebased?, removed?) {
        (Rebased::Head(head), ()) => PutOnto::Head(head),
        (Rebased::Conflict(files), ()) => {
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            PutOnto::Conflict(merge::name_files(&files))
        }
    })
}
