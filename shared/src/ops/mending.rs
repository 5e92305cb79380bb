//! What a kill left, mended before anything else by every command that changes something.

use crate::{
    Result,
    git::Repo,
    landing::finish,
    store::operations,
    supervise::mend::{self, Operations},
};

/// Removes what landings left, then repairs what agents left. Gives what the user should know.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn mend(repo: &Repo, lock: Operations<'_>) -> Result<Vec<String>> {
    // What cannot be removed now stops nobody from working.
    let failures = [finish::unlock_made(repo), clear_landing(repo, lock)];
    let mut notices = mend::mend(repo, lock)?;
    notices.extend(failures.into_iter().filter_map(Result::err).map(|error| error.one_line()));
    Ok(notices)
}

/// A worktree of a landing that is half there names no commit, of which `git fsck` complains, or is listed without its files.
fn clear_landing(repo: &Repo, lock: Operations<'_>) -> Result<()> {
    if !finish::is_incomplete(repo)? {
        return Ok(());
    }
    let _taken = match lock {
        Operations::Held(_) => None,
        Operations::Free => match operations::lock(repo) {
            Ok(taken) => Some(taken),
            // A landing makes or removes it just now.
            Err(_) => return Ok(()),
        },
    };
    finish::remove_incomplete(repo)
}
