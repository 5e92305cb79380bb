//! What an agent in a sandbox wrote into its private home folder, and into the folders of its program there. Nobody else has it. Its
//! caches and its temporary files can be made again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{
        Oid, Repo,
        objects::{TreeEntry, TreeEntryKind},
    },
    model::AgentId,
    worktree::{
        folder_objects::{self, FolderListing},
        private_git_dir::PrivateGitDir,
    },
};

/// The folder of a sandbox in whose place the agent sees the home folder.
pub const HOME: &str = "home";
/// The beginning of the names of folders of a sandbox that stand in the place of those of the agent's program.
pub const PROGRAM: &str = "program-";
/// The folder for files that can be made again. Every agent has its own.
pub const CACHE: &str = ".cache";
/// The size up to which a private home folder is stored without being asked, in bytes.
pub const MAX_UNASKED: u64 = 64 << 20;
/// The beginning of the names of the stored parts.
const PART: &str = "sandbox-";
/// The most folders of one sandbox.
const MAX_FOLDERS: usize = 20;

/// The folders of an agent's sandbox that nobody else has.
#[derive(Clone, Debug)]
pub struct PrivateHome {
    folder: PathBuf,
}

impl PrivateHome {
    /// Returns those of an agent; there may be none.
    pub fn of(common_dir: &Path, id: &AgentId) -> Self {
        Self { folder: PrivateGitDir::of(common_dir, id).folder().to_owned() }
    }

    /// Returns the size of what would be stored, in bytes.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for name in self.names() {
            bytes += FolderListing::of(&self.folder.join(name), &caches())?.content_bytes();
        }
        Ok(bytes)
    }

    /// Stores the folders with content, without caches. Returns the stored parts.
    ///
    /// # Errors
    /// A file cannot be read, or the disk is full.
    pub fn store(&self, repo: &Repo) -> Result<Vec<TreeEntry>> {
        let mut parts = Vec::new();
        for name in self.names() {
            let folder = self.folder.join(&name);
            // A sandbox leaves empty files and folders, over which it showed those of the user.
            if FolderListing::of(&folder, &caches())?.content_bytes() > 0 {
                let stored = folder_objects::store_folder(repo, &folder, &caches())?;
                parts.push(TreeEntry::new(format!("{PART}{name}"), TreeEntryKind::Tree, stored.tree));
            }
        }
        Ok(parts)
    }

    /// Returns the stored parts among all that was stored of an agent, each with the folder to which it belongs.
    pub fn stored_in<'a>(&self, parts: &'a [TreeEntry]) -> Vec<(&'a str, PathBuf, Oid)> {
        let named = parts.iter().filter_map(|part| {
            let name = std::str::from_utf8(&part.name).ok()?;
            let folder = name.strip_prefix(PART).filter(|folder| is_own(folder))?;
            Some((name, self.folder.join(folder), part.id))
        });
        named.collect()
    }

    /// Returns the folder of the sandbox.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let named = folders.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = named.filter(|name| is_own(name)).take(MAX_FOLDERS).collect();
        names.sort_unstable();
        names
    }
}

fn is_own(name: &str) -> bool {
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    name == HOME || name.strip_prefix(PROGRAM).is_some_and(is_number)
}

fn caches() -> [PathBuf; 1] {
    [CACHE.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_sandbox_are_told_apart() {
        for (name, own) in [
            ("home", true),
            ("program-0", true),
            ("program-12", true),
            ("program-", false),
            ("program-x", false),
            ("git", false),
            ("temporary", false),
            ("..", false),
        ] {
            assert_eq!(is_own(name), own, "{name}");
        }
    }
}
