//! Refuses to resume an agent that would be paused at once, because its own cap is reached.

use super::{Request, hand_over::NewProfile, options};
use crate::{
    Error, Result,
    config::{
        Config,
        keys::{AGENT_MAX_COST, AGENT_MAX_TOKENS},
    },
    git::Repo,
    lock::Lock,
    model::{
        Agent, AgentId, Caps, Cost,
        cap::{Amounts, CapScope, CapUnit, Scopes},
    },
    ops::settings::{self, CapsOf},
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
    let role = role_at_work(agent);
    let whose = match role {
        Some((_, name)) => CapsOf::Role(settings::caps_of_profile(config, name)?),
        None if agent.team.is_some() => CapsOf::Role(Amounts::default()),
        None => CapsOf::Profile(&profile),
    };
    let rules = request.settings.spending(config, whose, agent.run.clone(), known)?;
    let used =
        Scopes { agent: spending::of_agent(agent), role: spending::of_role(agent), ..Scopes::default() };
    let own = Caps { agent: rules.caps.agent, role: rules.caps.role, ..Caps::default() };
    let of_role = role.and_then(|(place, _)| rules.role_raises.get(&place)).copied().unwrap_or_default();
    let raises = Scopes { agent: rules.raises, role: of_role, ..Scopes::default() };
    let Some(cap) = own.judge(&raises, &used).into_iter().find(|cap| !cap.warning) else { return Ok(()) };
    let error = Error::refused(format!("agent '{id}' has {}", cap.sentence()));
    // Without a supervisor, nobody would read an answer.
    let error = match agent.asks_about_cap() && Lock::is_held(&dir.lock()) {
        true => error.hint(format!("git orchestra send {id} --allow raises it by {}", cap.amount(cap.step))),
        false => error,
    };
    let more = cap.used.saturating_add(cap.step);
    if let Some((_, name)) = role.filter(|_| cap.scope == CapScope::Role) {
        let amount = Cost::from_micros(more).text();
        return Err(error.hint(match cap.unit {
            CapUnit::CostMicros => AGENT_MAX_COST.of(name).hint(&amount),
            _ => AGENT_MAX_TOKENS.of(name).hint(&more.to_string()),
        }));
    }
    Err(match cap.unit {
        CapUnit::CostMicros => {
            let amount = cap.amount(more);
            error.hint(format!("git orchestra resume {id} --max-cost {}", amount.trim_start_matches('$')))
        }
        _ => error.hint(format!("git orchestra resume {id} --max-tokens {more}")),
    })
}

/// Returns the role that continues its part, with its place; `None` without a team, or if the part has ended.
fn role_at_work(agent: &Agent) -> Option<(usize, &str)> {
    let team = agent.team.as_ref()?;
    team.last().filter(|part| part.outcome.is_none())?;
    Some((team.place(), &team.roles.get(team.place())?.name))
}
