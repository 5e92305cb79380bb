//! Locks on refs, and on other files of git, that no kill leaves behind for good.
//!
//! In git's protocol, whoever creates `<name>.lock` may replace `<name>`. A process killed in between leaves the lock, and
//! nothing in it tells whose it was. So a lock of ours is always a second link to a file in `<common>/orchestra/intents`:
//!
//! - `<nonce>` is the intent: which files its writer changes. The writer holds an `flock` on it, which the kernel releases
//!   however the writer dies.
//! - `<nonce>.<number>` is one staged file, complete and on the disk, before `<name>.lock` is linked to it. An empty or half
//!   written lock of ours therefore never exists.
//!
//! A lock with the inode of a staged file whose intent nobody holds is ours, and its writer is dead; any other lock is not
//! touched. Where the dead writer had decided to commit, what it had not done yet is done, so that its changes are made all or
//! none; else its locks are removed.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use files::{COMMIT, EMPTY, folder, link, put, rename_over};

use super::RefError;
use crate::{Error, Kind, Result, backoff::Backoff, error::Context, lock::Lock, parallel, trace, world};
pub(super) use files::{Action, PACKED, lock_of, locked, remove_if_there, sync_folder};
pub(super) use repair::{all as repair_all, lock as repair_lock};

mod files;
mod repair;

/// How long to wait for another program that has locked the file.
const WAIT: Duration = Duration::from_secs(2);
/// How long a process that mends may hold a new intent for a look.
const LOOK: Duration = Duration::from_secs(1);

/// Locks that share one file: file systems limit the links of one.
const LINKS: usize = 1000;

/// The changes of one writer. Dropped, all that it locked and did not change is free again.
pub(super) struct Intent {
    common: PathBuf,
    folder: PathBuf,
    nonce: String,
    lock: Lock,
    /// Bytes of the declaration.
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
        let folder = folder(common);
        let nonce = world::random_hex::<8>()?;
        let lock = Lock::require(&folder.join(&nonce), LOOK)?;
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

    /// Where the file staged under a suffix lies.
    pub(super) fn staged(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}.{suffix}", self.nonce))
    }

    /// Writes files into the folder, through to the disk; many at once, as a disk takes them together as quickly as one.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub(super) fn stage(&mut self, files: &[(String, Vec<u8>)], writers: usize) -> Result<()> {
        let paths: Vec<PathBuf> = files.iter().map(|(suffix, _)| self.staged(suffix)).collect();
        // Also what is half written is removed at the end.
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

    /// Locks a file by linking its lock to the file staged under a suffix; waits for another program that has locked it.
    ///
    /// # Errors
    /// Another program has it locked all the time (4), or the lock cannot be made.
    pub(super) fn lock(&mut self, name: &str, suffix: &str) -> Result<(), RefError> {
        let lock = lock_of(&self.common, name);
        let source = self.staged(suffix);
        let begun = Instant::now();
        let mut backoff = Backoff::millis(1, 50);
        let mut has_waited = false;
        loop {
            match link(&source, &lock) {
                Ok(()) => break,
                Err(e)
                    if e.kind() == io::ErrorKind::AlreadyExists
                        && repair_lock(&self.common, name, Some(&self.nonce)) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && begun.elapsed() < WAIT => {
                    backoff.sleep();
                    has_waited = true;
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    trace::waited_for_lock(&lock, begun.elapsed(), false);
                    return Err(locked(name, &lock));
                }
                // Git removes empty folders when it deletes a ref.
                Err(e)
                    if e.kind() == io::ErrorKind::NotFound && source.exists() && begun.elapsed() < WAIT =>
                {
                    let parent = lock.parent().unwrap_or(&lock);
                    fs::create_dir_all(parent).context(Kind::External, || cannot_lock(name))?;
                }
                Err(e) => return Err(Error::new(Kind::External, cannot_lock(name)).because(e).into()),
            }
        }
        if has_waited {
            trace::waited_for_lock(&lock, begun.elapsed(), true);
        }
        self.held.push(lock);
        Ok(())
    }

    /// The suffix of the staged file for the `n`th lock of a file that is not replaced; made where it is the first of its kind.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub(super) fn empty(&mut self, n: usize) -> Result<String> {
        let suffix = format!("{EMPTY}{}", n / LINKS);
        if n.is_multiple_of(LINKS) {
            self.stage(&[(suffix.clone(), Vec::new())], usize::MAX)?;
        }
        Ok(suffix)
    }

    /// From here on the changes are made, also where this process is killed.
    ///
    /// # Errors
    /// It cannot be written down.
    pub(super) fn decide(&self) -> Result<()> {
        let written = self.lock.file().write_all_at(COMMIT.as_bytes(), self.length);
        written.context(Kind::External, || self.cannot())
    }

    /// The changes that were not made are given up.
    pub(super) fn undecide(&self) {
        let _ = self.lock.file().set_len(self.length);
    }

    /// Lets the lock itself become the file: for one change alone, made at one stroke.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(super) fn replace_by_lock(&mut self, name: &str) -> io::Result<()> {
        let lock = lock_of(&self.common, name);
        rename_over(&lock, &self.common.join(name))?;
        self.held.retain(|held| *held != lock);
        Ok(())
    }

    /// Puts the file staged under a suffix in its place, which stays locked.
    ///
    /// # Errors
    /// It cannot be put there.
    pub(super) fn replace(&self, name: &str, suffix: &str) -> io::Result<()> {
        put(&self.staged(suffix), &self.common.join(name))
    }

    /// Moves the file staged under a suffix to its place, which was locked with another one.
    ///
    /// # Errors
    /// It cannot be put there.
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
            // What is not done yet is given up, and no other process is to do it.
            self.undecide();
        }
        self.release();
        // The proof of what the locks were goes after them, the intent last of all. What cannot be removed the next command
        // mends.
        let locked = self.held.iter();
        if locked.chain(&self.staged).try_for_each(|path| remove_if_there(path)).is_ok() {
            let _ = fs::remove_file(self.folder.join(&self.nonce));
        }
    }
}

fn cannot_lock(name: &str) -> String {
    format!("cannot lock '{name}'")
}
