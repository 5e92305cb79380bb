//! The way into an agent's worktree. Whoever reads its files comes through here: a worktree that became a link, or whose
//! registration leads elsewhere, is not followed, so nothing from outside of it is ever taken for the agent's work.

use std::{fs, path::Path};

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::{Repo, careful, moved, worktrees::Worktree},
    model::quote,
    worktree::root::Root,
};

/// What this clone knows of a worktree since it was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorktreeIdentity<'a> {
    /// Where it was made.
    pub path: Option<&'a Path>,
    /// The device and number of its folder.
    pub identity: Option<(u64, u64)>,
}

/// Opens a worktree's folder, if it is the one that it should be.
///
/// # Errors
/// It is a link, or its registration leads to another folder (3); or it cannot be read (5).
pub fn enter(repo: &Repo, worktree: &Worktree, made: WorktreeIdentity<'_>) -> Result<Root> {
    let path = worktree.registered_path().unwrap_or_else(|| worktree.path.clone());
    let shown = path.display().to_string();
    let root = open(&path, &shown)?;
    check_registration(repo, worktree)?;
    let identity = root.identity().context(Kind::External, || format!("cannot read '{shown}'"))?;
    if made.identity == Some(identity) {
        return Ok(root);
    }
    // It may have been brought back, or made by an older version. Then it lies where it was made, and knows its registration.
    let stays = made.path.is_none_or(|made| made == path) && is_real(&path);
    if !stays || !moved::belongs_to(&path, &worktree.git_dir) || holds_another_checkout(repo, &path)? {
        return Err(astray(&format!("its registration leads to '{shown}', which is not its worktree")).hint(
            format!(
                "if the agent's files are there: {}",
                quote::command(&[&"git", &"worktree", &"repair", &path])
            ),
        ));
    }
    Ok(root)
}

fn open(path: &Path, shown: &str) -> Result<Root> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(astray("the worktree is a symbolic link")),
        Ok(found) if !found.is_dir() => Err(astray("the worktree is not a folder")),
        _ => Root::open(path).context(Kind::External, || format!("cannot open the worktree '{shown}'")),
    }
}

fn astray(why: &str) -> Error {
    Error::new(Code::WorktreeSuspect, why)
}

/// A registration belongs to the repository in which it lies, whatever was written into it.
fn check_registration(repo: &Repo, worktree: &Worktree) -> Result<()> {
    let named = careful::small_text(&worktree.git_dir.join("commondir"));
    let named = named.and_then(|named| worktree.git_dir.join(named.trim_end()).canonicalize().ok());
    if named == Some(repo.common_dir()?) {
        Ok(())
    } else {
        Err(astray("the registration of the worktree leads to another repository"))
    }
}

/// No folder on the way to it is a link.
fn is_real(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real == path)
}

fn holds_another_checkout(repo: &Repo, path: &Path) -> Result<bool> {
    let main = repo.main_checkout()?.into_iter().chain([repo.common_dir()?]);
    Ok(main.into_iter().any(|other| other.starts_with(path)))
}
