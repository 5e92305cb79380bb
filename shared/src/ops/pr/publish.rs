//! Opens pull requests, or pushes what is new to them. Everything is looked at, and all work is put where it should be, before the first
//! branch moves here or there.

use super::{
    Publisher, PullRequestRow, PullRequestStep,
    branch::{self, Ground, PushedBranch},
    labels,
    restack::Work,
    row,
    seen::Standing,
    stack, step, text, work_of,
};
use crate::{
    Result,
    forge::{NewPullRequest, PullRequest, PullRequestChange, PullRequestState, with_our_part},
    git::remotes::RemoteOptions,
    landing::branches,
    model::AgentId,
    store::{self, AgentLog},
    sync::remote_tips::RemoteTips,
};

impl Publisher<'_> {
    /// Opens or updates the pull requests of agents.
    ///
    /// # Errors
    /// An agent has not ended, has no work, or work that cannot be published or moved (3); somebody pushed to its branch (4). Nothing was
    /// changed then.
    pub(super) fn publish(&self, ids: &[AgentId]) -> Result<Vec<PullRequestRow>> {
        let target = branches::target(self.repo, self.request.into.as_deref())?.branch;
        let ids = if self.request.stack { stack::with_below(self.repo, ids)? } else { ids.to_vec() };
        let mut read = Vec::with_capacity(ids.len());
        for id in &ids {
            let agent = store::agent(self.repo, id)?;
            let head = work_of(id, &agent)?;
            read.push(Work::of(id.clone(), agent, head));
        }
        let mut there = RemoteTips::ask(self.context, self.repo, &self.remote, RemoteOptions::default())?;
        let mut work = Vec::with_capacity(read.len());
        for one in read {
            let on_ground = self.put_on_its_ground(one, &target, &mut there, &work)?;
            work.push(on_ground);
        }
        let mut planned = Vec::with_capacity(work.len());
        for one in &work {
            planned.push(self.plan(one, &work, (&target, &ids), &there)?);
        }
        branch::refuse_secrets(self.repo, planned.iter().map(|(branch, _)| branch), &there)?;
        if !self.request.dry_run {
            for one in &work {
                self.context.check()?;
                one.moved.iter().try_for_each(|moved| moved.carry_out(self.context, self.repo))?;
            }
        }
        let mut rows = Vec::with_capacity(work.len());
        for (one, (branch, into)) in work.iter().zip(&planned) {
            self.context.check()?;
            let mut row = self.publish_one(one, branch, into)?;
            row.moved_onto = one.moved.as_ref().map(|moved| moved.onto().to_owned());
            rows.push(row);
        }
        Ok(rows)
    }

    /// Decides how the branch of an agent is pushed, and into which one it should be merged.
    fn plan(
        &self,
        one: &Work,
        all: &[Work],
        (target, ids): (&str, &[AgentId]),
        there: &RemoteTips,
    ) -> Result<(PushedBranch, String)> {
        let into = self.base_of(&one.agent, target, ids)?;
        let below = stack::below(&one.agent);
        let is_below = |other: &&Work| self.request.stack && below.contains(&other.id);
        let with: Vec<_> =
            all.iter().filter(is_below).map(|other| (other.agent.branch.clone(), other.head)).collect();
        let ground = Ground { remote: &self.remote, there, with: &with };
        Ok((PushedBranch::plan(self.repo, &ground, &one.agent, one.head, &into)?, into))
    }

    fn publish_one(&self, one: &Work, branch: &PushedBranch, into: &str) -> Result<PullRequestRow> {
        let Work { id, head, .. } = one;
        let (head, pushed) = (*head, branch.is_needed().then_some(*head));
        let found = self.forge.find(&one.agent.branch)?;
        // A process that was killed may have opened it, and somebody merged it since: there is nothing to publish.
        if let Some(merged) =
            found.as_ref().filter(|found| found.is_at(head) && found.state == PullRequestState::Merged)
        {
            if !self.request.dry_run {
                self.record(id, head, merged, Standing::default())?;
            }
            return Ok(row(id, PullRequestStep::Unchanged, merged.clone(), None));
        }
        if self.request.dry_run {
            let found = found.filter(|found| found.state == PullRequestState::Open);
            let done = step(found.is_none(), pushed.is_some());
            let retargeted = found.as_ref().and_then(|there| self.new_base(one, there, into));
            return Ok(PullRequestRow {
                done,
                pull_request: found,
                pushed,
                retargeted,
                ..PullRequestRow::of(id)
            });
        }
        branch.push(self.context, self.repo, &self.remote)?;
        let agent = store::agent(self.repo, id)?;
        let ours = text::of_agent(self.repo, &AgentLog::of(self.repo, id)?, &agent, &self.forge.repo.path)?;
        let title = self.request.title.clone().unwrap_or_else(|| text::title(self.repo, &agent));
        let new = NewPullRequest {
            title,
            body: with_our_part("", &ours),
            head: agent.branch.to_string(),
            base: into.to_owned(),
            draft: self.request.draft,
        };
        let opened = self.forge.open(&new)?;
        let mut pull_request = opened.pull_request;
        let mut retargeted = None;
        if !opened.is_new {
            retargeted = self.new_base(one, &pull_request, into);
            pull_request = self.bring_up_to_date(pull_request, &ours, retargeted.clone())?;
        }
        labels::give(self.repo, &self.forge, self.request, &agent, &pull_request)?;
        let checks = self.forge.checks(head).ok();
        self.record(id, head, &pull_request, Standing { checks, review: None })?;
        let done = step(opened.is_new, pushed.is_some());
        Ok(PullRequestRow { pushed, retargeted, ..row(id, done, pull_request, checks) })
    }

    /// Returns the branch into which a pull request that was there should be merged instead of the one into which it is merged now. Only
    /// that of a stack, that of work that was merged, or one that a person names, changes.
    fn new_base(&self, one: &Work, there: &PullRequest, into: &str) -> Option<String> {
        let may_change =
            self.request.into.is_some() || self.request.stack || one.merged_below.contains(&there.base);
        (may_change && there.base != into).then(|| into.to_owned())
    }

    /// Changes what is ours in a pull request that was there: our part of its text, and what was asked for.
    fn bring_up_to_date(&self, there: PullRequest, ours: &str, base: Option<String>) -> Result<PullRequest> {
        let body = with_our_part(&there.body, ours);
        let change = PullRequestChange {
            title: self.request.title.clone().filter(|title| *title != there.title),
            body: (body != there.body).then_some(body),
            base,
        };
        if change == PullRequestChange::default() {
            Ok(there)
        } else {
            self.forge.change(there.number, &change)
        }
    }
}
