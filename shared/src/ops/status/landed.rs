//! Whether the work that landed is in its branch at this moment. The events say what a landing did once; since then the branch may have
//! been reset, and another clone landed into a branch of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    Result,
    git::{Oid, Repo},
    model::{Agent, AgentId, BranchName, IdOrText},
    ops::agent_object::{AgentObject, LandedNow},
    removal::integrated,
    store::layout,
};

/// For how many agents this is looked up, the newest. For the others, what the events say is shown.
const MOST: usize = 1000;
/// For how many of them the files are compared, to find out whether the work was reverted.
const MOST_COMPARED: usize = 64;

/// Work that landed, as the events say.
struct LandedWork {
    id: AgentId,
    branch: BranchName,
    base: Option<Oid>,
    head: Oid,
    landed_as: Option<Oid>,
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
    let mut compared = 0;
    let mut found = Vec::with_capacity(works.len());
    for work in works {
        let in_history = work.landed_as.into_iter().chain([work.head]).any(|commit| there.contains(&commit));
        let is_here = repo.has_commit(work.landed_as.unwrap_or(work.head));
        let compares = in_history && compared < MOST_COMPARED;
        compared += usize::from(compares);
        let files = work.base.filter(|_| compares);
        let files = files.and_then(|base| integrated::reverted_files(repo, base, work.head, tip).ok());
        found.push((work.id.clone(), LandedNow::decide(in_history, is_here, files)));
    }
    Ok(found)
}
