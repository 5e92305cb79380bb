//! Making an agent's worktree: the branch by a ref edit, the files by gix on all cores.

use std::{path::Path, time::Duration};

use super::incomplete;
use crate::{
    Kind, Result,
    error::Context,
    git::{Oid, Repo, refs::RefEdit},
    lock::Lock,
    store::layout::{self, PrivateDir},
};

/// How long to wait for other agents of ours that register their worktrees.
const WAIT: Duration = Duration::from_secs(120);

/// Makes the branch at `base`, if it is not there yet, and a worktree of it at `path`.
///
/// Killed on the way, it leaves a registration that says `initializing`, which the next command removes
/// ([`super::incomplete`]).
/// The branch is made without tracking: with it, git locks the config, and of 16 at once 10 fail.
///
/// # Errors
/// The folder is taken or cannot be written, the disk is full, or a file cannot be checked out. Nothing is left then
/// but the branch, which bears the agent's name.
pub fn make(repo: &Repo, branch: &str, base: Oid, path: &Path) -> Result<()> {
    let branch_ref = layout::branch_ref(branch);
    let at = match repo.find_ref(&branch_ref)? {
        Some(tip) => tip,
        None => {
            let edit = RefEdit { name: branch_ref.clone(), old: None, new: base };
            repo.edit_refs(&[edit], "orchestra: branch of an agent")?;
            base
        }
    };
    // While git's list of worktrees changes, half of an entry is there; another of ours that reads it then would fail.
    let lock = Lock::require(&PrivateDir::new(repo.private_dir()?).worktrees_lock(), WAIT)?;
    // Under the lock: whoever takes the last worktree away takes the folder with it.
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .context(Kind::External, || format!("cannot make '{}'", folder.display()))?;
    }
    incomplete::remove_nameless(repo, &lock)?;
    let prepared = repo.prepare_worktree(path, &branch_ref, at)?;
    drop(lock);
    prepared.checkout()
}
