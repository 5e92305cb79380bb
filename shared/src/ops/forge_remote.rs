//! The remote whose forge a command asks. It is chosen as `sync` chooses one; what to type next is not about `sync`.

use crate::{Code, Error, Result, config::keys::REMOTE, sync::Remote, trust::AcceptedRepo};

/// Chooses a remote. `purpose` completes "this repository has no remote "; `command` takes `--remote`, if the calling one does.
///
/// # Errors
/// There is none, or several to choose from (3).
pub(super) fn choose(
    repo: &AcceptedRepo,
    typed: Option<&str>,
    purpose: &str,
    command: Option<&str>,
) -> Result<Remote> {
    let chosen = Remote::choose(repo, typed, repo.environment().directory());
    chosen.map_err(|error| match error.code {
        Code::RemoteMissing => Error::new(error.code, format!("this repository has no remote {purpose}"))
            .hint("git remote add origin URL"),
        Code::RemoteAmbiguous | Code::RemoteUnknown => {
            let next =
                command.map_or_else(|| REMOTE.hint("NAME"), |command| format!("{command} --remote NAME"));
            Error::new(error.code, error.message).hint("git remote -v").hint(next)
        }
        _ => error,
    })
}
