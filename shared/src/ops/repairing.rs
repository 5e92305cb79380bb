//! Repairs what killed processes left behind, first of all in every command that changes something.

use crate::{
    Result,
    context::Context,
    git::Repo,
    landing::finish,
    supervise::repair::{self, OperationsLock},
};

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

/// Removes incomplete scratch worktrees: those whose `HEAD` names no commit, which `git fsck` reports, and those without files. A
/// worktree that a landing is making or removing now is left alone.
fn clear_landing(repo: &Repo) -> Result<()> {
    if finish::is_incomplete(repo)? { finish::remove_incomplete(repo) } else { Ok(()) }
}
