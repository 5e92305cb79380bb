//! Which folders belong to a repository: its checkouts, including those that no longer exist.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{Repo, careful, common_dir, worktrees::WorktreePlace},
    store::layout::PrivateDir,
    worktree::worktrees_dir,
};

/// The folders of one repository.
#[derive(Debug)]
pub(in crate::ops) struct Scope {
    common: PathBuf,
    roots: Vec<PathBuf>,
}

impl Scope {
    /// Returns the scope of a repository: its checkout, its worktrees, the folder for agents' worktrees, and removed worktrees.
    pub(in crate::ops) fn of(repo: &Repo) -> Result<Self> {
        let common = repo.common_dir()?;
        let common = common.canonicalize().unwrap_or(common);
        let mut roots: Vec<PathBuf> = repo.main_checkout()?.into_iter().collect();
        let worktrees = repo.worktrees()?.into_iter();
        let own = worktrees.filter(|worktree| worktree.place != WorktreePlace::Foreign);
        roots.extend(own.map(|worktree| worktree.path));
        roots.extend(worktrees_dir::planned_dir(repo));
        roots.extend(removed_worktrees(&PrivateDir::new(repo.private_dir()?)));
        Ok(Self { common, roots })
    }

    pub(in crate::ops) fn common(&self) -> &Path {
        &self.common
    }

    /// Returns whether a folder belongs to the repository. `now` is the repository that it is in now, `before` the one that it was in
    /// when the session was read before.
    pub(in crate::ops) fn contains(&self, folder: &Path, now: Option<&Path>, before: Option<&Path>) -> bool {
        match now.or(before.filter(|_| !folder.exists())) {
            Some(common) => common == self.common,
            // A nested repository in a removed folder cannot be told apart from that folder.
            None => self.roots.iter().any(|root| folder.starts_with(root)),
        }
    }
}

/// Returns the worktrees whose registrations were set aside because their files no longer existed.
fn removed_worktrees(private: &PrivateDir) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(private.gone()) else { return Vec::new() };
    let links = entries.flatten().filter_map(|entry| careful::text(entry.path().join("gitdir")).ok());
    links.filter_map(|link| Path::new(link.trim_end()).parent().map(Path::to_owned)).collect()
}

/// The repositories of folders, each looked up once.
#[derive(Debug, Default)]
pub(in crate::ops) struct Repositories(HashMap<String, Option<PathBuf>>);

impl Repositories {
    pub(in crate::ops) fn of(&mut self, folder: &str) -> Option<&Path> {
        if !self.0.contains_key(folder) {
            self.0.insert(folder.to_owned(), common_dir::of_folder(Path::new(folder)));
        }
        self.0.get(folder)?.as_deref()
    }
}
