//! Removing one agent. First everything is stored; then the files move, the agent goes into the archive, and its refs are
//! deleted. Killed between any two steps, the agent has either lost its worktree or is still there; the open operation tells
//! which.

use std::path::{Path, PathBuf};

use super::{
    processes_in::UsedPaths,
    restore::{self, RemovedAgent},
};
use crate::{
    Code, Error, Result,
    context::Context,
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
        folder_objects::{self, FolderListing},
        private_git_dir::PrivateGitDir,
        private_home::PrivateHome,
        registration_objects,
        removed_folders::{self, LOCK_TIMEOUT, OBJECTS, PRIVATE_GIT_DIR, REFLOG, REGISTRATION, WORKTREE},
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
pub struct StoredAgent {
    /// The record of the removal for the operation.
    pub removal: Removal,
    /// The tree that holds the stored parts.
    pub tree: Oid,
    /// Commits that must stay reachable with it.
    pub pins: Vec<Oid>,
    /// The fingerprint of the worktree's listing; `None`: its teardown removed the worktree.
    pub(super) fingerprint: Option<[u8; 32]>,
}

/// Stores everything of an agent that is to be removed. Changes nothing else.
///
/// # Errors
/// Something cannot be read, or the disk is full.
pub fn store_agent(repo: &Repo, target: &RemovalTarget<'_>) -> Result<StoredAgent> {
    let refs = refs_of(repo, target)?;
    let (mut parts, mut pins) = (Vec::new(), Vec::new());
    let reflog = repo.common_dir()?.join("logs").join(layout::branch_ref(&target.agent.branch));
    let goes = target.id.has_made(&target.agent.branch);
    let reflog = Some(reflog).filter(|path| goes && path.is_file());
    if let Some(path) = &reflog {
        parts.push(TreeEntry::new(REFLOG, TreeEntryKind::File, repo.store_file(path, 0)?));
    }
    let git = PrivateGitDir::of(&repo.common_dir()?, target.id);
    if !git.is_imported() {
        // Its commits may be of a kind that the repository refuses; as files they are harmless.
        let stored = folder_objects::store_folder(repo, &git.git_dir(), &[])?;
        parts.push(TreeEntry::new(PRIVATE_GIT_DIR, TreeEntryKind::Tree, stored.tree));
    }
    parts.extend(PrivateHome::of(&repo.common_dir()?, target.id).store(repo)?);
    let mut removal = Removal {
        agent: target.id.to_string(),
        worktree: None,
        registration: None,
        stood_on: checked_out_ref(repo, target, &refs)?,
        refs,
        bytes: 0,
        discarded: target.discard,
    };
    let mut fingerprint = Some([0; 32]);
    if let Some(worktree) = target.worktree {
        fingerprint = Some(FolderListing::of(&worktree.path, target.derived)?.fingerprint());
        let files = folder_objects::store_folder(repo, &worktree.path, target.derived)?;
        let registration = folder_objects::store_folder(repo, &worktree.git_dir, &[])?;
        parts.push(TreeEntry::new(WORKTREE, TreeEntryKind::Tree, files.tree));
        parts.push(TreeEntry::new(REGISTRATION, TreeEntryKind::Tree, registration.tree));
        let tip = tip_of(repo, target)?;
        let further: Vec<PathBuf> = reflog.into_iter().collect();
        let named = registration_objects::referenced_objects(repo, &worktree.git_dir, &further, tip)?;
        parts.extend(named.others.map(|tree| TreeEntry::new(OBJECTS, TreeEntryKind::Tree, tree)));
        pins = named.commits;
        removal.worktree = Some(worktree.path.clone());
        removal.registration = worktree.git_dir.file_name().map(|name| name.to_string_lossy().into_owned());
        removal.bytes = files.bytes;
    }
    Ok(StoredAgent { removal, tree: repo.write_entries(parts)?, pins, fingerprint })
}

/// Returns the refs that go with the agent. A branch that existed before it is not included.
pub(super) fn refs_of(repo: &Repo, target: &RemovalTarget<'_>) -> Result<Vec<(String, Oid)>> {
    let id = target.id;
    let branch = &target.agent.branch;
    let names = [
        Some(layout::agent_ref(id)),
        Some(layout::head_ref(id)),
        id.has_made(branch).then(|| layout::branch_ref(branch)),
        Some(layout::log_ref(id)),
        Some(layout::snapshot_ref(id)),
        Some(layout::points_ref(id)),
        Some(layout::surroundings_ref(id)),
    ];
    let mut refs = Vec::new();
    for name in names.into_iter().flatten() {
        refs.extend(repo.find_ref(&name)?.map(|at| (name, at)));
    }
    Ok(refs)
}

fn checked_out_ref(
    repo: &Repo,
    target: &RemovalTarget<'_>,
    refs: &[(String, Oid)],
) -> Result<Option<(String, Oid)>> {
    match target.worktree.map(Worktree::head) {
        Some(WorktreeHead::Branch(name)) if !refs.iter().any(|(known, _)| *known == name) => {
            Ok(repo.find_ref(&name)?.map(|at| (name, at)))
        }
        _ => Ok(None),
    }
}

fn tip_of(repo: &Repo, target: &RemovalTarget<'_>) -> Result<Oid> {
    let at = [layout::branch_ref(&target.agent.branch), layout::head_ref(target.id)];
    for name in at {
        if let Some(tip) = repo.find_ref(&name)? {
            return Ok(tip);
        }
    }
    target.agent.base.commit().ok_or_else(|| Error::internal(format!("'{}' has no base commit", target.id)))
}

/// Agents that are removed together, with what was stored of each.
pub type Batch<'a> = [(RemovalTarget<'a>, &'a StoredAgent)];

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
/// The lock on worktrees cannot be taken, or the user interrupts the wait for it. Nothing is changed then.
pub fn remove_agents(
    context: &Context,
    repo: &Repo,
    operation: &str,
    batch: &Batch<'_>,
) -> Result<Vec<RemovalOutcome>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let _lock = Lock::require(&private.worktrees_lock(), context.at_most(LOCK_TIMEOUT))?;
    let before = UsedPaths::now();
    let mut moved: Vec<MovedFolders> = Vec::with_capacity(batch.len());
    for (target, stored) in batch {
        moved.push(MovedFolders::try_move(repo, operation, target, stored, &before));
    }
    // Between check and move a process may have entered the worktree or written to it.
    let after = UsedPaths::now();
    for ((target, stored), moved) in batch.iter().zip(&mut moved) {
        if moved.error.is_none()
            && let Err(error) = moved.require_unchanged(target, stored, &after)
        {
            moved.put_back(error);
        }
    }
    let gone: Vec<usize> = (0..batch.len()).filter(|at| moved[*at].error.is_none()).collect();
    if archive_and_delete_refs(repo, gone.iter().map(|at| &batch[*at])).is_err() {
        // One agent blocks all; try each alone.
        for at in gone {
            if let Err(error) = archive_and_delete_refs(repo, [&batch[at]].into_iter()) {
                moved[at].put_back(error);
                moved[at].restore_refs(repo, batch[at].1);
            }
        }
    }
    Ok(moved.into_iter().map(MovedFolders::outcome).collect())
}

/// The folders of one agent that were moved into the trash, from and to; the worktree first.
#[derive(Default)]
struct MovedFolders {
    folders: Vec<(PathBuf, PathBuf)>,
    /// Why the agent is kept.
    error: Option<Error>,
    /// Whether the folders could not be moved back.
    stuck: bool,
}

impl MovedFolders {
    fn try_move(
        repo: &Repo,
        operation: &str,
        target: &RemovalTarget<'_>,
        stored: &StoredAgent,
        places: &UsedPaths,
    ) -> Self {
        let mut moved = Self::default();
        if let Err(error) = moved.move_away(repo, operation, target, stored, places) {
            moved.put_back(error);
        }
        moved
    }

    fn move_away(
        &mut self,
        repo: &Repo,
        operation: &str,
        target: &RemovalTarget<'_>,
        stored: &StoredAgent,
        places: &UsedPaths,
    ) -> Result<()> {
        if let Some(worktree) = target.worktree {
            require_unused(&worktree.path, places)?;
        }
        for (from, to) in removed_folders::folder_moves(repo, operation, &stored.removal)? {
            if stored.fingerprint.is_none() && std::fs::symlink_metadata(&from).is_err() {
                continue;
            }
            removed_folders::move_folder(&from, &to)?;
            self.folders.push((from, to));
        }
        Ok(())
    }

    fn put_back(&mut self, error: Error) {
        for (from, to) in self.folders.iter().rev() {
            if let Err(worse) = removed_folders::move_folder(to, from) {
                (self.error, self.stuck) = (Some(worse), true);
                return;
            }
        }
        // The trash folder may have been made for this agent.
        let _ = self.folders.first().and_then(|(_, to)| to.parent()).map(std::fs::remove_dir);
        self.error = Some(error);
    }

    /// Restores refs that may have been deleted, and the agent from the archive.
    fn restore_refs(&mut self, repo: &Repo, stored: &StoredAgent) {
        let archived = archive::all(repo);
        let agent = RemovedAgent { removal: &stored.removal, stored: stored.tree };
        let revived = archived.and_then(|all| restore::restore_refs(repo, &[agent], &all.0));
        if let Err(worse) = revived {
            (self.error, self.stuck) = (Some(worse), true);
        }
    }

    fn outcome(self) -> RemovalOutcome {
        match self.error {
            None => RemovalOutcome::Removed,
            Some(error) if self.stuck => RemovalOutcome::Stuck(error),
            Some(error) => RemovalOutcome::Kept(error),
        }
    }

    fn require_unchanged(
        &self,
        target: &RemovalTarget<'_>,
        stored: &StoredAgent,
        places: &UsedPaths,
    ) -> Result<()> {
        let (Some((_, files)), Some(fingerprint)) = (self.folders.first(), stored.fingerprint) else {
            return Ok(());
        };
        require_unused(files, places)?;
        if FolderListing::of(files, target.derived)?.fingerprint() != fingerprint {
            return Err(Error::new(Code::WorktreeInUse, "its worktree changed while it was being removed")
                .hint("try again"));
        }
        Ok(())
    }
}

fn require_unused(folder: &Path, places: &UsedPaths) -> Result<()> {
    places.first_in(folder).map_or(Ok(()), |inside| Err(Error::new(Code::WorktreeInUse, inside.sentence())))
}

/// Archives the agents and deletes their refs: all of them or none.
fn archive_and_delete_refs<'a>(
    repo: &Repo,
    gone: impl Iterator<Item = &'a (RemovalTarget<'a>, &'a StoredAgent)>,
) -> Result<()> {
    let (mut archived_agents, mut refs) = (Vec::new(), Vec::new());
    for (target, stored) in gone {
        let of =
            |name: String| stored.removal.refs.iter().find(|(known, _)| *known == name).map(|(_, at)| *at);
        if let Some(tip) = of(layout::agent_ref(target.id)) {
            let work = of(layout::head_ref(target.id)).filter(|_| !target.discard);
            archived_agents.push((Archived { id: target.id.clone(), tip, work }, target.agent));
        }
        for (name, at) in &stored.removal.refs {
            // A teardown may have deleted the branch.
            if repo.find_ref(name)?.is_some() {
                refs.push((name.clone(), *at));
            }
        }
    }
    archive::add(repo, &archived_agents)?;
    Ok(repo.delete_refs(&refs)?)
}
