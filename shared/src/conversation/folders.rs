//! The user's folders, as the XDG Base Directory Specification names them.

use std::path::PathBuf;

use crate::world::Environment;

/// Returns the folder for files that may be deleted at any time.
pub(crate) fn cache(environment: &Environment) -> Option<PathBuf> {
    Some(user_folder(environment, "XDG_CACHE_HOME", ".cache")?.join("git-orchestra"))
}

/// Returns a folder of the user: the absolute path in a variable, or else a path below the home folder.
pub(crate) fn user_folder(environment: &Environment, variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = environment.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(environment.home()?.join(below_home)))
}
