//! `stop`: ends agents and all their processes, and saves their work.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    backoff::Backoff,
    config::{Config, keys::GRACE},
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

/// How long a supervisor may take to save the work after the program has ended.
const SAVING: Duration = Duration::from_secs(120);

/// Which agents to stop or pause.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix.
    pub agents: Vec<String>,
    /// Whether to stop all agents of this clone that have not ended.
    pub all: bool,
    /// The reason, for people.
    pub reason: Option<String>,
}

/// The agents that were stopped or paused, and the outcome for each.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents that have ended or are paused now.
    pub agents: Vec<Stopped>,
    /// The agents that could not be stopped.
    pub failed: Vec<Failure>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Agents that were skipped because they cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// An agent that was stopped or paused.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Stopped {
    /// The outcome of the command for this agent.
    pub outcome: StopOutcome,
    /// The agent, after the command.
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
    /// The agent belongs to another clone, which receives the request with the next sync.
    Asked,
}

/// Stops the agents and waits until they have ended.
///
/// # Errors
/// An agent does not exist (3). A single agent does not end in time (124), or the request cannot be recorded; if there are several,
/// that is a failure in the report, and the others are stopped nevertheless.
pub fn run(repo: &Repo, request: &Request) -> Result<Report> {
    bring_to(repo, request, StopMode::Stop)
}

/// Stops or pauses the agents and waits until their programs have ended.
pub(super) fn bring_to(repo: &Repo, request: &Request, rest: StopMode) -> Result<Report> {
    let mut warnings = repairing::repair(repo, repair::Operations::Free)?;
    let (mut ids, mut failed, unreadable) = choose(repo, request, rest)?;
    locked_last(repo, &mut ids);
    // An invalid setting must not prevent stopping; the supervisor has its own value from when it started.
    let grace = Config::of(repo).get_or_default(&GRACE);
    let mut asked = Vec::with_capacity(ids.len());
    for id in ids {
        let was_open = control::ask(repo, &id, rest, request.reason.as_deref());
        asked.push((id, was_open));
    }
    let deadline = Instant::now() + grace + SAVING;
    let only = asked.len() == 1;
    let mut agents = Vec::with_capacity(asked.len());
    for (id, was_open) in asked {
        let rested = was_open.and_then(|was_open| {
            let outcome =
                if was_open { wait(repo, &id, request, rest, deadline)? } else { StopOutcome::AlreadyEnded };
            save_what_was_not(repo, &id)?;
            Ok(Stopped { outcome, agent: status::one(repo, &id)? })
        });
        match rested {
            Ok(stopped) => agents.push(stopped),
            Err(error) if only => return Err(error),
            Err(error) => failed.push(Failure::new(&id, error)),
        }
    }
    warnings.extend(repairing::repair(repo, repair::Operations::Free)?);
    Ok(Report { agents, failed, warnings, unreadable })
}

/// Tries again to save work that could not be saved when the agent ended. The agent already reports why, so errors are ignored.
fn save_what_was_not(repo: &Repo, id: &AgentId) -> Result<()> {
    let agent = status::one(repo, id)?;
    if agent.unsaved.is_some() && agent.liveness == Liveness::Ended {
        let _ = collect::take_again(repo, id);
    }
    Ok(())
}

/// Returns the requested agents. If all are requested, also returns the unreadable agents that run here as failures, and the other
/// unreadable ones.
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
            // Agents whose work could not be saved at their end are included, to save it now.
            !agent.phase.is_terminal() || rest == StopMode::Stop && agent.unsaved.is_some()
        });
        return Ok((ours, failed, unreadable));
    }
    Ok((selection::named(repo, &listing, &request.agents)?, Vec::new(), Vec::new()))
}

/// Waits for the supervisor to end the agent; ends the agent itself if there is no supervisor.
fn wait(
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
            // A paused agent has no supervisor either.
            Liveness::Lost | Liveness::Ended => {
                if control::end_lost(repo, id, rest, request.reason.as_deref())? {
                    return Ok(verdict(rest, status::one(repo, id)?.phase));
                }
            }
            Liveness::Live => {}
        }
        if Instant::now() > deadline {
            let error = Error::new(Code::AgentTimeout, format!("agent '{id}' did not end in time"));
            let error = match agent.activity {
                Some(activity) => error.because(activity),
                None => error,
            };
            return Err(error.hint(format!("git orchestra status --wait {id}")));
        }
        backoff.sleep();
    }
}

/// Returns the outcome by the agent's phase: it may have ended by itself before the request.
const fn verdict(rest: StopMode, phase: Phase) -> StopOutcome {
    match (rest, phase) {
        (StopMode::Stop, Phase::Stopped) => StopOutcome::Stopped,
        (StopMode::Pause, Phase::Paused) => StopOutcome::Paused,
        _ => StopOutcome::AlreadyEnded,
    }
}
