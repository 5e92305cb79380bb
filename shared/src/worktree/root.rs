//! An opened worktree. Everything in it is reached from its folder one component at a time without following links, so that
//! nothing outside of it is ever read.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags};

use crate::git::file_stat::{FileKind, FileStat};

const OPEN_FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// `NONBLOCK`: opening a pipe does not wait for its other end.
const OPEN_FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The opened folder of a worktree.
#[derive(Debug)]
pub struct WorktreeRoot {
    folder: OwnedFd,
    path: PathBuf,
}

impl WorktreeRoot {
    /// Opens the folder at `path`, which must not be a link.
    ///
    /// # Errors
    /// It is missing, a link or a file, or cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { folder: rustix::fs::openat(CWD, path, OPEN_FOLDER, Mode::empty())?, path: path.to_owned() })
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the device and inode of the folder.
    ///
    /// # Errors
    /// The file system fails.
    pub fn identity(&self) -> io::Result<(u64, u64)> {
        Ok(FileStat::at(&self.folder, b".")?.identity)
    }

    /// Returns whether the `.git` file exists, by which git recognizes a worktree.
    pub fn has_git_file(&self) -> bool {
        FileStat::at(&self.folder, b".git").is_ok()
    }

    /// Returns another handle of the folder.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn top(&self) -> io::Result<OwnedFd> {
        self.folder.try_clone()
    }

    /// Opens a folder below, by a path without a slash at its end; an empty path is the worktree itself.
    ///
    /// # Errors
    /// A component of the path is missing, a link or a file, or cannot be searched.
    pub fn folder(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut folder = self.top()?;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            folder = open_folder(&folder, name)?;
        }
        Ok(folder)
    }

    /// Opens a regular file below.
    ///
    /// # Errors
    /// As for [`WorktreeRoot::folder`], or it is not a regular file.
    pub fn file(&self, path: &[u8]) -> io::Result<(File, FileStat)> {
        let (folder, name) = split_path(path);
        open_file(&self.folder(folder)?, name)
    }
}

/// Splits a path into its folder and its name.
pub fn split_path(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// Opens a folder in a folder.
///
/// # Errors
/// It is missing, a link or a file, or cannot be read.
pub fn open_folder(folder: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(folder, OsStr::from_bytes(name), OPEN_FOLDER, Mode::empty())?)
}

/// Opens a regular file in a folder.
///
/// # Errors
/// It is missing, not a regular file, or cannot be read.
pub fn open_file(folder: impl AsFd, name: &[u8]) -> io::Result<(File, FileStat)> {
    // Opening a device may have an effect; `stat` does not.
    let regular = |found: &FileStat| matches!(found.kind, FileKind::Regular(_));
    let other = || io::Error::new(io::ErrorKind::InvalidInput, "no longer a regular file");
    if !regular(&FileStat::at(&folder, name)?) {
        return Err(other());
    }
    let file = File::from(rustix::fs::openat(folder, OsStr::from_bytes(name), OPEN_FILE, Mode::empty())?);
    let found = FileStat::of(&file)?;
    if regular(&found) { Ok((file, found)) } else { Err(other()) }
}

/// Returns the target of a link in a folder.
///
/// # Errors
/// It is missing or not a link.
pub fn read_link(folder: impl AsFd, name: &[u8]) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(folder, OsStr::from_bytes(name), Vec::new())?.into_bytes())
}

/// A folder that was opened and listed through the same handle: opening it again for the list would cost as much as the list.
pub struct ListedFolder {
    dir: Dir,
    names: Vec<(Vec<u8>, Option<bool>)>,
}

impl ListedFolder {
    /// Opens a folder in a folder, and lists it.
    ///
    /// # Errors
    /// It is missing, a link or a file, or cannot be read.
    pub fn open(folder: impl AsFd, name: &[u8]) -> io::Result<Self> {
        let folder = open_folder(folder, name)?;
        // One that may be read but not searched counts as unreadable: nothing in it can be reached.
        FileStat::at(&folder, b".")?;
        let mut dir = Dir::new(folder)?;
        let mut names = Vec::new();
        while let Some(entry) = dir.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let is_folder = match entry.file_type() {
                    FileType::Unknown => None,
                    kind => Some(kind == FileType::Directory),
                };
                names.push((name.to_vec(), is_folder));
            }
        }
        names.sort_unstable();
        Ok(Self { dir, names })
    }

    /// Returns the names, sorted, and whether each is a folder if the list says so.
    pub fn names(&self) -> &[(Vec<u8>, Option<bool>)] {
        &self.names
    }

    /// Returns its handle, to reach what is in it.
    ///
    /// # Errors
    /// The system has no handle of an open folder.
    pub fn handle(&self) -> io::Result<BorrowedFd<'_>> {
        Ok(self.dir.fd()?)
    }
}
