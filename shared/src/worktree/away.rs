//! Where the folders of a worktree go when it is removed, and moving them there and back.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::Repo,
    model::AgentId,
    store::{layout::PrivateDir, operations::Removal},
};

/// The parts of what is kept of an agent: its worktree, the registration of it, the reflog of its branch, and objects that git
/// remembered by these alone.
pub const WORKTREE: &str = "worktree";
/// See [`WORKTREE`].
pub const REGISTRATION: &str = "registration";
/// See [`WORKTREE`].
pub const REFLOG: &str = "reflog";
/// See [`WORKTREE`].
pub const OBJECTS: &str = "objects";

/// How long to wait for others of ours that register worktrees.
pub const WAIT: Duration = Duration::from_secs(120);

/// The folder beside a worktree.
pub const FOLDER: &str = ".trash";

/// Where the files of a worktree go: on the same disk, so that moving them is one step.
pub fn place(worktree: &Path, operation: &str, agent: &AgentId) -> Option<PathBuf> {
    Some(folder_of(worktree)?.join(format!("{operation}-{agent}")))
}

/// The folder of trash beside a worktree.
pub fn folder_of(worktree: &Path) -> Option<PathBuf> {
    Some(worktree.parent()?.join(FOLDER))
}

/// Where its registration goes.
pub fn registration_place(private: &PrivateDir, operation: &str, agent: &AgentId) -> PathBuf {
    private.gone().join(format!("{operation}-{agent}"))
}

/// The paths that a removal moves, from and to: the worktree first. What an undo brings back is written at the places "to" of
/// its own name, and moved to the places "from".
///
/// # Errors
/// The removal names no agent, or the common git directory cannot be found.
pub fn moves(repo: &Repo, operation: &str, removal: &Removal) -> Result<Vec<(PathBuf, PathBuf)>> {
    let agent = AgentId::parse(&removal.agent)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let mut moves = Vec::new();
    if let Some(worktree) = &removal.worktree
        && let Some(to) = place(worktree, operation, &agent)
    {
        moves.push((worktree.clone(), to));
    }
    if let Some(name) = &removal.registration {
        let from = repo.common_dir()?.join("worktrees").join(name);
        moves.push((from, registration_place(&private, operation, &agent)));
    }
    Ok(moves)
}

/// Moves a folder.
///
/// # Errors
/// It cannot be moved.
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

/// Deletes a folder as far as it can be deleted; those that nobody may write into are opened first. `true`: there was something.
pub fn delete(folder: &Path) -> bool {
    if fs::symlink_metadata(folder).is_err() {
        return false;
    }
    if fs::remove_dir_all(folder).is_ok() {
        return true;
    }
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        open.extend(folders.map(|entry| entry.path()));
    }
    let _ = fs::remove_dir_all(folder);
    true
}
