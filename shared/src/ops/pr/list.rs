//! Lists pull requests: the open ones, and those of agents that were merged or closed since they were looked at last. Without the forge,
//! those of agents as they were recorded.

use super::{
    Publisher, PullRequestRow, PullRequestStep,
    seen::{self, Standing},
    side_by_side::ask,
};
use crate::{
    Code, Result,
    forge::{PullRequest, PullRequestState},
    model::{Agent, AgentId, published::Published},
    store::{ListRow, Listing},
};

/// How many open pull requests are listed.
const MAX_LISTED: usize = 1000;
/// Of how many the checks and reviews are asked, each by three requests: those of agents first, then the newest.
const MAX_ASKED: usize = 20;

impl Publisher<'_> {
    /// Lists the open pull requests, newest first, then those of agents that ended since. What changed is recorded. If the forge is not
    /// reached, `unreachable` says why, and the list is what was recorded.
    pub(super) fn list(
        &self,
        listing: &Listing,
        unreachable: &mut Option<String>,
    ) -> Result<Vec<PullRequestRow>> {
        let known = self.agents(listing);
        let open = match self.forge.list(MAX_LISTED) {
            Err(error) if error.code == Code::ForgeUnreachable => {
                let rows = self.recorded(&known);
                if rows.is_empty() {
                    return Err(error);
                }
                *unreachable = Some(error.one_line());
                return Ok(rows);
            }
            open => open?,
        };
        let mut rows: Vec<(Option<&(AgentId, Agent)>, PullRequest)> = Vec::with_capacity(open.len());
        for pull_request in open {
            let is_its = |one: &&(AgentId, Agent)| *one.1.branch == *pull_request.head;
            let of_agent = known.iter().filter(|_| pull_request.fork.is_none()).find(is_its);
            rows.push((of_agent, pull_request));
        }
        let unlisted =
            |one: &&(AgentId, Agent)| !rows.iter().any(|(agent, _)| agent.is_some_and(|it| it.0 == one.0));
        let was_open = |one| Some((one, self.known_as_open(one)?));
        let ended: Vec<_> = known.iter().filter(unlisted).filter_map(was_open).collect();
        for (one, seen) in self.look_at_ended(&ended)? {
            rows.push((Some(one), seen));
        }
        let standings = self.standings(&rows)?;
        rows.into_iter().zip(standings).map(|((agent, seen), said)| self.listed(agent, seen, said)).collect()
    }

    /// Asks what is said of the pull requests, of as many as the forge allows.
    fn standings(&self, rows: &[(Option<&(AgentId, Agent)>, PullRequest)]) -> Result<Vec<Standing>> {
        let mut all = vec![Standing::default(); rows.len()];
        let mut order: Vec<usize> =
            (0..rows.len()).filter(|at| rows[*at].1.state == PullRequestState::Open).collect();
        order.sort_by_key(|at| rows[*at].0.is_none());
        order.truncate(MAX_ASKED);
        let asked = ask(self.context, &self.forge, &order, |forge, at| seen::standing(forge, &rows[*at].1));
        for (at, standing) in order.into_iter().zip(asked.given) {
            all[at] = standing.unwrap_or_default();
        }
        match asked.failed {
            // The list itself is there.
            Some(error) if !matches!(error.code, Code::ForgeLimit | Code::ForgeUnreachable) => Err(error),
            _ => Ok(all),
        }
    }

    /// Returns the pull request of an agent in this repository, if it was open when it was looked at last.
    fn known_as_open<'a>(&self, (_, agent): &'a (AgentId, Agent)) -> Option<&'a Published> {
        agent.published.as_ref().filter(|known| known.state == PullRequestState::Open && self.is_here(known))
    }

    /// Reads pull requests that the events of agents have, and records what changed; after a failure, of those that were read.
    fn look_at_ended<'a>(
        &self,
        known: &[(&'a (AgentId, Agent), &Published)],
    ) -> Result<Vec<(&'a (AgentId, Agent), PullRequest)>> {
        let read = ask(self.context, &self.forge, known, |forge, (_, before)| forge.get(before.number));
        let mut all = Vec::with_capacity(known.len());
        for ((one, before), seen) in known.iter().zip(read.given) {
            let Some(seen) = seen else { continue };
            self.record_change(&one.0, before, &seen)?;
            all.push((*one, seen));
        }
        read.failed.map_or(Ok(all), Err)
    }

    /// Returns the open pull requests of agents as their events have them.
    fn recorded(&self, known: &[(AgentId, Agent)]) -> Vec<PullRequestRow> {
        let of = |one: &(AgentId, Agent)| {
            let (id, agent) = one;
            let published = self.known_as_open(one)?;
            Some(PullRequestRow {
                pull_request: Some(as_recorded(agent, published)),
                checks: published.checks,
                review: published.review,
                seen_at: published.seen_at,
                ..PullRequestRow::of(id)
            })
        };
        known.iter().filter_map(of).collect()
    }

    /// Returns all agents: the branch of each may have a pull request, also one that is not recorded.
    fn agents(&self, listing: &Listing) -> Vec<(AgentId, Agent)> {
        let read = |row: &ListRow| Some((row.id.clone(), listing.agent(self.repo, row).ok()?));
        listing.rows.iter().filter_map(read).collect()
    }

    fn listed(
        &self,
        agent: Option<&(AgentId, Agent)>,
        seen: PullRequest,
        standing: Standing,
    ) -> Result<PullRequestRow> {
        let pushed = agent.and_then(|(_, agent)| agent.published.as_ref()?.head.commit());
        let head_moved = seen.state == PullRequestState::Open && pushed.is_some_and(|head| !seen.is_at(head));
        if let (Some((id, agent)), Some(head)) = (agent, pushed) {
            let is_its = agent
                .published
                .as_ref()
                .is_some_and(|known| self.is_here(known) && known.number == seen.number);
            if is_its && !self.request.dry_run {
                self.record(id, head, &seen, standing)?;
            }
        }
        Ok(PullRequestRow {
            agent: agent.map(|(id, _)| id.clone()),
            done: PullRequestStep::Listed,
            pushed: None,
            moved_onto: None,
            retargeted: None,
            checks: standing.checks,
            review: standing.review,
            seen_at: None,
            head_moved,
            pull_request: Some(seen),
        })
    }
}

/// Returns a pull request as the events of its agent have it. What they do not have is empty.
fn as_recorded(agent: &Agent, known: &Published) -> PullRequest {
    PullRequest {
        number: known.number,
        url: known.url.clone(),
        title: agent.title.clone(),
        head: agent.branch.to_string(),
        fork: None,
        commit: known.head.commit().map(|head| head.to_string()).unwrap_or_default(),
        base: known.into.to_string(),
        state: known.state,
        draft: false,
        author: String::new(),
        body: String::new(),
    }
}
