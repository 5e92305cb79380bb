//! What happened to pull requests on the forge since they were looked at last: recorded in the events of their agents, so that it is known
//! without a network afterwards.

use super::Publisher;
use crate::{
    Code, Result,
    forge::{Forge, ForgeChecks, ForgeRepo, ForgeReviews, PullRequest, PullRequestState},
    git::Oid,
    model::{Agent, AgentId, BranchName, CommitId, Fact, IdOrText, published::Published},
    store::append_if,
    trust::AcceptedRepo,
};

/// For how many seconds it is not recorded again that nothing changed.
const MAX_UNRECORDED: i64 = 3600;

/// What is said of a pull request, as far as it was asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Standing {
    pub(super) checks: Option<ForgeChecks>,
    pub(super) review: Option<ForgeReviews>,
}

impl Publisher<'_> {
    /// Returns whether a recorded pull request is in the repository of this command.
    pub(super) fn is_here(&self, known: &Published) -> bool {
        is_in(&self.forge.repo, known)
    }

    /// Reads a pull request that an agent's events have, and records what changed.
    pub(super) fn look_again(&self, id: &AgentId, known: &Published) -> Result<PullRequest> {
        let seen = self.forge.get(known.number)?;
        self.record_change(id, known, &seen)?;
        Ok(seen)
    }

    /// Records what changed of a pull request that an agent's events have.
    pub(super) fn record_change(&self, id: &AgentId, known: &Published, seen: &PullRequest) -> Result<()> {
        match known.head.commit().filter(|_| !self.request.dry_run) {
            Some(head) => self.record(id, head, seen, Standing::default()),
            None => Ok(()),
        }
    }

    /// Returns what is known of the pull request of an agent. An open one may have been merged or closed since it was looked at last, so
    /// the forge is asked.
    ///
    /// # Errors
    /// The forge cannot be asked, or the events cannot be written.
    pub(super) fn as_it_is_now(&self, id: &AgentId, agent: &Agent) -> Result<Option<Published>> {
        let Some(known) = &agent.published else { return Ok(None) };
        let Some(pushed) = known.head.commit().filter(|_| known.state == PullRequestState::Open) else {
            return Ok(Some(known.clone()));
        };
        if !self.is_here(known) {
            return Ok(Some(known.clone()));
        }
        let seen = self.look_again(id, known)?;
        Ok(Some(Published {
            into: BranchName::from(seen.base.as_str()),
            state: seen.state,
            merged_head: merged_head(&seen, pushed),
            ..known.clone()
        }))
    }

    /// Records a pull request in the events of its agent, if that is news. `head` is the commit that was pushed last from here.
    pub(super) fn record(
        &self,
        id: &AgentId,
        head: Oid,
        seen: &PullRequest,
        standing: Standing,
    ) -> Result<()> {
        record(self.repo, &self.forge.repo, (id, head), seen, standing)
    }
}

/// Asks a forge what its checks and its people say of a pull request. What it does not tell is `None`.
pub(super) fn standing(forge: &Forge, seen: &PullRequest) -> Result<Standing> {
    let checks = told(forge.checks_of(seen))?;
    Ok(Standing { checks, review: told(forge.standing(seen))? })
}

/// Returns whether a recorded pull request is in a repository.
pub(super) fn is_in(place: &ForgeRepo, known: &Published) -> bool {
    known.host == place.host && known.repo == place.path
}

/// Records a pull request of `place` in the events of its agent, with the commit that was pushed last from here, if that is news.
pub(super) fn record(
    repo: &AcceptedRepo,
    place: &ForgeRepo,
    (id, head): (&AgentId, Oid),
    seen: &PullRequest,
    standing: Standing,
) -> Result<()> {
    let published = Published {
        host: place.host.clone(),
        repo: place.path.clone(),
        number: seen.number,
        url: seen.url.clone(),
        head: IdOrText::Id(head),
        into: BranchName::from(seen.base.as_str()),
        state: seen.state,
        merged_head: merged_head(seen, head),
        checks: standing.checks,
        review: standing.review,
        seen_at: Some(repo.environment().clock().now()),
    };
    let decide = |fold: &crate::model::fold::Fold| {
        let known = fold.agent.published.as_ref();
        let new = completed(published.clone(), known);
        is_news(known, &new).then(|| vec![Fact::Published(new)])
    };
    append_if(repo, id, decide).map(drop)
}

/// Returns what a forge told; `None` if it refuses just this. A limit of requests is an error.
fn told<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(told) => Ok(Some(told)),
        Err(error)
            if matches!(error.code, Code::ForgeRefused | Code::ForgeTokenRefused | Code::ForgeFailed) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Adds what was known before of the same pull request and was not asked now.
fn completed(new: Published, known: Option<&Published>) -> Published {
    let is_same =
        |known: &&Published| known.number == new.number && known.repo == new.repo && known.host == new.host;
    let Some(known) = known.filter(is_same) else { return new };
    // The checks are those of a commit.
    let checks = new.checks.or(known.checks.filter(|_| known.head == new.head));
    Published { checks, review: new.review.or(known.review), ..new }
}

/// Returns whether anything but the time differs, or the time is so old that it says too little.
fn is_news(known: Option<&Published>, new: &Published) -> bool {
    let Some(known) = known else { return true };
    if (Published { seen_at: new.seen_at, ..known.clone() }) != *new {
        return true;
    }
    let Some((then, now)) = known.seen_at.zip(new.seen_at) else { return true };
    new.state == PullRequestState::Open && now.as_second() - then.as_second() >= MAX_UNRECORDED
}

/// Returns the commit that was merged, if it was: what the forge says, or what was pushed if the forge shortens ids.
fn merged_head(seen: &PullRequest, pushed: Oid) -> Option<IdOrText<CommitId>> {
    let is_merged = seen.state == PullRequestState::Merged;
    let head = if seen.is_at(pushed) { Some(pushed) } else { Oid::parse(&seen.commit) };
    head.filter(|_| is_merged).map(IdOrText::Id)
}
