//! The list of the open pull requests, and of those of agents that were merged or closed since they were looked at last.

use super::{Publisher, PullRequestRow, PullRequestStep};
use crate::{
    Result,
    forge::{PullRequest, PullRequestState},
    model::{Agent, AgentId},
    store::{ListRow, Listing},
};

/// How many open pull requests are listed.
const MAX_LISTED: usize = 1000;

impl Publisher<'_> {
    /// Lists the open pull requests, newest first, then those of agents that ended since. What changed is recorded.
    pub(super) fn list(&self, listing: &Listing) -> Result<Vec<PullRequestRow>> {
        let open = self.forge.list(MAX_LISTED)?;
        let known = self.agents(listing);
        let mut rows: Vec<PullRequestRow> = Vec::with_capacity(open.len());
        for pull_request in open {
            let is_its = |one: &&(AgentId, Agent)| *one.1.branch == *pull_request.head;
            let of_agent = known.iter().filter(|_| pull_request.fork.is_none()).find(is_its);
            rows.push(self.listed(of_agent, pull_request)?);
        }
        for one in &known {
            let is_listed = |row: &PullRequestRow| row.agent.as_ref() == Some(&one.0);
            let Some(before) = one.1.published.as_ref().filter(|before| self.is_here(before)) else {
                continue;
            };
            if before.state == PullRequestState::Open && !rows.iter().any(is_listed) {
                self.context.check()?;
                let now = self.look_again(&one.0, before)?;
                rows.push(self.listed(Some(one), now)?);
            }
        }
        Ok(rows)
    }

    /// Returns all agents: the branch of each may have a pull request, also one that is not recorded.
    fn agents(&self, listing: &Listing) -> Vec<(AgentId, Agent)> {
        let read = |row: &ListRow| Some((row.id.clone(), listing.agent(self.repo, row).ok()?));
        listing.rows.iter().filter_map(read).collect()
    }

    fn listed(&self, agent: Option<&(AgentId, Agent)>, seen: PullRequest) -> Result<PullRequestRow> {
        let pushed = agent.and_then(|(_, agent)| agent.published.as_ref()?.head.commit());
        let head_moved = seen.state == PullRequestState::Open && pushed.is_some_and(|head| !seen.is_at(head));
        if let (Some((id, agent)), Some(head)) = (agent, pushed) {
            let is_news = agent.published.as_ref().is_some_and(|known| {
                self.is_here(known) && known.number == seen.number && known.state != seen.state
            });
            if is_news && !self.request.dry_run {
                self.record(id, head, &seen)?;
            }
        }
        Ok(PullRequestRow {
            agent: agent.map(|(id, _)| id.clone()),
            done: PullRequestStep::Listed,
            pushed: None,
            checks: None,
            head_moved,
            pull_request: Some(seen),
        })
    }
}
