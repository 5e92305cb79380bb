//! Waits until an agent has ended. Its own time limits bound the wait.

use crate::{
    Result,
    backoff::Backoff,
    context::Context,
    git::Repo,
    model::{AgentId, Liveness, Phase},
    ops::{agent_object::LimitObject, status, wait_targets},
    supervise::control,
};

/// How the wait ended.
pub(super) enum WaitOutcome {
    /// The agent is done.
    Done,
    /// The agent ended or paused in another phase: the phase and the reason.
    NotDone(String),
    /// The user interrupted the wait; the agent keeps running.
    Interrupted,
}

/// Waits for an agent. If another agent runs this command, the awaited one may use its slot in the queue meanwhile.
///
/// # Errors
/// The agent cannot be read.
pub(super) fn wait(context: &Context, repo: &Repo, id: &AgentId) -> Result<WaitOutcome> {
    let mut waiting = wait_targets::waiting_command(repo)?;
    waiting.set([id.clone()]);
    let mut backoff = Backoff::millis(20, 500);
    loop {
        let agent = status::read_agent(repo, id)?;
        match agent.liveness {
            Liveness::Ended if agent.phase == Phase::Done => return Ok(WaitOutcome::Done),
            Liveness::Ended | Liveness::Lost => {
                let why = agent.reason.unwrap_or_default();
                return Ok(WaitOutcome::NotDone(format!("{}: {why}", agent.phase.as_str())));
            }
            // The usage limit may last for hours. The wait ends instead, and the agent is paused so that it does not resume unexpectedly.
            Liveness::Live if agent.phase == Phase::Paused && agent.cap.is_some() => {
                // Nobody may answer for long.
                control::request(repo, id, control::StopMode::Pause, agent.reason.as_deref())?;
            }
            Liveness::Live if agent.limit.as_ref().is_some_and(|limit| limit.resumes) => {
                let why = agent.limit.as_ref().map(LimitObject::sentence);
                control::request(repo, id, control::StopMode::Pause, why.as_deref())?;
            }
            Liveness::Remote => {
                return Ok(WaitOutcome::NotDone("running in another clone, which resumed it".to_owned()));
            }
            Liveness::Live => {}
        }
        if context.cancel.wait(backoff.pause()) {
            return Ok(WaitOutcome::Interrupted);
        }
    }
}
