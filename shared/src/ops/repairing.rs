//! What a kill left, mended before anything else by every command that changes something.

use crate::{
    Result,
    context::Context,
    git::Repo,
    landing::finish,
    supervise::repair::{self, Operations},
};

/// Removes what landings left, then repairs what agents left. Gives what the user should know.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn repair(context: &Context, repo: &Repo, lock: Operations<'_>) -> Result<Vec<String>> {
    // What cannot be removed now stops nobody from working.
    let failures = [finish::unlock_made(repo), clear_landing(repo)];
    let mut notices = repair::repair(context, repo, lock)?;
    notices.extend(failures.into_iter().filter_map(Result::err).map(|error| error.one_line()));
    Ok(notices)
}

/// A scratch worktree that is half there names no commit, of which `git fsck` complains, or is listed without its files. One that a
/// landing makes or removes just now is left alone.
fn clear_landing(repo: &Repo) -> Result<()> {
    if finish::is_incomplete(repo)? { finish::remove_incomplete(repo) } else { Ok(()) }
}
