//! `stop`: ends agents and all their processes, and saves their work.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    config::{
        Config,
        keys::{CHILDREN_AT_END, ChildrenAtEnd, GRACE},
    },
    context::{Context, Event, interrupted},
    git::Repo,
    lock::Lock,
    model::{AgentId, Liveness, Phase},
    ops::{
        agent_object::AgentObject,
        caller::Caller,
        collect,
        failure::{Failure, locked_last},
        repairing, role_changes, selection, status,
    },
    store::{Listing, Unreadable, layout::PrivateDir, lineage, list::ListRow},
    supervise::{
        attachment,
        control::{self, StopMode},
        repair,
    },
};

/// Which agents to stop or pause.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix.
    pub agents: Vec<String>,
    /// Whether to stop all agents of this clone that have not ended.
    pub all: bool,
    /// Whether to stop also the agents of this clone that start, or started, with the work of those, and have not ended.
    pub with_dependants: bool,
    /// Whether to stop also the agents of this clone that those started, directly or indirectly, and that have not ended.
    pub children: bool,
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
/// There is no such agent (3). A single agent does not end in time (124), or the request cannot be recorded; if there are several
/// agents, that is a failure in the report, and the others are stopped. The user interrupts the wait (130): all agents were asked
/// to end before that.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    stop_or_pause(context, repo, request, StopMode::Stop)
}

/// Stops or pauses the agents and waits until their programs have ended.
pub(super) fn stop_or_pause(
    context: &Context,
    repo: &Repo,
    request: &Request,
    mode: StopMode,
) -> Result<Report> {
    let mut warnings = repairing::repair(context, repo, repair::OperationsLock::NotHeld)?;
    let (mut ids, mut failed, unreadable) = choose(repo, request, mode)?;
    // A program may end itself.
    let caller = Caller::of(repo);
    let others: Vec<AgentId> = ids.iter().filter(|id| Some(*id) != caller.agent()).cloned().collect();
    caller.check_directs(repo, &others)?;
    if mode == StopMode::Stop
        && (request.children || Config::of(repo).get_or_default(&CHILDREN_AT_END) == ChildrenAtEnd::Stop)
    {
        add_children(repo, &mut ids)?;
    }
    locked_last(repo, &mut ids);
    // An invalid setting must not prevent stopping; the supervisor has its own value from when it started.
    let grace = Config::of(repo).get_or_default(&GRACE);
    let mut asked = Vec::with_capacity(ids.len());
    for id in ids {
        let was_open = refuse_attached(repo, &id, mode)
            .and_then(|()| control::request(repo, &id, mode, request.reason.as_deref()));
        asked.push((id, was_open));
    }
    let deadline = Instant::now() + grace + context.limits().saving;
    let (of, only) = (asked.len(), asked.len() == 1);
    let mut agents = Vec::with_capacity(asked.len());
    for (id, was_open) in asked {
        let stopped = was_open.and_then(|was_open| {
            let outcome = if was_open {
                wait(context, repo, &id, request, mode, deadline)?
            } else {
                StopOutcome::AlreadyEnded
            };
            retry_saving(context, repo, &id)?;
            Ok(Stopped { outcome, agent: status::read_agent(repo, &id)? })
        });
        match stopped {
            Ok(stopped) => {
                let phase = stopped.agent.phase;
                agents.push(stopped);
                context.emit(&Event::AgentEnded { agent: id, phase, done: agents.len(), of });
            }
            Err(error) if only || error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => failed.push(Failure::new(&id, error)),
        }
    }
    warnings.extend(repairing::repair(context, repo, repair::OperationsLock::NotHeld)?);
    Ok(Report { agents, failed, warnings, unreadable })
}

/// Refuses to stop an agent to which a person is attached: their program is not ours to end. It is paused already.
fn refuse_attached(repo: &Repo, id: &AgentId, mode: StopMode) -> Result<()> {
    let attached = attachment::process_of(&PrivateDir::new(repo.private_dir()?), id);
    attached.filter(|_| mode == StopMode::Stop).map_or(Ok(()), |pid| Err(attachment::refusal(id, pid)))
}

/// Tries again to save work that could not be saved when the agent ended. The agent already reports why, so errors are ignored.
fn retry_saving(context: &Context, repo: &Repo, id: &AgentId) -> Result<()> {
    let agent = status::read_agent(repo, id)?;
    // What a designer left in a worktree is captured when its program ends, but not if that was killed.
    let has_left = agent.unsaved.is_some() || agent.designer && agent.worktree.is_some();
    if has_left && agent.liveness == Liveness::Ended {
        let _ = collect::capture_again(context, repo, id);
    }
    Ok(())
}

/// Returns the requested agents. If all are requested, also returns the unreadable agents that run here as failures, and the other
/// unreadable ones.
fn choose(
    repo: &Repo,
    request: &Request,
    mode: StopMode,
) -> Result<(Vec<AgentId>, Vec<Failure>, Vec<Unreadable>)> {
    let listing = match request.with_dependants {
        true => Listing::read(repo)?,
        false => Listing::of_names(repo, &request.agents)?,
    };
    // Agents whose work could not be saved at their end are included, to save it now.
    let is_open = |row: &ListRow| {
        !row.entry.header.phase.is_terminal()
            || mode == StopMode::Stop && listing.trailer(row, "Unsaved").is_some()
    };
    if request.all {
        let private = PrivateDir::new(repo.private_dir()?);
        let runs = |id: &AgentId| Lock::is_held(&private.agent(id).lock());
        let (mut failed, mut unreadable) = (Vec::new(), Vec::new());
        for broken in &listing.broken {
            match broken.agent_id().filter(|id| runs(id)) {
                Some(id) => failed.push(Failure::new(id, broken.error())),
                None => unreadable.push(broken.clone()),
            }
        }
        let rows = listing.rows.iter().filter(|row| is_open(row));
        let ours = selection::of_this_clone(repo, &listing, rows, |_, _| true);
        return Ok((ours, failed, unreadable));
    }
    let mut ids = selection::named_or_tagged(repo, &listing, &request.agents, |row, _| is_open(row))?;
    if request.with_dependants {
        add_dependants(repo, &listing, &mut ids);
    }
    Ok((ids, Vec::new(), Vec::new()))
}

/// Adds the open agents that start after any of some agents, and those that start after these in turn.
fn add_dependants(repo: &Repo, listing: &Listing, ids: &mut Vec<AgentId>) {
    let rows = listing.rows.iter().filter(|row| !row.entry.header.phase.is_terminal());
    let dependants = selection::of_this_clone(repo, listing, rows, |_, agent| !agent.after.is_empty());
    let after = |id: &AgentId| listing.row(id).and_then(|row| listing.agent(repo, row).ok());
    let known: Vec<_> =
        dependants.into_iter().filter_map(|id| after(&id).map(|agent| (id, agent.after))).collect();
    let mut at = 0;
    while let Some(id) = ids.get(at).cloned() {
        for (dependant, after) in &known {
            if after.iter().any(|one| one.agent == id) && !ids.contains(dependant) {
                ids.push(dependant.clone());
            }
        }
        at += 1;
    }
}

/// Adds the open agents that any of some agents started, directly or indirectly.
fn add_children(repo: &Repo, ids: &mut Vec<AgentId>) -> Result<()> {
    let listing = Listing::read(repo)?;
    for id in ids.clone() {
        let below = lineage::open_descendants(repo, &listing, &id);
        ids.extend(below.into_iter().filter(|one| !ids.contains(one)).collect::<Vec<_>>());
    }
    Ok(())
}

/// Waits for the supervisor to end the agent; ends the agent itself if there is no supervisor.
fn wait(
    context: &Context,
    repo: &Repo,
    id: &AgentId,
    request: &Request,
    mode: StopMode,
    deadline: Instant,
) -> Result<StopOutcome> {
    let mut backoff = Backoff::millis(5, 200);
    loop {
        let agent = status::read_agent(repo, id)?;
        match agent.liveness {
            Liveness::Ended if mode == StopMode::Pause || agent.phase.is_terminal() => {
                return Ok(outcome_of(mode, agent.phase));
            }
            Liveness::Remote => return Ok(StopOutcome::Asked),
            // A paused agent has no supervisor either.
            Liveness::Lost | Liveness::Ended => {
                if control::end_lost(repo, id, mode, request.reason.as_deref(), role_changes::take_back)? {
                    return Ok(outcome_of(mode, status::read_agent(repo, id)?.phase));
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
        if context.cancel.wait(backoff.pause()) {
            return Err(interrupted(format!("interrupted; '{id}' was asked to end, and is still running"))
                .hint(format!("git orchestra status --wait {id}")));
        }
    }
}

/// Returns the outcome by the agent's phase: it may have ended by itself before the request.
const fn outcome_of(mode: StopMode, phase: Phase) -> StopOutcome {
    match (mode, phase) {
        (StopMode::Stop, Phase::Stopped) => StopOutcome::Stopped,
        (StopMode::Pause, Phase::Paused) => StopOutcome::Paused,
        _ => StopOutcome::AlreadyEnded,
    }
}
