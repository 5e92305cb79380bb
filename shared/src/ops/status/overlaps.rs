//! Which of the agents in a list are about to conflict, while they work.

use crate::{
    Result,
    git::{Oid, Repo},
    landing::{
        branches,
        overlaps::{self, Overlaps},
    },
    model::{AgentId, IdOrText, Liveness, Phase},
    ops::agent_object::AgentObject,
    store::layout,
    trust::acceptance,
};

/// Compares the present work of the agents that run here. Nothing is compared if no branch is checked out, or if the configuration,
/// which may name programs that merge, is not accepted.
pub(super) fn among(repo: &Repo, agents: &[AgentObject]) -> Overlaps {
    let mut work = Vec::new();
    for agent in agents.iter().filter(|agent| works(agent)) {
        work.extend(present_work(repo, agent).ok().flatten().map(|tip| (agent.id.clone(), tip)));
    }
    compare(repo, &work).unwrap_or_default()
}

fn compare(repo: &Repo, work: &[(AgentId, Oid)]) -> Result<Overlaps> {
    if work.len() < 2 || !acceptance::is_accepted(repo) {
        return Ok(Overlaps::default());
    }
    overlaps::between(repo, &branches::target(repo, None)?, work)
}

fn works(agent: &AgentObject) -> bool {
    let has_begun = !matches!(agent.phase, Phase::Queued | Phase::Starting) && !agent.phase.is_at_rest();
    agent.liveness == Liveness::Live && has_begun
}

/// Returns the commit with an agent's work as it is known now: the snapshot of its worktree, unless it has committed since; `None` if
/// it has changed nothing.
fn present_work(repo: &Repo, agent: &AgentObject) -> Result<Option<Oid>> {
    let tip = agent.head.as_ref().and_then(IdOrText::commit);
    if let Some(snapshot) = repo.find_ref(&layout::snapshot_ref(&agent.id))? {
        let saved = repo.read_commit(snapshot)?;
        let is_newest = tip.is_none_or(|tip| saved.parents == [tip]);
        if is_newest {
            let before = saved.parents.first().map(|parent| repo.tree_of(*parent)).transpose()?;
            let changed = before != Some(saved.tree) || tip != agent.base.commit();
            return Ok(changed.then_some(snapshot));
        }
    }
    Ok(tip.filter(|tip| Some(*tip) != agent.base.commit()))
}
