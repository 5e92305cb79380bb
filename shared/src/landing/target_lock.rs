//! The lock of a target branch: only one landing, or undo of a landing, runs at a time on one branch. Landings into different
//! branches run in parallel.

use std::{os::unix::fs::FileExt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Repo, careful},
    lock::Lock,
    model::text,
    store::layout::PrivateDir,
    world,
};

/// How long to wait for the lock: another command may hold it briefly, to test it or while it ends.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// Who holds the lock, stored in the lock file for error messages.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LockHolder {
    /// What the process does: [`LockHolder::LANDING`], [`LockHolder::UNDO`] or [`LockHolder::TRIAL`].
    what: String,
    /// The id of the process.
    pid: u32,
    /// When the lock was taken, as a timestamp in whole seconds.
    since: String,
}

impl LockHolder {
    /// A landing into the branch.
    pub const LANDING: &str = "landing";
    /// An undo of a landing into the branch.
    pub const UNDO: &str = "undo of a landing";
    /// A switch of a checkout between the branch and a trial of work.
    pub const TRIAL: &str = "trial of work";

    fn new(what: &str, now: world::Timestamp) -> Self {
        let since = now.round(jiff::Unit::Second).unwrap_or(now).to_string();
        Self { what: what.to_owned(), pid: std::process::id(), since }
    }
}

/// The lock of a branch while it is held. It is released on drop, or by the kernel when the process dies.
#[derive(Debug)]
pub struct TargetLock {
    lock: Lock,
    path: PathBuf,
}

impl TargetLock {
    /// Takes the lock of a branch. `what` is one of the constants of [`LockHolder`]. Also removes ref locks that killed processes left.
    ///
    /// # Errors
    /// Another command holds it (4); the error says which one, and since when.
    pub fn take(repo: &Repo, branch: &str, what: &str) -> Result<Self> {
        match Self::take_within(repo, branch, what, LOCK_TIMEOUT)? {
            Some(lock) => Ok(lock),
            None => Err(held_error(repo, branch)?),
        }
    }

    /// Takes the lock of a branch without waiting. Returns `None` if another command holds it.
    ///
    /// # Errors
    /// The lock file cannot be created or written.
    pub fn try_take(repo: &Repo, branch: &str, what: &str) -> Result<Option<Self>> {
        Self::take_within(repo, branch, what, Duration::ZERO)
    }

    fn take_within(repo: &Repo, branch: &str, what: &str, limit: Duration) -> Result<Option<Self>> {
        let path = PrivateDir::new(repo.private_dir()?).target_lock(branch);
        let Some(lock) = Lock::take(&path, limit)? else { return Ok(None) };
        let holder = serde_json::to_vec(&LockHolder::new(what, repo.now()))
            .context(Kind::Internal, || "cannot record the lock's holder".to_owned())?;
        let written = lock.file().set_len(0).and_then(|()| lock.file().write_all_at(&holder, 0));
        written.context(Kind::External, || format!("cannot write '{}'", path.display()))?;
        // Stale ref locks would also stop the git programs that the command starts, which cannot remove them.
        repo.repair_locks();
        Ok(Some(Self { lock, path }))
    }

    /// Returns whether any process holds the lock of a branch.
    ///
    /// # Errors
    /// The repository has no private folder.
    pub fn is_held(repo: &Repo, branch: &str) -> Result<bool> {
        Ok(Lock::is_held(&PrivateDir::new(repo.private_dir()?).target_lock(branch)))
    }

    /// Fails if another process holds the lock of a branch.
    ///
    /// # Errors
    /// The lock is held (4).
    pub fn refuse_if_held(repo: &Repo, branch: &str) -> Result<()> {
        if Self::is_held(repo, branch)? { Err(held_error(repo, branch)?) } else { Ok(()) }
    }
}

impl Drop for TargetLock {
    fn drop(&mut self) {
        // A process that waits for the lock notices that the file was removed, and creates it again.
        if self.lock.is_at(&self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn held_error(repo: &Repo, branch: &str) -> Result<Error> {
    let path = PrivateDir::new(repo.private_dir()?).target_lock(branch);
    let holder = careful::small_text(&path).and_then(|text| serde_json::from_str::<LockHolder>(&text).ok());
    let branch = text::one_line(branch, 100);
    let error = match holder {
        Some(LockHolder { what, pid, since }) => {
            let (what, since) = (text::one_line(&what, 40), text::one_line(&since, 40));
            format!("another {what} into {branch} has been running since {since} (process {pid})")
        }
        None => format!("another landing into {branch} is running"),
    };
    Ok(Error::new(Kind::Conflict, error).hint("wait until it has ended, then try again"))
}
