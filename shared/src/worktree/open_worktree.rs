//! Opening an agent's worktree. Everything that reads its files opens it here: a worktree that became a link, or whose
//! registration leads elsewhere, is rejected, so that nothing outside of it is ever captured as the agent's work.

use std::{fs, path::Path};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Repo, careful, moved, worktrees::Worktree},
    model::quote,
    worktree::root::WorktreeRoot,
};

/// What this clone recorded about a worktree when it was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorktreeIdentity<'a> {
    /// The path at which it was made.
    pub path: Option<&'a Path>,
    /// The device and inode of its folder.
    pub identity: Option<(u64, u64)>,
}

/// Opens a worktree's folder after checking that it is the one that was made.
///
/// # Errors
/// It is a link, or its registration leads to another folder (3), or it cannot be read (5).
pub fn open_worktree(repo: &Repo, worktree: &Worktree, made: WorktreeIdentity<'_>) -> Result<WorktreeRoot> {
    let path = worktree.registered_path().unwrap_or_else(|| worktree.path.clone());
    let shown = path.display().to_string();
    let root = open_folder(&path, &shown)?;
    check_registration(repo, worktree)?;
    if worktree.other_repository().is_some() {
        return Err(suspect_error(&format!("'{shown}' is a worktree of another repository")));
    }
    let identity = root.identity().context(Kind::External, || format!("cannot read '{shown}'"))?;
    if made.identity == Some(identity) {
        return Ok(root);
    }
    // It may have been restored, made by an older version, or copied together with the repository. Then it must be at its original
    // path, or in the same place beside the repository, and name its registration.
    let common = repo.common_dir()?;
    let is_known_path = |made: &Path| made == path || moved::possible_paths(&common, made).contains(&path);
    let is_in_place = made.path.is_none_or(is_known_path) && has_no_links(&path);
    if !is_in_place || !moved::belongs_to(&path, &worktree.git_dir) || holds_another_checkout(repo, &path)? {
        return Err(suspect_error(&format!(
            "its registration leads to '{shown}', which is not its worktree"
        ))
        .hint(format!(
            "if the agent's files are there: {}",
            quote::command(&[&"git", &"worktree", &"repair", &path])
        )));
    }
    Ok(root)
}

fn open_folder(path: &Path, shown: &str) -> Result<WorktreeRoot> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(suspect_error("the worktree is a symbolic link")),
        Ok(found) if !found.is_dir() => Err(suspect_error("the worktree is not a folder")),
        _ => {
            WorktreeRoot::open(path).context(Kind::External, || format!("cannot open the worktree '{shown}'"))
        }
    }
}

fn suspect_error(why: &str) -> Error {
    Error::new(Code::WorktreeSuspect, why)
}

/// Checks that the registration belongs to the repository that contains it, whatever was written into it.
fn check_registration(repo: &Repo, worktree: &Worktree) -> Result<()> {
    let named = careful::small_text(&worktree.git_dir.join("commondir"));
    let named = named.and_then(|named| worktree.git_dir.join(named.trim_end()).canonicalize().ok());
    if named == Some(repo.common_dir()?) {
        Ok(())
    } else {
        Err(suspect_error("the registration of the worktree leads to another repository"))
    }
}

/// Returns whether no component of the path is a link.
fn has_no_links(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real == path)
}

fn holds_another_checkout(repo: &Repo, path: &Path) -> Result<bool> {
    let main = repo.main_checkout()?.into_iter().chain([repo.common_dir()?]);
    Ok(main.into_iter().any(|other| other.starts_with(path)))
}
