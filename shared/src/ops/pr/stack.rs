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

/// Returns the agents with all others from whose work theirs started and that have no pull request. An agent comes after those from whose
/// work its own started.
///
/// # Errors
/// The events of one of them cannot be read.
pub(super) fn with_below(repo: &Repo, ids: &[AgentId]) -> Result<Vec<AgentId>> {
    let mut all = Vec::new();
    for id in ids {
        add(repo, (id, ids), &mut all, &mut Vec::new())?;
    }
    Ok(all)
}

fn add(
    repo: &Repo,
    (id, named): (&AgentId, &[AgentId]),
    all: &mut Vec<AgentId>,
    above: &mut Vec<AgentId>,
) -> Result<()> {
    if all.contains(id) || above.contains(id) {
        return Ok(());
    }
    above.push(id.clone());
    for below in below(&store::any_agent(repo, id)?) {
        // One that was removed has landed.
        let has_work = store::agent(repo, &below).is_ok_and(|agent| agent.published.is_none());
        if has_work || named.contains(&below) {
            add(repo, (&below, named), all, above)?;
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
            let known = self.as_it_is_now(&id, &below)?;
            let is_open = match &known {
                None => now.contains(&id),
                // More work than was merged is opened again.
                Some(known) if known.state != PullRequestState::Open => {
                    now.contains(&id)
                        && (known.state != PullRequestState::Merged
                            || below.head.as_ref() != Some(&known.head))
                }
                Some(_) => true,
            };
            if is_open {
                open.push(below.branch.to_string());
            }
        }
        Ok(match open.as_slice() {
            [one] => one.clone(),
            _ => target.to_owned(),
        })
    }
}
