//! Runs helpers: short-lived child processes for tasks that need the repository for longer than one event.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use super::{Supervisor, TICK, tracking::RepositoryState};
use crate::{
    Code, Error, Kind, Result,
    supervise::{
        ending::AttemptEnd,
        guard,
        helper::{Helper, HelperTask},
        own_variables, processes,
        tree::{self, ProcessId},
    },
};

/// How often a helper is started again because the repository was renamed while it ran.
pub(super) const HELPER_RESTARTS: u32 = 5;
/// How often the location of the repository is checked while a helper runs.
const WATCH: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Runs a helper. If it fails because the repository was renamed meanwhile, it is started again.
    pub(super) async fn run_helper(&mut self, job: HelperTask) -> Result<Helper> {
        let mut restarts = 0;
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
                Err(error) => error,
            };
            let has_moved = self.update_paths() == RepositoryState::Away || self.tracked.moves() != moves;
            if !has_moved || restarts == HELPER_RESTARTS {
                return Err(error);
            }
            restarts += 1;
        }
    }

    async fn run_helper_once(&mut self, job: HelperTask) -> Result<Helper> {
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
                return Err(Error::new(Code::SupervisorFailed, why));
            }
        };
        match ended {
            Some(AttemptEnd::Exit(0)) => Ok(helper),
            Some(_) if guard::is_full(&self.common) => Err(Error::new(Code::DiskFull, "the disk is full")),
            Some(_) => Err(Error::new(Code::SupervisorFailed, helper.last_words())),
            None => {
                self.end_helper(helper.pid);
                Err(Error::new(Kind::Timeout, format!("the helper '{}' took too long", job.as_str())))
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
