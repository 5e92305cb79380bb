//! Moving a branch, once: the target to the commit that has everything that landed, or back.

pub use super::branch_move::{Blocked, Move};
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

/// How often the user may leave the branch, or come back to it, while we look.
const MAX_SWITCHES: usize = 5;

/// What moving a branch came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TargetMove {
    /// It stands there now; where it is checked out, so do the files.
    Yes,
    /// There is nothing to move.
    NotNeeded,
    /// Somebody moved it meanwhile, to this commit, or removed it.
    Elsewhere(Option<Oid>),
    /// It cannot be moved as things stand.
    Blocked(Blocked),
}

/// Moves a branch, forward or back, from the value that was seen to the value that is meant; where it is checked out, its files
/// go along. What the user committed, staged, switched or wrote meanwhile is left alone: then nothing moves.
///
/// # Errors
/// Another git works on the branch or in its checkout (4), or something cannot be written.
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
    Err(Error::new(Code::TargetBusy, format!("{branch} is checked out and left again all the time"))
        .hint("try again"))
}

/// Brings files along where somebody switched to the branch while it moved: git reads a branch first and is on it last. Where they
/// cannot be brought along, the branch goes back.
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

/// Takes every move of a checkout back that a kill cut off, with the locks that it left. Gives what the user should know.
///
/// # Errors
/// Another git works in that checkout (4), or something cannot be written.
pub fn recover(repo: &Repo) -> Result<Vec<String>> {
    moving::recover(repo)
}

/// Takes the locks away of moves that were made when a kill came: whoever commits next need not wait for the next landing.
///
/// # Errors
/// The repository cannot be read.
pub fn unlock_made(repo: &Repo) -> Result<()> {
    moving::unlock_made(repo)
}

/// Whether any scratch worktree is not whole.
///
/// # Errors
/// The repository cannot be read.
pub fn is_incomplete(repo: &Repo) -> Result<bool> {
    Scratch::is_incomplete(repo)
}

/// Removes scratch worktrees whose making or removal was cut off or failed, but for those in whose places somebody works.
///
/// # Errors
/// It cannot be removed.
pub fn remove_incomplete(repo: &Repo) -> Result<()> {
    Scratch::remove_incomplete(repo)
}

/// Where nobody has it checked out.
fn by_ref(repo: &Repo, wanted: Move<'_>, branch_ref: &str) -> Result<TargetMove> {
    let edit = [RefEdit { name: branch_ref.to_owned(), old: Some(wanted.old), new: wanted.new }];
    let mut moved = repo.edit_refs(&edit, wanted.why);
    // Killed here before, we left our own lock: nobody else would write that value.
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

/// What would keep a branch from being moved now, as far as that can be told before it is known which files would change.
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
