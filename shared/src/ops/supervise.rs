//! The inner command: supervise one agent, or do one job for its supervisor.

use std::path::Path;

use crate::{
    Result,
    lock::Lock,
    model::AgentId,
    supervise::{
        helper::{self, Job},
        life,
    },
};

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

/// Does it. `ready` is called when a supervisor answers.
///
/// # Errors
/// Whatever stands in its way.
pub fn run(common_dir: &Path, id: &AgentId, request: Request, ready: impl FnOnce()) -> Result<()> {
    match request {
        Request::Run { lock } => life::live(common_dir, id, lock, ready),
        Request::Help(job) => helper::work(common_dir, id, job),
    }
}
