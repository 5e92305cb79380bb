//! The order between work that builds on other work (`spawn --after`): a branch lands after those that its agent started with, and
//! not without them.

use super::branches::{Branch, LandingTarget, Part};
use crate::{
    Result,
    git::{
        Oid, Repo,
        merging::{self, MergePair},
    },
    model::{Agent, AgentId, IdOrText, text},
    rank::Candidate,
    store,
};

/// Returns the agents with whose work a branch begins, and which have not landed in the target.
///
/// An agent that is not in this clone, or was removed, is not waited for: the rest of the work lands without it, if it merges.
///
/// # Errors
/// A history cannot be read.
pub(super) fn open_dependencies(
    repo: &Repo,
    target: &LandingTarget,
    branch: &Branch,
) -> Result<Vec<AgentId>> {
    let Some((_, agent)) = &branch.agent else { return Ok(Vec::new()) };
    let mut open = Vec::new();
    for dependency in &agent.after {
        let (Some(id), head) = (dependency.agent.id(), dependency.head.as_ref().and_then(IdOrText::commit))
        else {
            continue;
        };
        let Some(head) = head.filter(|head| repo.has_commit(*head)) else { continue };
        let Ok(other) = store::agent(repo, id) else { continue };
        if other.work.commits > 0 && !has_landed(repo, target, &other, head)? {
            open.push(id.clone());
        }
    }
    Ok(open)
}

/// Returns whether the work of an agent is in the target: as history, as what a landing made of it, or as content.
fn has_landed(repo: &Repo, target: &LandingTarget, agent: &Agent, head: Oid) -> Result<bool> {
    if repo.contains(target.tip, head)? {
        return Ok(true);
    }
    let landed_as = agent.landed_as.as_ref().and_then(IdOrText::commit);
    if let Some(landed) = landed_as.filter(|commit| repo.has_commit(*commit))
        && agent.landed_in.as_deref() == Some(target.branch.as_str())
        && repo.contains(target.tip, landed)?
    {
        return Ok(true);
    }
    let pair = MergePair { target: target.tip, tip: head, bases: repo.merge_bases(target.tip, head)? };
    let adds_nothing = merging::which_add_nothing(repo, &[pair])?;
    Ok(adds_nothing.into_iter().next().is_some_and(|found| found.unwrap_or(false)))
}

/// Marks the branches that build on work which neither has landed nor is to land with them.
///
/// # Errors
/// A history cannot be read.
pub(super) fn refuse_alone(repo: &Repo, target: &LandingTarget, branches: &mut [Branch]) -> Result<()> {
    let here: Vec<AgentId> =
        branches.iter().filter_map(|branch| branch.agent.as_ref().map(|(id, _)| id.clone())).collect();
    for branch in branches.iter_mut().filter(|branch| branch.part == Some(Part::Later)) {
        let open = open_dependencies(repo, target, branch)?;
        if let Some(missing) = open.iter().find(|id| !here.contains(id)) {
            let into = text::one_line(&target.branch, 60);
            branch.part = Some(Part::Needs(format!(
                "started with the work of {missing}, which has not landed in {into} and is not among these"
            )));
        }
    }
    Ok(())
}

/// Returns the first branch that builds on one which was set aside, and why it is skipped; a branch may build on that one in turn.
pub(super) fn next_to_skip(branches: &[Branch], set_aside: &[&Branch]) -> Option<(usize, String)> {
    let is_out = |id: &AgentId| set_aside.iter().any(|branch| branch.is_work_of(id));
    let needs = |branch: &Branch| dependencies(branch).find(|id| is_out(id)).map(|id| set_aside_with(id));
    branches.iter().enumerate().find_map(|(at, branch)| Some((at, needs(branch)?)))
}

/// Fills in which candidates land before which, and keeps back those that build on one that does not land.
pub(super) fn fill_in(branches: &[Branch], candidates: &mut [Candidate]) {
    for (branch, at) in branches.iter().zip(0..) {
        let place = |id: &AgentId| branches.iter().position(|other| other.is_work_of(id));
        candidates[at].after = dependencies(branch).filter_map(place).filter(|other| *other != at).collect();
    }
    loop {
        let is_out = |at: &usize| !candidates[*at].may_land();
        let needs = |candidate: &Candidate| candidate.after.iter().copied().find(|other| is_out(other));
        let next = (0..candidates.len())
            .filter(|at| candidates[*at].may_land())
            .find_map(|at| Some((at, needs(&candidates[at])?)));
        let Some((at, other)) = next else { return };
        candidates[at].kept_back =
            Some(format!("started with the work of {}, which does not land", candidates[other].name));
    }
}

/// The reason why a branch is set aside with one that it builds on.
pub(super) fn set_aside_with(id: &str) -> String {
    format!("started with the work of {}, which did not land", text::one_line(id, 100))
}

/// Returns the agents that must land before a branch.
fn dependencies(branch: &Branch) -> impl Iterator<Item = &AgentId> {
    let agent = branch.agent.as_ref().filter(|_| branch.part == Some(Part::Later));
    agent.into_iter().flat_map(|(_, agent)| &agent.after).filter_map(|one| one.agent.id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Dependency, rank::ReviewState};

    fn branch(name: &str, after: &[&str]) -> Branch {
        let after = after.iter().map(|name| Dependency {
            agent: IdOrText::read(name),
            head: Some(IdOrText::read(&"1".repeat(40))),
        });
        let agent = Agent { after: after.collect(), ..Agent::default() };
        Branch {
            name: name.into(),
            tip: Oid::EMPTY_TREE,
            part: (!agent.after.is_empty()).then_some(Part::Later),
            agent: Some((AgentId::parse(name).unwrap(), agent)),
            problem: None,
            snapshot: None,
            failed: None,
        }
    }

    fn stack() -> Vec<Branch> {
        vec![
            branch("top-33333", &["mid-22222"]),
            branch("mid-22222", &["low-11111"]),
            branch("low-11111", &[]),
            branch("free-44444", &[]),
        ]
    }

    #[test]
    fn all_levels_are_skipped_with_the_lowest() {
        let mut branches = stack();
        let mut skipped = vec![branches.remove(2)];
        let mut whys = Vec::new();
        while let Some((at, why)) = next_to_skip(&branches, &skipped.iter().collect::<Vec<_>>()) {
            skipped.push(branches.remove(at));
            whys.push(why);
        }
        let names = |all: &[Branch]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&branches), ["free-44444"]);
        assert_eq!(names(&skipped), ["low-11111", "mid-22222", "top-33333"]);
        assert_eq!(whys[1], "started with the work of mid-22222, which did not land");
        // What the target has already keeps nothing back.
        let mut branches = stack();
        branches.remove(2);
        assert_eq!(next_to_skip(&branches, &[]), None);
    }

    #[test]
    fn all_levels_are_kept_back_with_a_rejected_one() {
        let branches = stack();
        let named = |branch: &Branch| Candidate { name: branch.name.clone(), ..Candidate::default() };
        let mut candidates: Vec<Candidate> = branches.iter().map(named).collect();
        candidates[2].review_state = ReviewState::Rejected;
        fill_in(&branches, &mut candidates);
        let after: Vec<&[usize]> = candidates.iter().map(|one| one.after.as_slice()).collect();
        assert_eq!(after, [&[1][..], &[2], &[], &[]]);
        let kept: Vec<bool> = candidates.iter().map(|one| one.kept_back.is_some()).collect();
        assert_eq!(kept, [true, true, false, false]);
    }
}
