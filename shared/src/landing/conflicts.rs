//! What the work of one agent conflicts with: the target, and the finished work of others that has not landed.
//!
//! Only the pairs with that work are merged on trial, and whether the other work could land is asked only if it conflicts. So the time
//! grows with the work that has not landed, whatever the number of agents.

use std::collections::HashSet;

use super::{
    branches::{self, Branch, LandingTarget},
    own_changes, part, plan,
    state::ConflictWith,
    trials::trials,
};
use crate::{
    Result,
    git::{Oid, Repo, merging::MergeBases},
    model::{AgentId, Phase},
    store::{Listing, list::ListRow, sound::SoundWork},
};

/// The maximum number of branches that are compared together: the memory for their merge bases grows with its square.
const MAX_TOGETHER: usize = 1000;

/// Returns the conflicts of an agent's work with the target, and then with other work in the order of its ids. There are none if the
/// work could not land, or is in the target already.
///
/// # Errors
/// The agents or a history cannot be read.
pub fn of_agent(repo: &Repo, target: &LandingTarget, id: &AgentId) -> Result<Vec<ConflictWith>> {
    let listing = Listing::read(repo)?;
    let work = match branches::of_agent(repo, &listing, id)? {
        Some(work) => work,
        None => match branches::resolve(repo, &listing, id.as_str()) {
            Ok(work) => work,
            Err(_) => return Ok(Vec::new()),
        },
    };
    let mut sound = SoundWork::read(repo)?;
    let mut work = [work];
    part::fill_in(repo, target, &mut work, false)?;
    let [work] = work;
    let own_bases = MergeBases::of(repo, &[work.tip, target.tip]);
    let mut conflicts = Vec::new();
    if plan::skip_reason(repo, &own_bases, target, &work, &mut sound).is_none() {
        let others = other_work(repo, target, &listing, &work)?;
        let (first, rest) = others.split_at(others.len().min(MAX_TOGETHER));
        conflicts = with(repo, target, &work, first, &mut sound, true)?;
        for some in rest.chunks(MAX_TOGETHER) {
            conflicts.extend(with(repo, target, &work, some, &mut sound, false)?);
        }
    }
    sound.remember();
    Ok(conflicts)
}

/// Returns the finished work of other agents that may land in the target, each commit once.
fn other_work(repo: &Repo, target: &LandingTarget, listing: &Listing, work: &Branch) -> Result<Vec<Branch>> {
    let done = listing.rows.iter().filter(|row| row.entry.header.phase == Phase::Done);
    let rows: Vec<(&ListRow, Option<Oid>)> = done.map(|row| (row, landed_as(listing, row, target))).collect();
    let landed = repo.which_are_in(target.tip, rows.iter().filter_map(|(_, commit)| *commit).collect())?;
    let mut seen = HashSet::from([work.tip]);
    let mut found = Vec::new();
    for (row, commit) in rows {
        // In a long life most work has landed, which four values say.
        if commit.is_some_and(|commit| landed.contains(&commit)) || row.id.as_str() == work.name {
            continue;
        }
        let Some(branch) = branches::of_agent(repo, listing, &row.id)?.filter(Branch::has_work) else {
            continue;
        };
        let is_usable = branch.problem.is_none() && repo.tree_of(branch.tip).is_ok();
        if is_usable && seen.insert(branch.tip) {
            found.push(branch);
        }
    }
    let mut found = branches::without_landed(repo, target, found)?;
    part::fill_in(repo, target, &mut found, false)?;
    Ok(found)
}

/// Returns the commit as which all work of an agent landed in the target, by the trailers of its newest event.
fn landed_as(listing: &Listing, row: &ListRow, target: &LandingTarget) -> Option<Oid> {
    let value = |key| listing.trailer(row, key);
    let is_all = value("Landed").is_some() && value("Landed") == value("Head");
    let is_there = value("Landed-In") == Some(target.branch.as_str());
    value("Landed-As").filter(|_| is_all && is_there).and_then(Oid::parse)
}

/// Returns the conflicts of `work` with `others`, and before them with the target if `with_target`.
fn with(
    repo: &Repo,
    target: &LandingTarget,
    work: &Branch,
    others: &[Branch],
    sound: &mut SoundWork<'_>,
    with_target: bool,
) -> Result<Vec<ConflictWith>> {
    let (own, into) = (others.len(), others.len() + 1);
    let all = others.iter().chain([work]);
    let tips: Vec<Oid> = all.clone().map(Branch::to_merge).chain([target.tip]).collect();
    let with_whole: Vec<Oid> = all.map(|branch| branch.tip).chain(tips.iter().copied()).collect();
    let bases = MergeBases::of(repo, &with_whole);
    let sides: Vec<usize> = with_target.then_some(into).into_iter().chain(0..others.len()).collect();
    let pairs: Vec<(usize, usize)> =
        sides.iter().map(|side| plan::ours_and_theirs(&tips, into, own, *side)).collect();
    let (mut found, _) = trials(repo, &bases, target.merge_place(repo)?, &tips, &pairs)?;
    own_changes::clear_those_of_target(repo, &bases, target.tip, &tips, &pairs, &mut found)?;
    let mut conflicts = Vec::new();
    for (side, trial) in sides.into_iter().zip(&found) {
        let Some(conflict) = plan::pair_conflict(trial) else { continue };
        match others.get(side) {
            None => conflicts.push(ConflictWith::of(&target.branch, conflict)),
            Some(other) if plan::skip_reason(repo, &bases, target, other, sound).is_none() => {
                conflicts.push(ConflictWith::of(&other.name, conflict));
            }
            Some(_) => {}
        }
    }
    Ok(conflicts)
}
