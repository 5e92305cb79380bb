//! The version of the git on `PATH`, and whether it is supported.

use std::path::Path;

use super::Git;
use crate::{Code, Error, Result, world::Environment};

/// The oldest supported version of git.
const MIN_VERSION: (u32, u32) = (2, 39);

/// The oldest version of git that can convert ref storage.
pub(super) const WITH_REFS_MIGRATE: (u32, u32) = (2, 46);

/// Returns the version of the git on the caller's PATH. `None` if it cannot be run, or prints none.
pub(super) fn of(environment: &Environment) -> Option<(u32, u32)> {
    parse_version(&Git::new(environment, environment.directory(), "version").line().ok()?)
}

/// The git on the caller's PATH.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InstalledGit {
    /// Its version, such as `2.47.3`.
    pub version: String,
    /// Whether it is new enough. A version of an unknown form counts as new enough.
    pub is_supported: bool,
}

/// The oldest supported version of git, such as `2.39`.
pub fn oldest_supported() -> String {
    format!("{}.{}", MIN_VERSION.0, MIN_VERSION.1)
}

/// Returns the version of the git on the caller's PATH.
///
/// # Errors
/// It cannot be run.
pub fn installed(environment: &Environment) -> Result<InstalledGit> {
    let said = Git::new(environment, Path::new("/"), "version").line()?;
    let version = said.split_whitespace().nth(2).unwrap_or("of an unknown version").to_owned();
    Ok(InstalledGit { version, is_supported: parse_version(&said).is_none_or(|found| found >= MIN_VERSION) })
}

/// Checks that git is not too old.
///
/// # Errors
/// It is, or it cannot be run.
pub fn require_supported_version(environment: &Environment, directory: &Path) -> Result<()> {
    let said = Git::new(environment, directory, "version").line()?;
    match parse_version(&said) {
        Some(found) if found < MIN_VERSION => Err(Error::new(
            Code::GitTooOld,
            format!(
                "git {}.{} is too old: {}.{} or newer is needed",
                found.0, found.1, MIN_VERSION.0, MIN_VERSION.1
            ),
        )
        .hint("update git")),
        // A git with an unknown version format does not count as too old.
        _ => Ok(()),
    }
}

/// Parses major and minor number in `git version 2.39.5 (Apple Git-154)`.
fn parse_version(said: &str) -> Option<(u32, u32)> {
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
            assert_eq!(parse_version(said), found, "{said}");
        }
        assert!((2, 38) < MIN_VERSION && (2, 39) >= MIN_VERSION);
    }
}
