//! Finishing or reverting cleanups and undos that were killed, by the next one.
//!
//! Each of them is recorded as an open operation before it changes anything, and runs under one lock. So a process that holds the lock
//! and finds an open operation knows that nobody is working on it, and knows every folder and ref that it may have changed.
//!
//! | interrupted | state found | action |
//! |---|---|---|
//! | a cleanup | the agent's ref exists, or its worktree is at its path | the folders move back, missing refs are restored |
//! | a cleanup | the agent's ref and its worktree are gone | the other refs are deleted as well: the agent was removed |
//! | an undo | the operation that it undoes is still in effect | it is finished; steps that are done are skipped |
//! | an undo | that operation was undone by another undo | it is aborted |

use std::{fs, path::Path};

use super::{
    copied,
    restore::{self, Archive, RemovedAgent},
    torn_down,
};
use crate::{
    Code, Error, Kind, Result,
    context::{Context, Event},
    error::ErrorContext as _,
    git::{Oid, Repo},
    lock::Lock,
    model::{AgentId, quote, text},
    store::{
        archive,
        layout::{self, PrivateDir},
        operations::{self, Journal, Operation, OperationBody, Removal, Stage, UndoEffect},
    },
    worktree::removed_folders,
};

/// The number of agents whose refs are restored at once.
const RESTORED_AT_ONCE: usize = 200;

/// Finishes or reverts every interrupted operation, and returns a warning for each that cannot be. The caller holds the lock on
/// operations.
///
/// # Errors
/// The operations cannot be read.
pub fn recover_interrupted(repo: &Repo) -> Result<Vec<String>> {
    let all = operations::all(repo)?;
    let mut warnings = Vec::new();
    for operation in all.iter().filter(|one| one.stage == Stage::Open) {
        // Copied during a cleanup: its folders are those of the original.
        let operation = &copied::with_own_paths(repo, operation).unwrap_or_else(|_| operation.clone());
        let result = if matches!(operation.body, OperationBody::Other { .. }) {
            // Only the version that began it can finish it.
            continue;
        } else if !operation.removals().is_empty() {
            recover_removals(repo, operation)
        } else if let Some(before) = undone_by(operation, &all) {
            recover_undo(repo, operation, before, &all)
        } else {
            // The user continues or aborts an interrupted landing.
            continue;
        };
        if let Err(error) = result {
            let (id, why) = (text::safe(&operation.id), error.one_line());
            warnings.push(format!("operation {id} was interrupted and cannot be finished: {why}"));
        }
    }
    move_old_registrations(repo)?;
    Ok(warnings)
}

/// Returns the operation that removed the agents which this undo restores.
fn undone_by<'a>(undo: &Operation, all: &'a [Operation]) -> Option<&'a Operation> {
    let OperationBody::Undo { of, effect: UndoEffect::Restored } = &undo.body else { return None };
    all.iter().find(|one| one.id == *of && !one.removals().is_empty())
}

fn recover_removals(repo: &Repo, operation: &Operation) -> Result<()> {
    let mut journal = Journal::open(repo, &operation.id)?;
    let (archived, _) = archive::all(repo)?;
    let mut removed = Vec::new();
    for removal in operation.removals() {
        if has_agent_ref(repo, removal)? || is_in_place(repo, operation, removal)? {
            revert_removal(repo, &journal, removal, &archived)?;
        } else {
            let mut remaining = Vec::new();
            for (name, was) in &removal.refs {
                remaining
                    .extend(repo.find_ref(name)?.filter(|now| now == was).map(|now| (name.clone(), now)));
            }
            repo.delete_refs(&remaining)?;
            removed.push(removal.clone());
        }
    }
    journal.operation.stage = if removed.is_empty() { Stage::Aborted } else { Stage::Done };
    journal.operation.set_removals(removed)?;
    journal.write(repo, &[])
}

fn has_agent_ref(repo: &Repo, removal: &Removal) -> Result<bool> {
    Ok(repo.find_ref(&layout::agent_ref(&AgentId::parse(&removal.agent)?))?.is_some())
}

/// Returns whether its folders never moved, or were moved back because one of its refs could not be deleted.
fn is_in_place(repo: &Repo, operation: &Operation, removal: &Removal) -> Result<bool> {
    Ok(removed_folders::folder_moves(repo, &operation.id, removal)?.iter().any(|(place, _)| exists(place)))
}

/// Reverts what an interrupted cleanup did to an agent that stays.
fn revert_removal(repo: &Repo, journal: &Journal, removal: &Removal, archived: &Archive) -> Result<()> {
    move_back(repo, &journal.operation, removal)?;
    let agent = RemovedAgent { removal, stored: stored_tree(journal, removal)? };
    restore::restore_refs(repo, &[agent], archived)?;
    torn_down::put_back_if_marked(repo, &journal.operation.id, agent)
}

/// Moves folders out of the trash to their old paths, the registration first. The folders themselves are used: what was written
/// into them after they were stored is only there.
///
/// # Errors
/// A folder cannot be moved, or its path is taken.
pub fn move_back(repo: &Repo, operation: &Operation, removal: &Removal) -> Result<()> {
    let _lock =
        Lock::require(&PrivateDir::new(repo.private_dir()?).worktrees_lock(), removed_folders::LOCK_TIMEOUT)?;
    for (place, moved) in removed_folders::folder_moves(repo, &operation.id, removal)?.iter().rev() {
        if !exists(moved) {
            continue;
        }
        if exists(place) {
            let (shown, moved) = (place.display(), moved.display());
            return Err(Error::new(
                Code::PathTaken,
                format!("'{shown}' is taken; its previous content is in '{moved}'"),
            )
            .hint(format!("{} SOMEWHERE-ELSE, and try again", quote::command(&[&"mv", &place]))));
        }
        removed_folders::move_folder(moved, place)?;
    }
    Ok(())
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn recover_undo(repo: &Repo, undo: &Operation, before: &Operation, all: &[Operation]) -> Result<()> {
    let mut journal = Journal::open(repo, &undo.id)?;
    if operations::is_in_effect(before, all) {
        let before = copied::with_own_paths(repo, before)?;
        return restore_agents(&Context::of(repo.environment()), repo, &mut journal, &before);
    }
    abort_undo(repo, &mut journal, before)
}

/// Restores the agents that `before` removed; `journal` is that of the undo. Steps that are done are skipped.
///
/// # Errors
/// One of them cannot be restored in the present state: nothing is changed; or something cannot be written: then what is there stays
/// there, and the same undo can be tried again.
pub fn restore_agents(
    context: &Context,
    repo: &Repo,
    journal: &mut Journal,
    before: &Operation,
) -> Result<()> {
    let stored = Journal::open(repo, &before.id)?;
    let mut agents = Vec::new();
    for removal in before.removals() {
        if before.stage == Stage::Open {
            move_back(repo, before, removal)?;
        }
        restore::require_restorable(repo, removal)?;
        agents.push(RemovedAgent { removal, stored: stored_tree(&stored, removal)? });
    }
    journal.operation.summary = format!("of {} {} ({})", before.command(), before.id, before.summary);
    journal.write(repo, &[])?;
    let (archived, _) = archive::all(repo)?;
    let reader = Repo::open_for_checkout(repo.environment(), &repo.common_dir()?)?;
    let mut done = 0;
    for some in agents.chunks(RESTORED_AT_ONCE) {
        let (restored, failure) = restore_some(repo, &reader, &journal.operation.id, some, &archived);
        for agent in restored {
            done += 1;
            if let Ok(agent) = AgentId::parse(&agent.removal.agent) {
                context.emit(&Event::AgentRestored { agent, done, of: agents.len() });
            }
        }
        if let Some(error) = failure {
            abort_undo(repo, journal, before)?;
            return Err(error);
        }
    }
    journal.operation.stage = Stage::Done;
    journal.write(repo, &[])?;
    remove_empty_trash(before);
    Ok(())
}

/// Restores agents until one fails. Returns those that are back, and the error of the next one.
fn restore_some<'a, 'b>(
    repo: &Repo,
    reader: &Repo,
    undo: &str,
    agents: &'b [RemovedAgent<'a>],
    archived: &Archive,
) -> (&'b [RemovedAgent<'a>], Option<Error>) {
    let mut failure = None;
    let mut with_folders = 0;
    while let Some(agent) = agents.get(with_folders).filter(|_| failure.is_none()) {
        match restore::restore_folders(repo, reader, undo, *agent) {
            Ok(()) => with_folders += 1,
            Err(error) => failure = Some(error),
        }
    }
    let agents = &agents[..with_folders];
    if restore::restore_refs(repo, agents, archived).is_ok() {
        return (agents, failure);
    }
    // One agent blocks all; try each alone.
    for (at, agent) in agents.iter().enumerate() {
        if let Err(error) = restore::restore_refs(repo, &[*agent], archived) {
            return (&agents[..at], Some(error));
        }
    }
    (agents, failure)
}

fn stored_tree(stored: &Journal, removal: &Removal) -> Result<Oid> {
    stored.tree(&removal.agent).ok_or_else(|| {
        let (id, agent) = (&stored.operation.id, text::safe(&removal.agent));
        Error::new(Code::StateDamaged, format!("operation {id} has nothing stored of '{agent}'"))
    })
}

/// Deletes the copies of an unfinished undo, and records it as aborted.
fn abort_undo(repo: &Repo, journal: &mut Journal, before: &Operation) -> Result<()> {
    for removal in before.removals() {
        for (_, copy) in removed_folders::folder_moves(repo, &journal.operation.id, removal)? {
            removed_folders::delete_folder(&copy);
        }
    }
    remove_empty_trash(before);
    journal.operation.stage = Stage::Aborted;
    journal.write(repo, &[])
}

/// Removes trash folders that are empty after an undo.
fn remove_empty_trash(before: &Operation) {
    for worktree in before.removals().iter().filter_map(|removal| removal.worktree.as_deref()) {
        let _ = removed_folders::trash_dir(worktree).map(fs::remove_dir);
    }
}

/// Version 0.1.0 wrote a registration to be restored next to the others, where git took the rest of a killed one for a second
/// worktree.
fn move_old_registrations(repo: &Repo) -> Result<()> {
    let gone = PrivateDir::new(repo.private_dir()?).gone();
    let Ok(entries) = fs::read_dir(repo.common_dir()?.join("worktrees")) else { return Ok(()) };
    for entry in
        entries.flatten().filter(|one| one.file_name().as_encoded_bytes().starts_with(b".coming-back-"))
    {
        let cannot = || format!("cannot move '{}' out of the way", entry.path().display());
        fs::create_dir_all(&gone).context(Kind::External, cannot)?;
        fs::rename(entry.path(), gone.join(entry.file_name())).context(Kind::External, cannot)?;
    }
    Ok(())
}
