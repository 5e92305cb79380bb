//! Where the folders of a removed worktree are moved, and moving them there and back.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::Repo,
    model::AgentId,
    store::{layout::PrivateDir, operations::Removal},
};

/// The stored part of an agent that holds the files of its worktree.
pub const WORKTREE: &str = "worktree";
/// The stored part that holds the registration of the worktree.
pub const REGISTRATION: &str = "registration";
/// The stored part that holds the reflog of the branch.
pub const REFLOG: &str = "reflog";
/// The stored part that holds the private git directory of a sandboxed agent, if it could not be imported.
pub const PRIVATE_GIT_DIR: &str = "private-git-dir";
/// The stored part that holds the files of the worktree after its teardown, if that changed any.
pub const TORN_DOWN: &str = "torn-down";
/// The stored part that holds objects which only the registration or the reflog referenced.
pub const OBJECTS: &str = "objects";

/// Maximum time to wait for other commands of ours that register or remove worktrees.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// The name of the trash folder next to worktrees.
pub const TRASH_DIR: &str = ".trash";

/// Returns where the files of a removed worktree are moved: to the same disk, so that the move is one rename.
pub fn trash_path(worktree: &Path, operation: &str, agent: &AgentId) -> Option<PathBuf> {
    Some(trash_dir(worktree)?.join(format!("{operation}-{agent}")))
}

/// Returns the trash folder next to a worktree.
pub fn trash_dir(worktree: &Path) -> Option<PathBuf> {
    Some(worktree.parent()?.join(TRASH_DIR))
}

/// Returns where the registration of a removed worktree is moved.
pub fn registration_trash_path(private: &PrivateDir, operation: &str, agent: &AgentId) -> PathBuf {
    private.gone().join(format!("{operation}-{agent}"))
}

/// Returns where an undo writes a stored part of an agent's sandbox, before it renames it.
pub fn sandbox_trash_path(private: &PrivateDir, operation: &str, agent: &AgentId, part: &str) -> PathBuf {
    private.gone().join(format!("{operation}-{agent}-{part}"))
}

/// Returns the folders that a removal moves, from and to; the worktree first. An undo writes its copies to the "to" paths under
/// its own id, and renames them to the "from" paths.
///
/// # Errors
/// The removal's agent id is malformed, or the common git directory cannot be found.
pub fn folder_moves(repo: &Repo, operation: &str, removal: &Removal) -> Result<Vec<(PathBuf, PathBuf)>> {
    let agent = AgentId::parse(&removal.agent)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let mut moves = Vec::new();
    if let Some(worktree) = &removal.worktree
        && let Some(to) = trash_path(worktree, operation, &agent)
    {
        moves.push((worktree.clone(), to));
    }
    if let Some(name) = &removal.registration {
        let from = repo.common_dir()?.join("worktrees").join(name);
        moves.push((from, registration_trash_path(&private, operation, &agent)));
    }
    Ok(moves)
}

/// Moves a folder and makes the parent of `to` if it is missing.
///
/// # Errors
/// The folder cannot be moved.
pub fn move_folder(from: &Path, to: &Path) -> Result<()> {
    let cannot = || format!("cannot move '{}' to '{}'", from.display(), to.display());
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).context(Kind::External, cannot)?;
    }
    fs::rename(from, to).map_err(|error| {
        let folder = from.parent().unwrap_or(from);
        Error::new(Kind::External, cannot()).because(error).hint_command(&[&"ls", &"-ld", &folder])
    })
}

/// Deletes a folder as far as possible; read-only folders in it are made writable first. Returns whether the folder existed.
pub fn delete_folder(folder: &Path) -> bool {
    if fs::symlink_metadata(folder).is_err() {
        return false;
    }
    if fs::remove_dir_all(folder).is_ok() {
        return true;
    }
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        pending.extend(folders.map(|entry| entry.path()));
    }
    let _ = fs::remove_dir_all(folder);
    true
}
