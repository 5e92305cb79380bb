//! Runs helpers: short-lived child processes for tasks that need the repository for longer than one event.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use super::{Supervisor, TICK, tracking::RepositoryState};
use crate::{
    Code, Error, Kind, Result,
    git::Repo,
    supervise::{
        ending::AttemptEnd,
        guard,
        helper::{Helper, HelperTask},
        own_variables, processes, repair,
        spec::Spec,
        tree::{self, ProcessId},
    },
};

/// How often a helper is started again because the repository was renamed while it ran.
pub(super) const HELPER_RESTARTS: u32 = 5;
/// How often a helper is started again because somebody else killed it: the kernel, for want of memory, or a person.
const KILLED_RESTARTS: u32 = 3;
/// How often the location of the repository is checked while a helper runs.
const WATCH: Duration = Duration::from_millis(100);

/// Why a helper did not do its task.
enum HelperFailure {
    /// A signal ended it that did not come from its supervisor.
    Killed(Error),
    Other(Error),
}

impl From<Error> for HelperFailure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Supervisor {
    /// Runs a helper. If it fails because the repository was renamed meanwhile, or is killed, it is started again: what it does can be
    /// done again, and the work of an agent must not wait in a worktree for a person because of one kill.
    pub(super) async fn run_helper(&mut self, job: HelperTask) -> Result<Helper> {
        let (mut restarts, mut killed) = (0, 0);
        loop {
            match self.update_paths() {
                RepositoryState::Usable => {}
                RepositoryState::Away if self.is_terminating => {
                    return Err(Error::refused("its repository cannot be found"));
                }
                RepositoryState::Away => {
                    sleep(TICK).await;
                    continue;
                }
                RepositoryState::Lost(why) => return Err(Error::new(Code::RepositoryLost, why)),
            }
            let moves = self.tracked.moves();
            let error = match self.run_helper_once(job).await {
                Ok(helper) => return Ok(helper),
                Err(HelperFailure::Killed(_)) if killed < KILLED_RESTARTS => {
                    killed += 1;
                    self.tidy_after_kill(job);
                    continue;
                }
                Err(HelperFailure::Killed(error) | HelperFailure::Other(error)) => error,
            };
            let has_moved = self.update_paths() == RepositoryState::Away || self.tracked.moves() != moves;
            if !has_moved || restarts == HELPER_RESTARTS {
                return Err(error);
            }
            restarts += 1;
        }
    }

    /// Removes what a killed helper left half done, so that the next one can begin.
    fn tidy_after_kill(&self, job: HelperTask) {
        if Spec::read(&self.dir).is_err() {
            // It was writing down what it found. If that fails again, so does the next helper.
            let _ = self.spec.write(&self.dir);
        }
        if matches!(job, HelperTask::Prepare) && !self.spec.resumed {
            self.remove_incomplete_worktree();
        }
    }

    /// Removes the incomplete worktree that a killed helper leaves, in which no program has run.
    pub(super) fn remove_incomplete_worktree(&self) {
        if let Ok(repo) = Repo::open(&self.environment, &self.common) {
            let _ = repair::remove_incomplete(&repo, &self.id, repair::OperationsLock::NotHeld);
        }
    }

    async fn run_helper_once(&mut self, job: HelperTask) -> Result<Helper, HelperFailure> {
        let pointers = self.spec.preparation.lfs_pointers.then_some(own_variables::LFS_POINTERS);
        let variables = pointers.as_slice();
        let helper =
            Helper::start(&self.environment, &self.common, &self.id, &self.record.nonce, job, variables)?;
        let begun = Instant::now();
        let ended = loop {
            let left = job.limit().saturating_sub(begun.elapsed());
            let ended = self.reaper.wait(helper.pid, left.min(WATCH)).await;
            if ended.is_some() || left.is_zero() {
                break ended;
            }
            if let RepositoryState::Lost(why) = self.update_paths() {
                self.end_helper(helper.pid);
                return Err(Error::new(Code::SupervisorFailed, why).into());
            }
        };
        match ended {
            Some(AttemptEnd::Exit(0)) => Ok(helper),
            Some(_) if guard::is_full(&self.common) => {
                Err(Error::new(Code::DiskFull, "the disk is full").into())
            }
            Some(AttemptEnd::Signal(signal)) => {
                let why = format!("the helper '{}' was killed by signal {signal}", job.as_str());
                Err(HelperFailure::Killed(Error::new(Code::SupervisorFailed, why)))
            }
            Some(_) => Err(Error::new(Code::SupervisorFailed, helper.last_words()).into()),
            None => {
                self.end_helper(helper.pid);
                let why = format!("the helper '{}' took too long", job.as_str());
                Err(Error::new(Kind::Timeout, why).into())
            }
        }
    }

    /// Kills a helper and its descendants, so that its locks are released.
    pub(super) fn end_helper(&mut self, pid: i32) {
        let all = || {
            let helper = ProcessId::of(pid).filter(ProcessId::is_alive);
            helper.into_iter().chain(tree::descendants(pid, &[])).collect::<Vec<_>>()
        };
        for process in all() {
            processes::signal(process, Signal::KILL);
        }
        let _ = self.reaper.ended(pid);
    }
}
