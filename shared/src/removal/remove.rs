//! Removing one agent. First everything is stored; then the files move, the agent goes into the archive, and its refs are
//! deleted. Killed between any two steps, the agent has either lost its worktree or is still there; the open operation tells
//! which.

use std::path::{Path, PathBuf};

use super::{processes_in::Places, restore};
use crate::{
    Code, Error, Result,
    git::{
        Oid, Repo,
        objects::{TreeEntry, TreeEntryKind},
        worktrees::{Worktree, WorktreeHead},
    },
    lock::Lock,
    model::{Agent, AgentId},
    store::{
        archive::{self, Archived},
        layout::{self, PrivateDir},
        operations::Removal,
    },
    worktree::{
        away::{self, OBJECTS, REFLOG, REGISTRATION, WAIT, WORKTREE},
        folder_objects::{self, FolderListing},
        registration_objects,
    },
};

/// An agent to remove.
#[derive(Debug)]
pub struct RemovalTarget<'a> {
    /// The agent.
    pub id: &'a AgentId,
    /// Its state.
    pub agent: &'a Agent,
    /// Its worktree, if it has one.
    pub worktree: Option<&'a Worktree>,
    /// Folders in the worktree that can be rebuilt and are not stored.
    pub derived: &'a [PathBuf],
    /// Whether its work goes only into the trash, not into the archive.
    pub discard: bool,
}

/// What was stored of an agent.
#[derive(Debug)]
pub struct KeptAgent {
    /// The record of the removal for the operation.
    pub removal: Removal,
    /// The tree that holds the stored parts.
    pub tree: Oid,
    /// Commits that must stay reachable with it.
    pub pins: Vec<Oid>,
    /// The fingerprint of the worktree's listing.
    fingerprint: [u8; 32],
}

/// Stores everything of an agent that is to be removed. Changes nothing else.
///
/// # Errors
/// Something cannot be read, or the disk is full.
pub fn keep(repo: &Repo, order: &RemovalTarget<'_>) -> Result<KeptAgent> {
    let refs = refs_of(repo, order)?;
    let (mut parts, mut pins) = (Vec::new(), Vec::new());
    let reflog = repo.common_dir()?.join("logs").join(layout::branch_ref(&order.agent.branch));
    let reflog = reflog.is_file().then_some(reflog);
    if let Some(path) = &reflog {
        parts.push(TreeEntry::new(REFLOG, TreeEntryKind::File, repo.keep_file(path, 0)?));
    }
    let mut removal = Removal {
        agent: order.id.to_string(),
        worktree: None,
        registration: None,
        stood_on: stood_on(repo, order, &refs)?,
        refs,
        bytes: 0,
        discarded: order.discard,
    };
    let mut fingerprint = [0; 32];
    if let Some(worktree) = order.worktree {
        fingerprint = FolderListing::of(&worktree.path, order.derived)?.fingerprint();
        let files = folder_objects::store(repo, &worktree.path, order.derived)?;
        let registration = folder_objects::store(repo, &worktree.git_dir, &[])?;
        parts.push(TreeEntry::new(WORKTREE, TreeEntryKind::Tree, files.tree));
        parts.push(TreeEntry::new(REGISTRATION, TreeEntryKind::Tree, registration.tree));
        let tip = tip_of(repo, order)?;
        let further: Vec<PathBuf> = reflog.into_iter().collect();
        let named = registration_objects::named(repo, &worktree.git_dir, &further, tip)?;
        parts.extend(named.others.map(|tree| TreeEntry::new(OBJECTS, TreeEntryKind::Tree, tree)));
        pins = named.commits;
        removal.worktree = Some(worktree.path.clone());
        removal.registration = worktree.git_dir.file_name().map(|name| name.to_string_lossy().into_owned());
        removal.bytes = files.bytes;
    }
    Ok(KeptAgent { removal, tree: repo.write_entries(parts)?, pins, fingerprint })
}

fn refs_of(repo: &Repo, order: &RemovalTarget<'_>) -> Result<Vec<(String, Oid)>> {
    let id = order.id;
    let names = [
        layout::agent_ref(id),
        layout::head_ref(id),
        layout::branch_ref(&order.agent.branch),
        layout::log_ref(id),
        layout::snapshot_ref(id),
        layout::surroundings_ref(id),
    ];
    let mut refs = Vec::new();
    for name in names {
        refs.extend(repo.find_ref(&name)?.map(|at| (name, at)));
    }
    Ok(refs)
}

fn stood_on(repo: &Repo, order: &RemovalTarget<'_>, refs: &[(String, Oid)]) -> Result<Option<(String, Oid)>> {
    match order.worktree.map(Worktree::head) {
        Some(WorktreeHead::Branch(name)) if !refs.iter().any(|(known, _)| *known == name) => {
            Ok(repo.find_ref(&name)?.map(|at| (name, at)))
        }
        _ => Ok(None),
    }
}

fn tip_of(repo: &Repo, order: &RemovalTarget<'_>) -> Result<Oid> {
    let at = [layout::branch_ref(&order.agent.branch), layout::head_ref(order.id)];
    for name in at {
        if let Some(tip) = repo.find_ref(&name)? {
            return Ok(tip);
        }
    }
    order.agent.base.commit().ok_or_else(|| Error::internal(format!("'{}' has no base commit", order.id)))
}

/// Agents that are removed together, with what was stored of each.
pub type Batch<'a> = [(RemovalTarget<'a>, &'a KeptAgent)];

/// What happened to one agent.
#[derive(Debug)]
pub enum RemovalOutcome {
    /// It was removed.
    Removed,
    /// An error prevented it; everything of the agent is back in place.
    Kept(Error),
    /// An error prevented it, and also prevented moving everything back: a part is in the trash. The operation must stay open, so
    /// that the next command moves it back.
    Stuck(Error),
}

/// Removes agents whose stored parts are recorded in the operation. The outcomes are in the order of the agents. An agent is kept
/// if a process uses its worktree, if something changed since it was stored, or if something cannot be moved.
///
/// # Errors
/// The lock on worktrees cannot be taken; nothing is changed.
pub fn carry_out(repo: &Repo, operation: &str, batch: &Batch<'_>) -> Result<Vec<RemovalOutcome>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let _lock = Lock::require(&private.worktrees_lock(), WAIT)?;
    let before = Places::now();
    let mut moved: Vec<Moved> = Vec::with_capacity(batch.len());
    for (order, kept) in batch {
        moved.push(Moved::away(repo, operation, order, kept, &before));
    }
    // Between check and move a process may have entered the worktree or written to it.
    let after = Places::now();
    for ((order, kept), moved) in batch.iter().zip(&mut moved) {
        if moved.error.is_none()
            && let Err(error) = moved.still_as_kept(order, kept, &after)
        {
            moved.put_back(error);
        }
    }
    let gone: Vec<usize> = (0..batch.len()).filter(|at| moved[*at].error.is_none()).collect();
    if drop_refs(repo, gone.iter().map(|at| &batch[*at])).is_err() {
        // One agent blocks all; try each alone.
        for at in gone {
            if let Err(error) = drop_refs(repo, [&batch[at]].into_iter()) {
                moved[at].put_back(error);
                moved[at].revive(repo, batch[at].1);
            }
        }
    }
    Ok(moved.into_iter().map(Moved::fate).collect())
}

/// The folders of one agent that were moved into the trash, from and to; the worktree first.
#[derive(Default)]
struct Moved {
    folders: Vec<(PathBuf, PathBuf)>,
    /// Why the agent is kept.
    error: Option<Error>,
    /// Whether the folders could not be moved back.
    stuck: bool,
}

impl Moved {
    fn away(
        repo: &Repo,
        operation: &str,
        order: &RemovalTarget<'_>,
        kept: &KeptAgent,
        places: &Places,
    ) -> Self {
        let mut moved = Self::default();
        if let Err(error) = moved.move_away(repo, operation, order, kept, places) {
            moved.put_back(error);
        }
        moved
    }

    fn move_away(
        &mut self,
        repo: &Repo,
        operation: &str,
        order: &RemovalTarget<'_>,
        kept: &KeptAgent,
        places: &Places,
    ) -> Result<()> {
        if let Some(worktree) = order.worktree {
            free_of_processes(&worktree.path, places)?;
        }
        for (from, to) in away::moves(repo, operation, &kept.removal)? {
            away::move_folder(&from, &to)?;
            self.folders.push((from, to));
        }
        Ok(())
    }

    fn put_back(&mut self, error: Error) {
        for (from, to) in self.folders.iter().rev() {
            if let Err(worse) = away::move_folder(to, from) {
                (self.error, self.stuck) = (Some(worse), true);
                return;
            }
        }
        // The trash folder may have been made for this agent.
        let _ = self.folders.first().and_then(|(_, to)| to.parent()).map(std::fs::remove_dir);
        self.error = Some(error);
    }

    /// Restores refs that may have been deleted, and the agent from the archive.
    fn revive(&mut self, repo: &Repo, kept: &KeptAgent) {
        let archived = archive::all(repo);
        let revived = archived.and_then(|all| restore::restore_refs(repo, kept.tree, &kept.removal, &all.0));
        if let Err(worse) = revived {
            (self.error, self.stuck) = (Some(worse), true);
        }
    }

    fn fate(self) -> RemovalOutcome {
        match self.error {
            None => RemovalOutcome::Removed,
            Some(error) if self.stuck => RemovalOutcome::Stuck(error),
            Some(error) => RemovalOutcome::Kept(error),
        }
    }

    fn still_as_kept(&self, order: &RemovalTarget<'_>, kept: &KeptAgent, places: &Places) -> Result<()> {
        let Some((_, files)) = self.folders.first() else { return Ok(()) };
        free_of_processes(files, places)?;
        if FolderListing::of(files, order.derived)?.fingerprint() != kept.fingerprint {
            return Err(Error::new(Code::WorktreeInUse, "its worktree changed while it was being removed")
                .hint("try again"));
        }
        Ok(())
    }
}

fn free_of_processes(folder: &Path, places: &Places) -> Result<()> {
    places.first_in(folder).map_or(Ok(()), |inside| Err(Error::new(Code::WorktreeInUse, inside.sentence())))
}

/// Archives the agents and deletes their refs: all of them or none.
fn drop_refs<'a>(
    repo: &Repo,
    gone: impl Iterator<Item = &'a (RemovalTarget<'a>, &'a KeptAgent)>,
) -> Result<()> {
    let (mut lives, mut refs) = (Vec::new(), Vec::new());
    for (order, kept) in gone {
        let of = |name: String| kept.removal.refs.iter().find(|(known, _)| *known == name).map(|(_, at)| *at);
        if let Some(tip) = of(layout::agent_ref(order.id)) {
            let work = of(layout::head_ref(order.id)).filter(|_| !order.discard);
            lives.push((Archived { id: order.id.clone(), tip, work }, order.agent));
        }
        refs.extend(kept.removal.refs.iter().cloned());
    }
    archive::add(repo, &lives)?;
    Ok(repo.delete_refs(&refs)?)
}
