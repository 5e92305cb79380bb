//! Whether an agent's worktree can be removed safely. It may have been moved, replaced by another repository or a link, lost its
//! `.git` file, or be locked; such a worktree is never removed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::checkouts::Checkouts;
use crate::{
    Result,
    git::{
        Repo, moved,
        worktrees::{Worktree, WorktreeHead, WorktreePlace},
    },
    model::{AgentId, quote, text},
    store::layout::{self, PrivateDir},
    supervise::spec::Spec,
    worktree::worktrees_dir,
};

/// Where an agent's files are, and whether they can be removed safely.
#[derive(Clone, Debug)]
pub enum WorktreeCondition {
    /// In its worktree, which is intact.
    Worktree(Worktree),
    /// Nowhere: the agent has no worktree.
    Missing,
    /// In something that is not removed; the text says why.
    Doubtful(String),
}

/// Determines where an agent's files are.
///
/// # Errors
/// The repository cannot be read.
pub fn worktree_condition(
    repo: &Repo,
    checkouts: &Checkouts,
    id: &AgentId,
    branch: &str,
) -> Result<WorktreeCondition> {
    let known = checkouts.worktree_of(id, branch);
    // In a copy of a repository, the worktree of the original stays, whatever becomes of the agent here.
    let Some(worktree) = known.filter(|worktree| worktree.place != WorktreePlace::Foreign) else {
        return unregistered(repo, id);
    };
    Ok(match doubtful_reason(checkouts, worktree) {
        Some(why) => WorktreeCondition::Doubtful(why),
        None => WorktreeCondition::Worktree(worktree.clone()),
    })
}

/// Without a registration there must be no folder either.
fn unregistered(repo: &Repo, id: &AgentId) -> Result<WorktreeCondition> {
    let folder = worktrees_dir::planned_dir(repo)?.join(id.as_str());
    if fs::symlink_metadata(&folder).is_err() {
        return Ok(WorktreeCondition::Missing);
    }
    let shown = shown(&folder);
    Ok(WorktreeCondition::Doubtful(format!(
        "'{shown}' is not a worktree of this repository ({})",
        quote::command(&[&"git", &"worktree", &"repair", &folder])
    )))
}

fn doubtful_reason(checkouts: &Checkouts, worktree: &Worktree) -> Option<String> {
    let at = worktree.registered_path().unwrap_or_else(|| worktree.path.clone());
    let place = shown(&at);
    if let Some(reason) = worktree.lock_reason() {
        let reason = text::one_line(&reason, 100);
        return Some(format!(
            "'{place}' is locked: {} (git worktree unlock '{place}')",
            if reason.is_empty() { "no reason given" } else { &reason }
        ));
    }
    let Ok(found) = fs::symlink_metadata(&at) else {
        return Some(format!(
            "'{place}' is gone (moved by hand? git worktree repair, or git worktree prune)"
        ));
    };
    if !found.is_dir() {
        return Some(format!("'{place}' is a link or a file, not a folder"));
    }
    if !moved::belongs_to(&at, &worktree.git_dir) {
        return Some(format!("the '.git' file of '{place}' is gone or leads to another repository"));
    }
    checkouts.inside(worktree).map(|inner| format!("'{}' is inside '{place}'", shown(inner)))
}

/// Returns where the worktree was made, if somebody moved it since. A user who moves a worktree still needs it.
///
/// # Errors
/// The repository cannot be read.
pub fn moved_from(repo: &Repo, id: &AgentId, worktree: &Worktree) -> Result<Option<PathBuf>> {
    let real = |path: PathBuf| match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => path,
    };
    let made_at =
        Spec::last(repo, id, &PrivateDir::new(repo.private_dir()?).agent(id)).map(|spec| spec.worktree);
    if made_at.as_ref() == Some(&worktree.path) {
        return Ok(None);
    }
    let planned = worktrees_dir::planned_dir(repo)?.join(id.as_str());
    // When the repository was moved, its worktrees moved with it.
    let moved_along = |made_at: &Path| -> Result<bool> {
        Ok(moved::possible_paths(&repo.common_dir()?, made_at).contains(&worktree.path))
    };
    let moved_with_the_repository =
        made_at.as_deref().filter(|made_at| fs::symlink_metadata(made_at).is_err()).map(moved_along);
    let places = [made_at, Some(planned)];
    let is_at_known_path = moved_with_the_repository.transpose()?.unwrap_or_default()
        || places.iter().flatten().any(|place| real(place.clone()) == worktree.path);
    Ok(places.into_iter().flatten().next().filter(|_| !is_at_known_path))
}

/// Returns why an intact worktree is not in the state in which its agent left it.
///
/// # Errors
/// The repository cannot be read.
pub fn unexpected_state(repo: &Repo, worktree: &Worktree, branch: &str) -> Result<Option<String>> {
    let branch_ref = layout::branch_ref(branch);
    if let Some(operation) = worktree.operation() {
        return Ok(Some(format!("a {operation} is in progress in its worktree")));
    }
    match worktree.head() {
        WorktreeHead::Branch(name) if name == branch_ref => {}
        WorktreeHead::Branch(name) => {
            let name = text::one_line(layout::branch_of(&name).unwrap_or(&name), 100);
            return Ok(Some(format!("its worktree has another branch checked out, {name}")));
        }
        WorktreeHead::Detached(_) => return Ok(Some("its worktree has a detached HEAD".to_owned())),
        WorktreeHead::Unknown => return Ok(Some("the HEAD of its worktree cannot be read".to_owned())),
    }
    Ok(repo.find_ref(&branch_ref)?.is_none().then(|| "the branch of its worktree is gone".to_owned()))
}

/// Returns where else the branch is checked out.
pub fn checked_out_elsewhere(
    checkouts: &Checkouts,
    worktree: Option<&Worktree>,
    branch: &str,
) -> Option<String> {
    let own = worktree.map(|worktree| worktree.path.as_path());
    let other = checkouts.other_with(&layout::branch_ref(branch), own)?;
    Some(format!("its branch is checked out in '{}'", shown(other)))
}

fn shown(path: &Path) -> String {
    text::safe(&path.to_string_lossy()).into_owned()
}
