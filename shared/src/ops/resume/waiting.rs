//! Ends the wait of an agent that a person resumes before it would continue by itself.

use super::Request;
use crate::{
    Result,
    context::Context,
    git::Repo,
    lock::Lock,
    model::{AgentId, Phase, limit::clock_time},
    ops::agent_object::pending_limit,
    store::{self, layout::AgentDir, writer},
    supervise::control,
};

/// Ends the supervisor of an agent that waits for the end of a usage limit, paused or in the queue, or for an answer about a cap. Returns
/// a warning for the user.
pub(super) fn stop_waiting(
    context: &Context,
    repo: &Repo,
    id: &AgentId,
    dir: &AgentDir,
    request: &Request,
) -> Result<Option<String>> {
    let agent = store::agent(repo, id)?;
    let ours = writer::known_writer(repo).as_deref() == Some(agent.writer.as_str());
    let queued_for = pending_limit(dir).filter(|_| agent.phase == Phase::Queued && request.despite_limit);
    let waits = agent.waits_at_rest() || queued_for.is_some();
    if ours && waits && Lock::is_held(&dir.lock()) {
        control::request(repo, id, control::StopMode::Pause, Some("resumed before the limit is over"))?;
        Lock::require(&dir.lock(), context.at_most(context.limits().release))?;
    }
    let known = match agent.phase {
        Phase::Paused => agent.limit,
        _ => queued_for,
    };
    let Some(limit) = known.filter(|_| ours) else { return Ok(None) };
    let now = repo.now();
    let over = limit.until.is_none_or(|until| until <= now);
    Ok(limit.until.filter(|_| request.despite_limit && !over).map(|until| {
        let until = clock_time(until, now, &repo.environment().time_zone());
        format!("'{id}' is resumed although its {} lasts until {until}", limit.name())
    }))
}
