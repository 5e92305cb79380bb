//! The inner command: supervise one agent, or do one job for its supervisor.

use std::path::Path;

use crate::{
    Result,
    lock::Lock,
    model::AgentId,
    supervise::{helper, life},
    worktree::capture::CapturedWork,
    world::Environment,
};

pub use crate::supervise::{detach, helper::Job, start::READY_WORD};

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Supervise the agent to its end.
    Run {
        /// The agent's lock, inherited from whoever started us.
        lock: Lock,
    },
    /// One job, in this process.
    Help(Job),
}

/// Does it, and gives what was taken, if that was the job. `ready` is called when a supervisor answers.
///
/// # Errors
/// Whatever stands in its way.
pub fn run(
    environment: &Environment,
    common_dir: &Path,
    id: &AgentId,
    request: Request,
    ready: impl FnOnce(),
) -> Result<Option<CapturedWork>> {
    match request {
        Request::Run { lock } => {
            life::run_supervisor(environment, common_dir, id, lock, ready).map(|()| None)
        }
        Request::Help(job) => helper::work(environment, common_dir, id, job),
    }
}
