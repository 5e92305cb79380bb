//! The last steps of a supervisor: saves its agent's work and records its end.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{Supervisor, TICK, helping::HELPER_RESTARTS, tracking::RepositoryState};
use crate::{
    Error, Result,
    backoff::Backoff,
    model::{Fact, event::Finished},
    store::append_if,
    supervise::{auto_sync, ending::EndedAttempt, guard, helper::Job, stored_output},
    worktree::capture::CapturedWork,
};

/// How long to retry recording the end, for instance on a full disk.
const RETRY_FOR: Duration = Duration::from_secs(30 * 60);
/// The same if the supervisor itself was asked to terminate: long enough to retry after a race.
const RETRY_FOR_WHEN_STOPPED: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Waits until the repository can be used, and returns whether it can. A configuration that the agent broke may be repaired,
    /// and a repository that is away may come back.
    pub(super) async fn wait_for_the_repository(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if self.keep_up() == RepositoryState::Usable && self.can_read() {
                return true;
            }
            let is_over = self.is_repository_deleted() || begun.elapsed() >= RETRY_FOR;
            if is_over || self.is_told_to_end {
                return false;
            }
            self.wait(TICK).await;
        }
    }

    /// Waits, and notes if the supervisor itself is asked to terminate.
    async fn wait(&mut self, time: Duration) {
        tokio::select! {
            _ = self.term.recv() => self.is_told_to_end = true,
            () = sleep(time) => {}
        }
    }

    const fn patience(&self) -> Duration {
        if self.is_told_to_end { RETRY_FOR_WHEN_STOPPED } else { RETRY_FOR }
    }

    /// Stores the spec of an agent that never had a worktree and so never ran.
    pub(super) fn store_what_was_asked(&self) -> Result<()> {
        stored_output::store_output(&self.repo()?, &self.id, &self.dir)
    }

    /// Captures the work; without a worktree there is none.
    pub(super) async fn take(&mut self) -> Result<CapturedWork> {
        if !self.has_worktree {
            return Ok(CapturedWork::nothing(self.spec.base.into()));
        }
        let mut restarts = 0;
        let taken = loop {
            let moves = self.followed.moves();
            let taken = self.help(Job::Take).await?.taken()?;
            let _ = self.keep_up();
            // If saving failed because the repository was renamed meanwhile, it is tried again at the new path.
            let is_displaced = self.followed.moves() != moves;
            if taken.unsaved.is_none() || !is_displaced || restarts == HELPER_RESTARTS {
                break taken;
            }
            restarts += 1;
        };
        let full = taken.unsaved.is_some() && guard::is_full(&self.common);
        let unsaved = if full { Some("the disk is full".to_owned()) } else { taken.unsaved };
        Ok(CapturedWork { unsaved, ..taken })
    }

    /// Records the end. Retries, because a full disk may have space again in a minute.
    pub(super) async fn tell_end(
        &mut self,
        ended: &EndedAttempt,
        taken: Result<&CapturedWork, &Error>,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut backoff = Backoff::millis(200, 30_000);
        loop {
            match self.say_end(ended, taken) {
                Err(_) if self.is_repository_deleted() => return Ok(()),
                Err(_) if begun.elapsed() < self.patience() => {
                    guard::release_reserve(&self.private);
                    self.wait(backoff.pause()).await;
                }
                other => return other,
            }
        }
    }

    fn say_end(&mut self, ended: &EndedAttempt, taken: Result<&CapturedWork, &Error>) -> Result<()> {
        // If this supervisor never launched it, the end belongs to the attempt that was queued.
        let launched = Some(self.record.attempt).filter(|attempt| *attempt > 0);
        self.in_repository(|supervisor| {
            append_if(&supervisor.repo()?, &supervisor.id, |fold| {
                let attempt = launched.unwrap_or(fold.agent.attempt);
                let places = [supervisor.spec.worktree.as_path(), &supervisor.common];
                Some(vec![Fact::Finished(without_places(ended.fact(attempt, taken), &places))])
            })
            .map(drop)
        })?;
        auto_sync::sync_once(&self.spec.limits);
        Ok(())
    }
}

/// Shortens the paths in the texts of an end, which is synced: they begin at the folder that contains repository and worktrees.
fn without_places(end: Finished, places: &[&Path]) -> Finished {
    let shorten = |text: String| {
        let arounds = places.iter().filter_map(|place| place.ancestors().nth(2));
        let arounds = arounds.filter(|around| around.parent().is_some());
        arounds.fold(text, |text, around| text.replace(&format!("{}/", around.display()), ""))
    };
    Finished { reason: end.reason.map(shorten), unsaved: end.unsaved.map(shorten), ..end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_names_no_place_of_this_machine() {
        for (worktree, common, said, told) in [
            (
                "/h/me/app.worktrees/x-1",
                "/h/me/app/.git",
                "cannot open '/h/me/app.worktrees/x-1/a'",
                "cannot open 'app.worktrees/x-1/a'",
            ),
            ("/w/x-1", "/h/me/app/.git", "'/h/me/app/.git/x' and '/w/x-1'", "'app/.git/x' and '/w/x-1'"),
            ("/h/me/app.worktrees/x-1", "/h/me/app/.git", "exit code 2", "exit code 2"),
        ] {
            let end = Finished {
                reason: Some(said.to_owned()),
                unsaved: Some(said.to_owned()),
                ..Finished::empty(1, crate::model::Phase::Failed)
            };
            let end = without_places(end, &[Path::new(worktree), Path::new(common)]);
            assert_eq!((end.reason.as_deref(), end.unsaved.as_deref()), (Some(told), Some(told)));
        }
    }
}
