//! Where the worktrees of removed agents were, if the repository is a copy: operations and their paths are copied with it, and the
//! folders that they name are those of the original.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    git::{Oid, Repo},
    store::operations::{Journal, Operation},
    worktree::{folder_objects::FILES, manifest::to_tree, removed_folders::WORKTREE, worktrees_dir},
};

/// The most bytes of a `.git` file.
const MAX_LINK_BYTES: u64 = 64 * 1024;

/// Returns the operation with a path in this repository for each worktree that was one of another repository, which still exists.
///
/// # Errors
/// The operation or the repository cannot be read.
pub fn with_own_paths(repo: &Repo, operation: &Operation) -> Result<Operation> {
    let mut operation = operation.clone();
    if operation.removals().iter().all(|removal| removal.worktree.is_none()) {
        return Ok(operation);
    }
    let stored = Journal::open(repo, &operation.id)?;
    for removal in operation.removals_mut() {
        let tree = stored.tree(&removal.agent);
        if let Some(worktree) = &mut removal.worktree
            && let Some(name) = worktree.file_name()
            && tree.is_some_and(|tree| is_of_another(repo, tree, worktree))
        {
            *worktree = worktrees_dir::planned_dir(repo)?.join(Path::new(name));
        }
    }
    Ok(operation)
}

/// Returns whether the stored worktree names a git directory that exists and is not the repository's.
fn is_of_another(repo: &Repo, stored: Oid, worktree: &Path) -> bool {
    let Some(registration) = stored_link(repo, stored) else { return false };
    let registration = worktree.join(registration);
    // `<common git directory>/worktrees/<name>`; the registration went with the worktree.
    let Some(common) = registration.parent().and_then(Path::parent) else { return false };
    let is_repository = common.join("HEAD").is_file() && common.join("objects").is_dir();
    let real = common.canonicalize().ok();
    is_repository && real.is_some() && real != repo.common_dir().ok()
}

/// Returns the path in the `.git` file of a stored worktree.
fn stored_link(repo: &Repo, stored: Oid) -> Option<PathBuf> {
    let entry = |tree: Oid, name: &[u8]| {
        repo.entries_of(tree).ok()?.into_iter().find(|entry| entry.name == name).map(|entry| entry.id)
    };
    let files = entry(entry(stored, WORKTREE.as_bytes())?, FILES.as_bytes())?;
    let link = entry(files, &to_tree(b".git"))?;
    repo.blob_size(link).filter(|size| *size <= MAX_LINK_BYTES)?;
    let text = repo.read_blob(link).ok()?;
    let line = text.split(|byte| *byte == b'\n').next()?.strip_prefix(b"gitdir: ")?;
    Some(PathBuf::from(OsStr::from_bytes(line)))
}
