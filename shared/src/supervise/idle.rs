//! Detects idle agents: no output, no change of the conversation's file, no change in the worktree. This notices a stream that
//! stalls; an agent that prints nothing but still writes files is not idle.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::worktree::recent_activity;

/// The idle detection of one attempt.
#[derive(Debug)]
pub struct IdleDetector {
    limit: Option<Duration>,
    last: Instant,
}

impl IdleDetector {
    /// Starts detection now; without a limit an agent is never idle.
    pub fn new(limit: Option<Duration>) -> Self {
        Self { limit, last: Instant::now() }
    }

    /// Records activity.
    pub fn record_activity(&mut self) {
        self.last = Instant::now();
    }

    /// Returns how long to wait for activity before calling [`IdleDetector::is_over`].
    pub fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.last.elapsed()))
    }

    /// Returns the limit if it has passed without activity. The files are checked only once the limit has passed, as that is slow.
    pub fn is_over(
        &mut self,
        worktree: &Path,
        transcript: impl FnOnce() -> Option<PathBuf>,
    ) -> Option<Duration> {
        let limit = self.limit.filter(|limit| self.last.elapsed() >= *limit)?;
        let written = transcript().and_then(|path| path.metadata().ok()?.modified().ok());
        if written.is_some_and(|at| recent_activity::is_recent(at, limit))
            || recent_activity::changed_within(worktree, limit)
        {
            self.record_activity();
            return None;
        }
        Some(limit)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::SystemTime};

    use super::*;

    #[test]
    fn changing_files_count_as_activity() {
        let folder = tempfile::tempdir().unwrap();
        let worktree = folder.path().join("worktree");
        fs::create_dir(&worktree).unwrap();
        let (work, transcript) = (worktree.join("work"), folder.path().join("transcript"));
        fs::write(&work, "").unwrap();
        fs::write(&transcript, "").unwrap();
        let (old, new) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40));
        let at = |path: &Path, time| {
            fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        };
        for (worked, wrote, over) in [(new, old, false), (old, new, false), (old, old, true)] {
            at(&work, worked);
            at(&transcript, wrote);
            let limit = Duration::from_secs(3600);
            let mut idle = IdleDetector {
                limit: Some(limit),
                last: Instant::now().checked_sub(limit * 2).unwrap_or_else(Instant::now),
            };
            // On a machine that has just booted, such an instant does not exist.
            if idle.last.elapsed() >= limit {
                assert_eq!(idle.is_over(&worktree, || Some(transcript.clone())).is_some(), over);
                assert_eq!(idle.left().is_some_and(|left| left > Duration::ZERO), !over);
            }
        }
        assert!(IdleDetector::new(None).is_over(&worktree, || None).is_none());
        assert!(
            IdleDetector::new(Some(Duration::from_secs(3600))).is_over(&worktree, || None).is_none(),
            "it just began"
        );
    }
}
