//! The repository in which a command was started.

use orchestra::{Result, git::Repo, world};

/// Opens it.
///
/// # Errors
/// There is none here, it belongs to another user (128), or it cannot be read (3).
pub fn repository() -> Result<Repo> {
    Repo::discover(&world::directory())
}

/// Opens it, for a command that works without one as well.
///
/// # Errors
/// It belongs to another user (128).
pub fn repository_if_any() -> Result<Option<Repo>> {
    Repo::find(&world::directory())
}
