//! What happened to pull requests on the forge since they were looked at last: recorded in the events of their agents, so that it is known
//! without a network afterwards.

use super::Publisher;
use crate::{
    Result,
    forge::{PullRequest, PullRequestState},
    git::Oid,
    model::{AgentId, BranchName, CommitId, Fact, IdOrText, published::Published},
    store::append_if,
};

impl Publisher<'_> {
    /// Returns whether a recorded pull request is in the repository of this command.
    pub(super) fn is_here(&self, known: &Published) -> bool {
        known.host == self.forge.repo.host && known.repo == self.forge.repo.path
    }

    /// Reads a pull request that an agent's events have, and records what changed.
    pub(super) fn look_again(&self, id: &AgentId, known: &Published) -> Result<PullRequest> {
        let seen = self.forge.get(known.number)?;
        if let Some(head) = known.head.commit().filter(|_| !self.request.dry_run) {
            self.record(id, head, &seen)?;
        }
        Ok(seen)
    }

    /// Records a pull request in the events of its agent, if that is news. `head` is the commit that was pushed last from here.
    pub(super) fn record(&self, id: &AgentId, head: Oid, seen: &PullRequest) -> Result<()> {
        let published = Published {
            host: self.forge.repo.host.clone(),
            repo: self.forge.repo.path.clone(),
            number: seen.number,
            url: seen.url.clone(),
            head: IdOrText::Id(head),
            into: BranchName::from(seen.base.as_str()),
            state: seen.state,
            merged_head: merged_head(seen, head),
        };
        let decide = |fold: &crate::model::fold::Fold| {
            (fold.agent.published.as_ref() != Some(&published))
                .then(|| vec![Fact::Published(published.clone())])
        };
        append_if(self.repo, id, decide).map(drop)
    }
}

/// Returns the commit that was merged, if it was: what the forge says, or what was pushed if the forge shortens ids.
fn merged_head(seen: &PullRequest, pushed: Oid) -> Option<IdOrText<CommitId>> {
    let is_merged = seen.state == PullRequestState::Merged;
    let head = if seen.is_at(pushed) { Some(pushed) } else { Oid::parse(&seen.commit) };
    head.filter(|_| is_merged).map(IdOrText::Id)
}
