//! What is known about how a worktree was made ready: a file in git's registration of the worktree, which lives exactly as long.

use std::{collections::HashSet, io, os::fd::OwnedFd, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::skipped::Skipped;
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{
        careful,
        file_stat::{FileKind, FileStat},
        index_entries::blob_id,
        worktrees::Worktree,
    },
    private_files,
    worktree::root::{self, ListedFolder, WorktreeRoot},
    worktree::submodules::MadeSubmodule,
};

/// Up to this size, in bytes, a file whose times changed is compared by its content.
const MAX_COMPARED: u64 = 1 << 20;
/// The name of the file.
const NAME: &str = "orchestra-ready.json";
/// How many folders in each other are looked at.
const MAX_DEPTH: usize = 100;

/// How a worktree was made ready.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Readiness {
    /// Whether the files of the user's checkout were copied.
    pub is_copied: bool,
    /// The copies.
    pub copies: Vec<Copied>,
    /// What matches the patterns and was not copied.
    pub skipped: Vec<Skipped>,
    /// The submodules that were made.
    pub submodules: Vec<MadeSubmodule>,
    /// The setup that succeeded last.
    pub set_up: Option<String>,
}

/// One copy, as it was made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Copied {
    /// The path in the worktree.
    #[serde(with = "bytes")]
    pub path: Vec<u8>,
    /// Its size in bytes; for a link, that of its target.
    pub size: u64,
    /// A mark that changes with the file.
    mark: String,
    /// The id of its content as a blob, if it is small.
    id: Option<String>,
}

impl Readiness {
    /// Reads what is known; nothing if the file is missing or damaged.
    pub fn of(worktree: &Worktree) -> Self {
        let read = careful::read(worktree.git_dir.join(NAME)).ok();
        read.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Writes it into the registration of the worktree.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write(&self, worktree: &Worktree) -> Result<()> {
        let path: PathBuf = worktree.git_dir.join(NAME);
        let cannot = || format!("cannot write '{}'", path.display());
        let text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        private_files::replace(&path, text).context(Kind::External, cannot)
    }

    /// Notes that the files have to be copied again where they are missing, and the setup to run again, if anything is known.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn forget(worktree: &Worktree) -> Result<()> {
        match Self::of(worktree) {
            known if known == Self::default() => Ok(()),
            known => Self { is_copied: false, set_up: None, ..known }.write(worktree),
        }
    }

    /// Returns the sizes of all copies together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.copies.iter().map(|copy| copy.size).sum()
    }

    /// Returns a test for ignored paths: whether a file is an unchanged copy, or a folder contains nothing else.
    pub fn unchanged_copies<'a>(&'a self, root: &'a WorktreeRoot) -> impl Fn(&[u8]) -> bool + 'a {
        let unchanged: HashSet<&[u8]> = self
            .copies
            .iter()
            .filter(|copy| copy.is_unchanged(root))
            .map(|copy| copy.path.as_slice())
            .collect();
        move |path| !unchanged.is_empty() && has_only(root, path, &unchanged, 0)
    }
}

impl Copied {
    fn is_unchanged(&self, root: &WorktreeRoot) -> bool {
        let (folder, name) = root::split_path(&self.path);
        let Ok(now) = root.folder(folder).and_then(|folder| now(&folder, name)) else { return false };
        now.size == self.size && (now.mark == self.mark || self.id.is_some() && now.id() == self.id)
    }
}

fn has_only(root: &WorktreeRoot, path: &[u8], known: &HashSet<&[u8]>, depth: usize) -> bool {
    let Some(folder) = path.strip_suffix(b"/") else { return known.contains(path) };
    let (above, name) = root::split_path(folder);
    let Ok(listed) = root.folder(above).and_then(|above| ListedFolder::open(above, name)) else {
        return false;
    };
    let Ok(handle) = listed.handle() else { return false };
    depth < MAX_DEPTH
        && listed.names().iter().all(|(name, is_folder)| {
            let is_folder = is_folder.unwrap_or_else(|| {
                FileStat::at(handle, name).is_ok_and(|found| found.kind == FileKind::Folder)
            });
            let end: &[u8] = if is_folder { b"/" } else { b"" };
            has_only(root, &[path, name, end].concat(), known, depth + 1)
        })
}

/// A file as it is now.
struct Now {
    size: u64,
    mark: String,
    content: Content,
}

enum Content {
    Link(Vec<u8>),
    File(std::fs::File),
}

impl Now {
    /// Reads the content of a small file, and returns its id as a blob.
    fn id(self) -> Option<String> {
        let bytes = match self.content {
            Content::Link(target) => target,
            Content::File(file) => careful::read_up_to(file, MAX_COMPARED).ok()??,
        };
        Some(blob_id(&bytes).ok()?.to_string())
    }
}

fn now(folder: &OwnedFd, name: &[u8]) -> io::Result<Now> {
    let stat = rustix::fs::statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
    let found = FileStat::from(&stat);
    let content = match found.kind {
        FileKind::Link => Content::Link(root::read_link(folder, name)?),
        _ => Content::File(root::open_file(folder, name)?.0),
    };
    let mark = format!(
        "{}.{} {}.{} {} {:o}",
        stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec, stat.st_ino, stat.st_mode
    );
    Ok(Now { size: found.size, mark, content })
}

/// Describes a copy that was just made; `None` if it is gone again.
pub(super) fn of_copy(path: &[u8], folder: &OwnedFd, name: &[u8]) -> io::Result<Option<Copied>> {
    let now = match now(folder, name) {
        Ok(now) => now,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (size, mark) = (now.size, now.mark.clone());
    let id = if size <= MAX_COMPARED { now.id() } else { None };
    Ok(Some(Copied { path: path.to_vec(), size, mark, id }))
}

/// Paths in JSON: each byte is one character, so that any name fits.
mod bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&path.iter().copied().map(char::from).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.chars().map(|c| u8::try_from(c).map_err(|_| D::Error::custom("not a byte"))).collect()
    }
}
