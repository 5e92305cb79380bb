//! Syncing unasked, as the user set it: with the remote that they agreed to share with, without a question and without a word.

use std::{fs, time::Duration};

use super::{ConsentQuestion, Request, SyncUser};
use crate::{
    Kind, Result, error::Context, lock::Lock, private_files, store::layout::PrivateDir, trust::AcceptedRepo,
};

/// Nobody is there.
struct Nobody;

impl SyncUser for Nobody {
    fn doing(&mut self, _what: &str) {}

    fn agrees(&mut self, _question: &ConsentQuestion) -> Result<bool> {
        Ok(false)
    }
}

/// Syncs. Many supervisors have news at once: who finds another at work leaves word, and that one goes round once more.
///
/// # Errors
/// As [`super::run`].
pub fn run(repo: &AcceptedRepo) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    let word = private.sync_pending();
    private_files::write(&word, "")
        .context(Kind::External, || format!("cannot write '{}'", word.display()))?;
    // Word that is left after the last look is left before the lock is free.
    while word.exists() {
        let Some(lock) = Lock::take(&private.auto_sync_lock(), Duration::ZERO)? else { return Ok(()) };
        let _ = fs::remove_file(&word);
        let request = Request::default();
        let synced = super::run(repo, &request, &mut Nobody);
        drop(lock);
        synced?;
    }
    Ok(())
}
