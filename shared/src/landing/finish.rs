//! Moves a branch once, together with its checkout: the target to the commit that contains everything that landed, or back.

use super::{
    moving::{self, MoveOutcome},
    scratch::Scratch,
};
use crate::{
    Code, Error, Result,
    git::{Oid, Repo, refs::RefEdit, worktrees::Checkout},
    model::text,
    store::layout,
};

/// How often to start again because the branch was checked out or left meanwhile.
const MAX_SWITCHES: usize = 5;

/// The result of moving a branch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TargetMove {
    /// The branch is at the new commit; if it is checked out, so are the files.
    Yes,
    /// The branch was already at the new commit, and old and new are the same.
    NotNeeded,
    /// The branch was moved to this commit meanwhile, or deleted.
    Elsewhere(Option<Oid>),
    /// The branch cannot be moved at the moment.
    Blocked(Blocked),
}

/// Why the target cannot be moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Blocked {
    /// The reason, for people.
    pub why: String,
    /// What to do about it: commands to type, or advice.
    pub hints: Vec<String>,
}

impl Blocked {
    pub(super) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hints: vec![hint.into()] }
    }

    /// Returns the reason and hint for a merge, rebase or similar that is in progress in a checkout.
    pub(super) fn by_operation(checkout: &Checkout, branch: &str, operation: &str) -> Self {
        let (branch, place) = (text::safe(branch), checkout.path.display());
        let end = match operation {
            "bisect" => "git bisect reset".to_owned(),
            other => format!("git {other} --continue, or git {other} --abort"),
        };
        Self::new(
            format!("a {operation} of {branch} is in progress in '{place}'"),
            format!("{end}, in that folder"),
        )
    }
}

/// A move of a branch, by compare-and-swap.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The commit it must point to before.
    pub old: Oid,
    /// The commit it points to afterwards.
    pub new: Oid,
    /// The message for its reflog.
    pub why: &'a str,
}

/// Moves a branch, forward or back, from its expected commit to a new one; where it is checked out, its files are updated too.
/// Nothing moves if that would affect anything the user committed, staged, switched or wrote meanwhile.
///
/// # Errors
/// Another git process is using the branch or its checkout (4), or something cannot be written.
pub fn move_branch(repo: &Repo, wanted: Move<'_>) -> Result<TargetMove> {
    let branch_ref = layout::branch_ref(wanted.branch);
    moving::refuse_symbolic(&repo.common_dir()?, wanted.branch)?;
    for _ in 0..MAX_SWITCHES {
        let now = repo.find_ref(&branch_ref)?;
        if now == Some(wanted.new) {
            return Ok(if wanted.new == wanted.old { TargetMove::NotNeeded } else { TargetMove::Yes });
        }
        if now != Some(wanted.old) {
            return Ok(TargetMove::Elsewhere(now));
        }
        let checkouts = repo.checkouts_of(&branch_ref)?;
        if let Some(blocked) = why_blocked(&checkouts, wanted.branch) {
            return Ok(TargetMove::Blocked(blocked));
        }
        let Some(checkout) = checkouts.first() else {
            let moved = by_ref(repo, wanted, &branch_ref)?;
            return if moved == TargetMove::Yes { follow(repo, wanted, &branch_ref) } else { Ok(moved) };
        };
        match moving::move_checkout(repo, checkout, wanted)? {
            MoveOutcome::Moved => return Ok(TargetMove::Yes),
            MoveOutcome::Elsewhere(now) => return Ok(TargetMove::Elsewhere(now)),
            MoveOutcome::Blocked(blocked) => return Ok(TargetMove::Blocked(blocked)),
            MoveOutcome::Switched => {}
        }
    }
    let branch = text::safe(wanted.branch);
    Err(Error::new(Code::TargetBusy, format!("{branch} is being checked out and left repeatedly"))
        .hint("try again"))
}

/// Updates the files of a checkout that switched to the branch while it moved: git reads the commit of a branch first and writes
/// `HEAD` last. If the files cannot be updated, the branch is moved back.
fn follow(repo: &Repo, wanted: Move<'_>, branch_ref: &str) -> Result<TargetMove> {
    moving::wait_for_switches(repo)?;
    let Some(checkout) = repo.checkouts_of(branch_ref)?.into_iter().next() else {
        return Ok(TargetMove::Yes);
    };
    match moving::bring_along(repo, &checkout, wanted)? {
        MoveOutcome::Blocked(blocked) => {
            let back = Move { old: wanted.new, new: wanted.old, ..wanted };
            by_ref(repo, back, branch_ref)?;
            Ok(TargetMove::Blocked(blocked))
        }
        MoveOutcome::Moved | MoveOutcome::Elsewhere(_) | MoveOutcome::Switched => Ok(TargetMove::Yes),
    }
}

/// Reverts every move of a checkout that a kill interrupted, and removes the locks that it left. Returns warnings for the user.
///
/// # Errors
/// Another git process is using that checkout (4), or something cannot be written.
pub fn recover(repo: &Repo) -> Result<Vec<String>> {
    moving::recover(repo)
}

/// Removes the locks of moves that were complete when a kill interrupted them, so that commits work without another landing.
///
/// # Errors
/// The repository cannot be read.
pub fn unlock_made(repo: &Repo) -> Result<()> {
    moving::unlock_made(repo)
}

/// Returns whether any scratch worktree is incomplete.
///
/// # Errors
/// The repository cannot be read.
pub fn is_incomplete(repo: &Repo) -> Result<bool> {
    Scratch::is_incomplete(repo)
}

/// Removes scratch worktrees whose creation or removal was interrupted or failed, except where their slot is in use.
///
/// # Errors
/// A worktree cannot be removed.
pub fn remove_incomplete(repo: &Repo) -> Result<()> {
    Scratch::remove_incomplete(repo)
}

/// Moves a branch that is not checked out anywhere.
fn by_ref(repo: &Repo, wanted: Move<'_>, branch_ref: &str) -> Result<TargetMove> {
    let edit = [RefEdit { name: branch_ref.to_owned(), old: Some(wanted.old), new: wanted.new }];
    let mut moved = repo.edit_refs(&edit, wanted.why);
    // A lock with this very value was left by an earlier try of ours that was killed: nobody else writes it.
    if moved.is_err() && repo.break_stale_lock(branch_ref, Some(wanted.new)) {
        moved = repo.edit_refs(&edit, wanted.why);
    }
    match moved {
        Ok(()) => Ok(TargetMove::Yes),
        Err(error) if error.is_race() => match repo.find_ref(branch_ref)? {
            now if now == Some(wanted.old) => Err(error.into()),
            now => Ok(TargetMove::Elsewhere(now)),
        },
        Err(error) => Err(error.into()),
    }
}

/// Returns what prevents the branch from being moved now, as far as that is known without knowing which files would change.
///
/// # Errors
/// The checkouts cannot be listed.
pub fn blocked_now(repo: &Repo, branch: &str) -> Result<Option<Blocked>> {
    Ok(why_blocked(&repo.checkouts_of(&layout::branch_ref(branch))?, branch))
}

fn why_blocked(checkouts: &[Checkout], branch: &str) -> Option<Blocked> {
    if checkouts.len() > 1 {
        let paths: Vec<String> = checkouts.iter().map(|one| format!("'{}'", one.path.display())).collect();
        let branch = text::safe(branch);
        let why = format!("{branch} is checked out in several places: {}", paths.join(", "));
        return Some(Blocked::new(why, "check out another branch in all but one of them"));
    }
    let checkout = checkouts.first()?;
    checkout.operation().map(|operation| Blocked::by_operation(checkout, branch, operation))
}
