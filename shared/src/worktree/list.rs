//! Finding an agent's worktree, and measuring its size.

use std::{
    cell::OnceCell,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{
        Repo,
        worktrees::{Worktree, WorktreeHead},
    },
    model::AgentId,
    store::layout,
};

/// Finds the worktrees of agents. The list of all worktrees is read once, and only for an agent that is not registered under its own
/// name.
pub struct WorktreeFinder<'repo> {
    repo: &'repo Repo,
    all: OnceCell<Vec<Worktree>>,
}

impl<'repo> WorktreeFinder<'repo> {
    /// Returns a finder that has read nothing yet.
    pub const fn new(repo: &'repo Repo) -> Self {
        Self { repo, all: OnceCell::new() }
    }

    /// Returns the agent's worktree, as [`pick_worktree`] does.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn find(&self, id: &AgentId, branch: &str) -> Result<Option<Worktree>> {
        if let Some(own) = self.repo.worktree_named(id.as_str())? {
            return Ok(Some(own));
        }
        if self.all.get().is_none() {
            let _ = self.all.set(self.repo.worktrees()?);
        }
        Ok(self.all.get().and_then(|all| pick_worktree(all, id, branch)).cloned())
    }
}

/// Returns the worktree of one agent.
///
/// # Errors
/// The repository cannot be read.
pub fn worktree_of_agent(repo: &Repo, id: &AgentId, branch: &str) -> Result<Option<Worktree>> {
    WorktreeFinder::new(repo).find(id, branch)
}

/// Returns the agent's worktree from a list of all: the one registered under its name, else the one whose folder has its name, else
/// the one that has its branch checked out.
pub fn pick_worktree<'a>(all: &'a [Worktree], id: &AgentId, branch: &str) -> Option<&'a Worktree> {
    let bears_name = |path: &Path| path.file_name().is_some_and(|name| name == id.as_str());
    let wanted = WorktreeHead::Branch(layout::branch_ref(branch));
    all.iter()
        .find(|worktree| bears_name(&worktree.git_dir))
        .or_else(|| all.iter().find(|worktree| bears_name(&worktree.path)))
        .or_else(|| all.iter().find(|worktree| worktree.head() == wanted))
}

/// Returns the disk space of a folder in bytes, the folder itself included. Links are not followed.
pub fn disk_size(folder: &Path) -> u64 {
    let mut total = 0;
    if !fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) {
        return total;
    }
    let mut pending: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            total += found.blocks() * 512;
            if found.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    total
}
