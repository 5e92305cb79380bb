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
/// The most entries of one folder among which links are looked for.
const MAX_VISITED: usize = 50_000;
/// How many folders deep a sandbox places links.
const MAX_LINK_DEPTH: usize = 5;
/// The most replaced `.git` that are kept.
const MAX_REPLACED: u32 = 100;
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

    /// Returns a free path in the home folder for what the agent put in place of the `.git` of its worktree; `None` if there is none.
    pub fn place_for_git(&self) -> Option<PathBuf> {
        let path = |number| self.folder.join(HOME).join(format!("replaced-git-{number}"));
        (1..MAX_REPLACED).map(path).find(|path| fs::symlink_metadata(path).is_err())
    }

    /// Returns the size of what would be stored, in bytes.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for name in self.names() {
            let folder = self.folder.join(name);
            bytes += FolderListing::of(&folder, &self.skipped(&folder))?.content_bytes();
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
            let skipped = self.skipped(&folder);
            if FolderListing::of(&folder, &skipped)?.content_bytes() > 0 {
                let stored = folder_objects::store_folder(repo, &folder, &skipped)?;
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

    /// Removes the links that a sandbox by Landlock placed. No process of the agent may be running.
    pub fn remove_links(&self) {
        for folder in self.names().into_iter().map(|name| self.folder.join(name)) {
            for link in self.links(&folder) {
                let _ = fs::remove_file(folder.join(link));
            }
        }
    }

    /// Returns what is not stored of a folder: caches, and links to what the user has.
    fn skipped(&self, folder: &Path) -> Vec<PathBuf> {
        let mut skipped = self.links(folder);
        skipped.push(CACHE.into());
        skipped
    }

    /// Returns the relative paths of the links in a folder that lead to the same path of the user, or into another of these folders:
    /// such as a sandbox by Landlock places, which cannot show a file at another path than its own.
    fn links(&self, folder: &Path) -> Vec<PathBuf> {
        let mut links = Vec::new();
        let mut visited = 0;
        let mut open = vec![(PathBuf::new(), 0)];
        while let Some((below, depth)) = open.pop() {
            for entry in fs::read_dir(folder.join(&below)).into_iter().flatten().flatten() {
                visited += 1;
                let path = below.join(entry.file_name());
                if visited > MAX_VISITED || path == Path::new(CACHE) {
                    continue;
                }
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && depth < MAX_LINK_DEPTH => open.push((path, depth + 1)),
                    Ok(kind) if kind.is_symlink() => {
                        let leads = fs::read_link(folder.join(&path)).is_ok_and(|to| {
                            to.is_absolute() && (to.ends_with(&path) || to.starts_with(&self.folder))
                        });
                        links.extend(leads.then_some(path));
                    }
                    _ => {}
                }
            }
        }
        links
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
