//! Waiting until an agent comes to rest. Its own limits end it, if nothing else does.

use crate::{
    Result,
    backoff::Backoff,
    context::Context,
    git::Repo,
    model::{AgentId, Liveness, Phase},
    ops::{agent_object::LimitObject, status},
    supervise::{control, lending::Waiting},
};

/// How the waiting ended.
pub(super) enum WaitOutcome {
    /// The agent is done.
    Done,
    /// It came to rest otherwise: where, and why.
    Otherwise(String),
    /// The user does not want to wait any longer; it runs on.
    Interrupted,
}

/// Waits. If an agent runs this command, the one that is waited for may run in its place.
///
/// # Errors
/// The agent cannot be read.
pub(super) fn wait(context: &Context, repo: &Repo, id: &AgentId) -> Result<WaitOutcome> {
    let mut waiting = Waiting::new(repo)?;
    waiting.set([id.clone()]);
    let mut backoff = Backoff::millis(20, 500);
    loop {
        let agent = status::one(repo, id)?;
        match agent.liveness {
            Liveness::Ended if agent.phase == Phase::Done => return Ok(WaitOutcome::Done),
            Liveness::Ended | Liveness::Lost => {
                let why = agent.reason.unwrap_or_default();
                return Ok(WaitOutcome::Otherwise(format!("{}: {why}", agent.phase.as_str())));
            }
            // It could be hours: whoever waits here does not, and the agent does not go on behind their back.
            Liveness::Live if agent.limit.as_ref().is_some_and(|limit| limit.resumes) => {
                let why = agent.limit.as_ref().map(LimitObject::sentence);
                control::ask(repo, id, control::StopMode::Pause, why.as_deref())?;
            }
            Liveness::Remote => {
                return Ok(WaitOutcome::Otherwise("another clone's now, which resumed it".to_owned()));
            }
            Liveness::Live => {}
        }
        if context.cancel.wait(backoff.pause()) {
            return Ok(WaitOutcome::Interrupted);
        }
    }
}
