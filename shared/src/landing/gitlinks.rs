//! Gitlinks with which others could do nothing. Warns about those that land without an entry in `.gitmodules`: clones get an empty
//! folder, and `git submodule` fails. Finds those that do not land, because only the worktree of an agent has their commit.

use super::branches::Branch;
use crate::{
    Result,
    git::{
        Oid, Repo,
        gitlinks::{self, Gitlink},
    },
    model::text,
    worktree::lone_commits::{LoneCommit, LoneCommits},
};

/// Returns the commits of submodules that a branch brings into the target, and that only one worktree has.
///
/// # Errors
/// A tree or a history cannot be read.
pub fn lone_commits(
    repo: &Repo,
    lone: &LoneCommits,
    target: Oid,
    branch: &Branch,
) -> Result<Vec<LoneCommit>> {
    if lone.is_empty() {
        return Ok(Vec::new());
    }
    lone.named_by(repo, repo.merge_base(target, branch.tip)?, branch.tip)
}

/// Returns how to publish the commits of submodules for which branches are set aside.
///
/// # Errors
/// A tree or a history cannot be read.
pub fn how_to_publish<'a>(
    repo: &Repo,
    target: Oid,
    set_aside: impl IntoIterator<Item = &'a Branch>,
) -> Result<Vec<String>> {
    let lone = LoneCommits::of(repo)?;
    let mut warnings = Vec::new();
    for branch in set_aside.into_iter().filter(|branch| branch.problem.is_none()) {
        let name = text::one_line(&branch.name, 100);
        // A branch without a common history is set aside for that.
        let found = lone_commits(repo, &lone, target, branch).unwrap_or_default();
        warnings.extend(found.iter().map(|one| {
            format!("to land {name}, publish {} of its submodule: {}", one.commit.short(), one.commands())
        }));
    }
    Ok(warnings)
}

/// Returns one warning for each gitlink that the branches add without an entry in `.gitmodules`.
///
/// # Errors
/// A tree cannot be read.
pub fn warnings<'a>(
    repo: &Repo,
    target: Oid,
    branches: impl IntoIterator<Item = &'a Branch>,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for branch in branches {
        let (name, into) = (text::one_line(&branch.name, 100), repo.tree_of(target)?);
        let tree = repo.tree_of(branch.to_merge())?;
        if gitlinks::added_gitlinks(repo, into, tree)?.is_empty() {
            continue;
        }
        // Some of them may be in the target's history already.
        let base = repo.tree_of(repo.merge_base(target, branch.to_merge())?)?;
        let described = gitlinks::described_submodules(repo, branch.to_merge())?;
        let is_described = |link: &Gitlink| described.iter().any(|one| one.path == link.path);
        for link in gitlinks::added_gitlinks(repo, base, tree)?.iter().filter(|link| !is_described(link)) {
            let path = text::one_line(&String::from_utf8_lossy(&link.path), 100);
            warnings.push(format!(
                "{name} lands a gitlink '{path}' without .gitmodules: clones get an empty folder \
                (to remove it, on the branch: git rm --cached '{path}')"
            ));
        }
    }
    Ok(warnings)
}
