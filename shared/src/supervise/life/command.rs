//! Runs a shell command of the user in the agent's worktree, as part of the agent's life.

use std::{
    io::Read,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{Supervisor, TICK, tracking::RepositoryState};
use crate::{
    Result,
    config::keys::MAX_OUTPUT,
    git::careful,
    private_files, slots,
    supervise::{
        ending::{AttemptEnd, Cause},
        guard,
        launch::{self, ShellCommand},
    },
};

/// How much of the beginning of a command's output is kept, in bytes.
const MAX_HEAD: u64 = 64 * 1024;
/// How much of the end of a command's output is kept, in bytes.
const MAX_TAIL: u64 = 448 * 1024;

/// A command of the user.
pub(super) struct AgentCommand<'a> {
    /// What the shell runs.
    pub(super) command: &'a str,
    /// The file for its output.
    pub(super) output: &'a Path,
    /// How long it may take.
    pub(super) limit: Duration,
    /// The value of [`slots::VARIABLE`], if it runs in a slot of the machine.
    pub(super) slot: Option<String>,
}

/// How a command ended.
pub(super) enum CommandEnd {
    /// It ran, and failed for this reason or succeeded.
    Ran { failure: Option<String> },
    /// The agent ends before its command does.
    Ended(AttemptEnd),
}

impl Supervisor {
    /// Runs a command with the agent's environment and limits, and ends everything that it started. No other program of the agent may
    /// be running.
    pub(super) async fn run_command(&mut self, run: &AgentCommand<'_>) -> Result<CommandEnd> {
        let program = launch::start_command(
            &self.environment,
            &self.id,
            &self.common,
            &self.spec,
            &self.record,
            ShellCommand {
                text: run.command,
                variable: run.slot.clone().map(|slot| (slots::VARIABLE, slot)),
                output: run.output,
            },
        )?;
        self.reaper.expect(program.pid);
        self.record.program = Some(program);
        self.record.write(&self.lock)?;
        let mut begun = Instant::now();
        let end = loop {
            let holding = self.follow_guard();
            begun += holding.time;
            if let Some(end) = self.reaper.ended(program.pid) {
                break CommandEnd::Ran { failure: failure_of(&end) };
            }
            if let Some(end) = self.asked_meanwhile() {
                return Ok(CommandEnd::Ended(end));
            }
            if holding.is_held {
                self.wait(TICK).await;
                if self.is_terminating {
                    return Ok(CommandEnd::Ended(self.terminate()));
                }
                continue;
            }
            if let Some(end) = self.limit_meanwhile() {
                return Ok(CommandEnd::Ended(end));
            }
            if begun.elapsed() >= run.limit {
                let failure = format!("took longer than {} s", run.limit.as_secs());
                break CommandEnd::Ran { failure: Some(failure) };
            }
            let printed = std::fs::metadata(run.output).map_or(0, |file| file.len());
            let limits = &self.spec.limits;
            if printed > limits.max_output.as_bytes() {
                let (most, key) = (limits.max_output.as_bytes(), MAX_OUTPUT.name());
                let failure = format!("printed more than {most} bytes ({key})");
                break CommandEnd::Ran { failure: Some(failure) };
            }
            tokio::select! {
                () = self.reaper.any() => {}
                _ = self.wake.recv() => {}
                _ = self.term.recv() => return Ok(CommandEnd::Ended(self.terminate())),
                () = sleep(TICK.min(run.limit.saturating_sub(begun.elapsed()))) => {}
            }
        };
        // Also what the command left running.
        self.end_tree(&AttemptEnd::Exit(0))?;
        shorten_output(run.output);
        Ok(end)
    }

    /// Returns why the agent ends while something runs for it: it is asked to, or reached a limit.
    pub(super) fn end_meanwhile(&mut self) -> Option<AttemptEnd> {
        self.asked_meanwhile().or_else(|| self.limit_meanwhile())
    }

    fn asked_meanwhile(&mut self) -> Option<AttemptEnd> {
        match self.update_paths() {
            RepositoryState::Lost(why) => Some(AttemptEnd::Failed(why)),
            RepositoryState::Away => None,
            // What cannot be read now may be readable at the next try.
            RepositoryState::Usable => self.end_asked().ok().flatten(),
        }
    }

    fn limit_meanwhile(&self) -> Option<AttemptEnd> {
        let limits = &self.spec.limits;
        if self.begun.elapsed() >= limits.max_time {
            return Some(AttemptEnd::TimedOut(limits.max_time.as_secs()));
        }
        let is_full = guard::is_full(&self.spec.worktree) || guard::is_full(&self.common);
        is_full.then(|| AttemptEnd::Failed(Cause::DiskFull.as_str().to_owned()))
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
