//! Whether the work that landed is in its branch at this moment. The events say what a landing did once; since then the branch may have
//! been reset, and another clone landed into a branch of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    Result,
    git::{Oid, Repo},
    model::{Agent, AgentId, BranchName, IdOrText},
    ops::agent_object::{AgentObject, LandedNow},
    removal::integrated::{CandidateWork, Integration, Integrations, Search},
    store::layout,
};

/// For how many agents this is looked up, the newest. For the others, what the events say is shown.
const MOST: usize = 1000;
/// For how many of them the files are compared, to find out whether the work was reverted.
const MOST_COMPARED: usize = 64;

/// How much of the work that is not in the history of its branch is looked for there as other commits: it may have been amended or
/// rebased since.
const MOST_SOUGHT: usize = 16;

/// Work that landed, as the events say.
struct LandedWork {
    id: AgentId,
    branch: BranchName,
    base: Option<Oid>,
    head: Oid,
    landed_as: Option<Oid>,
    /// What its head has in addition to its own work.
    snapshot: Option<Oid>,
}

/// The agents whose current work landed.
#[derive(Default)]
pub(super) struct LandedWorks(Vec<LandedWork>);

impl LandedWorks {
    /// Adds an agent if its current work landed.
    pub(super) fn add(&mut self, id: &AgentId, agent: &Agent) {
        let landed = agent.landed_head.as_ref().and_then(IdOrText::commit);
        let (Some(branch), Some(head)) =
            (&agent.landed_in, landed.filter(|_| agent.landed_head == agent.head))
        else {
            return;
        };
        self.0.push(LandedWork {
            id: id.clone(),
            branch: branch.clone(),
            base: agent.base.commit(),
            head,
            landed_as: agent.landed_as.as_ref().and_then(IdOrText::commit),
            snapshot: agent.work_of_others().or_else(|| agent.snapshot.as_ref().and_then(IdOrText::commit)),
        });
    }

    /// Fills in where the work is now. The history of each branch is read once for all agents.
    pub(super) fn fill_in(mut self, repo: &Repo, agents: &mut [AgentObject]) {
        if self.0.is_empty() {
            return;
        }
        let places: HashMap<AgentId, usize> =
            agents.iter().enumerate().map(|(at, agent)| (agent.id.clone(), at)).collect();
        let is_shown =
            |work: &LandedWork| places.get(&work.id).is_some_and(|at| agents[*at].merged == Some(true));
        self.0.retain(is_shown);
        self.0.sort_by_key(|work| std::cmp::Reverse(places.get(&work.id).copied()));
        self.0.truncate(MOST);
        let mut by_branch: BTreeMap<String, Vec<&LandedWork>> = BTreeMap::new();
        for work in &self.0 {
            by_branch.entry(layout::branch_ref(&work.branch)).or_default().push(work);
        }
        let mut found = Vec::new();
        for (branch, works) in by_branch {
            // A branch that cannot be read says nothing.
            found.extend(look(repo, &branch, &works).unwrap_or_default());
        }
        for (id, now) in found {
            let Some(agent) = places.get(&id).and_then(|at| agents.get_mut(*at)) else { continue };
            agent.landed_now = Some(now);
            agent.merged = Some(now.is_in_history());
        }
    }
}

fn look(repo: &Repo, branch: &str, works: &[&LandedWork]) -> Result<Vec<(AgentId, LandedNow)>> {
    let Some(tip) = repo.find_ref(branch)? else {
        let now = |work: &&LandedWork| {
            (
                work.id.clone(),
                LandedNow::decide(false, repo.has_commit(work.landed_as.unwrap_or(work.head)), None),
            )
        };
        return Ok(works.iter().map(now).collect());
    };
    let sought: HashSet<Oid> =
        works.iter().flat_map(|work| work.landed_as.into_iter().chain([work.head])).collect();
    let Some(there) =
        repo.which_are_in_newer(tip, sought.into_iter().filter(|one| repo.has_commit(*one)).collect())?
    else {
        return Ok(Vec::new());
    };
    let is_known = |work: &LandedWork| {
        work.landed_as.into_iter().chain([work.head]).any(|commit| there.contains(&commit))
    };
    let others = as_other_commits(repo, tip, works.iter().copied().filter(|work| !is_known(work)));
    let mut compared = 0;
    let mut found = Vec::with_capacity(works.len());
    for work in works {
        if let Some((_, now)) = others.iter().find(|(id, _)| *id == work.id) {
            found.push((work.id.clone(), *now));
            continue;
        }
        let in_history = is_known(work);
        let is_here = repo.has_commit(work.landed_as.unwrap_or(work.head));
        let compares = in_history && compared < MOST_COMPARED;
        compared += usize::from(compares);
        let files = work.base.filter(|_| compares);
        let files = files.and_then(|base| repo.reverted_files(base, work.head, tip).ok());
        found.push((work.id.clone(), LandedNow::decide(in_history, is_here, files)));
    }
    Ok(found)
}

/// Finds work that is in a branch as other commits than those that landed, as `cleanup` does.
fn as_other_commits<'a>(
    repo: &Repo,
    tip: Oid,
    works: impl Iterator<Item = &'a LandedWork>,
) -> Vec<(AgentId, LandedNow)> {
    let search = |work: &'a LandedWork| {
        let base = work.base.filter(|base| repo.has_commit(*base) && repo.has_commit(work.head))?;
        let sought = CandidateWork { base, tip: work.head, snapshot: work.snapshot, landed_as: None };
        Some((work.id.clone(), Search { work: sought, target: tip }))
    };
    let sought: Vec<(AgentId, Search)> = works.filter_map(search).take(MOST_SOUGHT).collect();
    if sought.is_empty() {
        return Vec::new();
    }
    let mut found = Integrations::of(repo, &sought.iter().map(|(_, search)| *search).collect::<Vec<_>>());
    let now = |(id, search): (AgentId, Search)| {
        let found = found.take(repo, search).ok()?;
        let is_there = found.is_integrated() && found != Integration::Nothing;
        is_there.then_some((id, LandedNow::There))
    };
    sought.into_iter().filter_map(now).collect()
}
