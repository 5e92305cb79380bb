//! Repositories inside a worktree. Git records only which commit such a repository has checked out, as a gitlink; its commits and
//! files exist only in its folder.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, gitlinks, index, worktrees::Worktree},
    model::{event::LeftOut, text},
    worktree::survey::PATH_WIDTH,
};

/// Why it is not in the work.
const EXCLUSION_REASON: &str = "a repository of its own: its commits are not in this one";

/// Lists the relative paths of all repositories in a worktree, and of all non-empty folders of gitlinks. The worktree's own
/// submodules are not listed: git stores them in the registration.
///
/// # Errors
/// A folder cannot be read.
pub fn find_nested(worktree: &Worktree) -> Result<Vec<PathBuf>> {
    let (mut found, mut pending) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = pending.pop() {
        let full = worktree.path.join(&folder);
        let cannot = || format!("cannot read '{}'", full.display());
        let mut folders = Vec::new();
        let mut is_repository = false;
        for entry in fs::read_dir(&full).context(Kind::External, cannot)? {
            let entry = entry.context(Kind::External, cannot)?;
            if entry.file_name() == ".git" {
                is_repository = !folder.as_os_str().is_empty();
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(folder.join(entry.file_name()));
            }
        }
        if is_repository && !is_submodule(&full, worktree) {
            found.push(folder);
        } else {
            pending.append(&mut folders);
        }
    }
    for (path, _) in index::gitlinks(&worktree.git_dir.join("index")).unwrap_or_default() {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(&path));
        let full = worktree.path.join(&path);
        if is_not_empty(&full) && !is_submodule(&full, worktree) && !found.contains(&path) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn is_submodule(folder: &Path, worktree: &Worktree) -> bool {
    let Ok(text) = careful::text(folder.join(".git")) else { return false };
    let Some(named) = text.trim().strip_prefix("gitdir: ") else { return false };
    let real = |path: PathBuf| path.canonicalize().ok();
    match (real(folder.join(named)), real(worktree.git_dir.join("modules"))) {
        (Some(named), Some(modules)) => named.starts_with(modules),
        _ => false,
    }
}

fn is_not_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Lists repositories to which the work has a gitlink that its base does not have, and whose commit is missing here.
///
/// # Errors
/// A tree cannot be read.
pub fn missing_gitlinks(repo: &Repo, base: Oid, tree: Oid) -> Result<Vec<LeftOut>> {
    let name = |path: &[u8]| text::one_line(&String::from_utf8_lossy(path), PATH_WIDTH);
    let new = gitlinks::added_gitlinks(repo, repo.tree_of(base)?, tree)?;
    let alone = new.into_iter().filter(|link| !repo.has_commit(link.commit));
    Ok(alone
        .map(|link| LeftOut { path: format!("{}/", name(&link.path)), why: EXCLUSION_REASON.to_owned() })
        .collect())
}
