//! The archives of all clones, and what they say of the agents that still have refs.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Result,
    git::{Oid, Repo},
    model::AgentId,
    store::{
        Chain,
        archive::{self, Archived},
    },
    sync::ref_snapshot::RefSnapshot,
};

/// Agent → what it was each time that it was put away.
pub type ArchivedTips = BTreeMap<AgentId, Vec<Archived>>;

/// Reads what was put away. An archive that cannot be read says nothing.
pub fn read(repo: &Repo, side: &RefSnapshot) -> ArchivedTips {
    let mut put = ArchivedTips::new();
    for tip in side.archives.values() {
        for archived in archive::chain(repo, *tip).unwrap_or_default() {
            put.entry(archived.id.clone()).or_default().push(archived);
        }
    }
    put
}

/// Whether all that a tip tells is in an archive.
///
/// # Errors
/// A commit that is ours cannot be read.
pub fn hold(repo: &Repo, put: &ArchivedTips, id: &AgentId, tip: Oid) -> Result<bool> {
    for archived in put.get(id).into_iter().flatten() {
        if Chain::holds(repo, archived.tip, tip)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The archive that holds what both hold. `None`: theirs is none.
///
/// Two of one writer grow apart only where a clone was copied: then what is in ours alone is put on top of theirs.
///
/// # Errors
/// Our own archive cannot be read, or nothing can be written.
pub fn merge(repo: &Repo, ours: Option<Oid>, theirs: Oid) -> Result<Option<Oid>> {
    let foreign = archive::chain(repo, theirs).unwrap_or_default();
    if foreign.is_empty() || !foreign.iter().all(|archived| is_whole(repo, archived)) {
        return Ok(None);
    }
    let Some(ours) = ours else { return Ok(Some(theirs)) };
    if repo.contains(theirs, ours)? {
        return Ok(Some(theirs));
    }
    if repo.contains(ours, theirs)? {
        return Ok(Some(ours));
    }
    let mine = archive::commits(repo, ours)?;
    let (told, known) = (entries(&mine), entries(&archive::commits(repo, theirs)?));
    if told == known {
        return Ok(Some(ours.min(theirs)));
    }
    let mut tip = theirs;
    for (id, archived) in mine.iter().rev().filter(|(_, archived)| !known.contains(&name(archived))) {
        let mut commit = repo.read_commit(*id)?;
        commit.parents = [tip, archived.tip].into_iter().chain(archived.work).collect();
        tip = repo.write_commit(&commit)?;
    }
    Ok(Some(tip))
}

/// Whether a newer archive brings commits of agents' worktrees that an older one does not have.
pub fn bring_work(repo: &Repo, new: Oid, old: Option<Oid>) -> bool {
    let Ok(commits) = archive::commits(repo, new) else { return true };
    commits.iter().take_while(|(commit, _)| Some(*commit) != old).any(|(_, archived)| archived.work.is_some())
}

/// What it names is here.
fn is_whole(repo: &Repo, archived: &Archived) -> bool {
    repo.has_commit(archived.tip) && archived.work.is_none_or(|work| repo.has_commit(work))
}

fn name(archived: &Archived) -> (AgentId, Oid) {
    (archived.id.clone(), archived.tip)
}

fn entries(commits: &[(Oid, Archived)]) -> BTreeSet<(AgentId, Oid)> {
    commits.iter().map(|(_, archived)| name(archived)).collect()
}
