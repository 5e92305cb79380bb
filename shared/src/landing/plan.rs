//! Plans a landing: trial merges of every pair of branches and of every branch with the target, and the order that results.

use super::{
    branches::{Branch, LandingTarget, Part},
    dependants, gitlinks, only,
    options::LandOptions,
    own_changes, part,
    trials::{Pairs, sizes, trials},
    unresolved,
};
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext as _,
    git::{
        Oid, Repo,
        gitlinks::Gitlink,
        merging::{ChangeSize, Judgement, MergeBases, TrialMerge},
    },
    model::{event::Landing, text, verdict::Verdict},
    parallel,
    rank::{self, Candidate, LandingOrder, Matrix, PairConflict, ReviewState},
    store::{
        Unreadable,
        sound::SoundWork,
        verdicts::{self, VerdictMatch},
    },
    worktree::lone_commits::LoneCommits,
};

/// Branches in the order in which they would land.
#[derive(Clone, Debug)]
pub struct LandingPlan {
    /// The target branch.
    pub target: LandingTarget,
    /// The branches that have something to land.
    pub branches: Vec<Branch>,
    /// What decides their order; same indexes as `branches`.
    pub candidates: Vec<Candidate>,
    /// Which branches conflict with each other and with the target.
    pub matrix: Matrix,
    /// The order in which they land, as indexes into `branches`.
    pub order: LandingOrder,
    /// The branches that have nothing to land, and why.
    pub skipped: Vec<Skipped>,
    /// How the pairs were judged, as counts.
    pub pairs: Pairs,
    /// The agents that cannot be read, so that it is unknown whether they have anything to land.
    pub unreadable: Vec<Unreadable>,
}

/// Plans a landing: filters out what cannot land, makes a trial merge of every pair, and orders the rest.
///
/// # Errors
/// A name in `priority` matches none or several of the branches (3), or a history cannot be read.
pub fn plan(
    repo: &Repo,
    target: LandingTarget,
    mut named: Vec<Branch>,
    options: &LandOptions,
) -> Result<LandingPlan> {
    part::fill_in(repo, &target, &mut named, options.with_base)?;
    dependants::refuse_alone(repo, &target, &mut named)?;
    let all: Vec<Oid> =
        named.iter().flat_map(|branch| [branch.tip, branch.to_merge()]).chain([target.tip]).collect();
    let bases = MergeBases::of(repo, &all);
    let (mut branches, mut skipped) = filter_branches(repo, &bases, &target, named)?;
    skip_dependants(&mut branches, &mut skipped);
    let priorities = priorities(&branches, &options.priority)?;
    let tips: Vec<Oid> = branches.iter().map(Branch::to_merge).collect();
    // The sizes are measured beside the trial merges.
    let beside = repo.reopen()?;
    let (sizes, judged) = parallel::both(
        || {
            let beside = beside;
            branch_sizes(&beside, &bases, target.tip, &branches)
        },
        || matrix(repo, &bases, &tips, &target),
    );
    let sizes = sizes.context(Kind::Internal, || "cannot measure the branches".into())?;
    let (sizes, (matrix, pairs)) = (sizes?, judged?);
    let outside =
        branches.iter().map(|branch| outside_of_only(repo, &bases, target.tip, branch, &options.only));
    let outside = outside.collect::<Result<Vec<_>>>()?;
    let mut candidates: Vec<Candidate> = branches
        .iter()
        .zip(&sizes)
        .zip(priorities)
        .zip(outside)
        .map(|(((branch, size), priority), outside)| Candidate {
            name: branch.name.clone(),
            priority,
            review_state: if options.despite_verdict {
                ReviewState::Open
            } else {
                review_state(repo, branch, options.approved)
            },
            lines: size.lines,
            files: size.files,
            committed_at: repo.commit_time(branch.tip),
            kept_back: outside.or_else(|| branch.kept_back(options)),
            after: Vec::new(),
        })
        .collect();
    dependants::fill_in(&branches, &mut candidates);
    let order = rank::order(&candidates, &matrix);
    Ok(LandingPlan { target, branches, candidates, matrix, order, skipped, pairs, unreadable: Vec::new() })
}

/// Returns why a branch does not land because it changes more than it may.
fn outside_of_only(
    repo: &Repo,
    bases: &MergeBases,
    target: Oid,
    branch: &Branch,
    only: &[String],
) -> Result<Option<String>> {
    if only.is_empty() {
        return Ok(None);
    }
    let tip = branch.to_merge();
    let base = match bases.only(target, tip) {
        Some(base) => base,
        None => repo.merge_base(target, tip)?,
    };
    let outside = only::changed_outside(repo, base, tip, only)?;
    Ok(only::sentence(&outside).map(|changes| format!("{changes}, which --only does not name")))
}

/// Returns the review state of a branch. With `approved`, only approved branches land, so a missing verdict counts against it.
fn review_state(repo: &Repo, branch: &Branch, approved: bool) -> ReviewState {
    let said = branch
        .agent
        .as_ref()
        .and_then(|(id, agent)| verdicts::effective_for(repo, id, agent, branch.tip).ok().flatten());
    match said.map(|(verdict, holds)| (verdict.verdict, holds)) {
        Some((Verdict::Approve, VerdictMatch::Stale)) if approved => ReviewState::Stale,
        None | Some((_, VerdictMatch::Stale)) if approved => ReviewState::Unapproved,
        None | Some((_, VerdictMatch::Stale)) => ReviewState::Open,
        Some((Verdict::Approve, _)) => ReviewState::Approved,
        Some((Verdict::Changes, _)) => ReviewState::Changes,
        Some((Verdict::Reject, _)) => ReviewState::Rejected,
    }
}

/// Returns the sizes of all branches. Those that agents' events record are not computed again.
fn branch_sizes(
    repo: &Repo,
    bases: &MergeBases,
    target: Oid,
    branches: &[Branch],
) -> Result<Vec<ChangeSize>> {
    let written: Vec<Option<ChangeSize>> = branches.iter().map(Branch::size_by_its_events).collect();
    let unknown =
        |(branch, size): (&Branch, &Option<ChangeSize>)| size.is_none().then_some(branch.to_merge());
    let tips: Vec<Oid> = branches.iter().zip(&written).filter_map(unknown).collect();
    let mut measured = sizes(repo, bases, target, &tips)?.into_iter();
    Ok(written.into_iter().map(|size| size.or_else(|| measured.next()).unwrap_or_default()).collect())
}

impl LandingPlan {
    /// Returns the branches that cannot land.
    pub fn set_aside(&self) -> impl Iterator<Item = &Branch> {
        let aside = self.skipped.iter().filter(|skipped| skipped.outcome == Landing::SetAside);
        aside.map(|skipped| &skipped.branch)
    }

    /// Returns how to make branches land that add other repositories as they are.
    pub fn how_to_take_out(&self, repo: &Repo) -> Vec<String> {
        let of = |one: &Skipped| gitlinks::how_to_take_out(repo, &one.branch, &one.embedded);
        self.skipped.iter().flat_map(of).collect()
    }
}

/// A branch that has nothing to land, or cannot land.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// The skipped branch.
    pub branch: Branch,
    /// `UpToDate` if the target has it already, `Undone` if it was reverted there, `SetAside` if it cannot land.
    pub outcome: Landing,
    /// Why, for people.
    pub why: String,
    /// The repositories in it for which it is set aside, if that is why.
    pub embedded: Vec<Gitlink>,
}

/// Splits the branches into those to land and those to skip: already in the target, duplicates, unrelated histories, broken work.
fn filter_branches(
    repo: &Repo,
    bases: &MergeBases,
    target: &LandingTarget,
    named: Vec<Branch>,
) -> Result<(Vec<Branch>, Vec<Skipped>)> {
    let (mut branches, mut skipped): (Vec<Branch>, Vec<Skipped>) = (Vec::new(), Vec::new());
    let mut sound = SoundWork::read(repo)?;
    let lone = LoneCommits::of(repo)?;
    let since = |branch: &Branch| Some((branch.tip, bases.only(target.tip, branch.tip)?));
    let work = named.iter().filter(|branch| branch.problem.is_none()).filter_map(since);
    sound.check_together(&work.filter(|(tip, base)| tip != base).collect::<Vec<_>>());
    for branch in named {
        let same = branches.iter().find(|known| known.tip == branch.tip).map(|known| known.name.clone());
        let skip = match same {
            Some(same) => Some((Landing::UpToDate, format!("the same commit as {}", text::safe(&same)))),
            None => skip_reason(repo, bases, target, &branch, &mut sound)
                .or_else(|| lone_commits(repo, &lone, target, &branch)),
        };
        // Only now: the trees of work that is not sound may have no end.
        let (outcome, why, embedded) = match skip {
            Some((outcome, why)) => (outcome, why, Vec::new()),
            None => match gitlinks::embedded(repo, target.tip, &branch) {
                Ok(links) => match gitlinks::embedded_sentence(&links) {
                    Some(why) => (Landing::SetAside, why, links),
                    None => {
                        branches.push(branch);
                        continue;
                    }
                },
                Err(error) => (Landing::SetAside, format!("not landed: {}", error.one_line()), Vec::new()),
            },
        };
        skipped.push(Skipped { branch, outcome, why, embedded });
    }
    sound.remember();
    Ok((branches, skipped))
}

/// Skips the branches that build on one which is set aside, and those that build on them.
fn skip_dependants(branches: &mut Vec<Branch>, skipped: &mut Vec<Skipped>) {
    loop {
        let out = skipped.iter().filter(|one| one.outcome == Landing::SetAside).map(|one| &one.branch);
        let out: Vec<&Branch> = out.collect();
        let Some((at, why)) = dependants::next_to_skip(branches, &out) else { return };
        let (branch, outcome) = (branches.remove(at), Landing::SetAside);
        skipped.push(Skipped { branch, outcome, why, embedded: Vec::new() });
    }
}

/// Returns why a branch is skipped, if it is. A fault of one branch never stops the others from landing.
pub(super) fn skip_reason(
    repo: &Repo,
    bases: &MergeBases,
    target: &LandingTarget,
    branch: &Branch,
    sound: &mut SoundWork<'_>,
) -> Option<(Landing, String)> {
    let into = text::safe(&target.branch);
    if let Some(problem) = &branch.problem {
        return Some((Landing::SetAside, format!("not landed: {}", problem.sentence())));
    }
    let only = bases.only(target.tip, branch.tip);
    let bases = match only.map_or_else(|| repo.merge_bases(target.tip, branch.tip), |base| Ok(vec![base])) {
        Ok(bases) => bases,
        Err(error) => return Some((Landing::SetAside, format!("not landed: {}", error.one_line()))),
    };
    if bases.is_empty() {
        return Some((Landing::SetAside, format!("has no history in common with {into}")));
    }
    let is_there = bases.contains(&branch.tip);
    if is_there || branch.landed_in(repo, target).unwrap_or(false) {
        if let Some(reverted) = branch.reverted_in(repo, target) {
            let why = format!("{}: {}", reverted.sentence(&target.branch), reverted.way_back());
            return Some((Landing::Undone, why));
        }
        let why = if is_there { format!("is in {into} already") } else { format!("landed in {into} before") };
        return Some((Landing::UpToDate, why));
    }
    if let Some(Part::Conflicts(why) | Part::Needs(why)) = &branch.part {
        return Some((Landing::SetAside, why.clone()));
    }
    if let Some(unfinished) = branch.unfinished() {
        return Some((Landing::SetAside, unfinished));
    }
    if let Some(unsound) = sound.flaw_since(branch.tip, bases.first().copied()) {
        return Some((Landing::SetAside, format!("not landed: {}", unsound.why)));
    }
    // What the target has of the branch, its only merge base has as well, and is nearer.
    match unresolved::files(repo, only.unwrap_or(target.tip), branch.tip) {
        Ok(files) => {
            let file = text::one_line(files.first()?, 100);
            Some((Landing::SetAside, format!("has unresolved conflicts in {file}")))
        }
        Err(error) => Some((Landing::SetAside, format!("not landed: {}", error.one_line()))),
    }
}

/// Returns why a branch is set aside that names commits of submodules which nobody could check out.
fn lone_commits(
    repo: &Repo,
    lone: &LoneCommits,
    target: &LandingTarget,
    branch: &Branch,
) -> Option<(Landing, String)> {
    match gitlinks::lone_commits(repo, lone, target.tip, branch) {
        Ok(found) => Some((Landing::SetAside, found.first()?.sentence())),
        Err(error) => Some((Landing::SetAside, format!("not landed: {}", error.one_line()))),
    }
}

fn priorities(branches: &[Branch], first: &[String]) -> Result<Vec<Option<usize>>> {
    let mut priorities = vec![None; branches.len()];
    for (at, name) in first.iter().enumerate() {
        let matching: Vec<usize> = (0..branches.len())
            .filter(|&b| branches[b].name == *name || branches[b].name.starts_with(name.as_str()))
            .collect();
        let exact = matching.iter().find(|&&b| branches[b].name == *name);
        match (exact, matching.as_slice()) {
            (Some(&branch), _) | (None, &[branch]) => priorities[branch] = Some(at),
            (None, []) => {
                let shown = text::safe(name);
                return Err(Error::new(
                    Code::BranchUnknown,
                    format!("--priority: '{shown}' is not one of the branches that land"),
                ));
            }
            (None, _) => {
                let shown = text::safe(name);
                return Err(Error::new(
                    Code::BranchAmbiguous,
                    format!("--priority: '{shown}' is ambiguous: it matches several branches"),
                ));
            }
        }
    }
    Ok(priorities)
}

fn matrix(repo: &Repo, bases: &MergeBases, tips: &[Oid], target: &LandingTarget) -> Result<(Matrix, Pairs)> {
    let all: Vec<Oid> = tips.iter().copied().chain([target.tip]).collect();
    let last = tips.len();
    let both = (0..all.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    let pairs: Vec<(usize, usize)> = both.map(|(a, b)| ours_and_theirs(&all, last, a, b)).collect();
    let (mut found, known) = trials(repo, bases, target.merge_place(repo)?, &all, &pairs)?;
    own_changes::clear_those_of_target(repo, bases, target.tip, &all, &pairs, &mut found)?;
    let mut matrix = Matrix::new(last);
    for (&(ours, theirs), trial) in pairs.iter().zip(&found) {
        if let Judgement::Unknown(why) = &trial.judgement {
            matrix.mark_incomparable(ours, theirs, why);
            continue;
        }
        let conflict = pair_conflict(trial);
        if ours == last {
            matrix.set_target(theirs, conflict);
        } else {
            matrix.set(ours, theirs, conflict);
        }
    }
    Ok((matrix, Pairs::count(&found, known)))
}

/// Returns the size of the conflict that a trial merge found, if it found one.
pub(super) fn pair_conflict(trial: &TrialMerge) -> Option<PairConflict> {
    let conflict = trial.trial_conflict()?;
    Some(PairConflict { files: conflict.files, hunks: conflict.hunks, kinds: conflict.kinds })
}

/// Returns which of two commits is ours and which is theirs in a trial merge. A branch is merged into the target; of two branches,
/// the one with the smaller id is ours, so that the result does not depend on the order in which they were named.
pub(super) fn ours_and_theirs(all: &[Oid], target: usize, a: usize, b: usize) -> (usize, usize) {
    if b == target || a != target && all[b].as_bytes() < all[a].as_bytes() { (b, a) } else { (a, b) }
}
