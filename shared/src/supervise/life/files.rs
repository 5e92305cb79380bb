//! Restores the supervisor's private files if they are removed while it runs, by accident or by an agent.

use std::time::Duration;

use super::Supervisor;
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::Repo,
    lock::Lock,
    private_files,
    store::{AgentLog, writer},
};

impl Supervisor {
    /// Restores the files if the lock file is gone: without it the agent would count as lost, and could get a second supervisor.
    pub(super) fn restore_files(&mut self) {
        if !self.lock.is_at(&self.dir.lock()) {
            // If this fails, it is tried again in a second.
            let _ = self.write_files();
        }
    }

    fn write_files(&mut self) -> Result<()> {
        // A repository that is being deleted, or was just renamed, gets no files.
        let repo = Repo::open(&self.environment, &self.common)?;
        let log = AgentLog::of(&repo, &self.id)?;
        // Another command of ours may hold it briefly.
        let Some(lock) = Lock::take(&self.dir.lock(), Duration::ZERO)? else { return Ok(()) };
        self.spec.write(&self.dir)?;
        if let Some(frozen) = &self.frozen {
            frozen.keep(&self.private.frozen(), &self.common)?;
        }
        writer::writer(&repo)?;
        let prompt = self.dir.prompt();
        if !prompt.exists() {
            let task = log.prompt(&repo)?.unwrap_or_default();
            private_files::replace(&prompt, task)
                .context(Kind::External, || format!("cannot write '{}'", prompt.display()))?;
        }
        self.record.write(&lock)?;
        self.lock = lock;
        Ok(())
    }
}
