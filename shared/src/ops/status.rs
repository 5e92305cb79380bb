//! `status`: the current state of every agent, derived from facts when it is asked for. Writes nothing but a cache.

use std::{collections::HashMap, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, worktrees::Worktree},
    model::{Agent, AgentId, Event, Fact, IdOrText, Liveness, RunId, WriterId, event::LeftOut, text},
    ops::{
        agent_object::{AgentObject, WorktreeState},
        named::{self, NamedAgent},
        wait_targets,
    },
    removal::inspect,
    store::{
        Chain, Listing,
        archive::{self, Archived},
        layout::{self, PrivateDir},
        list::ListRow,
        unreadable, verdicts,
    },
    supervise::{liveness, spec::Spec},
    surroundings,
    worktree::{
        self,
        dirty::{self, DirtyCheck},
        isolated_git_dir::IsolatedGitDir,
        list, open_worktree,
        root::Root,
    },
};
pub use crate::{
    store::{Unreadable, layout::AGENTS as AGENT_REFS},
    worktree::dirty::MOST as MOST_DIRTY,
};

/// The most ended agents that are listed by default, the newest.
const ENDED_SHOWN: usize = 20;
/// The most proposals of other clones that are listed, the newest.
const PROPOSALS: usize = 10;
/// The longest text of a proposal, in columns.
const PROPOSED: usize = 400;

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
    /// Whether to list all agents; otherwise, only the newest of those that ended.
    pub all: bool,
    /// Whether to count the files with uncommitted changes.
    pub dirt: bool,
}

/// The state of the agents.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents, oldest first.
    pub agents: Vec<AgentObject>,
    /// The number of older, ended agents that are not in the list.
    pub hidden: usize,
    /// The ids of the named agents that are archived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archived: Vec<String>,
    /// Agents, work, notes, and archives that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// What is shown only for a single agent.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Detail {
    /// The whole task.
    pub task: Option<String>,
    /// Files that were not captured at its end.
    pub left_out: Vec<LeftOut>,
    /// The number of further files that were not captured.
    pub left_out_more: u64,
    /// Contradictions between its events.
    pub contradictions: Vec<String>,
    /// The number of malformed events that were set aside.
    pub set_aside: usize,
    /// Requests from clones that are not trusted here, newest last.
    pub proposals: Vec<Proposal>,
}

/// A request from another clone. It takes effect only if the user makes it as well.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Proposal {
    /// The clone that it comes from.
    pub writer: WriterId,
    /// The kind of request: `send`, `allow`, `deny`, or a verdict.
    pub what: String,
    /// The text of the message or verdict, shortened.
    pub text: Option<String>,
}

/// Reads the details of one agent.
///
/// # Errors
/// There is no such agent, or its events cannot be read.
pub fn detail(repo: &Repo, id: &AgentId) -> Result<Detail> {
    let chain = Chain::of_any_agent(repo, id)?;
    let task = chain.prompt(repo)?.map(|task| String::from_utf8_lossy(&task).into_owned());
    let last = chain.events.iter().rev().max_by_key(|event| match &event.fact {
        Some(Fact::Finished(finished)) => (finished.attempt + 1, event.lamport),
        _ => (0, 0),
    });
    let (left_out, left_out_more) = match last.and_then(|event| event.fact.clone()) {
        Some(Fact::Finished(finished)) => (finished.work.left_out, finished.work.left_out_more),
        _ => (Vec::new(), 0),
    };
    let contradictions = chain.fold().conflicts;
    let proposals = proposals(repo, &chain);
    Ok(Detail { task, left_out, left_out_more, contradictions, set_aside: chain.set_aside.len(), proposals })
}

fn proposals(repo: &Repo, chain: &Chain) -> Vec<Proposal> {
    let mut events: Vec<_> = chain.events.iter().filter(|one| !verdicts::counts(repo, &one.writer)).collect();
    events.sort_unstable_by_key(|event| event.order());
    let of_event = |event: &&Event| {
        let (what, text) = match event.fact.as_ref()? {
            Fact::Send(message) => match message.allow {
                Some(true) => ("allow", message.text.as_ref()),
                Some(false) => ("deny", message.text.as_ref()),
                None => ("send", message.text.as_ref()),
            },
            Fact::Verdict(review) => (review.verdict.as_str(), review.text.as_ref()),
            _ => return None,
        };
        let text = text.map(|text| text::one_line(text, PROPOSED));
        Some(Proposal { writer: event.writer.clone(), what: what.to_owned(), text })
    };
    let mut newest: Vec<Proposal> = events.iter().rev().filter_map(of_event).take(PROPOSALS).collect();
    newest.reverse();
    newest
}

/// Reads the state of the requested agents.
///
/// # Errors
/// A named agent does not exist (3), or the refs cannot be read.
pub fn run(repo: &Repo, request: &Request) -> Result<Report> {
    run_with_tips(repo, request).map(|(report, _)| report)
}

/// As [`run`], and also returns the newest event commit of each agent in the report.
///
/// # Errors
/// As [`run`].
pub fn run_with_tips(repo: &Repo, request: &Request) -> Result<(Report, HashMap<AgentId, Oid>)> {
    let listing = Listing::read(repo)?;
    let Chosen { rows, archived, hidden } = choose(repo, &listing, request)?;
    let archived_tips = archived.iter().map(|one| (one.id.clone(), one.tip));
    let tips = rows.iter().map(|row| (row.id.clone(), row.tip)).chain(archived_tips).collect();
    let private = PrivateDir::new(repo.private_dir()?);
    let mut agents: Vec<AgentObject> = Vec::with_capacity(rows.len() + archived.len());
    let mut unreadable =
        if request.agents.is_empty() { unreadable_of_all(repo, &listing)? } else { Vec::new() };
    for row in rows {
        let agent = match still_true(repo, &private, &listing, row) {
            Ok(agent) => agent,
            Err(error) => {
                unreadable.push(Unreadable::agent(repo, &row.id, error.one_line()));
                continue;
            }
        };
        unreadable.extend(unreadable::work_of(repo, &row.id, &agent)?);
        if request.run.as_ref().is_none_or(|run| *run == agent.run) {
            agents.push(AgentObject::new(repo, &private, &row.id, agent, listing.writer.as_deref()));
        }
    }
    let archived_ids = archived.iter().map(|one| one.id.to_string()).collect();
    for archived in archived {
        let agent = Chain::read(repo, &[archived.tip])?.fold().agent;
        agents.push(AgentObject::new(repo, &private, &archived.id, agent, None));
    }
    if let Some(ancestor) = &request.started_by {
        wait_targets::keep_descendants(&mut agents, ancestor);
    }
    agents
        .sort_by(|a, b| (&a.queued_at, &a.run, a.place, &a.id).cmp(&(&b.queued_at, &b.run, b.place, &b.id)));
    let records = surroundings::all(repo)?;
    for agent in &mut agents {
        if let Some(record) = records.get(agent.id.as_str()) {
            agent.surroundings = surroundings::load(repo, *record);
        }
    }
    if agents.iter().any(|agent| matches!(agent.liveness, Liveness::Live | Liveness::Lost | Liveness::Ended))
    {
        place(repo, &private, &mut agents, request.dirt)?;
    }
    Ok((Report { agents, hidden, archived: archived_ids, unreadable }, tips))
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
    let mut report = Report { agents: Vec::new(), hidden: 0, archived: Vec::new(), unreadable };
    for (id, archived) in all {
        // An agent that was restored is listed with the others, even if it cannot be read.
        if repo.find_ref(&layout::agent_ref(&id)).map_or(true, |tip| tip.is_some()) {
            continue;
        }
        match Chain::read(repo, &[archived.tip]) {
            Ok(chain) => report.agents.push(AgentObject::new(repo, &private, &id, chain.fold().agent, None)),
            Err(error) => {
                report.unreadable.push(Unreadable::agent(repo, &id, error.one_line()));
            }
        }
    }
    report.agents.sort_by(|a, b| (&a.queued_at, &a.id).cmp(&(&b.queued_at, &b.id)));
    Ok(report)
}

/// Returns the state of one row. A supervisor records the end before it releases its lock, so an agent that seems lost may have ended
/// after its ref was read: the ref is read once more.
fn still_true(repo: &Repo, private: &PrivateDir, listing: &Listing, row: &ListRow) -> Result<Agent> {
    let agent = listing.agent(repo, row)?;
    if liveness::of(private, &row.id, &agent, listing.writer.as_deref()) == Liveness::Lost
        && let Some(tip) = repo.find_ref(&layout::agent_ref(&row.id))?
        && tip != row.tip
    {
        return Ok(Chain::read(repo, &[tip])?.fold().agent);
    }
    Ok(agent)
}

/// The requested agents.
struct Chosen<'a> {
    rows: Vec<&'a ListRow>,
    archived: Vec<Archived>,
    /// The number of ended agents that are left out.
    hidden: usize,
}

fn choose<'a>(repo: &Repo, listing: &'a Listing, request: &Request) -> Result<Chosen<'a>> {
    if !request.agents.is_empty() {
        let mut chosen = Chosen { rows: Vec::new(), archived: Vec::new(), hidden: 0 };
        for typed in &request.agents {
            match named::find(repo, listing, typed)? {
                NamedAgent::Living(id) => {
                    let is_new = !chosen.rows.iter().any(|known| known.id == id);
                    chosen.rows.extend(listing.row(&id).filter(|_| is_new));
                }
                NamedAgent::Archived(one) if chosen.archived.contains(&one) => {}
                NamedAgent::Archived(one) => chosen.archived.push(one),
            }
        }
        return Ok(chosen);
    }
    if request.all || request.run.is_some() || request.started_by.is_some() {
        return Ok(Chosen { rows: listing.rows.iter().collect(), archived: Vec::new(), hidden: 0 });
    }
    let (mut ended, mut rows): (Vec<&ListRow>, Vec<&ListRow>) =
        listing.rows.iter().partition(|row| row.entry.glance.phase.is_terminal());
    let hidden = ended.len().saturating_sub(ENDED_SHOWN);
    if hidden > 0 {
        ended.select_nth_unstable_by(hidden, |a, b| a.entry.glance.queued_at.cmp(&b.entry.glance.queued_at));
        ended.drain(..hidden);
    }
    rows.extend(ended);
    Ok(Chosen { rows, archived: Vec::new(), hidden })
}

/// Fills in the worktrees and, if `measure` is set, the number of uncommitted files of agents that have not ended.
fn place(repo: &Repo, private: &PrivateDir, agents: &mut [AgentObject], measure: bool) -> Result<()> {
    let worktrees = repo.worktrees()?;
    let common = repo.common_dir()?;
    let home = worktree::place::planned(repo)?;
    let mut questions = Vec::new();
    for (at, agent) in agents.iter_mut().enumerate() {
        if agent.liveness == Liveness::Remote {
            continue;
        }
        let id = agent.id.clone();
        let Some(worktree) = list::pick(&worktrees, &id, &agent.branch) else { continue };
        agent.worktree = Some(worktree.path.to_string_lossy().into_owned());
        agent.worktree_state = Some(state_of(repo, &home, &id, worktree)?);
        if measure && agent.liveness != Liveness::Ended {
            let dir = private.agent(&id);
            let Ok(spec) = Spec::read(&dir) else { continue };
            let frozen = private.frozen().join(&spec.frozen);
            let Ok(root) = open_worktree::enter(repo, worktree, spec.made()) else { continue };
            let shadow = IsolatedGitDir::at(frozen, dir.index(), root.path().to_owned(), common.clone());
            questions.extend(question(repo, worktree, root, shadow, agent).map(|question| (at, question)));
        }
    }
    if !questions.is_empty() {
        let (places, questions): (Vec<usize>, Vec<DirtyCheck>) = questions.into_iter().unzip();
        for (at, answer) in places.into_iter().zip(dirty::measure(questions, dirty::BUDGET)) {
            agents[at].dirty = answer;
        }
    }
    Ok(())
}

/// Returns the state of a worktree. `home` is the folder for worktrees: one that is there under its own name needs no further check.
fn state_of(repo: &Repo, home: &Path, id: &AgentId, worktree: &Worktree) -> Result<WorktreeState> {
    if !worktree.is_there() {
        return Ok(WorktreeState::Missing);
    }
    let is_moved =
        worktree.path != home.join(id.as_str()) && inspect::moved_from(repo, id, worktree)?.is_some();
    Ok(if is_moved { WorktreeState::Moved } else { WorktreeState::Here })
}

fn question(
    repo: &Repo,
    worktree: &Worktree,
    root: Root,
    shadow: IsolatedGitDir,
    agent: &AgentObject,
) -> Option<DirtyCheck> {
    if worktree.is_incomplete() {
        return None;
    }
    let head = agent.head.as_ref().and_then(IdOrText::commit)?;
    Some(DirtyCheck { root, worktree: worktree.clone(), shadow, head_tree: repo.tree_of(head).ok()? })
}

/// Resolves an id or a unique prefix to the id of an agent that is not archived.
///
/// # Errors
/// No agent matches, several match, or it is archived (3).
pub fn resolve(repo: &Repo, typed: &str) -> Result<AgentId> {
    named::living(repo, &Listing::read(repo)?, typed)
}

/// Returns one agent.
///
/// # Errors
/// There is no such agent.
pub fn one(repo: &Repo, id: &AgentId) -> Result<AgentObject> {
    let request = Request { agents: vec![id.to_string()], ..Request::default() };
    let mut report = run(repo, &request)?;
    report.agents.pop().ok_or_else(|| Error::new(Code::AgentUnknown, format!("no agent '{id}'")))
}
