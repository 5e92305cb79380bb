//! The last steps of a supervisor: ends the processes of its agent, saves its work, and records its end.

use std::{
    cell::RefCell,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Signal as Number, kill_process_group};
use tokio::time::sleep;

use super::{Supervisor, TICK, helpers::HELPER_RESTARTS, tracking::RepositoryState};
use crate::{
    Error, Kind, Result,
    backoff::Backoff,
    git::Repo,
    model::{
        Fact, IdOrText, Phase,
        event::{Finished, PhaseChange},
    },
    store::{append_if, pack},
    supervise::{
        auto_sync, background, children,
        ending::{AttemptEnd, EndedAttempt},
        guard,
        helper::HelperTask,
        last_words, notices, processes,
        reaper::Reaper,
        stored_output, tree,
    },
    worktree::capture::CapturedWork,
};

/// How often messages are read that came while the end was recorded.
const MAX_LATE_READS: u32 = 100;
/// Why an agent is queued again that was done.
const MESSAGE_CAME: &str = "a message came when it was done";
/// How long processes that the program left may clean up after its end.
const EXIT_GRACE: Duration = Duration::from_secs(2);
/// How long to retry recording the end, for instance on a full disk.
const RETRY_FOR: Duration = Duration::from_secs(30 * 60);
/// The same if the supervisor itself was asked to terminate: long enough to retry after a race.
const RETRY_FOR_WHEN_STOPPED: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Ends everything that the agent started: its process group first, then all descendants of this process.
    pub(super) fn end_tree(&mut self, end: &AttemptEnd) -> Result<()> {
        let me = self.record.supervisor.pid;
        let grace = if end.is_by_program() { EXIT_GRACE } else { self.spec.limits.grace };
        if let Some(program) = self.record.program
            && program.is_alive()
            && let Some(group) = rustix::process::Pid::from_raw(program.pid)
        {
            let _ = kill_process_group(group, Number::TERM);
        }
        let private = &self.private;
        let spared = || [processes::supervisors(private), background::running_jobs()].concat();
        let find = || if Reaper::has_children() { tree::descendants(me, &spared()) } else { Vec::new() };
        let left = processes::end_all(find, grace);
        self.record.program = None;
        // For `status`: without a program, the work is being saved.
        let _ = self.record.write(&self.lock);
        self.end_guarding();
        left
    }

    /// Records the processes of the agent, for the case that this process is killed: what leaves the tree then is found no other way.
    pub(super) fn record_processes(&mut self) {
        let program = self.record.program.map(|program| program.pid);
        let mut known = tree::some_descendants(self.record.supervisor.pid, processes::MAX_KNOWN);
        known.retain(|process| Some(process.pid) != program);
        if known != self.record.known {
            self.record.known = known;
            // If this fails, it is tried again in a second.
            let _ = self.record.write(&self.lock);
        }
    }

    /// Handles SIGTERM: from now on nothing is waited for.
    pub(super) fn terminate(&mut self) -> AttemptEnd {
        self.is_terminating = true;
        AttemptEnd::Stopped(Some("its supervisor was terminated (SIGTERM)".to_owned()))
    }

    /// Waits until the repository can be used, and returns whether it can. A configuration that the agent broke may be repaired,
    /// and a repository that is away may come back.
    pub(super) async fn wait_for_the_repository(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if self.update_paths() == RepositoryState::Usable && self.can_open() {
                return true;
            }
            let is_over = self.is_repository_deleted() || begun.elapsed() >= RETRY_FOR;
            if is_over || self.is_terminating {
                return false;
            }
            self.wait(TICK).await;
        }
    }

    /// Waits, and notes if the supervisor itself is asked to terminate.
    pub(super) async fn wait(&mut self, time: Duration) {
        tokio::select! {
            _ = self.term.recv() => self.is_terminating = true,
            () = sleep(time) => {}
        }
    }

    const fn retry_time(&self) -> Duration {
        if self.is_terminating { RETRY_FOR_WHEN_STOPPED } else { RETRY_FOR }
    }

    /// Stores the spec of an agent that never had a worktree and so never ran.
    pub(super) fn store_spec(&self) -> Result<()> {
        stored_output::store_output(&self.repo()?, &self.id, &self.dir)
    }

    /// Captures the work; without a worktree there is none.
    pub(super) async fn take(&mut self) -> Result<CapturedWork> {
        if !self.has_worktree {
            return Ok(CapturedWork::nothing(self.spec.base.into()));
        }
        let mut restarts = 0;
        let captured = loop {
            let moves = self.tracked.moves();
            let captured = self.run_helper(HelperTask::Capture).await?.captured()?;
            let _ = self.update_paths();
            // If saving failed because the repository was renamed meanwhile, it is tried again at the new path.
            let has_moved = self.tracked.moves() != moves;
            if captured.unsaved.is_none() || !has_moved || restarts == HELPER_RESTARTS {
                break captured;
            }
            restarts += 1;
        };
        let full = captured.unsaved.is_some() && !captured.is_gone && guard::is_full(&self.common);
        let unsaved = if full { Some("the disk is full".to_owned()) } else { captured.unsaved };
        Ok(CapturedWork { unsaved, ..captured })
    }

    /// Returns whether somebody sent a message since the program ended, which it can read if it is resumed.
    pub(super) fn continues_with_a_message(&mut self, ended: &EndedAttempt) -> bool {
        let can = ended.conclusion().phase == Phase::Done
            && self.spec.launch.has_sessions()
            && !self.is_terminating
            && self.begun.elapsed() < self.spec.limits.max_time;
        // What cannot be read now is read when the end is recorded.
        let read = self.in_repository(|supervisor| supervisor.read_late_messages(&supervisor.repo()?));
        can && read.is_ok() && self.late > 0 && self.requests_end().is_none()
    }

    /// Records the end. Retries, because a full disk may have space again in a minute.
    pub(super) async fn record_end(
        &mut self,
        ended: &EndedAttempt,
        captured: Result<&CapturedWork, &Error>,
        continues: bool,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut backoff = Backoff::millis(200, 30_000);
        loop {
            match self.try_record_end(ended, captured, continues) {
                Err(_) if self.is_repository_deleted() => return Ok(()),
                Err(_) if begun.elapsed() < self.retry_time() => {
                    guard::release_reserve(&self.private);
                    self.wait(backoff.pause()).await;
                }
                other => return other,
            }
        }
    }

    fn try_record_end(
        &mut self,
        ended: &EndedAttempt,
        captured: Result<&CapturedWork, &Error>,
        continues: bool,
    ) -> Result<()> {
        let told = self.in_repository(|supervisor| {
            let repo = supervisor.repo()?;
            let told = supervisor.append_end(&repo, ended, captured, continues)?;
            if !continues && told.0.is_terminal() {
                let _ = children::end_with(&repo, &supervisor.id);
            }
            // Nobody waits for this. What cannot be packed now, another supervisor or command packs.
            let _ = pack::pack_refs_if_many(&repo, pack::LOOSE_REFS_LIMIT);
            Ok(told)
        })?;
        (self.launched, self.late) = (None, 0);
        auto_sync::sync_once(&self.environment, &self.spec.limits);
        let (phase, reason) = told;
        if !continues && let Some(kind) = notices::of_end(&ended.end, phase) {
            self.tell(kind, reason.as_deref());
        }
        Ok(())
    }

    /// Appends the end, with the next attempt if the agent continues. What was sent up to then is recorded as not read: who sent it was
    /// told that it counts. Returns the phase and the reason of the end.
    fn append_end(
        &mut self,
        repo: &Repo,
        ended: &EndedAttempt,
        captured: Result<&CapturedWork, &Error>,
        continues: bool,
    ) -> Result<(Phase, Option<String>)> {
        // If this supervisor never launched it, the end belongs to the attempt that was queued.
        let launched = Some(self.record.attempt).filter(|attempt| *attempt > 0);
        let ran_seconds = self.ran_seconds();
        for _ in 0..MAX_LATE_READS {
            let read_to = self.read_late_messages(repo)?;
            let told = RefCell::new(None);
            append_if(repo, &self.id, |fold| {
                told.replace(None);
                if fold.agent.lamport > read_to {
                    return None;
                }
                let attempt = launched.unwrap_or(fold.agent.attempt);
                let places = [self.spec.worktree.as_path(), &self.common];
                let end = shorten_paths(ended.fact(attempt, captured), &places);
                let end = Finished { ran_seconds, unheard: end.unheard + self.late, ..end };
                told.replace(Some((end.phase, end.reason.clone())));
                let next = PhaseChange::new(attempt + 1, Phase::Queued).because(MESSAGE_CAME.to_owned());
                let next = continues.then_some(Fact::Phase(next));
                Some([Fact::Finished(compare_with_work(repo, end))].into_iter().chain(next).collect())
            })?;
            if let Some(told) = told.into_inner() {
                return Ok(told);
            }
        }
        Err(Error::new(Kind::Conflict, "its end cannot be recorded while messages to it arrive all the time"))
    }
}

/// Marks the outcome of the check as outdated if the work is not what was checked: the check itself may have changed files.
fn compare_with_work(repo: &Repo, mut end: Finished) -> Finished {
    let head = end.head.as_ref().and_then(IdOrText::commit);
    let tree = head.and_then(|head| repo.tree_of(head).ok()).map(|tree| tree.to_string());
    if let Some(check) = &mut end.check {
        check.outdated = tree.as_ref() != Some(&check.tree);
    }
    end
}

/// Shortens the paths in the texts of an end, which is synced: they begin at the folder that contains repository and worktrees.
fn shorten_paths(end: Finished, places: &[&Path]) -> Finished {
    let shorten = |text: String| last_words::shorten_paths(&text, places);
    Finished { reason: end.reason.map(shorten), unsaved: end.unsaved.map(shorten), ..end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synced_ends_name_no_local_paths() {
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
            let end = shorten_paths(end, &[Path::new(worktree), Path::new(common)]);
            assert_eq!((end.reason.as_deref(), end.unsaved.as_deref()), (Some(told), Some(told)));
        }
    }
}
