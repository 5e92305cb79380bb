//! Runs the check that decides whether an agent is done, when its turn has ended.

use std::{io::Read, path::Path, time::Instant};

use tokio::time::sleep;

use super::{Supervisor, TICK, attempt, tracking::RepositoryState};
use crate::{
    Error, Result,
    config::keys::MAX_OUTPUT,
    git::careful,
    model::{Fact, Phase, WorkCheck, event::PhaseChange},
    private_files,
    store::layout,
    supervise::{
        ending::{AttemptEnd, EndedAttempt},
        guard,
        helper::HelperTask,
        launch, rounds,
        spec::Until,
    },
};

/// How much of the beginning of a check's output is kept, in bytes.
const MAX_HEAD: u64 = 64 * 1024;
/// How much of the end of a check's output is kept, in bytes.
const MAX_TAIL: u64 = 448 * 1024;

/// How a check ended.
enum CheckEnd {
    /// It ran on this tree, and failed for this reason or passed.
    Ran { tree: String, failure: Option<String> },
    /// The agent ends before its check does.
    Ended(AttemptEnd),
}

impl Supervisor {
    /// Runs the check of an agent whose turn ended without error, unless messages wait for the agent. Adds the messages that came
    /// meanwhile. Returns the end with the outcome, and the report for the agent if it continues.
    pub(super) async fn check_work(
        &mut self,
        ended: EndedAttempt,
        unheard: &mut Vec<String>,
    ) -> Result<(EndedAttempt, Option<String>)> {
        let has_sessions = self.spec.launch.has_sessions();
        let is_over = has_sessions && !unheard.is_empty() || ended.conclusion().phase != Phase::Done;
        let Some(until) = self.spec.until.clone().filter(|_| !is_over) else { return Ok((ended, None)) };
        self.end_tree(&ended.end)?;
        let (tree, failure) = match self.run_check(&until, &ended).await? {
            CheckEnd::Ran { tree, failure } => (tree, failure),
            CheckEnd::Ended(end) => return Ok((EndedAttempt { end, ..ended }, None)),
        };
        if has_sessions {
            self.end_asked()?;
            unheard.extend(self.take_messages());
        }
        let check = self.rounds.add(&until, tree, failure);
        if !unheard.is_empty() {
            self.rounds.forget();
        }
        let report = rounds::asks_again(&check).then(|| {
            let output = attempt::tail(&self.dir.check(self.record.attempt)).unwrap_or_default();
            rounds::report(&until.command, &check, &output)
        });
        Ok((EndedAttempt { check: Some(check), unheard: unheard.len(), ..ended }, report))
    }

    async fn run_check(&mut self, until: &Until, ended: &EndedAttempt) -> Result<CheckEnd> {
        self.show_check(until, ended)?;
        self.run_helper(HelperTask::Snapshot).await?;
        let tree = self.in_repository(|supervisor| {
            let repo = supervisor.repo()?;
            let kept = repo.find_ref(&layout::snapshot_ref(&supervisor.id))?;
            Ok(repo.tree_of(kept.ok_or_else(|| Error::internal("no snapshot"))?)?.to_string())
        })?;
        let program = launch::start_check(
            &self.environment,
            &self.id,
            &self.dir,
            &self.common,
            &self.spec,
            &self.record,
            &until.command,
        )?;
        self.reaper.expect(program.pid);
        self.record.program = Some(program);
        self.record.write(&self.lock)?;
        let begun = Instant::now();
        let end = loop {
            if let Some(end) = self.reaper.ended(program.pid) {
                break CheckEnd::Ran { tree, failure: failure_of(&end) };
            }
            match self.update_paths() {
                RepositoryState::Lost(why) => return Ok(CheckEnd::Ended(AttemptEnd::Failed(why))),
                RepositoryState::Away => {}
                RepositoryState::Usable => {
                    // What cannot be read now may be readable at the next try.
                    if let Ok(Some(end)) = self.end_asked() {
                        return Ok(CheckEnd::Ended(end));
                    }
                }
            }
            let limits = &self.spec.limits;
            if self.begun.elapsed() >= limits.max_time {
                return Ok(CheckEnd::Ended(AttemptEnd::TimedOut(limits.max_time.as_secs())));
            }
            if guard::is_full(&self.spec.worktree) || guard::is_full(&self.common) {
                return Ok(CheckEnd::Ended(AttemptEnd::Failed("the disk is full".to_owned())));
            }
            if begun.elapsed() >= until.limit {
                let failure = format!("took longer than {} s", until.limit.as_secs());
                break CheckEnd::Ran { tree, failure: Some(failure) };
            }
            let printed = std::fs::metadata(self.dir.check(self.record.attempt)).map_or(0, |file| file.len());
            if printed > limits.max_output.as_bytes() {
                let (most, key) = (limits.max_output.as_bytes(), MAX_OUTPUT.name());
                let failure = format!("printed more than {most} bytes ({key})");
                break CheckEnd::Ran { tree, failure: Some(failure) };
            }
            tokio::select! {
                () = self.reaper.any() => {}
                _ = self.wake.recv() => {}
                _ = self.term.recv() => return Ok(CheckEnd::Ended(self.terminate())),
                () = sleep(TICK.min(until.limit.saturating_sub(begun.elapsed()))) => {}
            }
        };
        // Also what the check left running.
        self.end_tree(&AttemptEnd::Exit(0))?;
        shorten_output(&self.dir.check(self.record.attempt));
        Ok(end)
    }

    /// Records that the check runs, and shows it as what the agent does.
    fn show_check(&mut self, until: &Until, ended: &EndedAttempt) -> Result<()> {
        let command = WorkCheck::of(&until.command, String::new(), None).command;
        let now = format!("checking: {}", command.as_deref().unwrap_or("its check"));
        if let Some(mut summary) = ended.summary.clone() {
            summary.activity = Some(now.clone());
            if let Ok(text) = serde_json::to_vec(&summary) {
                let _ = private_files::replace(&self.dir.stream_summary(), text);
            }
        }
        self.append_facts(&[Fact::Phase(PhaseChange::new(self.record.attempt, Phase::Running).because(now))])
    }
}

/// Leaves the middle out of a long output. If that fails, it stays as it is.
fn shorten_output(path: &Path) {
    let Ok(file) = careful::open_regular_through_links(path) else { return };
    let length = file.metadata().map_or(0, |found| found.len());
    let Some(lost @ 1..) = length.checked_sub(MAX_HEAD + MAX_TAIL) else { return };
    let mut kept = Vec::new();
    if let (Ok(_), Ok(end)) = (file.take(MAX_HEAD).read_to_end(&mut kept), careful::tail(path, MAX_TAIL)) {
        kept.extend_from_slice(format!("\n[… {lost} bytes left out …]\n").as_bytes());
        kept.extend(end);
        let _ = private_files::replace(path, kept);
    }
}

fn failure_of(end: &AttemptEnd) -> Option<String> {
    Some(match end {
        AttemptEnd::Exit(0) => return None,
        AttemptEnd::Exit(127) => "exit code 127: a command in it was not found".to_owned(),
        AttemptEnd::Exit(code) => format!("exit code {code}"),
        AttemptEnd::Signal(number) => format!("killed by signal {number}"),
        _ => "ended in an unknown way".to_owned(),
    })
}
