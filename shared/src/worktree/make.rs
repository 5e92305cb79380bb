//! Making an agent's worktree: the branch by a ref edit, the files on all cores.

use std::{path::Path, time::Duration};

use super::incomplete;
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, refs::RefEdit},
    lock::Lock,
    store::layout::{self, PrivateDir},
};

/// Maximum time to wait for other agents that register their worktrees.
const LOCK_TIMEOUT: Duration = Duration::from_secs(120);

/// Makes the branch at `base` unless it exists, and a worktree of it at `path`.
///
/// If killed, it leaves a registration marked `initializing`, which the next command removes ([`super::incomplete`]). The branch
/// is made without tracking: to set it, git locks the config, and of 16 concurrent calls 10 fail.
///
/// # Errors
/// The folder is taken or cannot be written, the disk is full, or a file cannot be checked out. Then nothing is left but the
/// branch, which has the agent's name.
pub fn make_worktree(repo: &Repo, branch: &str, base: Oid, path: &Path) -> Result<()> {
    let branch_ref = layout::branch_ref(branch);
    let at = match repo.find_ref(&branch_ref)? {
        Some(tip) => tip,
        None => {
            let edit = RefEdit { name: branch_ref.clone(), old: None, new: base };
            repo.edit_refs(&[edit], "orchestra: branch of an agent")?;
            base
        }
    };
    // While a registration is being written, another command of ours that reads the list would fail.
    let lock = Lock::require(&PrivateDir::new(repo.private_dir()?).worktrees_lock(), LOCK_TIMEOUT)?;
    // Under the lock, because removing the last worktree also removes the folder.
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .context(Kind::External, || format!("cannot make '{}'", folder.display()))?;
    }
    if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
        incomplete::remove_nameless_registration(repo, name, &lock)?;
    }
    let prepared = repo.prepare_worktree(path, &branch_ref, at)?;
    drop(lock);
    prepared.checkout()
}
