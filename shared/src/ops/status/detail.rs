//! What is shown only for a single agent: its whole task, and what other clones asked of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ready::{self, ReadyWorktree};
use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId, Event, Fact, WriterId, event::LeftOut, fold::LastEnd, text},
    store::{AgentLog, Chain, Listing, layout, lineage, verdicts},
};

/// The most proposals of other clones that are listed, the newest.
const MAX_PROPOSALS: usize = 10;
/// The longest text of a proposal, in columns.
const MAX_PROPOSAL_WIDTH: usize = 400;

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
    /// How its worktree was made ready.
    #[serde(default)]
    pub ready: ReadyWorktree,
    /// The agents that it started itself.
    #[serde(default)]
    pub children: Vec<AgentId>,
    /// What the uncommitted changes were on top of from which it started: a branch or a commit.
    pub changes_on: Option<String>,
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
    let log = AgentLog::of_any(repo, id)?;
    let task = log.prompt(repo)?.map(|task| String::from_utf8_lossy(&task).into_owned());
    // Only the events of clones that the user does not trust are proposals.
    let is_trusted = |writer: &WriterId| verdicts::is_trusted(repo, writer);
    let proposals = match log.fold.writers.iter().all(is_trusted) {
        true => Vec::new(),
        false => proposals(repo, &Chain::read(repo, &[log.tip])?),
    };
    let ready = ready::of_agent(repo, id, &log.fold.agent)?;
    let (set_aside, fold) = (log.set_aside, log.fold);
    let LastEnd { left_out, left_out_more, .. } = fold.end.unwrap_or_default();
    let changes_on = changes_on(repo, &fold.agent);
    let children = lineage::children(&Listing::read(repo)?, id);
    Ok(Detail {
        task,
        children,
        left_out,
        left_out_more,
        contradictions: fold.conflicts,
        set_aside,
        proposals,
        ready,
        changes_on,
    })
}

/// Returns what the uncommitted changes were on top of from which an agent started: the branch that is checked out here if it
/// contains that commit, else the commit.
fn changes_on(repo: &Repo, agent: &Agent) -> Option<String> {
    let snapshot = agent.snapshot.as_ref()?.commit()?;
    let on = repo.read_commit(snapshot).ok()?.parents.first().copied()?;
    let contains = |branch: &String| {
        let tip = repo.find_ref(&layout::branch_ref(branch)).ok().flatten();
        tip.is_some_and(|tip| repo.contains(tip, on).unwrap_or(false))
    };
    Some(repo.head_branch().filter(contains).unwrap_or_else(|| on.short()))
}

fn proposals(repo: &Repo, chain: &Chain) -> Vec<Proposal> {
    let mut events: Vec<_> =
        chain.events.iter().filter(|one| !verdicts::is_trusted(repo, &one.writer)).collect();
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
        let text = text.map(|text| text::one_line(text, MAX_PROPOSAL_WIDTH));
        Some(Proposal { writer: event.writer.clone(), what: what.to_owned(), text })
    };
    let mut newest: Vec<Proposal> = events.iter().rev().filter_map(of_event).take(MAX_PROPOSALS).collect();
    newest.reverse();
    newest
}
