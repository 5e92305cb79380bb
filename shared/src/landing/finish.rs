//! Moves a branch once, together with its checkout: the target to the commit that contains everything that landed, or back. And switches
//! a checkout.

pub use super::{
    branch_move::{Blocked, BranchMove, HeadPlace, HeadSwitch},
    moving::FileModes,
};
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
    Moved,
    /// The branch was already at the new commit, and old and new are the same.
    Unchanged,
    /// The branch was moved to this commit meanwhile, or deleted.
    Elsewhere(Option<Oid>),
    /// The branch cannot be moved at the moment.
    Blocked(Blocked),
}

/// Moves a branch, forward or back, from the value that was seen to the value that is meant; where it is checked out, its files
/// go along. What the user committed, staged, switched or wrote meanwhile is left alone: then nothing moves.
///
/// # Errors
/// Another git process is using the branch or its checkout (4), or something cannot be written.
pub fn move_branch(repo: &Repo, branch_move: BranchMove<'_>) -> Result<TargetMove> {
    let branch_ref = layout::branch_ref(branch_move.branch);
    moving::refuse_symbolic(&repo.common_dir()?, branch_move.branch)?;
    for _ in 0..MAX_SWITCHES {
        let now = repo.find_ref(&branch_ref)?;
        if now == Some(branch_move.new) {
            return Ok(if branch_move.new == branch_move.old {
                TargetMove::Unchanged
            } else {
                TargetMove::Moved
            });
        }
        if now != Some(branch_move.old) {
            return Ok(TargetMove::Elsewhere(now));
        }
        let checkouts = repo.checkouts_of(&branch_ref)?;
        if let Some(blocked) = why_blocked(&checkouts, branch_move.branch) {
            return Ok(TargetMove::Blocked(blocked));
        }
        let Some(checkout) = checkouts.first() else {
            let moved = move_ref(repo, branch_move, &branch_ref)?;
            return if moved == TargetMove::Moved {
                update_switched_checkout(repo, branch_move, &branch_ref)
            } else {
                Ok(moved)
            };
        };
        match moving::move_checkout(repo, checkout, branch_move)? {
            MoveOutcome::Moved => return Ok(TargetMove::Moved),
            MoveOutcome::Elsewhere(now) => return Ok(TargetMove::Elsewhere(now)),
            MoveOutcome::Blocked(blocked) => return Ok(TargetMove::Blocked(blocked)),
            MoveOutcome::Switched => {}
        }
    }
    let branch = text::safe(branch_move.branch);
    Err(Error::new(Code::TargetBusy, format!("{branch} is being checked out and left repeatedly"))
        .hint("try again"))
}

/// Reads the permissions of the files that a move changes in the checkout of its branch, for the move back: a file that it removes is
/// made again then.
///
/// # Errors
/// The checkouts or a tree cannot be read.
pub fn read_modes(repo: &Repo, branch: &str, old: Oid, new: Oid) -> Result<FileModes> {
    match repo.checkouts_of(&layout::branch_ref(branch))?.first() {
        Some(checkout) => FileModes::read(repo, &checkout.path, old, new),
        None => Ok(FileModes::default()),
    }
}

/// Gives the files in the checkout of a branch, which was moved back, the permissions that they had before the move.
///
/// # Errors
/// The checkouts cannot be read.
pub fn restore_modes(repo: &Repo, branch: &str, modes: &FileModes) -> Result<()> {
    if let Some(checkout) = repo.checkouts_of(&layout::branch_ref(branch))?.first() {
        modes.restore(&checkout.path);
    }
    Ok(())
}

/// Switches a checkout to or from a detached commit. What the user committed, staged, switched or wrote meanwhile is left alone: then
/// nothing changes.
///
/// # Errors
/// Another git process is using the branch or the checkout (4), or something cannot be written.
pub fn switch(repo: &Repo, checkout: &Checkout, switch: &HeadSwitch<'_>) -> Result<TargetMove> {
    Ok(match moving::switch_checkout(repo, checkout, switch)? {
        MoveOutcome::Moved => TargetMove::Moved,
        MoveOutcome::Elsewhere(now) => TargetMove::Elsewhere(now),
        MoveOutcome::Blocked(blocked) => TargetMove::Blocked(blocked),
        MoveOutcome::Switched => TargetMove::Blocked(Blocked::new(
            format!("'{}' was switched meanwhile", checkout.path.display()),
            "try again",
        )),
    })
}

/// Updates the files of a checkout that switched to the branch while it moved: git reads the commit of a branch first and writes
/// `HEAD` last. If the files cannot be updated, the branch is moved back.
fn update_switched_checkout(
    repo: &Repo,
    branch_move: BranchMove<'_>,
    branch_ref: &str,
) -> Result<TargetMove> {
    moving::wait_for_switches(repo)?;
    let Some(checkout) = repo.checkouts_of(branch_ref)?.into_iter().next() else {
        return Ok(TargetMove::Moved);
    };
    match moving::update_checkout(repo, &checkout, branch_move)? {
        MoveOutcome::Blocked(blocked) => {
            let back = BranchMove { old: branch_move.new, new: branch_move.old, ..branch_move };
            move_ref(repo, back, branch_ref)?;
            Ok(TargetMove::Blocked(blocked))
        }
        MoveOutcome::Moved | MoveOutcome::Elsewhere(_) | MoveOutcome::Switched => Ok(TargetMove::Moved),
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
pub fn release_completed_moves(repo: &Repo) -> Result<()> {
    moving::release_completed_moves(repo)
}

/// Returns the number of moves of checkouts that a kill interrupted, without changing anything.
///
/// # Errors
/// The private folder cannot be found.
pub fn count_interrupted_moves(repo: &Repo) -> Result<usize> {
    moving::count_interrupted(repo)
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
fn move_ref(repo: &Repo, branch_move: BranchMove<'_>, branch_ref: &str) -> Result<TargetMove> {
    let edit = [RefEdit { name: branch_ref.to_owned(), old: Some(branch_move.old), new: branch_move.new }];
    let mut moved = repo.edit_refs(&edit, branch_move.why);
    // A lock with this very value was left by an earlier try of ours that was killed: nobody else writes it.
    if moved.is_err() && repo.break_stale_lock(branch_ref, Some(branch_move.new)) {
        moved = repo.edit_refs(&edit, branch_move.why);
    }
    match moved {
        Ok(()) => Ok(TargetMove::Moved),
        Err(error) if error.is_race() => match repo.find_ref(branch_ref)? {
            now if now == Some(branch_move.old) => Err(error.into()),
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
