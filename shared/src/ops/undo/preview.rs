//! The checks of `undo --dry-run`, so that it promises only what `undo` can do.

use super::{
    branch_moved,
    choose::{self, Reversal},
    refuse_repair,
};
use crate::{
    Code, Error, Result,
    context::Context,
    landing::{finish, target_lock::TargetLock},
    ops::{cleanup, rewind},
    removal::restore,
    store::{
        layout,
        operations::{Change, Operation, QuarantinedRef},
    },
    trust::AcceptedRepo,
};

/// Checks whether an operation can be undone, and changes nothing. Whether files of a checkout prevent it is not known before the
/// files are written.
///
/// # Errors
/// It cannot be taken back (3), or the repository cannot be read.
pub(super) fn check(
    context: &Context,
    repo: &AcceptedRepo,
    operation: &Operation,
    all: &[Operation],
) -> Result<()> {
    match choose::reversal(operation, all)? {
        Reversal::MoveBack(changes) => {
            drop(rewind::lock_agent_of(context, repo, operation, all)?);
            changes.iter().try_for_each(|change| check_change(repo, change))
        }
        Reversal::Restore(removals) => {
            removals.iter().try_for_each(|removal| restore::require_restorable(repo, removal))
        }
        Reversal::Return(refs) => refs.iter().try_for_each(|one| check_return(repo, one)),
        Reversal::Verdicts { agents, .. } => super::verdicts::require(repo, agents),
        Reversal::RemoveAgain(before) => check_removal(context, repo, before),
    }
}

fn check_return(repo: &AcceptedRepo, one: &QuarantinedRef) -> Result<()> {
    match repo.find_ref(&one.name) {
        Ok(None) => Ok(()),
        _ => Err(Error::new(Code::UndoRefused, format!("ref '{}' exists again", one.name))),
    }
}

fn check_change(repo: &AcceptedRepo, change: &Change) -> Result<()> {
    TargetLock::refuse_if_held(repo, &change.branch)?;
    let now = repo.find_ref(&layout::branch_ref(&change.branch))?;
    if now == change.old.into() {
        return Ok(());
    }
    if now != change.new.into() {
        // The change that `undo` would make, from new to old.
        let back = Change { branch: change.branch.clone(), old: change.new, new: change.old };
        return Err(branch_moved(&back, now));
    }
    match finish::blocked_now(repo, &change.branch)? {
        Some(blocked) => {
            let error = Error::new(Code::CheckoutBlocked, blocked.why);
            Err(blocked.hints.into_iter().fold(error, Error::hint))
        }
        None => Ok(()),
    }
}

fn check_removal(context: &Context, repo: &AcceptedRepo, before: &Operation) -> Result<()> {
    refuse_repair(before)?;
    let named = |discarded: bool| {
        let removals = before.removals().iter().filter(move |one| one.discarded == discarded);
        removals.map(|one| one.agent.clone()).collect()
    };
    let request = cleanup::Request {
        agents: named(false),
        discard: named(true),
        force: true,
        dry_run: true,
        ..cleanup::Request::default()
    };
    let report = cleanup::run(context, repo, &request)?;
    if let Some(failure) = report.failure() {
        return Err(failure);
    }
    if report.agents.iter().any(|entry| entry.outcome == cleanup::CleanupOutcome::Planned) {
        return Ok(());
    }
    let why: Vec<String> =
        report.agents.iter().map(|entry| format!("'{}' is kept: {}", entry.agent.id, entry.why)).collect();
    Err(Error::new(Code::UndoRefused, why.join("; ")))
}
