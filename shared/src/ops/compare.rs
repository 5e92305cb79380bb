//! `compare`: the work of several agents on one task side by side, and which one a person picks.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    context::Context,
    git::{Oid, Repo},
    lock::Lock,
    model::{AgentId, text, verdict::Verdict},
    ops::{
        named,
        review::{self, GivenVerdict, ReviewedWork},
        selection,
    },
    store::{
        AgentLog, Listing,
        layout::PrivateDir,
        operations::{self, Journal, Operation, OperationBody, Stage},
    },
    trust::AcceptedRepo,
};

/// The most agents that are compared.
pub const MAX_AGENTS: usize = 26;

/// Which agents to compare, and which of them to choose.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id, unique prefix, or tag. One alone means all with the same task.
    pub agents: Vec<String>,
    /// The agent whose work is approved; that of the others is rejected.
    pub pick: Option<String>,
    /// Why; it becomes the text of the verdicts.
    pub reason: Option<String>,
    /// The head of each agent that was compared, by its id, if the caller knows them: a choice between any other work is refused.
    #[serde(default)]
    pub heads: Option<BTreeMap<String, String>>,
}

/// The work of several agents.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "CompareReport")]
pub struct Report {
    /// The agents with their work.
    pub agents: Vec<ComparedWork>,
    /// Whether all have the same task.
    pub same_task: bool,
    /// The agent whose work was approved.
    pub picked: Option<AgentId>,
    /// The agents whose work was rejected.
    pub rejected: Vec<AgentId>,
    /// The agents that have no work to reject.
    pub without_work: Vec<AgentId>,
    /// The id of the operation that gave the verdicts; absent if they were given before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// The work of one agent, as it is compared.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct ComparedWork {
    /// An agent before it in the list whose files are the same at the end.
    pub same_as: Option<AgentId>,
    /// Its work.
    #[serde(flatten)]
    pub work: ReviewedWork,
}

/// Compares the work of agents, and records verdicts if one of them is chosen: nothing lands. What can be refused is refused before the
/// first verdict. If it is interrupted (130), the same request gives the verdicts that are missing.
///
/// # Errors
/// There is no such agent, an agent that would be rejected has not ended, or the chosen one has no work (3). There are too few or too
/// many agents, or the chosen one is not among them (2).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let ids = selected(repo, request)?;
    let mut report = read(context, repo, &ids)?;
    if let Some(picked) = &request.pick {
        review::refuse_agents(repo)?;
        let picked = named::find_id(repo, picked)?;
        if let Some(heads) = &request.heads {
            check_heads(&report, heads)?;
        }
        pick(context, repo, &picked, request.reason.as_deref(), &mut report)?;
        report.agents = read(context, repo, &ids)?.agents;
        report.picked = Some(picked);
    }
    Ok(report)
}

/// Refuses a choice between works of which one is not what the caller saw.
fn check_heads(report: &Report, seen: &BTreeMap<String, String>) -> Result<()> {
    for one in &report.agents {
        let (id, now) = (&one.work.agent.id, one.work.agent.head.as_ref().map(ToString::to_string));
        if seen.get(id.as_str()) != now.as_ref() {
            return Err(review::work_changed(id));
        }
    }
    Ok(())
}

fn selected(repo: &Repo, request: &Request) -> Result<Vec<AgentId>> {
    // One agent alone is compared with others, which the listing must contain.
    let listing = Listing::read(repo)?;
    let mut ids = selection::named(repo, &listing, &request.agents)?;
    if let ([only], [_, _, ..]) = (ids.as_slice(), request.agents.as_slice()) {
        return Err(Error::usage(format!(
            "all that was named is agent '{only}', and there is nothing to compare it with"
        ))
        .hint(format!("git orchestra compare {only} compares it with those that have the same task")));
    }
    if let [only] = ids.as_slice() {
        ids = with_same_task(repo, &listing, only)?;
    }
    match ids.len() {
        0 | 1 => {
            let what = ids.first().map_or_else(
                || "no agents to compare".to_owned(),
                |only| format!("no other agent has the task of '{only}'"),
            );
            Err(Error::usage(what)
                .hint("git orchestra compare AGENT AGENT")
                .hint("git orchestra spawn --copies 2 starts two agents for one task"))
        }
        many if many > MAX_AGENTS => Err(Error::new(
            Code::LimitExceeded,
            format!("{many} agents are too many to compare; the limit is {MAX_AGENTS}"),
        )),
        _ => Ok(ids),
    }
}

/// Returns all agents with the same whole task, in the order in which they were spawned.
fn with_same_task(repo: &Repo, listing: &Listing, id: &AgentId) -> Result<Vec<AgentId>> {
    let task = task_of(repo, id)?;
    let title = listing.row(id).and_then(|row| listing.trailer(row, "Title")).map(str::to_owned);
    let mut same = Vec::new();
    for row in &listing.rows {
        // The title is part of what was read already; the whole task is not.
        let may_be = listing.trailer(row, "Title") == title.as_deref();
        if may_be && (row.id == *id || task_of(repo, &row.id).is_ok_and(|other| other == task)) {
            let place: u32 = listing.trailer(row, "Place").and_then(|place| place.parse().ok()).unwrap_or(0);
            let run = listing.trailer(row, "Run").unwrap_or_default();
            same.push((row.entry.header.queued_at, run, place, row.id.clone()));
        }
    }
    same.sort();
    Ok(same.into_iter().map(|(.., id)| id).collect())
}

fn task_of(repo: &Repo, id: &AgentId) -> Result<Vec<u8>> {
    Ok(AgentLog::of_any(repo, id)?.prompt(repo)?.unwrap_or_default())
}

fn read(context: &Context, repo: &AcceptedRepo, ids: &[AgentId]) -> Result<Report> {
    let mut agents: Vec<ComparedWork> = Vec::with_capacity(ids.len());
    let mut trees: Vec<(Oid, AgentId)> = Vec::new();
    for id in ids {
        context.check()?;
        let shown = review::Request { agent: Some(id.to_string()), give: None };
        let work = review::run(context, repo, &shown)?.work;
        let work = work.ok_or_else(|| Error::internal(format!("no work of '{id}' was read")))?;
        let tree = saved_tree(repo, &work);
        let same_as = tree.and_then(|tree| trees.iter().find(|(known, _)| *known == tree));
        let same_as = same_as.map(|(_, id)| id.clone());
        trees.extend(tree.map(|tree| (tree, id.clone())));
        agents.push(ComparedWork { same_as, work });
    }
    let same_task = agents.windows(2).all(|pair| pair[0].work.task == pair[1].work.task);
    Ok(Report {
        agents,
        same_task,
        picked: None,
        rejected: Vec::new(),
        without_work: Vec::new(),
        operation: None,
        warnings: Vec::new(),
    })
}

/// Returns the tree of work that has commits and does not change any more.
fn saved_tree(repo: &Repo, work: &ReviewedWork) -> Option<Oid> {
    let has_ended = work.agent.phase.is_at_rest() && work.agent.commits.unwrap_or(0) > 0;
    let head = work.agent.head.as_ref().and_then(crate::model::IdOrText::commit);
    head.filter(|_| has_ended).and_then(|head| repo.tree_of(head).ok())
}

/// Approves the work of one agent, and rejects that of the others.
fn pick(
    context: &Context,
    repo: &AcceptedRepo,
    picked: &AgentId,
    reason: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    check_pick(picked, report)?;
    // Two at once would each reject what the other one approves.
    let private = PrivateDir::new(repo.private_dir()?);
    let lock = Lock::take(&private.pick_lock(), Duration::ZERO)?;
    let _lock = lock.ok_or_else(|| {
        Error::new(Code::LockHeld, "another command is picking an agent")
            .hint("git orchestra status shows what it approved; then type this again if you want another one")
    })?;
    let why = reason.map(str::to_owned).unwrap_or_else(|| format!("{picked} was chosen instead"));
    let (mut journal, mut is_new) = begin(repo, picked, report)?;
    let operation = journal.operation.id.clone();
    let mut give = |id: &AgentId, head: Option<String>, verdict: Verdict, text: Option<String>| {
        let operation = Some(operation.clone());
        let given =
            GivenVerdict { verdict, text, comments: Vec::new(), base: None, head, keep: true, operation };
        let request = review::Request { agent: Some(id.to_string()), give: Some(given) };
        let given = review::run(context, repo, &request)?;
        is_new |= given.is_new;
        Ok::<Vec<String>, Error>(given.warnings)
    };
    let head = |work: &ComparedWork| work.work.agent.head.as_ref().map(ToString::to_string);
    let chosen = report.agents.iter().find(|one| one.work.agent.id == *picked);
    let mut warnings = give(picked, chosen.and_then(head), Verdict::Approve, reason.map(str::to_owned))?;
    for other in &report.agents {
        let id = &other.work.agent.id;
        if id == picked {
            continue;
        }
        context.check()?;
        if other.work.agent.commits.unwrap_or(0) == 0 {
            report.without_work.push(id.clone());
            continue;
        }
        warnings.extend(give(id, head(other), Verdict::Reject, Some(why.clone()))?);
        report.rejected.push(id.clone());
    }
    report.warnings.append(&mut warnings);
    if is_new {
        journal.operation.stage = Stage::Done;
        report.operation = Some(operation);
    } else {
        journal.operation.body = OperationBody::Pick(Vec::new());
        journal.operation.stage = Stage::Aborted;
    }
    journal.write(repo, &[])
}

/// Records the operation before it gives a verdict, so that one `undo` withdraws the verdicts. Returns the one that an interrupted command began
/// with the same choice, and `true`, if there is one.
fn begin(repo: &Repo, picked: &AgentId, report: &Report) -> Result<(Journal, bool)> {
    let agents = report.agents.iter().map(|one| &one.work.agent);
    let body = OperationBody::Pick(
        agents
            .clone()
            .filter(|agent| agent.commits.unwrap_or(0) > 0)
            .map(|agent| agent.id.to_string())
            .collect(),
    );
    let all: Vec<&str> = agents.map(|agent| agent.id.as_str()).collect();
    let summary = format!("{picked} of {}", all.join(", "));
    let _lock = operations::lock(repo)?;
    let known = operations::all(repo)?;
    let is_same = |one: &&Operation| {
        one.stage == Stage::Open
            && one.body == body
            && one.summary == summary
            && operations::is_in_effect(one, &known)
    };
    if let Some(begun) = known.iter().find(is_same) {
        return Ok((Journal::open(repo, &begun.id)?, true));
    }
    let mut journal = Journal::new(repo, body)?;
    journal.operation.summary = summary;
    journal.write(repo, &[])?;
    Ok((journal, false))
}

/// Refuses a choice that could only be recorded in part.
fn check_pick(picked: &AgentId, report: &Report) -> Result<()> {
    let Some(chosen) = report.agents.iter().find(|one| one.work.agent.id == *picked) else {
        return Err(Error::usage(format!("'{picked}' is not one of the agents that are compared")));
    };
    if let Some(open) = report.agents.iter().find(|one| !one.work.agent.phase.is_at_rest()) {
        let (id, phase) = (&open.work.agent.id, open.work.agent.phase.as_str());
        return Err(Error::new(Code::AgentRunning, format!("agent '{id}' has not ended: it is {phase}"))
            .hint(format!("git orchestra status --wait {id}"))
            .hint(format!("git orchestra stop {id}")));
    }
    if chosen.work.agent.commits.unwrap_or(0) == 0 {
        return Err(Error::new(Code::WorkMissing, format!("agent '{picked}' has no work to approve")));
    }
    match &chosen.work.problem {
        Some(problem) => Err(Error::new(
            Code::WorkUnusable,
            format!("the work of '{picked}' {}", text::one_line(problem, 200)),
        )),
        None => Ok(()),
    }
}
