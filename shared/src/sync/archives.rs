//! Merges the archives of all clones, and finds the archived agents among those that still have refs.

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

/// The state of each archived agent, once for every time that it was archived.
pub type ArchivedTips = BTreeMap<AgentId, Vec<Archived>>;

/// Reads all archives of a snapshot. An archive that cannot be read is skipped.
pub fn read(repo: &Repo, side: &RefSnapshot) -> ArchivedTips {
    let mut archived_tips = ArchivedTips::new();
    for tip in side.archives.values() {
        for archived in archive::chain(repo, *tip).unwrap_or_default() {
            archived_tips.entry(archived.id.clone()).or_default().push(archived);
        }
    }
    archived_tips
}

/// Returns whether all events of a tip are in an archive.
///
/// # Errors
/// A local commit cannot be read.
pub fn contain(repo: &Repo, archived_tips: &ArchivedTips, id: &AgentId, tip: Oid) -> Result<bool> {
    for archived in archived_tips.get(id).into_iter().flatten() {
        if Chain::holds(repo, archived.tip, tip)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Merges two archives of one writer. Returns `None` if the remote one is not an archive.
///
/// They diverge only if a clone was copied. Then the entries that only ours has are appended to theirs.
///
/// # Errors
/// The local archive cannot be read, or an object cannot be written.
pub fn merge(repo: &Repo, ours: Option<Oid>, theirs: Oid) -> Result<Option<Oid>> {
    let foreign = archive::chain(repo, theirs).unwrap_or_default();
    if foreign.is_empty() || !foreign.iter().all(|archived| is_complete(repo, archived)) {
        return Ok(None);
    }
    let Some(ours) = ours else { return Ok(Some(theirs)) };
    if repo.contains(theirs, ours)? {
        return Ok(Some(theirs));
    }
    if repo.contains(ours, theirs)? {
        return Ok(Some(ours));
    }
    let local_commits = archive::commits(repo, ours)?;
    let (local_keys, remote_keys) =
        (entry_keys(&local_commits), entry_keys(&archive::commits(repo, theirs)?));
    if local_keys == remote_keys {
        return Ok(Some(ours.min(theirs)));
    }
    let mut tip = theirs;
    for (id, archived) in
        local_commits.iter().rev().filter(|(_, archived)| !remote_keys.contains(&entry_key(archived)))
    {
        let mut commit = repo.read_commit(*id)?;
        commit.parents = [tip, archived.tip].into_iter().chain(archived.work).collect();
        tip = repo.write_commit(&commit)?;
    }
    Ok(Some(tip))
}

/// Returns whether a newer archive contains commits of agents' work that an older one does not.
pub fn add_work(repo: &Repo, new: Oid, old: Option<Oid>) -> bool {
    let Ok(commits) = archive::commits(repo, new) else { return true };
    commits.iter().take_while(|(commit, _)| Some(*commit) != old).any(|(_, archived)| archived.work.is_some())
}

/// Returns whether the commits that an entry names exist in this repository.
fn is_complete(repo: &Repo, archived: &Archived) -> bool {
    repo.has_commit(archived.tip) && archived.work.is_none_or(|work| repo.has_commit(work))
}

fn entry_key(archived: &Archived) -> (AgentId, Oid) {
    (archived.id.clone(), archived.tip)
}

fn entry_keys(commits: &[(Oid, Archived)]) -> BTreeSet<(AgentId, Oid)> {
    commits.iter().map(|(_, archived)| entry_key(archived)).collect()
}
