//! Finding an agent's worktree, and measuring its size.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{
        Repo,
        worktree_reader::WorktreeReader,
        worktrees::{Worktree, WorktreeHead},
    },
    model::AgentId,
    store::layout,
};

/// Finds the worktrees of agents, each by one registration; the others are read once, and only for an agent that has none under its
/// name.
pub struct WorktreeFinder<'repo> {
    repo: &'repo Repo,
    reader: WorktreeReader<'repo>,
    /// The names of all registrations, once one was missing.
    names: Option<HashSet<OsString>>,
    /// All worktrees, once an agent had none under its name.
    all: Option<AllWorktrees>,
}

impl<'repo> WorktreeFinder<'repo> {
    /// Returns a finder that has read nothing yet.
    pub fn new(repo: &'repo Repo) -> Self {
        Self { repo, reader: repo.worktree_reader(), names: None, all: None }
    }

    /// Returns the worktree that is registered under the agent's name: an agent whose program was never started has no other.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn find_registered(&mut self, id: &AgentId) -> Result<Option<Worktree>> {
        self.reader.named(id.as_str().as_ref())
    }

    /// Returns the agent's worktree, as [`pick_worktree`] does.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn find(&mut self, id: &AgentId, branch: &str) -> Result<Option<Worktree>> {
        let name = OsStr::new(id.as_str());
        if self.names.as_ref().is_none_or(|names| names.contains(name))
            && let Some(own) = self.reader.named(name)?
        {
            return Ok(Some(own));
        }
        if self.names.is_none() {
            self.names = Some(self.repo.worktree_names()?);
        }
        if self.names.as_ref().is_some_and(HashSet::is_empty) {
            return Ok(None);
        }
        if self.all.is_none() {
            self.all = Some(AllWorktrees::of(self.reader.all()?));
        }
        Ok(self.all.as_mut().and_then(|all| all.find(id, branch)).cloned())
    }
}

/// All worktrees, by what ties one to an agent that has none under its name.
struct AllWorktrees {
    all: Vec<Worktree>,
    /// Where the first worktree in a folder of each name is.
    by_folder: HashMap<OsString, usize>,
    /// Where the first worktree with each branch is, once it was asked for: every `HEAD` is read.
    by_branch: Option<HashMap<String, usize>>,
}

impl AllWorktrees {
    fn of(all: Vec<Worktree>) -> Self {
        let mut by_folder = HashMap::with_capacity(all.len());
        for (at, worktree) in all.iter().enumerate() {
            if let Some(name) = worktree.path.file_name() {
                by_folder.entry(name.to_owned()).or_insert(at);
            }
        }
        Self { all, by_folder, by_branch: None }
    }

    fn find(&mut self, id: &AgentId, branch: &str) -> Option<&Worktree> {
        if let Some(at) = self.by_folder.get(OsStr::new(id.as_str())) {
            return self.all.get(*at);
        }
        if !id.has_made(branch) {
            return None;
        }
        let by_branch = self.by_branch.get_or_insert_with(|| by_branch(&self.all));
        by_branch.get(&layout::branch_ref(branch)).and_then(|at| self.all.get(*at))
    }
}

fn by_branch(all: &[Worktree]) -> HashMap<String, usize> {
    let mut found = HashMap::with_capacity(all.len());
    for (at, worktree) in all.iter().enumerate() {
        if let WorktreeHead::Branch(name) = worktree.head() {
            found.entry(name).or_insert(at);
        }
    }
    found
}

/// Returns the worktree of one agent, as [`pick_worktree`] does.
///
/// # Errors
/// The repository cannot be read.
pub fn worktree_of_agent(repo: &Repo, id: &AgentId, branch: &str) -> Result<Option<Worktree>> {
    WorktreeFinder::new(repo).find(id, branch)
}

/// Returns the agent's worktree from a list of all: the one registered under its name, else the one whose folder has its name, else
/// the one that has its branch checked out. A branch that was there before the agent may be checked out by its user.
pub fn pick_worktree<'a>(all: &'a [Worktree], id: &AgentId, branch: &str) -> Option<&'a Worktree> {
    let bears_name = |path: &Path| path.file_name().is_some_and(|name| name == id.as_str());
    let wanted = WorktreeHead::Branch(layout::branch_ref(branch));
    all.iter()
        .find(|worktree| bears_name(&worktree.git_dir))
        .or_else(|| all.iter().find(|worktree| bears_name(&worktree.path)))
        .or_else(|| all.iter().find(|worktree| id.has_made(branch) && worktree.head() == wanted))
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
