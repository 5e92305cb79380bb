//! `undo`: reverts what a command changed. An undo is an operation too, and can be undone itself.

mod choose;
mod outcomes;
mod preview;
mod verdicts;

use std::{collections::BTreeSet, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::choose::Reversal;
pub use crate::store::operations::Stage;
use crate::{
    Code, Error, Result,
    context::Context,
    git::{Oid, Repo},
    landing::{
        finish::{self, BranchMove, TargetMove},
        follow,
        target_lock::{LockHolder, TargetLock},
    },
    model::text,
    ops::{caller::Caller, cleanup, merge_ranked, move_modes, rewind},
    removal::{copied, recover, trash},
    store::operations::{self, Change, Journal, Operation, OperationBody, QuarantinedRef, UndoEffect},
    supervise::relink,
    trust::AcceptedRepo,
    worktree::{include::Readiness, worktrees_dir},
};

/// Which operation to undo.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The id of the operation or a unique prefix; by default, the newest that can be undone.
    pub operation: Option<String>,
    /// Whether to only report what would be undone.
    pub dry_run: bool,
}

/// The operations, or the operation that was undone.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The operations, newest first; after an undo, only the operation that was undone.
    pub operations: Vec<ListedOperation>,
    /// The id of the undo, which is an operation itself.
    pub undo: Option<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Whether this was a dry run, which changed nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// An operation, and whether it is in effect.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ListedOperation {
    /// The operation as it was recorded.
    #[serde(flatten)]
    pub operation: Operation,
    /// Whether the operation is in effect, because it was not undone.
    pub holds: bool,
}

/// Lists the operations, newest first.
///
/// # Errors
/// They cannot be read.
pub fn list(repo: &Repo) -> Result<Report> {
    let all = operations::all(repo)?;
    let listed = |one: &Operation| ListedOperation {
        operation: one.clone(),
        holds: operations::is_in_effect(one, &all),
    };
    Ok(Report {
        operations: all.iter().map(listed).collect(),
        undo: None,
        warnings: Vec::new(),
        dry_run: false,
    })
}

/// Undoes an operation.
///
/// # Errors
/// There is no such operation, or it cannot be undone now (3). The user interrupts it before the first change (130); after that it
/// cannot be interrupted.
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    if request.dry_run {
        let all = operations::all(repo)?;
        let operation = choose::newest_of(choose::choose(&all, request.operation.as_deref())?, &all);
        let operation = with_current_paths(repo, operation)?;
        preview::check(context, repo, &operation, &all)?;
        let listed = ListedOperation { holds: true, operation };
        return Ok(Report { operations: vec![listed], undo: None, warnings: Vec::new(), dry_run: true });
    }
    repo.identity()?;
    Caller::of(repo).check_unlimited("undo anything")?;
    let _lock = operations::lock(repo)?;
    // Interrupted operations are finished or reverted first, because they decide which operation is the newest.
    let mut warnings = finish::recover(repo)?;
    warnings.extend(merge_ranked::finish_if_moved(repo)?);
    // Read under the lock, so that the second of two concurrent undos sees what the first one did.
    let all = operations::all(repo)?;
    let operation = choose::newest_of(choose::choose(&all, request.operation.as_deref())?, &all);
    let operation = with_current_paths(repo, operation)?;
    // The last point at which the user can interrupt it.
    context.check()?;
    let (undo, more) = reverse(&context.uncancellable(), repo, &operation, &all)?;
    warnings.extend(more);
    // A restored worktree refers to the repository by the path that it had when the worktree was removed.
    relink::repair(repo)?;
    let listed = ListedOperation { holds: false, operation };
    Ok(Report { operations: vec![listed], undo: Some(undo), warnings, dry_run: false })
}

/// Returns the operation with corrected paths of worktrees. If the folder of a worktree no longer exists, the repository was probably
/// renamed, and the worktree is restored where worktrees are made now; so it is in a copy of the repository.
fn with_current_paths(repo: &Repo, operation: &Operation) -> Result<Operation> {
    let mut operation = copied::with_own_paths(repo, operation)?;
    for worktree in operation.removals_mut().iter_mut().filter_map(|removal| removal.worktree.as_mut()) {
        let is_gone = worktree.ancestors().nth(2).is_some_and(|above| !above.exists());
        if let Some(name) = worktree.file_name().filter(|_| is_gone) {
            *worktree = worktrees_dir::planned_dir(repo)?.join(Path::new(name));
        }
    }
    Ok(operation)
}

fn reverse(
    context: &Context,
    repo: &Repo,
    operation: &Operation,
    all: &[Operation],
) -> Result<(String, Vec<String>)> {
    let begin = |effect| {
        let body = OperationBody::Undo { of: operation.id.clone(), effect };
        Journal::new(repo, body)
    };
    match choose::reversal(operation, all)? {
        Reversal::MoveBack(changes) => {
            let _agent = rewind::lock_agent_of(context, repo, operation, all)?;
            let _targets = lock_targets(repo, changes)?;
            let back =
                |change: &Change| Change { branch: change.branch.clone(), old: change.new, new: change.old };
            let back: Vec<Change> = changes.iter().map(back).collect();
            let journal = begin(UndoEffect::Moved(back.clone()))?;
            let id = journal.operation.id.clone();
            move_branches_back(repo, journal, operation, &back)?;
            rewind::record_undo(repo, operation, all)?;
            let mut warnings = outcomes::record(repo, operation, all);
            if matches!(operation.body, OperationBody::Landing(_)) {
                let follow =
                    |change: &Change| follow::follow_branch(repo, &change.branch, change.old, change.new);
                warnings.extend(back.iter().flat_map(follow));
            }
            Ok((id, warnings))
        }
        Reversal::Return(refs) => {
            let mut journal = begin(UndoEffect::Restored)?;
            return_refs(repo, &mut journal, operation, refs)?;
            Ok((journal.operation.id, Vec::new()))
        }
        Reversal::Restore(_) => restore_agents(context, repo, begin(UndoEffect::Restored)?, operation, all),
        Reversal::Verdicts { agents, pick, withdraws } => {
            let journal = begin(UndoEffect::Reviewed(agents.to_vec()))?;
            verdicts::change(repo, journal, operation, all, (pick, withdraws))
        }
        Reversal::RemoveAgain(before) => {
            let journal = begin(UndoEffect::Removed(Vec::new()))?;
            let id = journal.operation.id.clone();
            Ok((id, remove_again(context, repo, journal, before)?))
        }
    }
}

/// Locks the branches that move back, so that no landing into one of them runs meanwhile.
fn lock_targets(repo: &Repo, changes: &[Change]) -> Result<Vec<TargetLock>> {
    let branches: BTreeSet<&str> = changes.iter().map(|change| change.branch.as_str()).collect();
    branches.into_iter().map(|branch| TargetLock::take(repo, branch, LockHolder::UNDO)).collect()
}

fn move_branches_back(
    repo: &Repo,
    mut journal: Journal,
    operation: &Operation,
    back: &[Change],
) -> Result<()> {
    let names: Vec<&str> = back.iter().map(|change| change.branch.as_str()).collect();
    journal.operation.summary = format!("of {} {} ({})", operation.command(), operation.id, names.join(", "));
    move_modes::keep(repo, &mut journal, back)?;
    journal.write(repo, &[])?;
    for change in back {
        if let Err(error) = move_back(repo, change) {
            journal.operation.stage = Stage::Aborted;
            journal.write(repo, &[])?;
            return Err(error);
        }
    }
    move_modes::restore(repo, operation)?;
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[])
}

/// Returns damaged refs to where they were before `doctor` moved them out of the way. Those before one that cannot be returned stay
/// returned.
fn return_refs(
    repo: &Repo,
    journal: &mut Journal,
    operation: &Operation,
    refs: &[QuarantinedRef],
) -> Result<()> {
    let names: Vec<&str> = refs.iter().map(|one| one.name.as_str()).collect();
    journal.operation.summary = format!("of {} {} ({})", operation.command(), operation.id, names.join(", "));
    journal.write(repo, &[])?;
    for one in refs.iter().filter(|one| one.file.exists()) {
        if let Err(error) = repo.return_quarantined_ref(&one.name, &one.file) {
            journal.operation.stage = Stage::Aborted;
            journal.write(repo, &[])?;
            return Err(error);
        }
    }
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[])
}

/// Restores the agents. An interrupted undo of the same operation is finished under its own id.
fn restore_agents(
    context: &Context,
    repo: &Repo,
    journal: Journal,
    operation: &Operation,
    all: &[Operation],
) -> Result<(String, Vec<String>)> {
    let is_interrupted = |one: &&Operation| match &one.body {
        OperationBody::Undo { of, effect: UndoEffect::Restored } => {
            *of == operation.id && one.stage == Stage::Open
        }
        _ => false,
    };
    let mut journal = match all.iter().find(is_interrupted) {
        Some(interrupted) => Journal::open(repo, &interrupted.id)?,
        None => journal,
    };
    recover::restore_agents(context, repo, &mut journal, operation)?;
    for name in operation.removals().iter().filter_map(|removal| removal.registration.as_ref()) {
        // What could be made again is not restored.
        if let Some(worktree) = repo.worktree_named(name)? {
            Readiness::forget(&worktree)?;
        }
    }
    // Also deletes what a killed command left in the trash.
    let warning = trash::delete_in_background(repo).err().map(|error| error.one_line());
    Ok((journal.operation.id, warning.into_iter().collect()))
}

fn remove_again(context: &Context, repo: &Repo, journal: Journal, before: &Operation) -> Result<Vec<String>> {
    refuse_repair(before)?;
    let agents: Vec<(String, bool)> =
        before.removals().iter().map(|removal| (removal.agent.clone(), removal.discarded)).collect();
    let report = cleanup::remove_again(context, repo, journal, &agents)?;
    if let Some(failure) = report.failure().filter(|_| report.operation.is_none()) {
        return Err(failure);
    }
    let kept = report.agents.iter().filter(|entry| entry.outcome == cleanup::CleanupOutcome::Kept);
    let why: Vec<String> = kept.map(|entry| format!("'{}' is kept: {}", entry.agent.id, entry.why)).collect();
    if report.operation.is_none() {
        return Err(Error::new(Code::UndoRefused, why.join("; ")));
    }
    trash::delete_in_background(repo)?;
    Ok(why)
}

fn refuse_repair(before: &Operation) -> Result<()> {
    if matches!(before.body, OperationBody::Repair(_)) {
        return Err(Error::new(Code::UndoRefused, "it restored a worktree, and had not removed an agent")
            .hint(format!("git orchestra cleanup {} removes the agent", text::safe(&before.summary))));
    }
    Ok(())
}

/// The error for a branch that cannot move back because it is at another commit now, or no longer exists.
fn branch_moved(change: &Change, now: Option<Oid>) -> Error {
    let branch = text::safe(&change.branch).into_owned();
    let Some(now) = now else {
        return Error::new(Code::BranchGone, format!("branch {branch} no longer exists")).hint_command(&[
            &"git",
            &"branch",
            &"--",
            &change.branch,
            &change.new.to_string(),
        ]);
    };
    let (from, to) = (change.old.short(), now.short());
    Error::new(Code::BranchMoved, format!("{branch} has moved since then: from {from} to {to}"))
        .hint(format!("git log --oneline {from}..{to}"))
        .hint(format!("git revert -m 1 COMMIT reverts a merge; the old state is {}", change.new))
}

fn move_back(repo: &Repo, change: &Change) -> Result<()> {
    let wanted =
        BranchMove { branch: &change.branch, old: change.old, new: change.new, why: "orchestra undo" };
    match finish::move_branch(repo, wanted)? {
        TargetMove::Moved | TargetMove::Unchanged => Ok(()),
        TargetMove::Elsewhere(now) => Err(branch_moved(change, now)),
        TargetMove::Blocked(blocked) => {
            let error = Error::new(Code::CheckoutBlocked, blocked.why);
            Err(blocked.hints.into_iter().fold(error, Error::hint))
        }
    }
}
