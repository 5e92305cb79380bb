//! The automatic sync that the user configured: with the remote that they agreed to share with, without questions and output.

use std::{fs, time::Duration};

use super::{ConsentQuestion, Request, SyncUser};
use crate::{
    Kind, Result, context::Context, error::ErrorContext as _, lock::Lock, private_files,
    store::layout::PrivateDir, trust::AcceptedRepo,
};

/// The user of an automatic sync, who cannot be asked and agrees to nothing new.
struct AbsentUser;

impl SyncUser for AbsentUser {
    fn agrees(&mut self, _question: &ConsentQuestion) -> Result<bool> {
        Ok(false)
    }
}

/// Syncs. Several supervisors may do so at once: one that finds another at work leaves a file, and the other syncs once more.
///
/// # Errors
/// As [`super::run`].
pub fn run(context: &Context, repo: &AcceptedRepo) -> Result<()> {
    let private = PrivateDir::new(repo.private_dir()?);
    let pending = private.sync_pending();
    private_files::touch(&pending)
        .context(Kind::External, || format!("cannot write '{}'", pending.display()))?;
    // Checked again after the lock is released, so that a file which was written meanwhile is not missed.
    while pending.exists() {
        let Some(lock) = Lock::take(&private.auto_sync_lock(), Duration::ZERO)? else { return Ok(()) };
        let _ = fs::remove_file(&pending);
        let request = Request::default();
        let synced = super::run(context, repo, &request, &mut AbsentUser);
        drop(lock);
        synced?;
    }
    Ok(())
}
