//! Locks on files, by `flock`: the kernel releases them however their holder dies. The files are opened close-on-exec.

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use crate::{Code, Error, Kind, Result, backoff::Backoff, private_files, trace};

/// A held lock, released when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock at `path`, making the file and its folders, and waits at most `limit` for another holder. `None`: another
    /// process still holds it.
    ///
    /// # Errors
    /// The file cannot be made or opened.
    pub fn take(path: &Path, limit: Duration) -> Result<Option<Self>> {
        let begun = Instant::now();
        let deadline = begun + limit;
        let mut backoff = Backoff::millis(1, 50);
        let mut has_waited = false;
        let tell = |got| trace::waited_for_lock(path, begun.elapsed(), got);
        loop {
            match Self::attempt(path) {
                Ok(Some(lock)) => {
                    if has_waited {
                        tell(true);
                    }
                    return Ok(Some(lock));
                }
                Ok(None) if Instant::now() >= deadline => {
                    if has_waited {
                        tell(false);
                    }
                    return Ok(None);
                }
                Ok(None) => backoff.sleep(),
                Err(e) => return Err(cannot(path, e)),
            }
            has_waited = true;
        }
    }

    /// Like [`Lock::take`], but a lock that is still held is an error.
    ///
    /// # Errors
    /// Another process holds the lock during all of `limit` (4), or as for [`Lock::take`].
    pub fn require(path: &Path, limit: Duration) -> Result<Self> {
        Self::take(path, limit)?.ok_or_else(|| {
            Error::new(Code::LockHeld, format!("'{}' is locked by another process", path.display()))
                .hint("try again")
        })
    }

    fn attempt(path: &Path) -> io::Result<Option<Self>> {
        let open = || private_files::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = match open() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = path.parent() {
                    private_files::create_dir(parent)?;
                }
                // A repair may remove the new folder at this moment; then try again.
                match open() {
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                    other => other?,
                }
            }
            other => other?,
        };
        Self::of(file, path)
    }

    /// Locks an open file. `None`: it is locked by another, or the file is no longer the one at `path`.
    fn of(file: File, path: &Path) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // The previous holder may have removed the file; then a lock on it protects nothing.
        let mine = file.metadata()?.ino();
        match std::fs::metadata(path) {
            Ok(now) if now.ino() == mine => Ok(Some(Self { file })),
            _ => Ok(None),
        }
    }

    /// Takes the lock at `path` if its file exists and nobody holds it. Never makes the file.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn take_existing(path: &Path) -> io::Result<Option<Self>> {
        match private_files::options().read(true).write(true).open(path) {
            Ok(file) => Self::of(file, path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Returns whether anybody holds the lock at `path`. Takes a shared lock for an instant.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = private_files::options().read(true).open(path) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Returns whether the locked file is still the one at `path`: it may have been removed.
    pub fn is_at(&self, path: &Path) -> bool {
        let inode = |found: io::Result<std::fs::Metadata>| found.map(|found| found.ino()).ok();
        let mine = inode(self.file.metadata());
        mine.is_some() && inode(std::fs::metadata(path)) == mine
    }

    /// The locked file, to write into it or to pass it to a child.
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// A lock that this process inherited as an open file.
    pub const fn inherited(file: File) -> Self {
        Self { file }
    }
}

/// Returns the error for a lock file that cannot be made or written.
pub(crate) fn cannot(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::External, format!("cannot lock '{}'", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_none_after_a_removal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/lock");
        assert!(!Lock::is_held(&path));
        let first = Lock::take(&path, Duration::ZERO).unwrap().unwrap();
        assert!(Lock::is_held(&path));
        assert!(Lock::take(&path, Duration::ZERO).unwrap().is_none());
        std::fs::remove_file(&path).unwrap();
        let second = Lock::require(&path, Duration::ZERO).unwrap();
        drop(first);
        assert!(Lock::is_held(&path));
        drop(second);
        assert!(!Lock::is_held(&path));
    }
}
