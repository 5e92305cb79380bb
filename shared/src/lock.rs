//! Locks on files, by `flock`: the kernel releases them however their holder dies. The files are opened close-on-exec.

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::Instant,
};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::{Wait, interrupted},
    private_files, trace,
};

/// A held lock, released when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock at `path`, and creates the file and its folders if they are missing. While another process holds it, waits as
    /// `wait` determines. Returns `None` if the time limit passes.
    ///
    /// # Errors
    /// The file cannot be created or opened, or the wait is cancelled ([`Kind::Interrupted`]).
    pub fn take(path: &Path, wait: impl Into<Wait>) -> Result<Option<Self>> {
        let Wait { limit, cancel } = wait.into();
        let started = Instant::now();
        let deadline = started + limit;
        let mut backoff = Backoff::millis(1, 50);
        let mut has_waited = false;
        let trace_wait = |got| trace::waited_for_lock(path, started.elapsed(), got);
        loop {
            match Self::try_take(path) {
                Ok(Some(lock)) => {
                    if has_waited {
                        trace_wait(true);
                    }
                    return Ok(Some(lock));
                }
                Ok(None) if Instant::now() >= deadline => {
                    if has_waited {
                        trace_wait(false);
                    }
                    return Ok(None);
                }
                Ok(None) if cancel.wait(backoff.pause()) => {
                    trace_wait(false);
                    return Err(interrupted(format!("interrupted while waiting for '{}'", path.display())));
                }
                Ok(None) => {}
                Err(e) => return Err(lock_error(path, e)),
            }
            has_waited = true;
        }
    }

    /// Like [`Lock::take`], but a lock that is still held is an error.
    ///
    /// # Errors
    /// Another process holds it all the time (4), or as [`Lock::take`].
    pub fn require(path: &Path, wait: impl Into<Wait>) -> Result<Self> {
        Self::take(path, wait)?.ok_or_else(|| {
            Error::new(Code::LockHeld, format!("'{}' is locked by another process", path.display()))
                .hint("try again")
        })
    }

    fn try_take(path: &Path) -> io::Result<Option<Self>> {
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
        Self::lock_file(file, path)
    }

    /// Locks an open file. `None`: it is locked by another, or the file is no longer the one at `path`.
    fn lock_file(file: File, path: &Path) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // The previous holder may have removed the file; then a lock on it protects nothing.
        let own_inode = file.metadata()?.ino();
        match std::fs::metadata(path) {
            Ok(now) if now.ino() == own_inode => Ok(Some(Self { file })),
            _ => Ok(None),
        }
    }

    /// Takes the lock at `path` if its file exists and nobody holds it. Never makes the file.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn take_existing(path: &Path) -> io::Result<Option<Self>> {
        match private_files::options().read(true).write(true).open(path) {
            Ok(file) => Self::lock_file(file, path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Returns whether any process holds the lock at `path`. Takes a shared lock for an instant.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = private_files::options().read(true).open(path) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Returns whether the locked file is still the one at `path`: it may have been removed.
    pub fn is_at(&self, path: &Path) -> bool {
        let inode = |found: io::Result<std::fs::Metadata>| found.map(|found| found.ino()).ok();
        let own_inode = inode(self.file.metadata());
        own_inode.is_some() && inode(std::fs::metadata(path)) == own_inode
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
pub(crate) fn lock_error(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::External, format!("cannot lock '{}'", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::context::{Cancel, Context};

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

    #[test]
    fn a_wait_for_a_lock_ends_when_it_is_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _held = Lock::take(&path, Duration::ZERO).unwrap().unwrap();
        let context =
            Context::cancelled_by(&crate::world::Environment::of_this_process(), Cancel::new().unwrap());
        let cancel = context.cancel.clone();
        let thread = std::thread::Builder::new().spawn(move || cancel.cancel()).unwrap();
        let error = Lock::take(&path, context.at_most(Duration::from_secs(60))).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);
        thread.join().unwrap();
    }
}
