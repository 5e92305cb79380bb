//! Runs a check, a build or test command of the user, on one commit in a scratch worktree, for landings and reviews.

use std::time::Duration;

use super::{
    check::{self, Bounds, CheckRun},
    scratch::LazyScratch,
};
use crate::{
    Result,
    context::Context,
    git::{Oid, Repo},
    world,
};

/// Runs a check on a commit in the scratch worktree, which is created if needed.
///
/// # Errors
/// The scratch worktree cannot be created or reset, the command cannot be run, or the user interrupts it.
pub(super) fn check_commit(
    repo: &Repo,
    scratch: &mut LazyScratch,
    commit: Oid,
    command: &str,
    bounds: Bounds<'_>,
) -> Result<CheckRun> {
    check::run(command, scratch.at(repo, commit)?.path(), bounds)
}

/// Runs a check on a commit without landing anything. Landings, undos and cleanups may run at the same time.
///
/// # Errors
/// The command is empty (2), the user interrupts it, or the scratch worktree cannot be created or removed.
pub fn verify(
    context: &Context,
    repo: &Repo,
    commit: Oid,
    command: &str,
    limit: Duration,
) -> Result<CheckRun> {
    check::check_command(command, "test")?;
    let nonce = format!("verify-{}", world::random_hex::<8>()?);
    let mut scratch = LazyScratch::of(context, &nonce);
    let bounds = Bounds { environment: repo.environment(), limit, cancel: &context.cancel, nonce: &nonce };
    let ran = check_commit(repo, &mut scratch, commit, command, bounds);
    let removed = scratch.remove(repo);
    let ran = ran?;
    removed?;
    Ok(ran)
}
