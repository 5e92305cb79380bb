//! Runs a check, a build or test command of the user, on one commit in a scratch worktree, for landings and reviews.

use std::time::Duration;

use super::{
    check::{self, Bounds, CheckRun},
    scratch::LazyScratch,
};
use crate::{
    Kind, Result,
    config::{Config, keys::SLOTS},
    context::Context,
    git::{Oid, Repo},
    slots::{self, Slot, Slots},
    world,
};

/// Runs a check on a commit in the scratch worktree, which is created if needed. It waits for a slot of the machine first.
///
/// # Errors
/// The scratch worktree cannot be created or reset, no slot becomes free, the command cannot be run, or the user interrupts it.
pub(super) fn check_commit(
    context: &Context,
    repo: &Repo,
    scratch: &mut LazyScratch,
    commit: Oid,
    command: &str,
    bounds: Bounds<'_>,
) -> Result<CheckRun> {
    let folder = scratch.at(repo, commit)?.path();
    let Some(slot) = take_slot(context, repo, command)? else { return check::run(command, folder, bounds) };
    let environment = bounds.environment.with(slots::VARIABLE, slot.variable());
    check::run(command, folder, Bounds { environment: &environment, ..bounds })
}

/// Takes a slot of the machine for a check. Returns `None` if the check is a part of a command that has one, or if the locks cannot be
/// written: a check must not fail for that.
fn take_slot(context: &Context, repo: &Repo, command: &str) -> Result<Option<Slot>> {
    let Ok(slots) = Slots::of(repo.environment(), Config::of(repo).get(&SLOTS)?) else { return Ok(None) };
    if slots.is_inside() {
        return Ok(None);
    }
    match slots.enter(context, context.limits().slot, command) {
        Ok(slot) => Ok(Some(slot)),
        Err(error) if matches!(error.kind(), Kind::Timeout | Kind::Interrupted) => Err(error),
        Err(_) => Ok(None),
    }
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
    let ran = check_commit(context, repo, &mut scratch, commit, command, bounds);
    let removed = scratch.remove(repo);
    let ran = ran?;
    removed?;
    Ok(ran)
}
