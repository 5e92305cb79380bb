//! Everything about one agent's work that a reviewer needs to know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::{
    Result,
    git::{Oid, Repo},
    landing::{branches, conflicts, state::ConflictWith},
    model::{
        AgentId, CommitId, Fact, IdOrText, WriterId, event::in_order, text, verdict::CurrentVerdict, via::Via,
    },
    ops::{
        agent_object::AgentObject,
        diff::{self, ChangedFile},
        status,
    },
    store::{
        AgentLog, Chain,
        verdicts::{self, VerdictMatch},
    },
    trust::AcceptedRepo,
    worktree::lone_commits::LoneCommits,
};

/// The most commits that are listed.
const MAX_COMMITS: usize = 50;

/// The work of one agent.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct ReviewedWork {
    /// The whole task.
    pub task: String,
    /// The commits of the work, oldest first.
    pub commits_made: Vec<CommitSummary>,
    /// The changed files.
    pub files: Vec<ChangedFile>,
    /// Why the work cannot be compared, or cannot land.
    pub problem: Option<String>,
    /// The verdict on the work.
    pub known: Option<KnownVerdict>,
    /// The branch that the user has checked out.
    pub target: Option<String>,
    /// What the work conflicts with: the target, and finished work of other agents.
    pub conflicts_with: Vec<ConflictWith>,
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// One commit of the work.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct CommitSummary {
    /// The id of the commit.
    pub id: Oid,
    /// The first line of its message.
    pub subject: String,
}

/// A verdict that was given.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct KnownVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it applies to the current work.
    pub holds: VerdictMatch,
    /// Who gave it, by the account of their clone.
    pub by: String,
    /// The window in which it was given, if it is not a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// The clone in which it was given.
    pub writer: WriterId,
    /// The head that it is about.
    pub head: IdOrText<CommitId>,
    /// Whether it counts in this clone.
    pub counts: bool,
}

/// Reads an agent's work.
pub(super) fn read(repo: &AcceptedRepo, id: &AgentId) -> Result<ReviewedWork> {
    let log = AgentLog::of_any(repo, id)?;
    let task = log.prompt(repo)?.unwrap_or_default();
    let agent = log.fold.agent;
    let compared = diff::compare(
        repo,
        &diff::Request {
            agent: id.to_string(),
            committed: agent.phase.is_at_rest(),
            ..diff::Request::default()
        },
    )
    .and_then(diff::Comparison::into_report);
    let (files, head, problem) = match compared {
        Ok(report) => {
            (report.files, Some(report.to), report.problem.map(|why| format!("cannot land: {why}")))
        }
        Err(error) => (Vec::new(), None, Some(error.one_line())),
    };
    let problem = problem.or(agent.base.commit().zip(head).and_then(|(base, head)| {
        let lone = LoneCommits::of(repo).ok()?.named_by(repo, base, head).ok()?.into_iter().next()?;
        Some(format!("cannot land: {}; to publish it: {}", lone.sentence(), lone.commands()))
    }));
    let known = match head {
        Some(head) if agent.phase.is_at_rest() => match verdicts::effective_for(repo, id, &agent, head)? {
            Some(held) => Some(held),
            None => verdicts::untrusted_verdict(repo, &agent)
                .map(|proposed| verdicts::match_work(repo, &agent, head, proposed))
                .transpose()?,
        },
        _ => None,
    };
    let known = known.map(|(standing, holds)| KnownVerdict {
        verdict: standing.verdict,
        holds,
        counts: verdicts::is_trusted(repo, &standing.writer),
        via: via_of(repo, id, &standing),
        by: standing.by,
        writer: standing.writer,
        head: standing.head,
    });
    let commits_made = match (agent.base.commit(), head.filter(|_| agent.phase.is_at_rest())) {
        (Some(base), Some(head)) => commit_summaries(repo, base, head)?,
        _ => Vec::new(),
    };
    let (target, conflicts_with) = conflicts(repo, id).unwrap_or_default();
    let task = text::safe_block(&String::from_utf8_lossy(&task));
    Ok(ReviewedWork {
        task,
        commits_made,
        files,
        problem,
        known,
        target,
        conflicts_with,
        agent: status::read_agent(repo, id)?,
    })
}

/// Returns the window in which a verdict was given, which only its event says.
fn via_of(repo: &Repo, id: &AgentId, given: &CurrentVerdict) -> Option<Via> {
    let chain = Chain::of_agent(repo, id).ok()?;
    in_order(&chain.events).into_iter().rev().find_map(|event| match &event.fact {
        Some(Fact::Verdict(review)) if CurrentVerdict::of(review, &event.writer) == *given => Some(event.via),
        _ => None,
    })?
}

fn commit_summaries(repo: &Repo, base: Oid, head: Oid) -> Result<Vec<CommitSummary>> {
    let mut made = Vec::new();
    for id in repo.commits_since(base, head, MAX_COMMITS)? {
        let message = repo.read_commit(id)?.message;
        made.push(CommitSummary {
            id,
            subject: text::one_line(message.lines().next().unwrap_or_default(), 120),
        });
    }
    made.reverse();
    Ok(made)
}

/// Returns the branch that is checked out, and the conflicts with it and with other work, by cached trial merges. Fails if no branch
/// is checked out.
fn conflicts(repo: &Repo, id: &AgentId) -> Result<(Option<String>, Vec<ConflictWith>)> {
    let target = branches::target(repo, None)?;
    let found = conflicts::of_agent(repo, &target, id)?;
    Ok((Some(target.branch), found))
}
