//! The environment in which a command was started, and the repository there.

use std::sync::OnceLock;

use orchestra::{Result, git::Repo, world::Environment};

/// The environment of this process, read when it is first asked for: variables, folder, clock.
pub fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(Environment::of_this_process)
}

/// Opens the repository.
///
/// # Errors
/// No repository was found, it belongs to another user (128), or it cannot be read (3).
pub fn repository() -> Result<Repo> {
    Repo::discover(environment())
}

/// Opens the repository, for a command that works without one as well. Returns `None` if there is none.
///
/// # Errors
/// The repository belongs to another user (128).
pub fn repository_if_any() -> Result<Option<Repo>> {
    Repo::find(environment())
}
