//! Which git is on PATH, and whether it can do what is needed.

use std::path::Path;

use super::Git;
use crate::{Code, Error, Result, world::Environment};

/// The oldest git with all that is used here.
const OLDEST: (u32, u32) = (2, 39);

/// The oldest git that changes how refs are stored.
pub(super) const WITH_REFS_MIGRATE: (u32, u32) = (2, 46);

/// Which git is on the caller's PATH; none where it does not say.
pub(super) fn of(environment: &Environment) -> Option<(u32, u32)> {
    version(&Git::new(environment, environment.directory(), "version").line().ok()?)
}

/// Refuses where git is too old.
///
/// # Errors
/// It is, or it cannot be run.
pub fn check(environment: &Environment, directory: &Path) -> Result<()> {
    let said = Git::new(environment, directory, "version").line()?;
    match version(&said) {
        Some(found) if found < OLDEST => Err(Error::new(
            Code::GitTooOld,
            format!("git {}.{} is too old: {}.{} or newer is needed", found.0, found.1, OLDEST.0, OLDEST.1),
        )
        .hint("update git")),
        // A git that calls itself in an unknown way is not taken for an old one.
        _ => Ok(()),
    }
}

/// Major and minor number in `git version 2.39.5 (Apple Git-154)`.
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
