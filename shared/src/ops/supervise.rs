//! The internal command: supervises one agent, or does one job for its supervisor.

use std::path::Path;

pub use crate::supervise::{
    detach,
    helper::{HelperTask, TaskAnswer},
    start::READY_WORD,
};
use crate::{
    Result,
    context::Context,
    lock::Lock,
    model::{
        AgentId,
        cap::{Amounts, Scopes},
    },
    supervise::{helper, life},
};

/// What the other agents of this clone used.
pub type Sum = Scopes<Amounts>;

/// The job of this process.
#[derive(Debug)]
pub enum Request {
    /// Supervise the agent until it ends.
    Run {
        /// The agent's lock, inherited from the process that started this one.
        lock: Lock,
    },
    /// Do one job for the supervisor, in this process.
    Help(HelperTask),
}

/// Does the job, and returns what it found out, if that was the job. `ready` is called when a supervisor accepts commands.
///
/// # Errors
/// The job fails.
pub fn run(
    context: &Context,
    common_dir: &Path,
    id: &AgentId,
    request: Request,
    ready: impl FnOnce(),
) -> Result<Option<TaskAnswer>> {
    context.check()?;
    match request {
        Request::Run { lock } => {
            life::run_supervisor(context.environment(), common_dir, id, lock, ready).map(|()| None)
        }
        Request::Help(job) => helper::run_task(context.environment(), common_dir, id, job),
    }
}
