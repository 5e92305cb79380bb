//! Refuses to resume an agent that would be paused at once, because its own cap is reached.

use super::{Request, hand_over::NewProfile, options};
use crate::{
    Error, Result,
    config::Config,
    git::Repo,
    lock::Lock,
    model::{
        Agent, AgentId, Caps,
        cap::{CapUnit, Scopes},
    },
    store::layout::AgentDir,
    supervise::{spec::Spec, spending},
};

/// Checks that the agent has not reached its own cap.
///
/// # Errors
/// It has, and the request does not raise it (3).
pub(super) fn check(
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    agent: &Agent,
    dir: &AgentDir,
    request: &Request,
) -> Result<()> {
    let before = Spec::last(repo, id, dir);
    let known = before.as_ref().map(|spec| &spec.spending);
    let profile = options::profile_of(agent, before.as_ref(), NewProfile::of(request, config).as_ref());
    let rules = request.settings.spending(config, &profile, agent.run.clone(), known)?;
    let used = Scopes { agent: spending::of_agent(agent), ..Scopes::default() };
    let own = Caps { agent: rules.caps.agent, ..Caps::default() };
    let raises = Scopes { agent: rules.raises, ..Scopes::default() };
    let Some(cap) = own.judge(&raises, &used).into_iter().find(|cap| !cap.warning) else { return Ok(()) };
    let error = Error::refused(format!("agent '{id}' has {}", cap.sentence()));
    // Without a supervisor, nobody would read an answer.
    let error = match agent.asks_about_cap() && Lock::is_held(&dir.lock()) {
        true => error.hint(format!("git orchestra send {id} --allow raises it by {}", cap.amount(cap.step))),
        false => error,
    };
    let more = cap.used.saturating_add(cap.step);
    Err(match cap.unit {
        CapUnit::CostMicros => {
            let amount = cap.amount(more);
            error.hint(format!("git orchestra resume {id} --max-cost {}", amount.trim_start_matches('$')))
        }
        _ => error.hint(format!("git orchestra resume {id} --max-tokens {more}")),
    })
}
