//! The work of an agent that started from that of others, after theirs was merged: if it was merged as other commits (by a squash or a
//! rebase), a pull request would show theirs again. So the agent's own commits are put on top of the branch that has them.

use super::Publisher;
use crate::{
    Result,
    forge::PullRequestState,
    git::Oid,
    landing::finish,
    model::{Agent, AgentId, CommitId, IdOrText, published::Published},
    ops::rewind::{NewGround, PreparedMove, prepare_move},
    store::{self, layout},
    sync::remote_tips::RemoteTips,
};

/// The work of an agent, as it will be published.
pub(super) struct Work {
    pub(super) id: AgentId,
    /// The agent; its base is the one that it will have, and its head the one that it has.
    pub(super) agent: Agent,
    /// The commit that will be published.
    pub(super) head: Oid,
    /// How its branch moves first.
    pub(super) moved: Option<PreparedMove>,
    /// The branches of the work that it started from and that was merged into the target.
    pub(super) merged_below: Vec<String>,
}

/// An agent from whose work another one started.
struct Below {
    id: AgentId,
    agent: Agent,
    /// The work from which the other one started.
    taken: Oid,
    /// Its pull request, as it is now.
    published: Option<Published>,
}

impl Work {
    pub(super) const fn of(id: AgentId, agent: Agent, head: Oid) -> Self {
        Self { id, agent, head, moved: None, merged_below: Vec::new() }
    }
}

impl Publisher<'_> {
    /// Puts the work of an agent on top of what it builds on, if that is on the forge as other commits. No branch moves yet. `before` is
    /// the work that is published first.
    ///
    /// # Errors
    /// The work cannot be moved (3); the forge or the remote cannot be asked.
    pub(super) fn put_on_its_ground(
        &self,
        mut work: Work,
        target: &str,
        there: &mut RemoteTips,
        before: &[Work],
    ) -> Result<Work> {
        let below = self.all_below(&work.agent)?;
        let Some(base) = work.agent.base.commit().filter(|_| !below.is_empty()) else { return Ok(work) };
        if below.len() != work.agent.after.len() || self.is_merged_itself(&work)? {
            return Ok(work);
        }
        let mut merged = Vec::new();
        for one in &below {
            if self.is_merged_into(one, target)? {
                merged.push(one.agent.branch.to_string());
            }
        }
        let found = match below.as_slice() {
            all if merged.len() == all.len() => {
                self.tip_there(target, there)?.map(|tip| (tip, target.to_owned()))
            }
            [one] if self.request.stack && merged.is_empty() => {
                self.moved_head(one, base, there, before)?.map(|head| (head, one.agent.branch.to_string()))
            }
            _ => None,
        };
        work.merged_below = merged;
        let Some((tip, branch)) = found else { return Ok(work) };
        if self.repo.contains(tip, base)? || self.contains_all(tip, &below)? {
            return Ok(work);
        }
        let heads = below.iter().map(|one| head_now(one, before)).collect();
        let option = if self.request.stack { " --stack" } else { "" };
        let again = format!("git orchestra pr {}{option}", work.id);
        let ground = NewGround { tip, branch, heads, again };
        if !self.request.dry_run {
            // A process that was killed may have moved half of the files.
            finish::recover(self.repo)?;
        }
        let moved = prepare_move(self.context, self.repo, &work.id, &ground)?;
        work.head = moved.head;
        work.agent.base = IdOrText::Id(moved.base);
        work.moved = Some(moved);
        Ok(work)
    }

    /// Returns the agents from whose work that of an agent started, as far as all is known of them. One that was removed counts as it was.
    fn all_below(&self, agent: &Agent) -> Result<Vec<Below>> {
        let mut all = Vec::new();
        for one in &agent.after {
            let (Some(id), Some(taken)) =
                (one.agent.id().cloned(), one.head.as_ref().and_then(IdOrText::commit))
            else {
                continue;
            };
            let published = match store::agent(self.repo, &id) {
                Ok(there) => self.as_it_is_now(&id, &there)?,
                Err(_) => None,
            };
            let Ok(agent) = store::any_agent(self.repo, &id) else { continue };
            let published = published.or_else(|| agent.published.clone());
            all.push(Below { id, agent, taken, published });
        }
        Ok(all)
    }

    /// Returns whether the pull request of an agent was merged: there is nothing to move then.
    fn is_merged_itself(&self, work: &Work) -> Result<bool> {
        let known = self.as_it_is_now(&work.id, &work.agent)?;
        Ok(known.is_some_and(|known| known.state == PullRequestState::Merged))
    }

    /// Returns whether the work that another agent took from this one was merged into a branch, as it was then or as it was rewritten
    /// since.
    fn is_merged_into(&self, below: &Below, target: &str) -> Result<bool> {
        let is_merged = |known: &&Published| {
            known.state == PullRequestState::Merged && *known.into == *target && self.is_here(known)
        };
        let Some(known) = below.published.as_ref().filter(is_merged) else { return Ok(false) };
        let merged = known.merged_head.as_ref().and_then(IdOrText::commit);
        let merged = merged.filter(|head| self.repo.has_object(*head)).or_else(|| known.head.commit());
        let Some(merged) = merged.filter(|head| self.repo.has_object(*head)) else { return Ok(false) };
        if self.repo.contains(merged, below.taken)? {
            return Ok(true);
        }
        match below.agent.head_commit() {
            Some(now) if self.repo.has_object(now) => {
                Ok(!self.repo.contains(now, below.taken)? && self.repo.contains(merged, now)?)
            }
            _ => Ok(false),
        }
    }

    /// Returns the newest work of an agent with an open pull request, if it was itself moved and the forge has it, or will have it.
    fn moved_head(
        &self,
        below: &Below,
        base: Oid,
        there: &mut RemoteTips,
        before: &[Work],
    ) -> Result<Option<Oid>> {
        if let Some(work) = before.iter().find(|work| work.id == below.id) {
            return Ok(Some(work.head));
        }
        let is_open = below.published.as_ref().is_some_and(|known| known.state == PullRequestState::Open);
        let Some(head) = below.agent.head_commit().filter(|_| is_open) else { return Ok(None) };
        if self.repo.contains(head, base)? {
            return Ok(None);
        }
        Ok(self.tip_there(&below.agent.branch, there)?.filter(|tip| *tip == head))
    }

    fn tip_there(&self, branch: &str, there: &mut RemoteTips) -> Result<Option<Oid>> {
        there.fetched(self.context, self.repo, &self.remote, &layout::branch_ref(branch))
    }

    fn contains_all(&self, tip: Oid, below: &[Below]) -> Result<bool> {
        for one in below {
            if !self.repo.contains(tip, one.taken)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Returns the work of an agent as it will be when what builds on it is published.
fn head_now(below: &Below, before: &[Work]) -> IdOrText<CommitId> {
    let work = before.iter().find(|work| work.id == below.id).map(|work| IdOrText::Id(work.head));
    work.or_else(|| below.agent.head.clone()).unwrap_or(IdOrText::Id(below.taken))
}
