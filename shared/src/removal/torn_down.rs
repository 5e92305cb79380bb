//! Worktrees in which a teardown ran before they are removed. It may delete, change and write anything there, or remove the worktree
//! itself. So what was stored before it is restored, together with what it left besides.

use std::{fs, path::Path};

use super::{
    remove::{self, RemovalTarget, StoredAgent},
    restore::{self, RemovedAgent},
};
use crate::{
    Result,
    git::{
        Oid, Repo,
        objects::{TreeEntry, TreeEntryKind},
    },
    store::{archive, operations::Removal},
    worktree::{
        folder_objects,
        removed_folders::{self, TORN_DOWN, WORKTREE},
    },
};

/// Marks what was stored of an agent as stored before a teardown: if that is killed, the next command puts back what it deleted.
///
/// # Errors
/// The tree cannot be written.
pub fn marked(repo: &Repo, stored: Oid) -> Result<Oid> {
    let mut parts = repo.entries_of(stored)?;
    parts.push(TreeEntry::new(TORN_DOWN, TreeEntryKind::Tree, repo.write_entries(Vec::new())?));
    repo.write_entries(parts)
}

/// Stores an agent after the teardown of its worktree. `before` was stored before it.
///
/// # Errors
/// Something cannot be read, or the disk is full.
pub fn store(repo: &Repo, target: &RemovalTarget<'_>, before: &StoredAgent) -> Result<StoredAgent> {
    let is_gone = target.worktree.is_some_and(|worktree| is_missing(&worktree.path));
    let mut stored = if is_gone {
        let refs = remove::refs_of(repo, target)?;
        let removal = Removal { refs, ..before.removal.clone() };
        StoredAgent { removal, tree: before.tree, pins: before.pins.clone(), fingerprint: None }
    } else {
        as_before(repo, remove::store_agent(repo, target)?, before)?
    };
    // A branch that the teardown deleted is restored, too.
    let refs = &mut stored.removal.refs;
    let deleted = before.removal.refs.iter().filter(|(name, _)| !refs.iter().any(|(known, _)| known == name));
    let deleted: Vec<_> = deleted.cloned().collect();
    refs.extend(deleted);
    Ok(stored)
}

/// Returns what is restored: the files as they were before the teardown, and those that it left in addition. Those that it left are kept
/// beside them as well, because they may differ.
fn as_before(repo: &Repo, after: StoredAgent, before: &StoredAgent) -> Result<StoredAgent> {
    let find =
        |parts: &[TreeEntry]| parts.iter().find(|part| part.name == WORKTREE.as_bytes()).map(|part| part.id);
    let mut parts = repo.entries_of(after.tree)?;
    let (Some(first), Some(then)) = (find(&repo.entries_of(before.tree)?), find(&parts)) else {
        return Ok(after);
    };
    if first == then {
        return Ok(after);
    }
    parts.retain(|part| part.name != WORKTREE.as_bytes());
    let both = folder_objects::with_additions(repo, first, then)?;
    parts.push(TreeEntry::new(WORKTREE, TreeEntryKind::Tree, both));
    parts.push(TreeEntry::new(TORN_DOWN, TreeEntryKind::Tree, then));
    let pins = before.pins.iter().chain(&after.pins).copied().collect();
    Ok(StoredAgent { tree: repo.write_entries(parts)?, pins, ..after })
}

/// Returns whether a branch of an agent moved since it was stored.
///
/// # Errors
/// A ref cannot be read.
pub fn has_moved(repo: &Repo, before: &Removal) -> Result<bool> {
    for (name, was) in before.refs.iter().chain(&before.stood_on) {
        if repo.find_ref(name)?.is_some_and(|now| now != *was) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts back what the teardown of an agent that stays deleted: files that are missing, its worktree, its branch. What is there stays as
/// it is. Returns whether anything was put back. `operation` is the one that stored the agent, and has not moved its folders away.
///
/// # Errors
/// Something cannot be written.
pub fn put_back(repo: &Repo, operation: &str, agent: RemovedAgent<'_>) -> Result<bool> {
    let moves = removed_folders::folder_moves(repo, operation, agent.removal)?;
    if moves.iter().any(|(_, moved)| !is_missing(moved)) {
        // The next command moves the folders back.
        return Ok(false);
    }
    let reader = Repo::open_for_checkout(repo.environment(), &repo.common_dir()?)?;
    let was_gone = moves.iter().any(|(place, _)| is_missing(place));
    restore::restore_folders(repo, &reader, operation, agent)?;
    let filled = restore::fill_worktree(repo, &reader, agent)?;
    let refs = agent.removal.refs.iter().chain(&agent.removal.stood_on);
    let mut is_branch_gone = false;
    for (name, _) in refs {
        is_branch_gone |= repo.find_ref(name)?.is_none();
    }
    if is_branch_gone {
        restore::restore_refs(repo, &[agent], &archive::all(repo)?.0)?;
    }
    Ok(was_gone || filled || is_branch_gone)
}

/// As [`put_back`], if the operation stored the agent before a teardown that a kill interrupted.
///
/// # Errors
/// As [`put_back`].
pub(super) fn put_back_if_marked(repo: &Repo, operation: &str, agent: RemovedAgent<'_>) -> Result<()> {
    let is_marked = repo.entries_of(agent.stored)?.iter().any(|part| part.name == TORN_DOWN.as_bytes());
    if is_marked {
        put_back(repo, operation, agent)?;
    }
    Ok(())
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}
