//! The uncommitted changes of agents that have not ended: counted while there is time, otherwise as they were counted last.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    Result,
    git::{Repo, worktrees::Worktree},
    model::{AgentId, IdOrText},
    ops::agent_object::AgentObject,
    store::layout::PrivateDir,
    supervise::spec::Spec,
    worktree::{
        dirty::{self, DirtyCheck},
        isolated_git_dir::IsolatedGitDir,
        last_counts::{self, DirtyCount, LastCounts},
        open_worktree,
    },
};

/// If counting took less than this part of its time, the next list has time for all of them as well, and nothing is remembered.
const SMALL_PART: u32 = 6;

/// Fills in the numbers of uncommitted changes, counting for at most `limit`. `places` are the agents that have a worktree, by their
/// position, each with it.
///
/// # Errors
/// The common git directory cannot be found.
pub(super) fn fill_in(
    repo: &Repo,
    private: &PrivateDir,
    agents: &mut [AgentObject],
    places: &[(usize, Worktree)],
    limit: Duration,
) -> Result<()> {
    let (common, file, begun) = (repo.common_dir()?, private.last_counts(), Instant::now());
    let known = LastCounts::read(&file);
    let mut order: Vec<&(usize, Worktree)> = places.iter().collect();
    order.sort_by_key(|(at, _)| known.turn(&agents[*at].id));
    let (order, checks): (Vec<usize>, Vec<DirtyCheck>) = order
        .into_iter()
        .filter_map(|(at, worktree)| Some((*at, check_of(repo, private, &common, &agents[*at], worktree)?)))
        .unzip();
    let counts = dirty::measure(checks, limit);
    let now = repo.now();
    let mut tried = Vec::new();
    for (at, count) in order.into_iter().zip(counts) {
        let changes = count.and_then(|count| count.changes());
        let found = changes.map(|changes| DirtyCount { changes, at: now });
        set(&mut agents[at], found);
        if count.is_some() {
            tried.push((agents[at].id.clone(), found));
        }
    }
    for (at, _) in places {
        let agent = &mut agents[*at];
        if agent.dirty.is_none() {
            let start = agent.started_at.unwrap_or(agent.queued_at);
            let counted = known.count(&agent.id, start, now);
            let snapshot = last_counts::in_snapshot(repo, &agent.id, start, now);
            // Of two of the same second, a list's own count is the last, which is chosen.
            set(agent, snapshot.into_iter().chain(counted).max_by_key(|count| count.at));
        }
    }
    if begun.elapsed() >= limit / SMALL_PART {
        let ids: Vec<AgentId> = places.iter().map(|(at, _)| agents[*at].id.clone()).collect();
        known.after(&ids, &tried).write(&file);
    }
    Ok(())
}

fn set(agent: &mut AgentObject, count: Option<DirtyCount>) {
    agent.dirty = count.map(|count| count.changes);
    agent.dirty_at = count.map(|count| count.at);
}

/// Returns what to compare for an agent; `None` if its worktree is not the one that was made, or is not finished.
fn check_of(
    repo: &Repo,
    private: &PrivateDir,
    common: &Path,
    agent: &AgentObject,
    worktree: &Worktree,
) -> Option<DirtyCheck> {
    let dir = private.agent(&agent.id);
    let spec = Spec::read(&dir).ok()?;
    let root = open_worktree::open_worktree(repo, worktree, spec.worktree_identity()).ok()?;
    if worktree.is_incomplete() {
        return None;
    }
    let frozen = private.frozen().join(&spec.frozen);
    let files = root.path().to_owned();
    let isolated = IsolatedGitDir::at(repo.environment(), frozen, dir.index(), files, common.to_owned());
    let head = agent.head.as_ref().and_then(IdOrText::commit)?;
    Some(DirtyCheck { root, worktree: worktree.clone(), isolated, head_tree: repo.tree_of(head).ok()? })
}
