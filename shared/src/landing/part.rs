//! What lands of work that started from what the target does not have: uncommitted changes of a person (`spawn --with-changes`), the
//! work of other agents (`spawn --after`), another branch, or a landing that was undone since. Only what the agent did lands.
//!
//! Merging the work as it is would land all that with it, in the files and in the history, though nobody reviewed it. So its commits
//! are first made again on top of the target, without what they started from, and the landing merges, squashes or rebases those: every
//! strategy, the order of a landing, its checks and its undo then know nothing of it.
//!
//! A commit is made again by a merge whose only common ancestor is what the commit is to be freed of. For that, the target gets a
//! second parent in a commit that no ref ever holds. Where a person has committed the same changes meanwhile, both sides have them,
//! and nothing conflicts.
//!
//! The commits of other agents with which the work started land by themselves, before it. Where they did so as they are, a plain merge
//! brings the rest; where they were squashed or rebased, the work is made again without them.

use super::{
    branches::{Branch, LandingTarget, Part},
    dependants, integrate, message,
    options::Strategy,
};
use crate::{
    Result,
    git::{
        Oid, Repo,
        merging::{GitConflict, MergePlace},
        objects::Commit,
    },
    model::{IdOrText, text},
    world::SecretVariables,
};

/// The most commits that are made again one by one; more become one commit.
const MAX_COMMITS: usize = 50;
/// The most files with conflicts that are named.
const MAX_NAMED: usize = 3;

/// Finds what lands of the branches that contain a snapshot, the work of other agents, or, unless they are to land `with_base`, other
/// commits from which their agents started and that the target lacks.
///
/// # Errors
/// A history cannot be read, or git fails.
pub(super) fn fill_in(
    repo: &Repo,
    target: &LandingTarget,
    branches: &mut [Branch],
    with_base: bool,
) -> Result<()> {
    let foreign = |branch: &Branch| branch.foreign_work().or_else(|| branch.start().filter(|_| !with_base));
    let starts = branches.iter().filter_map(foreign).collect();
    // Most work started from a commit of the target.
    let there = repo.which_are_in(target.tip, starts)?;
    let mut place = None;
    for branch in branches.iter_mut().filter(|branch| branch.problem.is_none()) {
        branch.part = None;
        let Some(before) = foreign(branch) else { continue };
        if !dependants::open_dependencies(repo, target, branch)?.is_empty() {
            branch.part = Some(Part::Later);
            continue;
        }
        if there.contains(&before) {
            continue;
        }
        let Some(start) = start_of(repo, target, branch, before)? else { continue };
        if place.is_none() {
            place = Some(target.merge_place(repo)?);
        }
        let Some(place) = &place else { continue };
        branch.part = Some(part_of(repo, target, branch, start, place)?);
    }
    Ok(())
}

/// Returns what lands of a branch whose part was to be decided later, on top of what has landed so far.
///
/// # Errors
/// A history cannot be read, or git fails.
pub(super) fn decided(repo: &Repo, target: &LandingTarget, branch: &Branch) -> Result<Branch> {
    let mut branch = Branch { part: None, ..branch.clone() };
    if let Some(before) = branch.foreign_work()
        && let Some(start) = start_of(repo, target, &branch, before)?
    {
        branch.part = Some(part_of(repo, target, &branch, start, &target.merge_place(repo)?)?);
    }
    Ok(branch)
}

/// Returns the commit from which on the work lands: what landed of it last, or else `before`, up to which it is foreign. `None` if all
/// of the work lands, because the target has that commit or the work no longer has it.
fn start_of(repo: &Repo, target: &LandingTarget, branch: &Branch, before: Oid) -> Result<Option<Oid>> {
    let in_work = repo.has_commit(before) && repo.contains(branch.tip, before)?;
    if !in_work || repo.contains(target.tip, before)? {
        return Ok(None);
    }
    let Some((_, agent)) = &branch.agent else { return Ok(Some(before)) };
    let commit = |id: &Option<IdOrText<_>>| id.as_ref().and_then(IdOrText::commit);
    let (head, landed) = (commit(&agent.landed_head), commit(&agent.landed_as));
    let is_in =
        |new: Oid, old: Oid| Ok::<bool, crate::Error>(repo.has_commit(old) && repo.contains(new, old)?);
    match head.zip(landed).filter(|_| agent.landed_in.as_deref() == Some(target.branch.as_str())) {
        Some((head, landed))
            if is_in(target.tip, landed)? && is_in(branch.tip, head)? && repo.contains(head, before)? =>
        {
            Ok(Some(head))
        }
        _ => Ok(Some(before)),
    }
}

fn part_of(
    repo: &Repo,
    target: &LandingTarget,
    branch: &Branch,
    start: Oid,
    place: &MergePlace,
) -> Result<Part> {
    let remake = Remake { repo, place };
    let whole = match remake.merge(target.tip, start, branch.tip)? {
        Ok(tree) => tree,
        Err(conflict) => return Ok(Part::Conflicts(reason(&conflict, target, branch))),
    };
    if let Some(last) = remake.one_by_one(target.tip, start, branch.tip)?
        && repo.tree_of(last)? == whole
    {
        return Ok(Part::Commit(last));
    }
    let identity = integrate::identity(repo, branch)?;
    // The time of the work, and not of now: each plan of a landing makes the same commit.
    let at = repo.commit_time(branch.tip);
    let text =
        message::message(branch, Strategy::Squash, &[], &SecretVariables::of(repo.environment()).values());
    Ok(Part::Commit(repo.write_commit(&Commit::by(&identity, at, whole, vec![target.tip], text))?))
}

struct Remake<'a> {
    repo: &'a Repo,
    place: &'a MergePlace,
}

impl Remake<'_> {
    /// Merges what `theirs` has in addition to its ancestor `start` into `onto`. Returns the tree, or the conflict.
    fn merge(&self, onto: Oid, start: Oid, theirs: Oid) -> Result<Result<Oid, GitConflict>> {
        let at = self.repo.commit_time(start);
        let ours = Commit {
            tree: self.repo.tree_of(onto)?,
            parents: vec![onto, start],
            name: "git orchestra".to_owned(),
            email: String::new(),
            seconds: at,
            message: "a side of a merge, on no branch\n".to_owned(),
        };
        let merged = self.place.merge(self.repo.write_commit(&ours)?, theirs)?;
        Ok(match merged.conflict {
            None => Ok(merged.tree),
            Some(conflict) => Err(conflict),
        })
    }

    /// Makes the commits after `start` again, each on top of the one before. Returns the last; `None` if they are too many, contain a
    /// merge, or cannot be separated.
    fn one_by_one(&self, onto: Oid, start: Oid, tip: Oid) -> Result<Option<Oid>> {
        let mut commits = self.repo.commits_since(start, tip, MAX_COMMITS + 1)?;
        if commits.len() > MAX_COMMITS {
            return Ok(None);
        }
        commits.reverse();
        let (mut before, mut last) = (start, onto);
        for id in commits {
            let commit = self.repo.read_commit(id)?;
            if commit.parents != [before] {
                return Ok(None);
            }
            let Ok(tree) = self.merge(last, before, id)? else { return Ok(None) };
            if tree != self.repo.tree_of(last)? {
                last = self.repo.write_commit(&Commit { tree, parents: vec![last], ..commit })?;
            }
            before = id;
        }
        Ok(Some(last))
    }
}

fn reason(conflict: &GitConflict, target: &LandingTarget, branch: &Branch) -> String {
    let into = text::one_line(&target.branch, 60);
    let named: Vec<String> =
        conflict.files.iter().take(MAX_NAMED).map(|file| text::one_line(file, 60)).collect();
    let place = if named.is_empty() { String::new() } else { format!(" in {}", named.join(", ")) };
    let others = branch.agent.as_ref().map(|(_, agent)| &agent.after).filter(|after| !after.is_empty());
    if let Some(after) = others {
        let names: Vec<String> = after.iter().map(|one| one.agent.to_string()).collect();
        return format!("conflicts with {into}{place}; it started with the work of {}", names.join(" and "));
    }
    if branch.snapshot.is_some() {
        return format!(
            "conflicts with {into}{place}; it started from uncommitted changes: commit those in {into} first"
        );
    }
    format!(
        "conflicts with {into}{place}; it started from commits that {into} lacks: land those first, or --with-base"
    )
}
