//! Gitlinks with which others could do nothing. A new one without an entry in `.gitmodules` does not land: clones would get an empty
//! folder, and `git submodule` would fail. Neither does one whose commit only the worktree of an agent has. If the target had such a
//! gitlink before, a change of it lands, with a warning.

use super::branches::Branch;
use crate::{
    Result,
    git::{
        Oid, Repo,
        gitlinks::{self, Gitlink},
    },
    model::{Agent, AgentId, quote, text},
    store::writer,
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

/// Returns the new gitlinks of a branch that no `.gitmodules` describes: repositories in the worktree that were added as they are.
///
/// # Errors
/// A tree or a history cannot be read.
pub(super) fn embedded(repo: &Repo, target: Oid, branch: &Branch) -> Result<Vec<Gitlink>> {
    let (tip, into) = (repo.tree_of(branch.tip)?, repo.tree_of(target)?);
    let mut new = new_gitlinks(repo, into, tip)?;
    if new.is_empty() {
        return Ok(new);
    }
    let base = repo.tree_of(repo.merge_base(target, branch.tip)?)?;
    let since_base = new_gitlinks(repo, base, tip)?;
    let described = gitlinks::described_submodules(repo, branch.tip)?;
    new.retain(|link| {
        since_base.iter().any(|one| one.path == link.path)
            && !described.iter().any(|one| one.path == link.path)
    });
    Ok(new)
}

/// Returns the gitlinks of `new` at paths where `old` has none.
fn new_gitlinks(repo: &Repo, old: Oid, new: Oid) -> Result<Vec<Gitlink>> {
    let mut added = gitlinks::added_gitlinks(repo, old, new)?;
    if !added.is_empty() {
        let before = gitlinks::added_gitlinks(repo, new, old)?;
        added.retain(|link| !before.iter().any(|one| one.path == link.path));
    }
    Ok(added)
}

/// Returns why a branch with such gitlinks is set aside; `None` if there are none.
pub(super) fn embedded_sentence(links: &[Gitlink]) -> Option<String> {
    let path = shown(&links.first()?.path);
    Some(format!("{path} is another repository, which .gitmodules does not describe"))
}

/// Returns how to take the repositories out of a branch that is set aside for them. What is in the folders stays there.
pub(super) fn how_to_take_out(repo: &Repo, branch: &Branch, links: &[Gitlink]) -> Vec<String> {
    let name = text::one_line(&branch.name, 100);
    links.iter().map(|link| one_taken_out(repo, &name, branch, link)).collect()
}

fn one_taken_out(repo: &Repo, name: &str, branch: &Branch, link: &Gitlink) -> String {
    let path = String::from_utf8_lossy(&link.path).into_owned();
    let agent: Option<&AgentId> = branch.agent.as_ref().map(|(id, _)| id);
    let worktree = agent.and_then(|id| repo.worktree_named(id.as_str()).ok().flatten());
    let commands = match worktree {
        Some(found) => {
            let remove = quote::command(&[&"git", &"-C", &found.path, &"rm", &"--cached", &"--", &path]);
            let commit = quote::command(&[&"git", &"-C", &found.path, &"commit", &"-m", &"without it"]);
            format!("{remove} && {commit}")
        }
        None => format!("{}, on the branch", quote::command(&[&"git", &"rm", &"--cached", &"--", &path])),
    };
    format!("to land {name} without the repository {}: {commands}", shown(&link.path))
}

fn shown(path: &[u8]) -> String {
    text::one_line(&String::from_utf8_lossy(path), 100)
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

/// Returns one warning for each gitlink that the branches add without an entry in `.gitmodules`, and for each commit of a submodule
/// that comes from another clone and that nobody here has seen.
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
        warnings.extend(unseen(repo, target, branch)?);
        // Some of them may be in the target's history already.
        let base = repo.tree_of(repo.merge_base(target, branch.to_merge())?)?;
        let described = gitlinks::described_submodules(repo, branch.to_merge())?;
        let is_described = |link: &Gitlink| described.iter().any(|one| one.path == link.path);
        for link in gitlinks::added_gitlinks(repo, base, tree)?.iter().filter(|link| !is_described(link)) {
            let path = shown(&link.path);
            warnings.push(format!(
                "{name} lands a gitlink '{path}' without .gitmodules: clones get an empty folder \
                (to remove it, on the branch: git rm --cached '{path}')"
            ));
        }
    }
    Ok(warnings)
}

/// Returns one warning for each commit of a submodule that the work of another clone's agent names and that this clone does not have:
/// whether it was published is known to that clone alone.
fn unseen(repo: &Repo, target: Oid, branch: &Branch) -> Result<Vec<String>> {
    let own = writer::known_writer(repo);
    let is_own = |agent: &Agent| own.as_ref().is_some_and(|own| *own == agent.writer);
    if branch.agent.as_ref().is_none_or(|(_, agent)| is_own(agent)) {
        return Ok(Vec::new());
    }
    let base = repo.merge_base(target, branch.to_merge())?;
    let links = LoneCommits::of(repo)?.unknown_in(repo, base, branch.to_merge())?;
    let name = text::one_line(&branch.name, 100);
    let warning = |link: &Gitlink| {
        let path = String::from_utf8_lossy(&link.path).into_owned();
        let fetch = quote::command(&[&"git", &"-C", &path, &"fetch", &"origin", &link.commit.to_string()]);
        format!(
            "{name} lands {} at {}, a commit of another clone that this one does not have (to see whether it was pushed: {fetch})",
            shown(&link.path),
            link.commit.short()
        )
    };
    Ok(links.iter().map(warning).collect())
}
