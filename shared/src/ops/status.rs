//! `status`: the current state of every agent, derived from facts when it is asked for. Writes nothing but a cache.

mod caps;
mod checkout;
mod detail;
mod dirt;
mod happened;
mod landed;
mod overlaps;
mod ready;
mod runs;
mod standing;

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::landed::LandedWorks;
pub(in crate::ops) use self::runs::that_needs_agent as run_that_needs_agent;
pub use self::{
    caps::CapTotal,
    checkout::{CheckoutState, checkout},
    detail::{Detail, Proposal, detail},
    happened::{Happened, Happening},
    ready::ReadyWorktree,
    runs::{OpenRun, open_besides as open_runs_besides},
    standing::{Reread, Standing},
};
use crate::{
    Code, Error, Result,
    context::Context,
    git::{
        Oid, Repo,
        worktrees::{Worktree, WorktreePlace},
    },
    model::{Agent, AgentId, IdOrText, Liveness, RunId, lineage},
    ops::{
        agent_object::{AgentObject, WorktreeState},
        named::{self, NamedAgent},
    },
    removal::inspect,
    store::{
        Chain, Listing,
        archive::{self, Archived},
        layout::{self, PrivateDir},
        list::ListRow,
        unreadable::{self, WorkRefs},
        verdicts::TrustedWriters,
    },
    supervise::{attachment, liveness::Observed},
    surroundings,
    worktree::{list::WorktreeFinder, worktrees_dir},
    world::Timestamp,
};
pub use crate::{
    landing::overlaps::{Overlap, OverlapFile},
    store::{Unreadable, layout::AGENTS as AGENT_REFS},
    worktree::dirty::MAX_COUNT,
};

/// The most ended agents that are listed by default, the newest.
const MAX_ENDED: usize = 20;
/// Which agents to show, and in which detail.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Only these agents, by id or unique prefix; if empty, all.
    pub agents: Vec<String>,
    /// Only the agents of this run.
    pub run: Option<RunId>,
    /// Only agents that this agent started, directly or indirectly.
    pub started_by: Option<AgentId>,
    /// Only agents with events since this moment, and what happened to them since.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub since: Option<Timestamp>,
    /// Whether to list all agents; otherwise, only the newest of those that ended.
    pub all: bool,
    /// Whether to count the files with uncommitted changes.
    pub dirt: bool,
    /// Whether to find running agents that are about to conflict.
    pub overlaps: bool,
}

/// The state of the agents.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents, oldest first, each followed by those that it started.
    pub agents: Vec<AgentObject>,
    /// The number of older, ended agents that are not in the list.
    pub hidden: usize,
    /// The ids of the named agents that are archived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archived: Vec<String>,
    /// What happened to these agents since the moment that was asked for, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub happened: Vec<Happening>,
    /// The caps on money and tokens that agents share, and what was used of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<CapTotal>,
    /// Running agents that are about to conflict, as far as their work is saved: commits at once, other files every minute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlaps: Vec<Overlap>,
    /// The number of pairs of running agents that the next list compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlaps_pending: Option<usize>,
    /// The runs of plans that have not ended, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<OpenRun>,
    /// Agents, work, notes, and archives that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// Reads the state of the requested agents.
///
/// # Errors
/// An agent named is not there (3), or the refs cannot be read.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    context.check()?;
    let (mut report, _) = read(repo, request, context.limits().counting)?;
    if request.agents.is_empty() {
        report.caps = caps::totals(repo, &report.agents)?;
    }
    if request.agents.is_empty()
        && request.run.is_none()
        && request.since.is_none()
        && request.started_by.is_none()
    {
        report.runs = runs::open(repo, &report.agents)?;
    }
    if request.overlaps {
        let among = overlaps::among(repo, &report.agents);
        report.overlaps = among.found;
        report.overlaps_pending = Some(among.pending).filter(|pending| *pending > 0);
    }
    Ok(report)
}

/// As [`run`], and also returns the newest event commit of each agent in the report, and what decides which agents it has. Counting
/// uncommitted changes takes at most `counting`.
///
/// # Errors
/// As [`run`].
pub fn run_with_standing(
    repo: &Repo,
    request: &Request,
    counting: Duration,
) -> Result<(Report, HashMap<AgentId, Oid>, Option<Standing>)> {
    let (report, found) = read(repo, request, counting)?;
    let is_of_current = report.archived.is_empty();
    let shown = found.tips.keys().cloned().collect();
    let standing = Standing::of(request, &found.rows, shown, report.hidden);
    Ok((report, found.tips, standing.filter(|_| is_of_current)))
}

/// What was read for a report and is not shown in it.
pub(super) struct Found {
    /// The newest event commit of each agent.
    tips: HashMap<AgentId, Oid>,
    /// All agents that were looked at, in the report or not.
    rows: Vec<ListRow>,
    /// The worktrees of the agents that are not of another clone.
    pub(super) worktrees: HashMap<AgentId, Worktree>,
}

/// As [`run`], and also returns what was read for the report.
///
/// # Errors
/// As [`run`].
pub(super) fn read(repo: &Repo, request: &Request, counting: Duration) -> Result<(Report, Found)> {
    let listing = match request.agents.as_slice() {
        [] => Listing::with_running(repo)?,
        named => Listing::of_names(repo, named)?,
    };
    let selection = select(repo, &listing, request)?;
    let archived_tips = selection.archived.iter().map(|one| (one.id.clone(), one.tip));
    let tips: HashMap<AgentId, Oid> =
        selection.rows.iter().map(|row| (row.id.clone(), row.tip)).chain(archived_tips).collect();
    let unreadable = if request.agents.is_empty() { unreadable_of_all(repo, &listing)? } else { Vec::new() };
    let Selection { rows, archived, hidden } = selection;
    let private = PrivateDir::new(repo.private_dir()?);
    let read = |row| listing.agent(repo, row).and_then(|agent| observe(repo, &private, &listing, row, agent));
    let (count, mut observed) = (rows.len(), rows.into_iter().map(|row| (row, read(row))));
    let (mut report, worktrees) = report_on(repo, count, &mut observed, archived, request, counting)?;
    report.hidden = hidden;
    if let Some(moment) = request.since {
        report.agents.retain(|agent| agent.told_at >= moment);
        let agents = report.agents.iter().filter_map(|agent| Some((agent.id.clone(), *tips.get(&agent.id)?)));
        report.happened = happened::since(repo, moment, agents);
    }
    report.unreadable.splice(0..0, unreadable);
    Ok((report, Found { tips, rows: listing.rows, worktrees }))
}

/// Describes some agents of a listing. What cannot be read is of these agents only.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn of_agents(repo: &Repo, listing: &Listing, agents: Vec<(&ListRow, Agent)>) -> Result<Report> {
    let private = PrivateDir::new(repo.private_dir()?);
    let observe = |(row, agent)| (row, observe(repo, &private, listing, row, agent));
    let (count, mut observed) = (agents.len(), agents.into_iter().map(observe));
    Ok(report_on(repo, count, &mut observed, Vec::new(), &Request::default(), Duration::ZERO)?.0)
}

/// Describes `count` agents, and returns the worktrees of those that are not of another clone.
fn report_on(
    repo: &Repo,
    count: usize,
    observed: &mut dyn Iterator<Item = (&ListRow, Result<Observed>)>,
    archived: Vec<Archived>,
    request: &Request,
    counting: Duration,
) -> Result<(Report, HashMap<AgentId, Worktree>)> {
    let private = PrivateDir::new(repo.private_dir()?);
    let trusted = TrustedWriters::of(repo);
    let work = WorkRefs::for_agents(repo, count)?;
    let mut agents: Vec<AgentObject> = Vec::with_capacity(count + archived.len());
    let (mut unreadable, mut landed) = (Vec::new(), LandedWorks::default());
    for (row, observed) in observed {
        let observed = match observed {
            Ok(observed) => observed,
            Err(error) => {
                unreadable.push(Unreadable::agent(repo, &row.id, error.one_line()));
                continue;
            }
        };
        unreadable.extend(work.damage(repo, &row.id, &observed.agent)?);
        if request.run.as_ref().is_none_or(|run| *run == observed.agent.run) {
            landed.add(&row.id, &observed.agent);
            agents.push(AgentObject::judged(&trusted, &private, &row.id, observed));
        }
    }
    let archived_ids = archived.iter().map(|one| one.id.to_string()).collect();
    for archived in archived {
        let agent = Chain::read(repo, &[archived.tip])?.fold().agent;
        let observed = Observed::once(&private, &archived.id, agent, None);
        agents.push(AgentObject::judged(&trusted, &private, &archived.id, observed));
    }
    if let Some(ancestor) = &request.started_by {
        let below = lineage::descendants(&born(&agents), ancestor.as_str());
        let below: HashSet<String> = below.into_iter().map(str::to_owned).collect();
        agents.retain(|agent| below.contains(agent.id.as_str()));
    }
    sort(&mut agents);
    landed.fill_in(repo, &mut agents);
    let mut agents = in_tree_order(agents);
    fill_in_surroundings(repo, &mut agents)?;
    fill_in_attached(&private, &mut agents);
    let is_here =
        |agent: &AgentObject| matches!(agent.liveness, Liveness::Live | Liveness::Lost | Liveness::Ended);
    let worktrees = match agents.iter().any(is_here) {
        true => fill_in_worktrees(repo, &private, &mut agents, request.dirt.then_some(counting))?,
        false => HashMap::new(),
    };
    Ok((Report { agents, archived: archived_ids, unreadable, ..Report::default() }, worktrees))
}

/// Returns each agent with the one that started it.
fn born(agents: &[AgentObject]) -> Vec<lineage::Born<'_>> {
    agents.iter().map(|agent| (agent.id.as_str(), agent.parent.as_ref().map(IdOrText::as_str))).collect()
}

/// Puts agents into the order of a report: oldest first, each followed by those that it started.
pub fn in_order(mut agents: Vec<AgentObject>) -> Vec<AgentObject> {
    sort(&mut agents);
    in_tree_order(agents)
}

fn sort(agents: &mut [AgentObject]) {
    agents
        .sort_by(|a, b| (&a.queued_at, &a.run, a.place, &a.id).cmp(&(&b.queued_at, &b.run, b.place, &b.id)));
}

/// Puts agents behind the one that started them.
fn in_tree_order(agents: Vec<AgentObject>) -> Vec<AgentObject> {
    if agents.iter().all(|agent| agent.parent.is_none()) {
        return agents;
    }
    let order = lineage::tree_order(&born(&agents));
    let mut agents: Vec<Option<AgentObject>> = agents.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| agents.get_mut(at).and_then(Option::take)).collect()
}

/// Fills in to which agents a person is attached.
fn fill_in_attached(private: &PrivateDir, agents: &mut [AgentObject]) {
    let attached = attachment::all(private);
    if !attached.is_empty() {
        agents.iter_mut().for_each(|agent| agent.attached_pid = attached.get(agent.id.as_str()).copied());
    }
}

/// Fills in what changed outside the worktrees. The record of a single agent is found without listing the others.
fn fill_in_surroundings(repo: &Repo, agents: &mut [AgentObject]) -> Result<()> {
    if let [only] = agents {
        let record = repo.direct_ref(&layout::surroundings_ref(&only.id))?;
        only.surroundings = record.map(|record| surroundings::load_changes(repo, record)).unwrap_or_default();
        return Ok(());
    }
    let records = surroundings::all_records(repo)?;
    for agent in agents {
        if let Some(record) = records.get(agent.id.as_str()) {
            agent.surroundings = surroundings::load_changes(repo, *record);
        }
    }
    Ok(())
}

/// Returns everything of ours that cannot be read, except for the work of agents, which is checked with each agent.
fn unreadable_of_all(repo: &Repo, listing: &Listing) -> Result<Vec<Unreadable>> {
    let mut all = listing.broken.clone();
    all.extend(unreadable::of_no_agent(repo)?);
    Ok(all)
}

/// Returns the archived agents of all clones, as they were when they were archived, oldest first.
///
/// # Errors
/// The archive cannot be read.
pub fn archived(repo: &Repo) -> Result<Report> {
    let private = PrivateDir::new(repo.private_dir()?);
    let (all, unreadable) = archive::all(repo)?;
    let mut report = Report { unreadable, ..Report::default() };
    let trusted = TrustedWriters::of(repo);
    for (id, archived) in all {
        // An agent that was restored is listed with the others, even if it cannot be read.
        if repo.find_ref(&layout::agent_ref(&id)).map_or(true, |tip| tip.is_some()) {
            continue;
        }
        match Chain::read(repo, &[archived.tip]) {
            Ok(chain) => {
                let observed = Observed::once(&private, &id, chain.fold().agent, None);
                report.agents.push(AgentObject::judged(&trusted, &private, &id, observed));
            }
            Err(error) => {
                report.unreadable.push(Unreadable::agent(repo, &id, error.one_line()));
            }
        }
    }
    report.agents.sort_by(|a, b| (&a.queued_at, &a.id).cmp(&(&b.queued_at, &b.id)));
    Ok(report)
}

/// Determines the liveness of the agent in one row.
fn observe(
    repo: &Repo,
    private: &PrivateDir,
    listing: &Listing,
    row: &ListRow,
    agent: Agent,
) -> Result<Observed> {
    Observed::settled(repo, private, &row.id, (row.tip, agent), listing.writer.as_deref())
}

/// The requested agents.
struct Selection<'a> {
    rows: Vec<&'a ListRow>,
    archived: Vec<Archived>,
    /// The number of ended agents that are left out.
    hidden: usize,
}

fn select<'a>(repo: &Repo, listing: &'a Listing, request: &Request) -> Result<Selection<'a>> {
    if !request.agents.is_empty() {
        let mut selection = Selection { rows: Vec::new(), archived: Vec::new(), hidden: 0 };
        for typed in &request.agents {
            if let Some(tagged) = listing.tagged(typed) {
                let known: HashSet<AgentId> = selection.rows.iter().map(|row| row.id.clone()).collect();
                selection.rows.extend(tagged?.into_iter().filter(|row| !known.contains(&row.id)));
                continue;
            }
            match named::find(repo, listing, typed)? {
                NamedAgent::Current(id) => {
                    let is_new = !selection.rows.iter().any(|known| known.id == id);
                    selection.rows.extend(listing.row(&id).filter(|_| is_new));
                }
                NamedAgent::Archived(one) if selection.archived.contains(&one) => {}
                NamedAgent::Archived(one) => selection.archived.push(one),
            }
        }
        return Ok(selection);
    }
    if request.all || request.since.is_some() || request.run.is_some() || request.started_by.is_some() {
        return Ok(Selection { rows: listing.rows.iter().collect(), archived: Vec::new(), hidden: 0 });
    }
    let (mut ended, mut rows): (Vec<&ListRow>, Vec<&ListRow>) =
        listing.rows.iter().partition(|row| row.entry.header.phase.is_terminal());
    let hidden = standing::keep_newest(&mut ended, |row| (row.entry.header.queued_at, &row.id));
    rows.extend(ended);
    Ok(Selection { rows, archived: Vec::new(), hidden })
}

/// Fills in the worktrees, which are returned as well, and, if there is a time to count them, the numbers of uncommitted files of
/// agents that have not ended.
fn fill_in_worktrees(
    repo: &Repo,
    private: &PrivateDir,
    agents: &mut [AgentObject],
    counting: Option<Duration>,
) -> Result<HashMap<AgentId, Worktree>> {
    let mut finder = WorktreeFinder::new(repo);
    let mut worktrees = HashMap::new();
    let worktrees_dir = worktrees_dir::planned_dir(repo)?;
    let mut open = Vec::new();
    for (at, agent) in agents.iter_mut().enumerate() {
        if agent.liveness == Liveness::Remote {
            continue;
        }
        let id = agent.id.clone();
        let found = if agent.is_before_first_launch() {
            finder.find_registered(&id)?
        } else {
            finder.find(&id, &agent.branch)?
        };
        let Some(worktree) = found else { continue };
        agent.worktree_state = Some(worktree_state(repo, &worktrees_dir, &id, &worktree)?);
        // A reader of the path works in it.
        agent.worktree =
            (worktree.place != WorktreePlace::Foreign).then(|| worktree.path.to_string_lossy().into_owned());
        if counting.is_some() && agent.liveness != Liveness::Ended {
            open.push((at, worktree.clone()));
        }
        worktrees.insert(id, worktree);
    }
    if let Some(counting) = counting.filter(|_| !open.is_empty()) {
        dirt::fill_in(repo, private, agents, &open, counting)?;
    }
    Ok(worktrees)
}

/// Returns the state of a worktree. `worktrees_dir` is the folder for worktrees: one that is there under its own name needs no further check.
fn worktree_state(
    repo: &Repo,
    worktrees_dir: &Path,
    id: &AgentId,
    worktree: &Worktree,
) -> Result<WorktreeState> {
    match worktree.place {
        WorktreePlace::Gone => return Ok(WorktreeState::Missing),
        WorktreePlace::Foreign => return Ok(WorktreeState::AnotherRepository),
        WorktreePlace::Here => {}
    }
    let is_moved = worktree.path != worktrees_dir.join(id.as_str())
        && inspect::moved_from(repo, id, worktree)?.is_some();
    Ok(if is_moved { WorktreeState::Moved } else { WorktreeState::Here })
}

/// Resolves an id or a unique prefix to the id of an agent that is not archived.
///
/// # Errors
/// No agent matches, several match, or it is archived (3).
pub fn resolve(repo: &Repo, typed: &str) -> Result<AgentId> {
    named::find_current(repo, &Listing::of_name(repo, typed)?, typed)
}

/// Returns one agent.
///
/// # Errors
/// There is no such agent.
pub fn read_agent(repo: &Repo, id: &AgentId) -> Result<AgentObject> {
    let request = Request { agents: vec![id.to_string()], ..Request::default() };
    let (mut report, _) = read(repo, &request, Duration::ZERO)?;
    report.agents.pop().ok_or_else(|| Error::new(Code::AgentUnknown, format!("no agent '{id}'")))
}
