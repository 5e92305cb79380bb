//! Opens the repository of the current directory.

use orchestra::{Result, git::Repo, world};

/// Opens the repository.
///
/// # Errors
/// No repository was found, it belongs to another user (128), or it cannot be read (3).
pub fn repository() -> Result<Repo> {
    Repo::discover(&world::directory())
}

/// Opens the repository, for a command that works without one as well. Returns `None` if there is none.
///
/// # Errors
/// The repository belongs to another user (128).
pub fn repository_if_any() -> Result<Option<Repo>> {
    Repo::find(&world::directory())
}
