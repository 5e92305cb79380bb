//! Git's own locks on what a move changes: the index of the checkout, its `HEAD`, and the branch. While we hold them, nobody
//! commits, stages or switches there; git refuses, as it does while another git works.
//!
//! Each lock is a second name of a file in the record of the move. So there is no moment in which a lock of ours is empty or
//! unmarked, and whoever finds it after a kill can tell that it is ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    links::{is_same, link},
    record::MoveRecord,
};
use crate::{Code, Error, Kind, Result, backoff::Backoff, error::Context, model::quote, store::layout};

/// How long another git may hold one of the locks.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// All three locks of a move. Dropped, they are released.
pub(super) struct Locks {
    index: GitLock,
    _head: GitLock,
    branch: GitLock,
}

impl Locks {
    /// Takes them, in the order in which git does. Those that an earlier, killed move of the same record left are taken over.
    ///
    /// # Errors
    /// Another git holds one of them (4), or they cannot be made.
    pub(super) fn take(record: &MoveRecord) -> Result<Self> {
        let [index, head, branch] = wanted(record);
        Ok(Self { index: index.take()?, _head: head.take()?, branch: branch.take()? })
    }

    /// Puts a new index in the place of the old one.
    ///
    /// # Errors
    /// It cannot be put there.
    pub(super) fn replace_index(&self, new: &Path) -> Result<()> {
        let index = &self.index.0.file;
        fs::rename(new, index).context(Kind::External, || format!("cannot write '{}'", index.display()))
    }

    /// Gives the branch its new value.
    ///
    /// # Errors
    /// The ref cannot be written; the branch keeps its old value.
    pub(super) fn commit_branch(&self) -> Result<()> {
        self.branch.commit()
    }
}

/// The locks that a move takes, in their order.
fn wanted(record: &MoveRecord) -> [Wanted; 3] {
    let git_dir = &record.plan.checkout.git_dir;
    let branch = layout::branch_ref(&record.plan.branch);
    [
        Wanted { source: record.index_lock(), file: git_dir.join("index") },
        Wanted { source: record.head_lock(), file: git_dir.join("HEAD") },
        Wanted { source: record.branch_lock(), file: record.common.join(branch) },
    ]
}

/// Whether any lock of a move is still there.
pub(super) fn are_left(record: &MoveRecord) -> bool {
    wanted(record).iter().any(|one| is_same(&one.source, &one.path()))
}

/// Releases every lock that a killed move left.
pub(super) fn release_all(record: &MoveRecord) {
    for one in wanted(record) {
        release(&one.source, &one.path());
    }
}

/// One lock of git's: `<file>.lock`.
struct Wanted {
    /// What it locks.
    file: PathBuf,
    /// The name of the lock in the record.
    source: PathBuf,
}

impl Wanted {
    fn take(self) -> Result<GitLock> {
        let path = self.path();
        let cannot = |e| Error::new(Kind::External, format!("cannot make '{}'", path.display())).because(e);
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
                        return Err(self.is_taken());
                    }
                }
                // Git takes empty folders away when it deletes a ref; the branch itself may be packed.
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

    fn is_taken(&self) -> Error {
        let (file, lock) = (self.file.display(), self.path());
        Error::new(Code::LockHeld, format!("'{file}' is locked by another program"))
            .hint(format!("if no git runs here: {}", quote::command(&[&"rm", &lock])))
    }
}

/// A lock that is held. Dropped, it is released.
struct GitLock(Wanted);

impl GitLock {
    /// The content of the lock becomes the file.
    fn commit(&self) -> Result<()> {
        let cannot = || format!("cannot write '{}'", self.0.file.display());
        if self.0.file.is_dir() {
            // Left by refs that were below it; git does the same.
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

/// Removes a lock, if it is the one that `source` marks as ours.
pub(super) fn release(source: &Path, lock: &Path) {
    if is_same(source, lock) {
        let _ = fs::remove_file(lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_known_by_its_file_and_another_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("source"), "ours").unwrap();
        let wanted = || Wanted { source: at("source"), file: at("a/index") };
        let lock = wanted().take().unwrap();
        assert!(at("a/index.lock").exists());
        // The same record takes its own lock over; another cannot.
        drop(wanted().take().unwrap());
        assert!(!at("a/index.lock").exists());
        fs::write(at("a/index.lock"), "theirs").unwrap();
        drop(lock);
        assert!(at("a/index.lock").exists());
        let refused = wanted().take().err().unwrap();
        assert_eq!(refused.code, Code::LockHeld);
    }
}
