//! Signs of life: output, the conversation's file, changes in the worktree. A stream that stalls midway is noticed by nobody
//! else; an agent that says nothing but still writes files is at work.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::worktree::life;

/// The watch over one attempt.
#[derive(Debug)]
pub struct Idle {
    limit: Option<Duration>,
    last: Instant,
}

impl Idle {
    /// Watches from now on; without a limit there is nothing to watch.
    pub fn new(limit: Option<Duration>) -> Self {
        Self { limit, last: Instant::now() }
    }

    /// It gave a sign.
    pub fn lives(&mut self) {
        self.last = Instant::now();
    }

    /// How long to wait for another sign before [`Idle::is_over`] is worth a question.
    pub fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.last.elapsed()))
    }

    /// Whether there was no sign for too long. Only then the files are looked at: that is not free.
    pub fn is_over(
        &mut self,
        worktree: &Path,
        transcript: impl FnOnce() -> Option<PathBuf>,
    ) -> Option<Duration> {
        let limit = self.limit.filter(|limit| self.last.elapsed() >= *limit)?;
        let written = transcript().and_then(|path| path.metadata().ok()?.modified().ok());
        if written.is_some_and(|at| life::is_within(at, limit)) || life::changed_within(worktree, limit) {
            self.lives();
            return None;
        }
        Some(limit)
    }
}
