//! What there is to know of one work before it is judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::{
    Result,
    git::{Oid, Repo},
    landing::{
        LandOptions,
        branches::{self, Branch},
        plan,
        state::ConflictWith,
    },
    model::{AgentId, CommitId, IdOrText, WriterId, text},
    ops::{
        agent_object::AgentObject,
        diff::{self, File},
        status,
    },
    store::{
        Chain,
        verdicts::{self, VerdictMatch},
    },
    trust::AcceptedRepo,
};

/// Commits that are named; more are counted.
const COMMITS: usize = 50;

/// One agent's work.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct ReviewedWork {
    /// The whole task.
    pub task: String,
    /// Its commits, the oldest first.
    pub commits_made: Vec<CommitSummary>,
    /// The files that it changes.
    pub files: Vec<File>,
    /// Why it cannot be compared, or will not land.
    pub problem: Option<String>,
    /// The verdict on it.
    pub known: Option<KnownVerdict>,
    /// The branch on which the user stands.
    pub target: Option<String>,
    /// With what it conflicts: the target, and the work of other agents that is done.
    pub conflicts_with: Vec<ConflictWith>,
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// A commit.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct CommitSummary {
    /// The id of the commit.
    pub id: Oid,
    /// The first line of its message.
    pub subject: String,
}

/// The verdict that was given.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct KnownVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it holds.
    pub holds: VerdictMatch,
    /// Who gave it, as their clone calls them.
    pub by: String,
    /// The clone in which it was given.
    pub writer: WriterId,
    /// The head that it is of.
    pub head: IdOrText<CommitId>,
    /// Whether it decides anything here.
    pub counts: bool,
}

/// Looks at an agent's work.
pub(super) fn look(repo: &AcceptedRepo, id: &AgentId) -> Result<ReviewedWork> {
    let chain = Chain::of_any_agent(repo, id)?;
    let agent = chain.fold().agent;
    let task = chain.prompt(repo)?.unwrap_or_default();
    let compared = diff::compare(
        repo,
        &diff::Request {
            agent: id.to_string(),
            committed: agent.phase.is_at_rest(),
            ..diff::Request::default()
        },
    );
    let (files, head, problem) = match compared {
        Ok(diff::Comparison { report, .. }) => {
            (report.files, Some(report.to), report.problem.map(|why| format!("will not land: {why}")))
        }
        Err(error) => (Vec::new(), None, Some(error.one_line())),
    };
    let known = match head {
        Some(head) if agent.phase.is_at_rest() => match verdicts::of(repo, id, &agent, head)? {
            Some(held) => Some(held),
            None => verdicts::proposed(repo, &agent)
                .map(|proposed| verdicts::held(repo, &agent, head, proposed))
                .transpose()?,
        },
        _ => None,
    };
    let known = known.map(|(standing, holds)| KnownVerdict {
        verdict: standing.verdict,
        holds,
        counts: verdicts::counts(repo, &standing.writer),
        by: standing.by,
        writer: standing.writer,
        head: standing.head,
    });
    let commits_made = match (agent.base.commit(), head.filter(|_| agent.phase.is_at_rest())) {
        (Some(base), Some(head)) => made(repo, base, head)?,
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
        agent: status::one(repo, id)?,
    })
}

fn made(repo: &Repo, base: Oid, head: Oid) -> Result<Vec<CommitSummary>> {
    let mut made = Vec::new();
    for id in repo.commits_since(base, head, COMMITS)? {
        let message = repo.read_commit(id)?.message;
        made.push(CommitSummary {
            id,
            subject: text::one_line(message.lines().next().unwrap_or_default(), 120),
        });
    }
    made.reverse();
    Ok(made)
}

/// By trial merges, remembered from landing to landing. Nothing where the user stands on no branch.
fn conflicts(repo: &Repo, id: &AgentId) -> Result<(Option<String>, Vec<ConflictWith>)> {
    let target = branches::target(repo, None)?;
    let (mut all, _) = branches::finished(repo, &target)?;
    let is_it = |branch: &Branch| branch.name == id.as_str();
    if !all.iter().any(is_it) {
        all.extend(branches::again(repo, id.as_str())?);
    }
    let into = target.branch.clone();
    let plan = plan::plan(repo, target, all, &LandOptions::default())?;
    let step = plan.steps().into_iter().find(|step| step.branch == id.as_str());
    Ok((Some(into), step.map(|step| step.conflicts).unwrap_or_default()))
}
