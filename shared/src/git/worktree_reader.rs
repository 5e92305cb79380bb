//! Reading the registrations of many worktrees: the folder that contains them is resolved once, not once for each.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::worktrees::{CurrentPlace, Worktree, WorktreePlace, current_place};
use crate::{Result, git::Repo};

impl Repo {
    /// Returns the names of all registrations, without reading any.
    ///
    /// # Errors
    /// As for [`Repo::worktrees`].
    pub fn worktree_names(&self) -> Result<HashSet<OsString>> {
        let entries = fs::read_dir(self.common_dir()?.join("worktrees"));
        Ok(entries.into_iter().flatten().flatten().map(|entry| entry.file_name()).collect())
    }

    /// Returns a reader for several worktrees.
    pub fn worktree_reader(&self) -> WorktreeReader<'_> {
        WorktreeReader { repo: self, parents: HashMap::new() }
    }
}

/// Reads the registrations of worktrees. The folder that contains many of them is resolved once.
pub struct WorktreeReader<'repo> {
    repo: &'repo Repo,
    /// Folders, each with its path without links; `None` if it has none.
    parents: HashMap<PathBuf, Option<PathBuf>>,
}

impl WorktreeReader<'_> {
    /// Lists all linked worktrees, sorted by name.
    ///
    /// # Errors
    /// As for [`Repo::worktrees`].
    pub fn all(&mut self) -> Result<Vec<Worktree>> {
        let Ok(entries) = fs::read_dir(self.repo.common_dir()?.join("worktrees")) else {
            return Ok(Vec::new());
        };
        let mut found: Vec<Worktree> =
            entries.flatten().filter_map(|entry| self.read(entry.path())).collect();
        found.sort_unstable_by(|a, b| a.git_dir.cmp(&b.git_dir));
        Ok(found)
    }

    /// Returns the linked worktree that is registered under a name.
    ///
    /// # Errors
    /// As for [`Repo::worktrees`].
    pub fn named(&mut self, name: &OsStr) -> Result<Option<Worktree>> {
        Ok(self.read(self.repo.common_dir()?.join("worktrees").join(name)))
    }

    fn read(&mut self, git_dir: PathBuf) -> Option<Worktree> {
        let CurrentPlace { path: registered, place, is_folder } = current_place(&git_dir)?;
        let path = match place {
            WorktreePlace::Gone => None,
            _ if is_folder => self.resolve(&registered),
            _ => registered.canonicalize().ok(),
        };
        Some(Worktree { git_dir, path: path.unwrap_or(registered), place })
    }

    /// Returns the path of a folder without links, if it is not a link itself.
    fn resolve(&mut self, folder: &Path) -> Option<PathBuf> {
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return folder.canonicalize().ok();
        };
        if !self.parents.contains_key(parent) {
            self.parents.insert(parent.to_owned(), parent.canonicalize().ok());
        }
        self.parents.get(parent)?.as_ref().map(|parent| parent.join(name))
    }
}
