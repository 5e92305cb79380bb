//! All checkouts of the repository at one moment: read once, however many agents are examined.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{
        Repo,
        worktrees::{Checkout, Worktree, WorktreeHead, WorktreePlace},
    },
    model::AgentId,
    store::layout,
};

/// The checkouts of a repository.
pub struct Checkouts {
    worktrees: Vec<Worktree>,
    /// The positions of worktrees by the name of their registration, of their folder, and by the branch in their `HEAD`; the first
    /// of several.
    by_registration: HashMap<String, usize>,
    by_folder: HashMap<String, usize>,
    by_head: HashMap<String, usize>,
    /// The folders that have a branch checked out, by its full name; the main checkout first.
    by_branch: HashMap<String, Vec<PathBuf>>,
    /// The folders of the repository and of all worktrees, sorted by their components.
    folders: Vec<PathBuf>,
}

impl Checkouts {
    /// Reads the registrations of all worktrees.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn read(repo: &Repo) -> Result<Self> {
        let (worktrees, common, main) = (repo.worktrees()?, repo.common_dir()?, repo.main_checkout()?);
        let mut checkouts = Self {
            by_registration: HashMap::new(),
            by_folder: HashMap::new(),
            by_head: HashMap::new(),
            by_branch: HashMap::new(),
            folders: main.iter().chain([&common]).cloned().collect(),
            worktrees: Vec::new(),
        };
        if let Some(path) = main {
            checkouts.add_branch(&Checkout { git_dir: common, path });
        }
        for (at, worktree) in worktrees.iter().enumerate() {
            let Worktree { git_dir, path, .. } = worktree;
            for (names, named) in
                [(&mut checkouts.by_registration, git_dir), (&mut checkouts.by_folder, path)]
            {
                if let Some(name) = named.file_name() {
                    names.entry(name.to_string_lossy().into_owned()).or_insert(at);
                }
            }
            if let WorktreeHead::Branch(branch) = worktree.head() {
                checkouts.by_head.entry(branch).or_insert(at);
            }
            if worktree.is_checked_out() {
                checkouts.add_branch(&Checkout { git_dir: git_dir.clone(), path: path.clone() });
            }
            if worktree.place != WorktreePlace::Foreign {
                checkouts.folders.push(path.clone());
            }
        }
        checkouts.folders.sort_unstable();
        checkouts.worktrees = worktrees;
        Ok(checkouts)
    }

    fn add_branch(&mut self, checkout: &Checkout) {
        if let Some(branch) = checkout.branch() {
            self.by_branch.entry(branch).or_default().push(checkout.path.clone());
        }
    }

    /// Returns the agent's worktree: the one registered under its name, else the one whose folder has its name, else the one that
    /// has its branch checked out. A branch that was there before the agent may be checked out by its user.
    pub fn worktree_of(&self, id: &AgentId, branch: &str) -> Option<&Worktree> {
        let by_name = [&self.by_registration, &self.by_folder];
        let found = by_name.into_iter().find_map(|names| names.get(id.as_str()));
        let by_head = || self.by_head.get(&layout::branch_ref(branch)).filter(|_| id.has_made(branch));
        let found = found.or_else(by_head)?;
        self.worktrees.get(*found)
    }

    /// Returns the folder of another checkout, or of the repository, that is the worktree's own or lies in it.
    pub fn inside(&self, worktree: &Worktree) -> Option<&Path> {
        let from = self.folders.partition_point(|folder| *folder < worktree.path);
        // Its own folder comes first, then what lies in it: paths are compared by their components.
        self.folders.get(from + 1).map(PathBuf::as_path).filter(|next| next.starts_with(&worktree.path))
    }

    /// Returns a checkout other than `own` that has a branch checked out, by its full name.
    pub fn other_with(&self, branch_ref: &str, own: Option<&Path>) -> Option<&Path> {
        let found = self.by_branch.get(branch_ref)?.iter().map(PathBuf::as_path);
        found.into_iter().find(|path| own != Some(path))
    }
}
