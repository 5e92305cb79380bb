//! Locks on files, by `flock`: the kernel releases them however their holder dies. The files are opened close-on-exec.

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::{Wait, interrupted},
    private_files, trace,
};

/// The longest pause between two attempts to take a lock for which many may wait.
const MAX_PAUSE: Duration = Duration::from_millis(50);
/// The same where one process waits for each lock.
const MAX_PAUSE_IN_TURN: Duration = Duration::from_millis(10);
/// The number of places in the queue for a lock. If more processes wait, the others compete for the last place.
const PLACES: usize = 6;

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
        Self::take_with_pauses(path, wait.into(), MAX_PAUSE)
    }

    fn take_with_pauses(path: &Path, wait: Wait, max_pause: Duration) -> Result<Option<Self>> {
        let Wait { limit, cancel } = wait;
        let started = Instant::now();
        let deadline = started + limit;
        let mut backoff = Backoff::new(Duration::from_millis(1), max_pause);
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
        Self::take(path, wait)?.ok_or_else(|| held_error(path))
    }

    /// Like [`Lock::require`], but the process that has waited longest gets the lock first. Without that, of several processes that take
    /// a lock again and again one may never get it: another one looks before it does each time the lock is free for a moment.
    ///
    /// The queue consists of locks as well. A process that waits holds the one of its place until it has the next.
    ///
    /// # Errors
    /// The same as of [`Lock::require`].
    pub fn require_in_turn(path: &Path, wait: impl Into<Wait>) -> Result<Self> {
        let Wait { limit, cancel } = wait.into();
        let deadline = Instant::now() + limit;
        let next = |path: &Path| {
            let limit = deadline.saturating_duration_since(Instant::now());
            Self::take_with_pauses(path, Wait { limit, cancel: cancel.clone() }, MAX_PAUSE_IN_TURN)
        };
        let is_waited_for = Self::is_held(&place_of(path, 1));
        if !is_waited_for && let Some(lock) = Self::try_take(path).map_err(|e| lock_error(path, e))? {
            return Ok(lock);
        }
        let mut place = None;
        for number in (1..=PLACES).rev() {
            // The place behind is free for another one as soon as this one is taken.
            place = Some(next(&place_of(path, number))?.ok_or_else(|| held_error(path))?);
        }
        let lock = next(path)?.ok_or_else(|| held_error(path));
        drop(place);
        lock
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

/// Returns the lock of a place in the queue for a lock; the first is the next one to get it.
fn place_of(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn held_error(path: &Path) -> Error {
    Error::new(Code::LockHeld, format!("'{}' is locked by another process", path.display())).hint("try again")
}

/// Returns the error for a lock file that cannot be made or written.
pub(crate) fn lock_error(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::External, format!("cannot lock '{}'", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

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
    fn the_one_that_waited_longest_gets_the_lock_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::require_in_turn(&path, Duration::ZERO).unwrap();
        let (sender, order) = mpsc::channel();
        thread::scope(|scope| {
            for number in 1..=PLACES {
                let (sender, path) = (sender.clone(), &path);
                let wait = move || {
                    let lock = Lock::require_in_turn(path, Duration::from_secs(600)).unwrap();
                    sender.send(number).unwrap();
                    drop(lock);
                };
                thread::Builder::new().spawn_scoped(scope, wait).unwrap();
                while !Lock::is_held(&place_of(path, number)) {
                    thread::yield_now();
                }
            }
            // No place is left.
            assert_eq!(Lock::require_in_turn(&path, Duration::ZERO).unwrap_err().code, Code::LockHeld);
            drop(held);
        });
        drop(sender);
        assert!(order.iter().eq(1..=PLACES));
        assert!(Lock::require_in_turn(&path, Duration::ZERO).is_ok(), "nobody waits any more");
    }

    #[test]
    fn one_that_comes_again_goes_behind_those_that_wait() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        // The lock is free for a moment, but the next one in the queue did not look yet.
        let first = Lock::take(&place_of(&path, 1), Duration::ZERO).unwrap().unwrap();
        assert!(Lock::require_in_turn(&path, Duration::ZERO).is_err());
        assert!(Lock::take(&path, Duration::ZERO).unwrap().is_some());
        drop(first);
        assert!(Lock::require_in_turn(&path, Duration::ZERO).is_ok());
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
