//! The user's folders, as the XDG Base Directory Specification names them.

use std::path::PathBuf;

use crate::world;

/// Returns the folder for files that may be deleted at any time.
pub(crate) fn cache() -> Option<PathBuf> {
    Some(user_folder("XDG_CACHE_HOME", ".cache")?.join("git-orchestra"))
}

/// Returns a folder of the user: the absolute path in a variable, or else a path below the home folder.
pub(crate) fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = world::variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(PathBuf::from(world::variable("HOME")?).join(below_home)))
}
