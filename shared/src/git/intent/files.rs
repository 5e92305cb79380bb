//! The files of an intent, and the ways in which one file replaces another.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{RefError, careful},
};

/// What will happen to a file of git. Names are relative to the common git directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::git) enum Action {
    /// A staged file replaces it.
    Replace,
    /// It is removed.
    Delete,
    /// It is only locked against changes, or replaced by the file staged as [`PACKED`].
    Hold,
}

/// The last line of an intent: from here on its changes will be made.
pub(in crate::git) const COMMIT: &str = "commit\n";

/// The suffix of the staged `packed-refs`.
pub(in crate::git) const PACKED: &str = "packed";

/// The prefix of the suffix of staged files without content: the locks of files that are removed.
pub(in crate::git) const EMPTY: &str = "empty";

impl Action {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Hold => "hold",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Replace, Self::Delete, Self::Hold].into_iter().find(|action| action.word() == word)
    }
}

/// Returns the folder of the intents.
pub(in crate::git) fn intents_dir(common: &Path) -> PathBuf {
    common.join("orchestra/intents")
}

/// Returns the path of the lock of a git file.
pub(in crate::git) fn lock_of(common: &Path, name: &str) -> PathBuf {
    common.join(format!("{name}.lock"))
}

pub(in crate::git) fn locked_error(name: &str, lock: &Path) -> RefError {
    RefError::Locked { name: name.to_owned(), lock: lock.to_owned() }
}

/// Makes `lock` a hard link to `source`, or a copy on a file system without links. Only a link can be distinguished from locks of
/// others.
pub(in crate::git) fn link_or_copy(source: &Path, lock: &Path) -> io::Result<()> {
    match fs::hard_link(source, lock) {
        Err(e) if matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            let mut file = File::create_new(lock)?;
            let written =
                careful::read(source).and_then(|bytes| file.write_all(&bytes)).and_then(|()| file.sync_all());
            written.inspect_err(|_| {
                let _ = fs::remove_file(lock);
            })
        }
        other => other,
    }
}

/// Replaces a file by a staged one, which stays staged: while its lock exists, it proves whose lock that is.
pub(in crate::git) fn replace_file(staged: &Path, to: &Path) -> io::Result<()> {
    let mut link = staged.as_os_str().to_owned();
    link.push(".new");
    let link = PathBuf::from(link);
    match fs::hard_link(staged, &link) {
        Err(e) if matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            rename_over(staged, to)
        }
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => rename_over(&link, to).inspect_err(|_| {
            let _ = fs::remove_file(&link);
        }),
    }
}

/// Renames a file over another. If refs were below a ref of this name, git leaves an empty folder, which is removed.
pub(in crate::git) fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    if to.is_dir() {
        let _ = fs::remove_dir(to);
    }
    fs::rename(from, to)
}

/// Returns the inode of a file.
pub(in crate::git) fn inode(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|found| found.ino())
}

/// Syncs the entries of a folder to the disk.
///
/// # Errors
/// The disk fails.
pub(in crate::git) fn sync_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.context(Kind::External, || format!("cannot sync '{}'", folder.display()))
}

pub(in crate::git) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
