//! The lock of a branch on which something lands: one landing at a time on one branch, and no undo of one meanwhile. Landings on
//! different branches run side by side.

use std::{os::unix::fs::FileExt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Repo, careful},
    lock::Lock,
    model::text,
    store::layout::PrivateDir,
    world,
};

/// How long another command may hold the lock for a look, or for the last moments of its work.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// Who holds the lock, for whoever waits for it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Holder {
    /// What it does: [`Holder::LANDING`] or [`Holder::UNDO`].
    what: String,
    /// Its process, as the machine numbers it.
    pid: u32,
    /// Since when, in whole seconds of the clock.
    since: String,
}

impl Holder {
    /// A landing on the branch.
    pub const LANDING: &str = "landing";
    /// An undo of a landing on the branch.
    pub const UNDO: &str = "undo of a landing";

    fn new(what: &str, now: world::Timestamp) -> Self {
        let since = now.round(jiff::Unit::Second).unwrap_or(now).to_string();
        Self { what: what.to_owned(), pid: std::process::id(), since }
    }
}

/// The lock, held. It is released when it is dropped, and by the kernel when the process dies.
#[derive(Debug)]
pub struct TargetLock {
    lock: Lock,
    path: PathBuf,
}

impl TargetLock {
    /// Takes the lock of a branch, for what [`Holder`] names. Locks that kills left on refs are removed first.
    ///
    /// # Errors
    /// Another command holds it (4): the error says which, and since when.
    pub fn take(repo: &Repo, branch: &str, what: &str) -> Result<Self> {
        match Self::take_within(repo, branch, what, LOCK_TIMEOUT)? {
            Some(lock) => Ok(lock),
            None => Err(held(repo, branch)?),
        }
    }

    /// Takes the lock of a branch if nobody holds it.
    ///
    /// # Errors
    /// The lock cannot be made or written.
    pub fn try_take(repo: &Repo, branch: &str, what: &str) -> Result<Option<Self>> {
        Self::take_within(repo, branch, what, Duration::ZERO)
    }

    fn take_within(repo: &Repo, branch: &str, what: &str, limit: Duration) -> Result<Option<Self>> {
        let path = PrivateDir::new(repo.private_dir()?).target_lock(branch);
        let Some(lock) = Lock::take(&path, limit)? else { return Ok(None) };
        let holder = serde_json::to_vec(&Holder::new(what, repo.now()))
            .context(Kind::Internal, || "cannot write down who lands".to_owned())?;
        let written = lock.file().set_len(0).and_then(|()| lock.file().write_all_at(&holder, 0));
        written.context(Kind::External, || format!("cannot write '{}'", path.display()))?;
        // Also for the git programs that the command starts: they can mend nothing.
        repo.repair_locks();
        Ok(Some(Self { lock, path }))
    }

    /// Whether anybody holds the lock of a branch.
    ///
    /// # Errors
    /// The repository has no private folder.
    pub fn is_held(repo: &Repo, branch: &str) -> Result<bool> {
        Ok(Lock::is_held(&PrivateDir::new(repo.private_dir()?).target_lock(branch)))
    }

    /// Refuses where anybody holds the lock of a branch.
    ///
    /// # Errors
    /// Somebody does (4).
    pub fn refuse_if_held(repo: &Repo, branch: &str) -> Result<()> {
        if Self::is_held(repo, branch)? { Err(held(repo, branch)?) } else { Ok(()) }
    }
}

impl Drop for TargetLock {
    fn drop(&mut self) {
        // Whoever waits for it finds that the file is another one, and makes it again.
        if self.lock.is_at(&self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn held(repo: &Repo, branch: &str) -> Result<Error> {
    let path = PrivateDir::new(repo.private_dir()?).target_lock(branch);
    let holder = careful::small_text(&path).and_then(|text| serde_json::from_str::<Holder>(&text).ok());
    let branch = text::one_line(branch, 100);
    let error = match holder {
        Some(Holder { what, pid, since }) => {
            let (what, since) = (text::one_line(&what, 40), text::one_line(&since, 40));
            format!("another {what} into {branch} runs since {since} (process {pid})")
        }
        None => format!("another landing into {branch} runs"),
    };
    Ok(Error::new(Kind::Conflict, error).hint("wait for its end, and try again"))
}
