//! `stop`: ends agents with everything they started, their work saved.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    config::{Config, keys::GRACE},
    context::{Context, Event, interrupted},
    git::Repo,
    lock::Lock,
    model::{AgentId, Liveness, Phase},
    ops::{
        agent_object::AgentObject,
        collect,
        failure::{Failure, locked_last},
        repairing, selection, status,
    },
    store::{Listing, Unreadable, layout::PrivateDir},
    supervise::{
        control::{self, StopMode},
        repair,
    },
};

/// Which agents to end.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix.
    pub agents: Vec<String>,
    /// All agents of this clone that have not ended.
    pub all: bool,
    /// Why, for people.
    pub reason: Option<String>,
}

/// The agents that were asked to end, and the outcome for each.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents that are at rest now.
    pub agents: Vec<Stopped>,
    /// The agents that could not be stopped.
    pub failed: Vec<Failure>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Agents that were not looked at, because they cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// An agent that was stopped.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Stopped {
    /// What the command did.
    pub outcome: StopOutcome,
    /// The agent afterwards.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// What `stop` or `pause` did to an agent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "StopOutcome")]
pub enum StopOutcome {
    /// The command ended the agent.
    Stopped,
    /// The command paused the agent.
    Paused,
    /// The agent had ended before.
    AlreadyEnded,
    /// The agent belongs to another clone: the request travels with the next sync.
    Asked,
}

/// Stops the agents and waits until they have ended.
///
/// # Errors
/// An agent is not there (3). The only one does not end in time (124), or cannot be asked; of several, that is a failure in the
/// report, and the others are stopped all the same. The user interrupts the wait (130): every agent is asked to end by then.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    bring_to(context, repo, request, StopMode::Stop)
}

/// Brings the agents to rest and waits until they are.
pub(super) fn bring_to(context: &Context, repo: &Repo, request: &Request, rest: StopMode) -> Result<Report> {
    let mut warnings = repairing::repair(context, repo, repair::Operations::Free)?;
    let (mut ids, mut failed, unreadable) = choose(repo, request, rest)?;
    locked_last(repo, &mut ids);
    // A setting that cannot be understood is no reason not to stop; the supervisor has its own, from when it started.
    let grace = Config::of(repo).get_or_default(&GRACE);
    let mut asked = Vec::with_capacity(ids.len());
    for id in ids {
        let was_open = control::ask(repo, &id, rest, request.reason.as_deref());
        asked.push((id, was_open));
    }
    let deadline = Instant::now() + grace + context.limits().saving;
    let (of, only) = (asked.len(), asked.len() == 1);
    let mut agents = Vec::with_capacity(asked.len());
    for (id, was_open) in asked {
        let rested = was_open.and_then(|was_open| {
            let outcome = if was_open {
                wait(context, repo, &id, request, rest, deadline)?
            } else {
                StopOutcome::AlreadyEnded
            };
            save_what_was_not(context, repo, &id)?;
            Ok(Stopped { outcome, agent: status::one(repo, &id)? })
        });
        match rested {
            Ok(stopped) => {
                let phase = stopped.agent.phase;
                agents.push(stopped);
                context.emit(&Event::AgentEnded { agent: id, phase, done: agents.len(), of });
            }
            Err(error) if only || error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => failed.push(Failure::new(&id, error)),
        }
    }
    warnings.extend(repairing::repair(context, repo, repair::Operations::Free)?);
    Ok(Report { agents, failed, warnings, unreadable })
}

/// Where the work could not be saved at the end, this tries again; what stands in its way is what the agent says already.
fn save_what_was_not(context: &Context, repo: &Repo, id: &AgentId) -> Result<()> {
    let agent = status::one(repo, id)?;
    if agent.unsaved.is_some() && agent.liveness == Liveness::Ended {
        let _ = collect::take_again(context, repo, id);
    }
    Ok(())
}

/// The agents that are asked for. Where all are, those as well that live here and cannot be read, and the others that cannot be read.
fn choose(
    repo: &Repo,
    request: &Request,
    rest: StopMode,
) -> Result<(Vec<AgentId>, Vec<Failure>, Vec<Unreadable>)> {
    let listing = Listing::read(repo)?;
    if request.all {
        let private = PrivateDir::new(repo.private_dir()?);
        let lives = |id: &AgentId| Lock::is_held(&private.agent(id).lock());
        let (mut failed, mut unreadable) = (Vec::new(), Vec::new());
        for broken in &listing.broken {
            match broken.agent_id().filter(|id| lives(id)) {
                Some(id) => failed.push(Failure::new(id, broken.error())),
                None => unreadable.push(broken.clone()),
            }
        }
        let ours = selection::of_this_clone(repo, &listing, listing.rows.iter(), |_, agent| {
            // What was not saved at an end is saved now.
            !agent.phase.is_terminal() || rest == StopMode::Stop && agent.unsaved.is_some()
        });
        return Ok((ours, failed, unreadable));
    }
    Ok((selection::named(repo, &listing, &request.agents)?, Vec::new(), Vec::new()))
}

/// Waits for the supervisor; where there is none, does its work.
fn wait(
    context: &Context,
    repo: &Repo,
    id: &AgentId,
    request: &Request,
    rest: StopMode,
    deadline: Instant,
) -> Result<StopOutcome> {
    let mut backoff = Backoff::millis(5, 200);
    loop {
        let agent = status::one(repo, id)?;
        match agent.liveness {
            Liveness::Ended if rest == StopMode::Pause || agent.phase.is_terminal() => {
                return Ok(verdict(rest, agent.phase));
            }
            Liveness::Remote => return Ok(StopOutcome::Asked),
            // A paused one has no supervisor either.
            Liveness::Lost | Liveness::Ended => {
                if control::end_lost(repo, id, rest, request.reason.as_deref())? {
                    return Ok(verdict(rest, status::one(repo, id)?.phase));
                }
            }
            Liveness::Live => {}
        }
        if Instant::now() > deadline {
            let error = Error::new(Code::AgentTimeout, format!("agent '{id}' has not ended in time"));
            let error = match agent.activity {
                Some(activity) => error.because(activity),
                None => error,
            };
            return Err(error.hint(format!("git orchestra status --wait {id}")));
        }
        if context.cancel.wait(backoff.pause()) {
            return Err(interrupted(format!("interrupted; '{id}' was asked to end, and still runs"))
                .hint(format!("git orchestra status --wait {id}")));
        }
    }
}

/// It may have ended by itself just before the request came.
const fn verdict(rest: StopMode, phase: Phase) -> StopOutcome {
    match (rest, phase) {
        (StopMode::Stop, Phase::Stopped) => StopOutcome::Stopped,
        (StopMode::Pause, Phase::Paused) => StopOutcome::Paused,
        _ => StopOutcome::AlreadyEnded,
    }
}
