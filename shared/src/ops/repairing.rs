//! Repairs what killed processes left behind, first of all in every command that changes something.

use crate::{
    Result,
    context::Context,
    git::Repo,
    landing::finish,
    supervise::repair::{self, OperationsLock},
};

/// The most worktrees that a command which only adds agents checks; with more, it leaves that to a later command.
const MAX_WORKTREES: usize = 64;

/// Removes the remains of landings, then those of agents. Returns warnings for the user.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn repair(context: &Context, repo: &Repo, lock: OperationsLock<'_>) -> Result<Vec<String>> {
    // Remains that cannot be removed now must not fail the command.
    let failures = [finish::release_completed_moves(repo), clear_landing(repo)];
    let mut notices = repair::repair(context, repo, lock)?;
    notices.extend(failures.into_iter().filter_map(Result::err).map(|error| error.one_line()));
    Ok(notices)
}

/// Like [`repair`], for a command that only adds agents: of many worktrees it reads none, so that its time does not grow with them.
/// What a killed process left of one of them stays for the next command that works with it.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn repair_before_spawn(context: &Context, repo: &Repo) -> Result<Vec<String>> {
    if repo.worktree_names()?.len() <= MAX_WORKTREES {
        return repair(context, repo, OperationsLock::NotHeld);
    }
    let released = finish::release_completed_moves(repo);
    let mut notices = repair::repair_agents(repo, OperationsLock::NotHeld)?;
    notices.extend(released.err().map(|error| error.one_line()));
    Ok(notices)
}

/// Removes incomplete scratch worktrees: those whose `HEAD` names no commit, which `git fsck` reports, and those without files. A
/// worktree that a landing is making or removing now is left alone.
fn clear_landing(repo: &Repo) -> Result<()> {
    if finish::is_incomplete(repo)? { finish::remove_incomplete(repo) } else { Ok(()) }
}
