//! Whether an agent's worktree is what it seems. It may have been moved, replaced by another repository or a link, lost its `.git`
//! file, or be locked; none of these is removed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{
        Repo, careful,
        worktrees::{Head, Worktree},
    },
    model::{AgentId, quote, text},
    store::layout::{self, Private},
    supervise::spec::Spec,
    worktree::{list, place},
};

/// Where an agent's files are.
#[derive(Clone, Debug)]
pub enum Place {
    /// In its worktree, which is what it seems.
    Worktree(Worktree),
    /// Nowhere: it has no worktree.
    None,
    /// In something that is not removed, and why.
    Doubtful(String),
}

/// Looks where an agent's files are.
///
/// # Errors
/// The repository cannot be read.
pub fn of_agent(repo: &Repo, id: &AgentId, branch: &str) -> Result<Place> {
    let all = repo.worktrees()?;
    let Some(worktree) = list::pick(&all, id, branch).cloned() else { return unregistered(repo, id) };
    Ok(match doubt(repo, &worktree, &all)? {
        Some(why) => Place::Doubtful(why),
        None => Place::Worktree(worktree),
    })
}

/// Without a registration there should be no folder either.
fn unregistered(repo: &Repo, id: &AgentId) -> Result<Place> {
    let folder = place::planned(repo)?.join(id.as_str());
    if fs::symlink_metadata(&folder).is_err() {
        return Ok(Place::None);
    }
    let shown = shown(&folder);
    Ok(Place::Doubtful(format!(
        "'{shown}' is no worktree of this repository ({})",
        quote::command(&[&"git", &"worktree", &"repair", &folder])
    )))
}

fn doubt(repo: &Repo, worktree: &Worktree, all: &[Worktree]) -> Result<Option<String>> {
    let at = registered_at(worktree).unwrap_or_else(|| worktree.path.clone());
    let place = shown(&at);
    if let Some(reason) = worktree.lock_reason() {
        let reason = text::one_line(&reason, 100);
        return Ok(Some(format!(
            "'{place}' is locked: {} (git worktree unlock '{place}')",
            if reason.is_empty() { "no reason given" } else { &reason }
        )));
    }
    let Ok(found) = fs::symlink_metadata(&at) else {
        return Ok(Some(format!(
            "'{place}' is gone (moved by hand? git worktree repair, or git worktree prune)"
        )));
    };
    if !found.is_dir() {
        return Ok(Some(format!("'{place}' is a link or a file, not a folder")));
    }
    if !points_to(&at, &worktree.git_dir) {
        return Ok(Some(format!("the '.git' file of '{place}' is gone or leads to another repository")));
    }
    let mut others =
        all.iter().filter(|other| other.git_dir != worktree.git_dir).map(|other| other.path.clone());
    let main = repo.main_checkout()?.into_iter().chain([repo.common_dir()?]);
    let inner = main.chain(others.by_ref()).find(|other| other.starts_with(&worktree.path));
    Ok(inner.map(|inner| format!("'{}' lies in '{place}'", shown(&inner))))
}

/// The folder as its registration names it, links not followed.
fn registered_at(worktree: &Worktree) -> Option<PathBuf> {
    let text = careful::text(worktree.git_dir.join("gitdir")).ok()?;
    worktree.git_dir.join(text.trim_end_matches('\n')).parent().map(Path::to_owned)
}

fn points_to(folder: &Path, git_dir: &Path) -> bool {
    let dot_git = folder.join(".git");
    if !fs::symlink_metadata(&dot_git).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let text = careful::text(&dot_git).unwrap_or_default();
    let Some(named) = text.trim().strip_prefix("gitdir: ") else { return false };
    let real = |path: &Path| path.canonicalize().ok();
    real(&folder.join(named)).is_some() && real(&folder.join(named)) == real(git_dir)
}

/// Where the worktree was made, if somebody moved it since. Who moves a worktree has a use for it.
///
/// # Errors
/// The repository cannot be read.
pub fn moved_from(repo: &Repo, id: &AgentId, worktree: &Worktree) -> Result<Option<PathBuf>> {
    let real = |path: PathBuf| match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => path,
    };
    let made_at =
        Spec::last(repo, id, &Private::new(repo.private_dir()?).agent(id)).map(|spec| spec.worktree);
    let places = [made_at, Some(place::planned(repo)?.join(id.as_str()))];
    let is_there = places.iter().flatten().any(|place| real(place.clone()) == worktree.path);
    Ok(places.into_iter().flatten().next().filter(|_| !is_there))
}

/// Why a worktree that is what it seems does not stand where its agent left it.
///
/// # Errors
/// The repository cannot be read.
pub fn astray(repo: &Repo, worktree: &Worktree, branch: &str) -> Result<Option<String>> {
    let branch_ref = layout::branch_ref(branch);
    if let Some(operation) = worktree.operation() {
        return Ok(Some(format!("a {operation} is under way in its worktree")));
    }
    match worktree.head() {
        Head::Branch(name) if name == branch_ref => {}
        Head::Branch(name) => {
            let name = text::one_line(name.trim_start_matches("refs/heads/"), 100);
            return Ok(Some(format!("its worktree stands on another branch, {name}")));
        }
        Head::Detached(_) => return Ok(Some("its worktree stands on no branch".to_owned())),
        Head::Unknown => return Ok(Some("the HEAD of its worktree cannot be read".to_owned())),
    }
    Ok(repo.find_ref(&branch_ref)?.is_none().then(|| "the branch of its worktree is gone".to_owned()))
}

/// Another checkout that stands on the branch.
///
/// # Errors
/// The repository cannot be read.
pub fn checked_out_elsewhere(
    repo: &Repo,
    worktree: Option<&Worktree>,
    branch: &str,
) -> Result<Option<String>> {
    let own = worktree.map(|worktree| worktree.path.clone());
    let all = repo.checkouts_of(&layout::branch_ref(branch))?;
    let other = all.into_iter().find(|checkout| own.as_ref() != Some(&checkout.path));
    Ok(other.map(|checkout| format!("its branch is checked out in '{}'", shown(&checkout.path))))
}

fn shown(path: &Path) -> String {
    text::safe(&path.to_string_lossy()).into_owned()
}
