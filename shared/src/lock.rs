//! Locks that the kernel releases however their holder dies: `flock` on a file, opened close-on-exec.

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

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock at `path`, making the file and its folders. While another process holds it, waits as long as `wait` says.
    /// `None`: it is still held then.
    ///
    /// # Errors
    /// The file cannot be made or opened, or the wait is cancelled ([`Kind::Interrupted`]).
    pub fn take(path: &Path, wait: impl Into<Wait>) -> Result<Option<Self>> {
        let Wait { limit, cancel } = wait.into();
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
                Ok(None) if cancel.wait(backoff.pause()) => {
                    tell(false);
                    return Err(interrupted(format!("interrupted while waiting for '{}'", path.display())));
                }
                Ok(None) => {}
                Err(e) => return Err(cannot(path, e)),
            }
            has_waited = true;
        }
    }

    /// As [`Lock::take`], where a held lock is an error.
    ///
    /// # Errors
    /// Another process holds it all the time (4), or as [`Lock::take`].
    pub fn require(path: &Path, wait: impl Into<Wait>) -> Result<Self> {
        Self::take(path, wait)?.ok_or_else(|| {
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
                // Whoever mends may take the new folder away for an instant: that is worth another try.
                match open() {
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                    other => other?,
                }
            }
            other => other?,
        };
        Self::of(file, path)
    }

    /// `None`: it is held, or the file is not the one at `path` any more.
    fn of(file: File, path: &Path) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // The holder before us may have removed the file: then this lock locks nothing.
        let mine = file.metadata()?.ino();
        match std::fs::metadata(path) {
            Ok(now) if now.ino() == mine => Ok(Some(Self { file })),
            _ => Ok(None),
        }
    }

    /// The lock at `path` if its file is there and nobody holds it. The file is not made.
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

    /// Whether anybody holds the lock at `path`. Takes a shared lock for an instant.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = private_files::options().read(true).open(path) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Whether the locked file is still the one at `path`: somebody may have removed it.
    pub fn is_at(&self, path: &Path) -> bool {
        let inode = |found: io::Result<std::fs::Metadata>| found.map(|found| found.ino()).ok();
        let mine = inode(self.file.metadata());
        mine.is_some() && inode(std::fs::metadata(path)) == mine
    }

    /// The locked file, for what is written in it or to hand it to a child.
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// A lock that this process inherited as an open file.
    pub const fn inherited(file: File) -> Self {
        Self { file }
    }
}

/// The error of a lock that cannot be made or written.
pub(crate) fn cannot(path: &Path, error: io::Error) -> Error {
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
        let context = Context::new(Cancel::new().unwrap());
        let cancel = context.cancel.clone();
        let thread = std::thread::spawn(move || cancel.cancel());
        let error = Lock::take(&path, context.at_most(Duration::from_secs(60))).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted);
        thread.join().unwrap();
    }
}
