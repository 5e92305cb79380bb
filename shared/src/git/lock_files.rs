//! Finding the locks in a git directory and who holds each, without changing anything.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::intent;
pub use super::intent::DeadIntent;
use crate::{
    Result,
    git::{Repo, abandoned},
};

/// Maximum number of entries of folders that are visited.
const MAX_ENTRIES: usize = 100_000;
/// Maximum number of locks whose holder is searched for: for each, all processes are examined.
const MAX_EXAMINED: usize = 50;

/// The locks of a git directory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LockFiles {
    /// The commands of ours that were killed. The next command that changes something removes their locks.
    pub dead: Vec<DeadIntent>,
    /// The locks of other programs.
    pub others: Vec<OtherLock>,
}

/// A lock that is not of a command of ours, as far as that can be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OtherLock {
    /// The path of the lock.
    pub path: PathBuf,
    /// The name of what it locks, below the common git directory.
    pub locked: String,
    /// Whether it locks a ref of ours, an agent's branch, or `packed-refs`: the next command of ours that is in its way removes it, if
    /// it is abandoned.
    pub is_removable: bool,
    /// Whether certainly no living process holds it.
    pub is_abandoned: bool,
}

impl Repo {
    /// Finds all locks on refs, indexes, and other files of git.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn lock_files(&self) -> Result<LockFiles> {
        let common = self.common_dir()?;
        let (dead, live) = intent::observe(&common);
        let ours: HashSet<u64> = dead.iter().flat_map(|one| &one.inodes).copied().chain(live).collect();
        let mut others = Vec::new();
        for path in paths(&common) {
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            // The locks of a landing have a second link as well; its record says more about them.
            if ours.contains(&found.ino()) || found.nlink() > 1 {
                continue;
            }
            let is_abandoned = others.len() < MAX_EXAMINED && abandoned::is_held_by_nobody(&common, &path);
            let locked = path.strip_prefix(&common).unwrap_or(&path).with_extension("");
            let locked = locked.to_string_lossy().into_owned();
            let is_removable = abandoned::is_own_name(&locked);
            others.push(OtherLock { path, locked, is_removable, is_abandoned });
        }
        Ok(LockFiles { dead, others })
    }
}

/// Returns the paths of all locks, sorted: at the top, in the git directories of worktrees, and on refs.
fn paths(common: &Path) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), MAX_ENTRIES);
    let registrations = fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
    let shallow: Vec<PathBuf> = registrations.map(|entry| entry.path()).chain([common.to_owned()]).collect();
    for folder in shallow {
        visit(&folder, false, &mut left, &mut found);
    }
    visit(&common.join("refs"), true, &mut left, &mut found);
    found.sort_unstable();
    found
}

fn visit(top: &Path, is_deep: bool, left: &mut usize, found: &mut Vec<PathBuf>) {
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if *left == 0 {
                return;
            }
            *left -= 1;
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && is_deep => open.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "lock") => {
                    found.push(path);
                }
                _ => {}
            }
        }
    }
}
