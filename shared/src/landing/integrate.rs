//! Integrates one branch: makes a commit on top of what landed so far. It is checked later.

use super::{
    branches::Branch,
    context::StepContext,
    merge::{Committer, MergeConflict, Merged, Rebased},
    message::message,
    options::Strategy,
    outcome::{Integration, Unresolved},
    resolve::{self, Resolution},
    signing,
    state::Step,
    ticks,
};
use crate::{
    Result,
    git::{Oid, Repo, objects::Commit, repo::Identity},
    store::layout::PrivateDir,
    supervise::spec::Spec,
    world::SecretVariables,
};

/// Integrates a branch by the strategy of the landing. Resolves conflicts that need no agent, and notes in `step` how.
///
/// # Errors
/// Git fails, or the user interrupts the landing.
pub(super) fn integrate(cx: &mut StepContext<'_>, branch: &Branch, step: &mut Step) -> Result<Integration> {
    if cx.options.strategy == Strategy::Rebase {
        return rebase(cx, branch, step);
    }
    match cx.merge(branch.to_merge())? {
        Merged::Clean(tree) => commit(cx, branch, step, tree, branch.to_merge()),
        Merged::Conflict(conflict) => match resolve::resolve(cx, branch, step, &conflict)? {
            Resolution::Tree(tree) => commit(cx, branch, step, tree, branch.to_merge()),
            Resolution::Conflict { why, files } => {
                Ok(Integration::Conflict(Unresolved { why, marked: conflict.tree, files }))
            }
        },
    }
}

/// Writes the commit that lands a tree, with the task ticked that the branch is the work of. `head` is its second parent if the strategy
/// merges.
///
/// # Errors
/// The commit cannot be written or signed.
pub(super) fn commit(
    cx: &mut StepContext<'_>,
    branch: &Branch,
    step: &mut Step,
    tree: Oid,
    head: Oid,
) -> Result<Integration> {
    if cx.repo.tree_of(cx.onto)? == tree {
        return Ok(Integration::NothingNew);
    }
    let tree = ticks::ticked(cx, branch, step, tree)?;
    // A rebase whose conflicts an agent resolved becomes one commit.
    let (strategy, parents) = match cx.options.strategy {
        Strategy::Merge => (Strategy::Merge, vec![cx.onto, head]),
        Strategy::Squash | Strategy::Rebase => (Strategy::Squash, vec![cx.onto]),
    };
    let text = message(branch, strategy, &step.settled, &SecretVariables::of(cx.repo.environment()).values());
    let now = cx.repo.now().as_second();
    let commit = Commit::by(&identity(cx.repo, branch)?, now, tree, parents, text);
    Ok(Integration::Commit(signing::write_commit(cx, &commit)?))
}

/// Returns the committer for a branch: for an agent's branch, the user's identity at the time the agent was last launched.
///
/// # Errors
/// The user has no identity, or the agent's folder cannot be found.
pub(super) fn identity(repo: &Repo, branch: &Branch) -> Result<Identity> {
    let Some((id, _)) = &branch.agent else { return repo.identity() };
    let dir = PrivateDir::new(repo.private_dir()?).agent(id);
    let known = Spec::last(repo, id, &dir).and_then(|spec| spec.identity);
    known.map_or_else(|| repo.identity(), Ok)
}

fn rebase(cx: &mut StepContext<'_>, branch: &Branch, step: &mut Step) -> Result<Integration> {
    let base = cx.repo.merge_base(cx.onto, branch.to_merge())?;
    let identity = identity(cx.repo, branch)?;
    let sign = signing::signs_rebased(cx)?;
    let by = Committer { identity: &identity, sign };
    let side = resolve::preferred_side(cx.options);
    let mut rebased = cx.scratch.at(cx.repo, cx.onto)?.rebase(None, cx.onto, base, branch.to_merge(), by)?;
    if let Some(tree) = merged_otherwise(cx, base, branch, &rebased)? {
        step.settled
            .push("what was resolved in its merges cannot be rebased, so it is one commit".to_owned());
        return commit(cx, branch, step, tree, branch.to_merge());
    }
    if let (Rebased::Conflict(_), Some(side)) = (&rebased, side) {
        let scratch = cx.scratch.at(cx.repo, cx.onto)?;
        rebased = scratch.rebase(Some(side), cx.onto, base, branch.to_merge(), by)?;
        if matches!(rebased, Rebased::Head(_)) {
            step.settled.push(format!("conflicts were resolved with '{}'", side.as_str()));
        }
    }
    match rebased {
        Rebased::Head(head) if head == cx.onto => Ok(Integration::NothingNew),
        Rebased::Head(head) => Ok(Integration::Commit(ticks::on_top(cx, branch, step, head, &identity)?)),
        Rebased::Conflict(files) => {
            let files = real_names(cx, base, branch, files)?;
            let marked = match cx.merge(branch.to_merge())? {
                Merged::Conflict(conflict) => conflict.tree,
                Merged::Clean(_) => None,
            };
            let conflict = MergeConflict::of_files(files);
            let why = resolve::conflict_reason(cx, &conflict);
            Ok(Integration::Conflict(Unresolved { why, marked, files: conflict.files }))
        }
    }
}

/// Returns the names that conflicting files have in the commits. Where a folder has the name of a file, git writes the file as
/// `file~HEAD`, or as `file~` followed by the commit that it applies.
fn real_names(cx: &StepContext<'_>, base: Oid, branch: &Branch, files: Vec<String>) -> Result<Vec<String>> {
    let trees = [cx.repo.tree_of(cx.onto)?, cx.repo.tree_of(base)?, cx.repo.tree_of(branch.to_merge())?];
    let exists = |name: &str| -> Result<bool> {
        for tree in trees {
            if cx.repo.file_of(tree, name)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let mut names = Vec::with_capacity(files.len());
    for file in files {
        let mut name = file.as_str();
        if !exists(name)? {
            for (at, _) in file.match_indices('~') {
                if exists(&file[..at])? {
                    name = &file[..at];
                }
            }
        }
        names.push(name.to_owned());
    }
    names.dedup();
    Ok(names)
}

/// Returns the merge of a branch if a rebase, which leaves out merge commits, loses what was resolved in them.
fn merged_otherwise(
    cx: &StepContext<'_>,
    base: Oid,
    branch: &Branch,
    rebased: &Rebased,
) -> Result<Option<Oid>> {
    if !cx.repo.has_merge_between(base, branch.to_merge())? {
        return Ok(None);
    }
    let Merged::Clean(tree) = cx.merge(branch.to_merge())? else { return Ok(None) };
    Ok(match rebased {
        Rebased::Head(head) if cx.repo.tree_of(*head)? == tree => None,
        _ => Some(tree),
    })
}
