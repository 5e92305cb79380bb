//! Making an agent's worktree: the branch by a ref edit, the files on all cores.

use std::{path::Path, time::Duration};

use super::incomplete;
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, refs::RefEdit},
    lock::Lock,
    model::text,
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
    let name = path.file_name().and_then(|name| name.to_str());
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
    if let Some(name) = name {
        incomplete::remove_nameless_registration(repo, name, &lock)?;
    }
    if name.is_none_or(|name| !branch.ends_with(name)) {
        refuse_checked_out(repo, branch, &branch_ref)?;
    }
    let prepared = repo.prepare_worktree(path, &branch_ref, at)?;
    drop(lock);
    prepared.checkout()
}

/// Refuses a branch that is checked out anywhere. A branch that is named like its worktree was made for it, and is not looked for:
/// that would read every registration.
///
/// # Errors
/// It is checked out (3), or the repository cannot be read.
pub fn refuse_checked_out(repo: &Repo, branch: &str, branch_ref: &str) -> Result<()> {
    match repo.checkouts_of(branch_ref)?.into_iter().next() {
        None => Ok(()),
        Some(checkout) => Err(Error::new(
            Code::BranchCheckedOut,
            format!(
                "branch '{}' is checked out in '{}'",
                text::safe(branch),
                text::safe(&checkout.path.to_string_lossy())
            ),
        )
        .hint_command(&[&"git", &"-C", &checkout.path, &"switch", &"--detach"])),
    }
}
