//! The internal command: supervises one agent, or does one job for its supervisor.

use std::{ffi::OsString, path::Path};

pub use crate::sandbox::PathRules;
pub use crate::supervise::{
    detach,
    helper::{HelperTask, TaskAnswer},
    start::READY_WORD,
};
use crate::{
    Result,
    context::Context,
    error::Error,
    git::Repo,
    landing::verify::{self, CommitCheck},
    lock::Lock,
    model::{
        AgentId,
        cap::{Amounts, Scopes},
        host::HostRule,
    },
    ops::role_changes,
    sandbox::{self, network},
    store::layout::PrivateDir,
    supervise::{helper, life, spec::Spec},
    trust::AcceptedRepo,
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
        Request::Help(HelperTask::CheckBase) => check_base(context, common_dir, id).map(|()| None),
        Request::Help(HelperTask::HandOver) => hand_over(context, common_dir, id).map(|()| None),
        Request::Help(job) => helper::run_task(context.environment(), common_dir, id, job),
    }
}

/// Starts the sandbox of an agent, connects it with the hosts that are allowed, and returns its exit status once it has ended.
///
/// # Errors
/// It cannot be started.
pub fn connect(
    context: &Context,
    common_dir: &Path,
    id: &AgentId,
    hosts: Vec<HostRule>,
    command: &[OsString],
) -> Result<u8> {
    let private = PrivateDir::new(common_dir.join("orchestra"));
    let noted = private.agent(id).refused_hosts();
    network::run(context.environment(), hosts, &private.sandbox(id), noted, command)
}

/// In a sandbox: makes its network usable, and becomes the command. On success it does not return.
///
/// # Errors
/// There is no process outside that waits for this one, or the command cannot be started.
pub fn enter(context: &Context, command: &[OsString]) -> Result<()> {
    network::enter(context.environment(), command)
}

/// Takes from this process what the sandbox of an agent forbids, and becomes the command. On success it does not return.
///
/// # Errors
/// The kernel refuses a part of it: nothing is run then. Or the command cannot be started.
pub fn confine(
    context: &Context,
    common_dir: &Path,
    id: &AgentId,
    rules: &PathRules,
    command: &[OsString],
) -> Result<()> {
    sandbox::confine(context.environment(), common_dir, id, rules, command)
}

/// Runs the check of an agent on the commit that it started from, in a fresh checkout, unless it is known to pass there. The outcome is
/// recorded for all agents that start from the same files.
fn check_base(context: &Context, common_dir: &Path, id: &AgentId) -> Result<()> {
    let spec = Spec::read(&PrivateDir::new(common_dir.join("orchestra")).agent(id))?;
    let until = spec.until.ok_or_else(|| Error::refused("the agent has no check"))?;
    // The checkout uses the configuration, which the agent may have changed.
    let repo = AcceptedRepo::of(Repo::open(context.environment(), common_dir)?)?;
    let what = CommitCheck { commit: spec.base, command: &until.command, recheck: false };
    verify::verify(context, &repo, what, until.limit).map(drop)
}

/// Makes the worktree of an agent ready for the next role of its team. What a role changed that does not write is taken back. The private
/// git directory of an agent in a sandbox is made again from what the repository has by now.
fn hand_over(context: &Context, common_dir: &Path, id: &AgentId) -> Result<()> {
    let spec = Spec::read(&PrivateDir::new(common_dir.join("orchestra")).agent(id))?;
    let repo = Repo::open(context.environment(), common_dir)?.with_identity(spec.identity.as_ref());
    role_changes::take_back(&repo, id)?;
    if spec.sandbox.is_some() { helper::prepare_git_dir(&repo, id, &spec) } else { Ok(()) }
}
