//! Stacks of pull requests: the work of an agent that started from that of another is merged into the branch of that one, as long as the
//! pull request of that one is open.

use super::Publisher;
use crate::{
    Result,
    forge::PullRequestState,
    git::Repo,
    model::{Agent, AgentId},
    store,
};

/// Returns the agents with all others from whose work theirs started and that have no pull request, those first.
///
/// # Errors
/// The events of one of them cannot be read.
pub(super) fn with_below(repo: &Repo, ids: &[AgentId]) -> Result<Vec<AgentId>> {
    let mut all = Vec::new();
    for id in ids {
        add(repo, id, &mut all, &mut Vec::new())?;
    }
    Ok(all)
}

fn add(repo: &Repo, id: &AgentId, all: &mut Vec<AgentId>, above: &mut Vec<AgentId>) -> Result<()> {
    if all.contains(id) || above.contains(id) {
        return Ok(());
    }
    above.push(id.clone());
    for below in below(&store::any_agent(repo, id)?) {
        // One that was removed has landed.
        let has_work = store::agent(repo, &below).is_ok_and(|agent| agent.published.is_none());
        if has_work {
            add(repo, &below, all, above)?;
        }
    }
    above.pop();
    all.push(id.clone());
    Ok(())
}

/// Returns the agents from whose work that of an agent started.
pub(super) fn below(agent: &Agent) -> Vec<AgentId> {
    agent.after.iter().filter_map(|one| one.agent.id().cloned()).collect()
}

impl Publisher<'_> {
    /// Returns the branch into which the work of an agent should be merged: that of the only agent from which it started whose pull request
    /// is open, or is opened by this command; otherwise the target.
    pub(super) fn base_of(&self, agent: &Agent, target: &str, now: &[AgentId]) -> Result<String> {
        let mut open = Vec::new();
        for id in below(agent).into_iter().filter(|_| self.request.stack) {
            let Ok(below) = store::agent(self.repo, &id) else { continue };
            if now.contains(&id) || self.state_now(&id, &below)? == Some(PullRequestState::Open) {
                open.push(below.branch.to_string());
            }
        }
        Ok(match open.as_slice() {
            [one] => one.clone(),
            _ => target.to_owned(),
        })
    }

    /// Returns the state of the pull request of an agent. An open one may have been merged or closed since it was looked at last.
    fn state_now(&self, id: &AgentId, agent: &Agent) -> Result<Option<PullRequestState>> {
        let Some(known) = &agent.published else { return Ok(None) };
        if known.state != PullRequestState::Open || !self.is_here(known) {
            return Ok(Some(known.state));
        }
        Ok(Some(self.look_again(id, known)?.state))
    }
}
