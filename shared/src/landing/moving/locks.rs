//! Git's own locks on what a move changes: the index of the checkout, its `HEAD`, and the branch. While we hold them, git refuses
//! to commit, stage or switch there, as it does while another git process runs.
//!
//! Each lock is a hard link to a file in the record of the move. So a lock of ours is never empty or unmarked, and after a kill it
//! can be recognized as ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    links::{is_same, link},
    record::{Goal, MoveRecord},
};
use crate::{Error, Kind, Result, backoff::Backoff, error::ErrorContext, git::RefError, store::layout};

/// How long to wait for a lock that another git process holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// All three locks of a move. They are released on drop.
pub(super) struct Locks {
    index: GitLock,
    head: GitLock,
    branch: GitLock,
}

impl Locks {
    /// Takes the locks in the order in which git does. Takes over those that an earlier, killed process left for the same record.
    ///
    /// # Errors
    /// Another git process holds one of them (4), or they cannot be created.
    pub(super) fn take(record: &MoveRecord) -> Result<Self> {
        let [index, head, branch] = planned_locks(record);
        Ok(Self { index: index.take()?, head: head.take()?, branch: branch.take()? })
    }

    /// Replaces the index of the checkout.
    ///
    /// # Errors
    /// The index cannot be replaced.
    pub(super) fn replace_index(&self, new: &Path) -> Result<()> {
        let index = &self.index.0.file;
        let cannot = || format!("cannot write '{}'", index.display());
        // Git does not sync it, and a checkout whose index is cut after a power failure cannot be used.
        fs::File::open(new).and_then(|file| file.sync_all()).context(Kind::External, cannot)?;
        fs::rename(new, index).context(Kind::External, cannot)
    }

    /// Sets what the move sets last: the branch or `HEAD`.
    ///
    /// # Errors
    /// The file cannot be written; it is unchanged.
    pub(super) fn commit(&self, goal: &Goal) -> Result<()> {
        match goal {
            Goal::Branch => self.branch.commit(),
            Goal::Head { .. } => self.head.commit(),
        }
    }
}

/// Returns the locks that a move takes, in order.
fn planned_locks(record: &MoveRecord) -> [PlannedLock; 3] {
    let git_dir = &record.plan.checkout.git_dir;
    let branch = layout::branch_ref(&record.plan.branch);
    [
        PlannedLock { source: record.index_lock(), file: git_dir.join("index") },
        PlannedLock { source: record.head_lock(), file: git_dir.join("HEAD") },
        PlannedLock { source: record.branch_lock(), file: record.common.join(branch) },
    ]
}

/// Returns whether any lock of a move still exists.
pub(super) fn are_left(record: &MoveRecord) -> bool {
    planned_locks(record).iter().any(|one| is_same(&one.source, &one.path()))
}

/// Releases every lock of a move that was killed.
pub(super) fn release_all(record: &MoveRecord) {
    for one in planned_locks(record) {
        release(&one.source, &one.path());
    }
}

/// One of git's locks, `<file>.lock`, which is not taken yet.
struct PlannedLock {
    /// The file that it locks.
    file: PathBuf,
    /// The file in the record that the lock is a link to.
    source: PathBuf,
}

impl PlannedLock {
    fn take(self) -> Result<GitLock> {
        let path = self.path();
        let cannot = |e| Error::new(Kind::External, format!("cannot create '{}'", path.display())).because(e);
        let begun = Instant::now();
        let mut backoff = Backoff::millis(1, 20);
        loop {
            match link(&self.source, &path) {
                Ok(()) => return Ok(GitLock(self)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && is_same(&self.source, &path) => {
                    return Ok(GitLock(self));
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    if begun.elapsed() >= LOCK_TIMEOUT {
                        return Err(self.held_error());
                    }
                }
                // Git removes empty folders when it deletes a ref; the branch itself may be packed.
                Err(e) if e.kind() == io::ErrorKind::NotFound && begun.elapsed() < LOCK_TIMEOUT => {
                    fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(cannot)?;
                }
                Err(e) => return Err(cannot(e)),
            }
            backoff.sleep();
        }
    }

    fn path(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".lock");
        name.into()
    }

    fn held_error(&self) -> Error {
        RefError::Locked { name: self.file.display().to_string(), lock: self.path() }.into()
    }
}

/// A lock that is held. It is released on drop.
struct GitLock(PlannedLock);

impl GitLock {
    /// Renames the lock to the file that it locks.
    fn commit(&self) -> Result<()> {
        let cannot = || format!("cannot write '{}'", self.0.file.display());
        if self.0.file.is_dir() {
            // An empty folder that deleted refs left; git removes it in the same way.
            let _ = fs::remove_dir(&self.0.file);
        }
        fs::rename(self.0.path(), &self.0.file).context(Kind::External, cannot)?;
        let folder = self.0.file.parent().unwrap_or(&self.0.file);
        fs::File::open(folder).and_then(|folder| folder.sync_all()).context(Kind::External, cannot)
    }
}

impl Drop for GitLock {
    fn drop(&mut self) {
        release(&self.0.source, &self.0.path());
    }
}

/// Removes a lock if it is a link to `source`, and so ours.
pub(super) fn release(source: &Path, lock: &Path) {
    if is_same(source, lock) {
        let _ = fs::remove_file(lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_lock_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("source"), "ours").unwrap();
        let planned_locks = || PlannedLock { source: at("source"), file: at("a/index") };
        let lock = planned_locks().take().unwrap();
        assert!(at("a/index.lock").exists());
        // The same record takes over its own lock.
        drop(planned_locks().take().unwrap());
        assert!(!at("a/index.lock").exists());
        fs::write(at("a/index.lock"), "theirs").unwrap();
        drop(lock);
        assert!(at("a/index.lock").exists());
        let refused = planned_locks().take().err().unwrap();
        assert_eq!(refused.code, crate::Code::LockHeld);
    }
}
