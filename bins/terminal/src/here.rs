//! The environment in which a command was started, and the repository of its folder.

use std::sync::OnceLock;

use orchestra::{
    Result,
    git::{Repo, preferences::Preferences},
    world::Environment,
};

/// Returns the environment of this process (variables, folder, clock), which is read at the first call.
pub fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(Environment::of_this_process)
}

/// Returns how the user wants commands to speak, which is read at the first call.
pub fn preferences() -> &'static Preferences {
    static PREFERENCES: OnceLock<Preferences> = OnceLock::new();
    PREFERENCES.get_or_init(|| Preferences::of(environment()))
}

/// Opens the repository of the current folder.
///
/// # Errors
/// No repository was found, it belongs to another user (128), or it cannot be read (3).
pub fn repository() -> Result<Repo> {
    Repo::discover(environment())
}

/// Opens the repository of the current folder, for a command that also works without one. Returns `None` if there is none.
///
/// # Errors
/// The repository belongs to another user (128).
pub fn repository_if_any() -> Result<Option<Repo>> {
    Repo::find(environment())
}
