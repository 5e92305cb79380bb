//! The version of the git on `PATH`, and whether it is supported.

use std::path::Path;

use super::Git;
use crate::{Code, Error, Result, world};

/// The oldest supported version of git.
const OLDEST: (u32, u32) = (2, 39);

/// The oldest version of git that can convert ref storage.
pub(super) const WITH_REFS_MIGRATE: (u32, u32) = (2, 46);

/// Returns the version of the git on `PATH`; `None` if it cannot be determined.
pub(super) fn here() -> Option<(u32, u32)> {
    version(&Git::new(&world::directory(), "version").line().ok()?)
}

/// Checks that git is not too old.
///
/// # Errors
/// Git is too old, or cannot be run.
pub fn check(directory: &Path) -> Result<()> {
    let said = Git::new(directory, "version").line()?;
    match version(&said) {
        Some(found) if found < OLDEST => Err(Error::new(
            Code::GitTooOld,
            format!("git {}.{} is too old: {}.{} or newer is needed", found.0, found.1, OLDEST.0, OLDEST.1),
        )
        .hint("update git")),
        // A git with an unknown version format does not count as too old.
        _ => Ok(()),
    }
}

/// Parses major and minor number in `git version 2.39.5 (Apple Git-154)`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_whitespace().nth(2)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_maker() {
        for (said, found) in [
            ("git version 2.47.3", Some((2, 47))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39))),
            ("git version 2.45.1.windows.1", Some((2, 45))),
            ("git version 3.0-rc1", None),
            ("", None),
        ] {
            assert_eq!(version(said), found, "{said}");
        }
        assert!((2, 38) < OLDEST && (2, 39) >= OLDEST);
    }
}
