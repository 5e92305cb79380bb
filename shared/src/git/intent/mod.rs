//! Locks on refs and on other files of git that a killed process does not leave behind for good.
//!
//! In git's protocol, a process that creates `<name>.lock` may replace `<name>`. A process killed in between leaves the lock, and
//! nothing in it tells whose it was. So a lock of ours is always a second link to a file in `<common>/orchestra/intents`:
//!
//! - `<nonce>` is the intent: which files its writer changes. The writer holds an `flock` on it, which the kernel releases
//!   however the writer dies.
//! - `<nonce>.<number>` is one staged file, complete and on the disk before `<name>.lock` is linked to it. So an empty or
//!   half-written lock of ours never exists.
//!
//! A lock with the inode of a staged file whose intent nobody holds is ours, and its writer is dead; any other lock is not
//! touched. If the dead writer had decided to commit, the remaining changes are made, so that all or none are made; otherwise its
//! locks are removed.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use files::{COMMIT, EMPTY, intents_dir, link_or_copy, rename_over, replace_file};

use super::RefError;
use crate::{Error, Kind, Result, backoff::Backoff, error::ErrorContext, lock::Lock, parallel, trace, world};
pub(super) use files::{Action, PACKED, lock_of, locked_error, remove_if_there, sync_folder};
pub use repair::DeadIntent;
pub(super) use repair::{all as repair_all, lock as repair_lock, observe};

mod files;
mod repair;

/// Maximum time to wait for another program that has locked the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum time that a repairing process may hold a new intent.
const REPAIR_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of locks linked to one file: file systems limit the links of a file.
const MAX_LINKS: usize = 1000;

/// The changes of one writer. When dropped, everything that it locked and did not change is unlocked.
pub(super) struct Intent {
    common: PathBuf,
    folder: PathBuf,
    nonce: String,
    lock: Lock,
    /// The length of the declaration in bytes.
    length: u64,
    staged: Vec<PathBuf>,
    held: Vec<PathBuf>,
}

impl Intent {
    /// Declares which files will be locked, before the first of them is.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub(super) fn declare<'a>(
        common: &Path,
        changes: impl Iterator<Item = (Action, &'a str)>,
    ) -> Result<Self> {
        let folder = intents_dir(common);
        let nonce = world::random_hex::<8>()?;
        let lock = Lock::require(&folder.join(&nonce), REPAIR_TIMEOUT)?;
        let mut intent = Self {
            common: common.to_owned(),
            folder,
            nonce,
            lock,
            length: 0,
            staged: Vec::new(),
            held: Vec::new(),
        };
        let text: String = changes.map(|(action, name)| format!("{} {name}\n", action.word())).collect();
        intent.lock.file().write_all_at(text.as_bytes(), 0).context(Kind::External, || intent.cannot())?;
        intent.length = text.len() as u64;
        Ok(intent)
    }

    fn cannot(&self) -> String {
        format!("cannot write in '{}'", self.folder.display())
    }

    /// Returns the path of the file staged under a suffix.
    pub(super) fn staged(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}.{suffix}", self.nonce))
    }

    /// Writes files into the folder and syncs them to the disk, many at once: a disk syncs many as quickly as one.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub(super) fn stage(&mut self, files: &[(String, Vec<u8>)], writers: usize) -> Result<()> {
        let paths: Vec<PathBuf> = files.iter().map(|(suffix, _)| self.staged(suffix)).collect();
        // Half-written files are removed at the end as well.
        self.staged.extend(paths.iter().cloned());
        let all: Vec<(&PathBuf, &[u8])> =
            paths.iter().zip(files.iter().map(|(_, bytes)| bytes.as_slice())).collect();
        // Fewer files than writers are written as quickly by one.
        let writers = if all.len() < writers { 1 } else { writers };
        let write = |(): &mut (), (path, bytes): &(&PathBuf, &[u8])| -> io::Result<()> {
            let mut file = File::create_new(path)?;
            file.write_all(bytes)?;
            if bytes.is_empty() { Ok(()) } else { file.sync_all() }
        };
        let written = parallel::try_map_with(&all, writers, || Ok(()), write);
        written.map(|_| ()).context(Kind::External, || self.cannot())
    }

    /// Locks a file by linking its lock to the file staged under a suffix. Waits for another program that has locked it.
    ///
    /// # Errors
    /// Another program still has it locked (4), or the lock cannot be made.
    pub(super) fn lock(&mut self, name: &str, suffix: &str) -> Result<(), RefError> {
        let lock = lock_of(&self.common, name);
        let source = self.staged(suffix);
        let started = Instant::now();
        let mut backoff = Backoff::millis(1, 50);
        let mut has_waited = false;
        loop {
            match link_or_copy(&source, &lock) {
                Ok(()) => break,
                Err(e)
                    if e.kind() == io::ErrorKind::AlreadyExists
                        && repair_lock(&self.common, name, Some(&self.nonce)) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && started.elapsed() < LOCK_TIMEOUT => {
                    backoff.sleep();
                    has_waited = true;
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    trace::waited_for_lock(&lock, started.elapsed(), false);
                    return Err(locked_error(name, &lock));
                }
                // Git removes empty folders when it deletes a ref.
                Err(e)
                    if e.kind() == io::ErrorKind::NotFound
                        && source.exists()
                        && started.elapsed() < LOCK_TIMEOUT =>
                {
                    let parent = lock.parent().unwrap_or(&lock);
                    fs::create_dir_all(parent).context(Kind::External, || cannot_lock(name))?;
                }
                Err(e) => return Err(Error::new(Kind::External, cannot_lock(name)).because(e).into()),
            }
        }
        if has_waited {
            trace::waited_for_lock(&lock, started.elapsed(), true);
        }
        self.held.push(lock);
        Ok(())
    }

    /// Locks a file as [`Intent::lock`] does, but only if that is possible at once. Returns whether it is locked now.
    pub(super) fn lock_now(&mut self, name: &str, suffix: &str) -> bool {
        let lock = lock_of(&self.common, name);
        let is_locked = link_or_copy(&self.staged(suffix), &lock).is_ok();
        self.held.extend(is_locked.then_some(lock));
        is_locked
    }

    /// Returns the suffix of the staged file for the `n`th lock of a file that is not replaced, and makes it if it is the first
    /// of its group.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub(super) fn stage_empty(&mut self, n: usize) -> Result<String> {
        let suffix = format!("{EMPTY}{}", n / MAX_LINKS);
        if n.is_multiple_of(MAX_LINKS) {
            self.stage(&[(suffix.clone(), Vec::new())], usize::MAX)?;
        }
        Ok(suffix)
    }

    /// Decides to commit: from here on the changes will be made, even if this process is killed.
    ///
    /// # Errors
    /// The decision cannot be written.
    pub(super) fn decide(&self) -> Result<()> {
        let written = self.lock.file().write_all_at(COMMIT.as_bytes(), self.length);
        written.context(Kind::External, || self.cannot())
    }

    /// Revokes the decision: the remaining changes are not made.
    pub(super) fn revoke(&self) {
        let _ = self.lock.file().set_len(self.length);
    }

    /// Renames the lock itself over the file: for a single change, which is then atomic.
    ///
    /// # Errors
    /// The file cannot be replaced.
    pub(super) fn replace_by_lock(&mut self, name: &str) -> io::Result<()> {
        let lock = lock_of(&self.common, name);
        rename_over(&lock, &self.common.join(name))?;
        self.held.retain(|held| *held != lock);
        Ok(())
    }

    /// Replaces a file by the one staged under a suffix; it stays locked.
    ///
    /// # Errors
    /// The file cannot be replaced.
    pub(super) fn replace(&self, name: &str, suffix: &str) -> io::Result<()> {
        replace_file(&self.staged(suffix), &self.common.join(name))
    }

    /// Moves the file staged under a suffix to its place, which is locked through another one.
    ///
    /// # Errors
    /// The file cannot be replaced.
    pub(super) fn move_in_place(&self, name: &str, suffix: &str) -> io::Result<()> {
        rename_over(&self.staged(suffix), &self.common.join(name))
    }

    /// Unlocks everything.
    pub(super) fn release(&mut self) {
        self.held.retain(|lock| remove_if_there(lock).is_err());
    }
}

impl Drop for Intent {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            // The remaining changes are dropped, and no other process may make them.
            self.revoke();
        }
        self.release();
        // The staged files prove whose the locks are, so they are removed after the locks, and the intent last. What cannot be
        // removed now, the next command repairs.
        let locked = self.held.iter();
        if locked.chain(&self.staged).try_for_each(|path| remove_if_there(path)).is_ok() {
            let _ = fs::remove_file(self.folder.join(&self.nonce));
        }
    }
}

fn cannot_lock(name: &str) -> String {
    format!("cannot lock '{name}'")
}
