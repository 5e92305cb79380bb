//! The automatic sync that the user configured: with the remote that they agreed to share with, without questions and output.

use std::{fs, time::Duration};

use super::{ConsentQuestion, Request, SyncUser};
use crate::{
    Kind, Result, error::Context, lock::Lock, private_files, store::layout::PrivateDir, trust::AcceptedRepo,
    world,
};

/// The user of an automatic sync, who cannot be asked and agrees to nothing new.
struct Nobody;

impl SyncUser for Nobody {
    fn doing(&mut self, _what: &str) {}

    fn agrees(&mut self, _question: &ConsentQuestion) -> Result<bool> {
        Ok(false)
    }
}

/// Syncs. Several supervisors may do so at once: one that finds another at work leaves a file, and the other syncs once more.
///
/// # Errors
/// As [`super::run`].
pub fn run(repo: &AcceptedRepo) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    let word = private.sync_pending();
    private_files::write(&word, "")
        .context(Kind::External, || format!("cannot write '{}'", word.display()))?;
    // Checked again after the lock is released, so that a file which was written meanwhile is not missed.
    while word.exists() {
        let Some(lock) = Lock::take(&private.auto_sync_lock(), Duration::ZERO)? else { return Ok(()) };
        let _ = fs::remove_file(&word);
        let request = Request { here: world::directory(), ..Request::default() };
        let synced = super::run(repo, &request, &mut Nobody);
        drop(lock);
        synced?;
    }
    Ok(())
}
