//! Where worktrees are: next to the repository. Inside the checkout `git clean -ffdx` would delete them, and build tools would
//! find the outer project.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use rustix::fs::Access;

use super::exclude;
use crate::{
    Code, Error, Kind, Result,
    config::Config,
    git::{Repo, common_dir},
};

/// The folder in the checkout, used if the one next to it cannot be made.
const DIR_IN_CHECKOUT: &str = ".worktrees";

/// Returns the folder for the worktrees of this repository and makes it. If it is in a checkout, it is hidden there by
/// `info/exclude`.
///
/// # Errors
/// No folder can be written, or the one that the user configured cannot be used (3).
pub fn make_worktrees_dir(repo: &Repo) -> Result<PathBuf> {
    let wanted = configured_dir(repo)?;
    let is_chosen = Config::of(repo).worktrees()?.is_some();
    let error = match make_and_resolve(&wanted) {
        Ok(folder) => {
            exclude::hide_folder(repo, &folder, is_chosen)?;
            return Ok(folder);
        }
        Err(error) => error,
    };
    match repo.main_checkout()?.filter(|_| !is_chosen) {
        Some(checkout) => {
            let folder = checkout.join(DIR_IN_CHECKOUT);
            let folder = make_and_resolve(&folder).map_err(|error| cannot_make(&folder, error))?;
            exclude::hide_folder(repo, &folder, is_chosen)?;
            Ok(folder)
        }
        None => Err(cannot_make(&wanted, error)),
    }
}

/// Makes the folder if it is missing, and returns its path with links resolved.
fn make_and_resolve(folder: &Path) -> io::Result<PathBuf> {
    let mut tries = 0;
    loop {
        tries += 1;
        let found = require_writable(folder).and_then(|()| folder.canonicalize());
        match found {
            // A command that removed the last worktree removed the folder at the same moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 10 => {}
            other => return other,
        }
    }
}

fn require_writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder).map(|_| ())
}

fn cannot_make(folder: &Path, error: io::Error) -> Error {
    Error::new(Kind::Refused, format!("cannot make the folder '{}' for worktrees", folder.display()))
        .because(error)
        .hint(Config::worktrees_hint())
}

/// Returns where [`make_worktrees_dir`] will be, without making it. A configured folder that cannot be used is ignored.
///
/// # Errors
/// The common git directory cannot be found.
pub fn planned_dir(repo: &Repo) -> Result<PathBuf> {
    let common = repo.common_dir()?;
    let home = repository_folder(repo, &common)?;
    configured_dir(repo).or_else(|_| Ok(sibling_dir(&home, &common)))
}

/// Returns where [`make_worktrees_dir`] will be, or an error if the configured folder cannot be used.
///
/// # Errors
/// The configured folder cannot be used (3), or the common git directory cannot be found.
pub fn configured_dir(repo: &Repo) -> Result<PathBuf> {
    let common = repo.common_dir()?;
    let home = repository_folder(repo, &common)?;
    let config = Config::of(repo);
    require_utf8(&common)?;
    let Some(chosen) = config.worktrees()? else { return Ok(sibling_dir(&home, &common)) };
    let folder = normalized(&home.join(chosen));
    require_utf8(&folder)?;
    match misplacement_reason(&folder, &home, &common) {
        Some(why) => Err(config.bad_worktrees(why)),
        None => Ok(folder),
    }
}

/// Rejects a path that is not UTF-8: records of agents are JSON, and they contain paths.
fn require_utf8(path: &Path) -> Result<()> {
    if path.to_str().is_some() {
        return Ok(());
    }
    let shown = crate::model::text::safe(&path.to_string_lossy()).into_owned();
    Err(Error::new(Code::PathNotUtf8, format!("the path '{shown}' is not UTF-8: no agent can work there"))
        .hint("rename the folder, or move the repository to a path in UTF-8"))
}

/// Returns why worktrees must not be in a folder.
fn misplacement_reason(folder: &Path, home: &Path, common: &Path) -> Option<&'static str> {
    if home == common {
        // A bare repository has no checkout in which worktrees could be mistaken for files.
        None
    } else if folder == home {
        Some("the checkout itself")
    } else if folder.starts_with(common) {
        Some("a folder in the git directory")
    } else {
        None
    }
}

/// Returns the path without `.` and `..`; links are not resolved.
fn normalized(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// Returns what [`make_worktrees_dir`] will return, without making anything.
///
/// # Errors
/// As for [`make_worktrees_dir`].
pub fn expected_dir(repo: &Repo) -> Result<PathBuf> {
    let wanted = configured_dir(repo)?;
    let is_chosen = Config::of(repo).worktrees()?.is_some();
    let error = match path_once_made(&wanted) {
        Ok(folder) => return Ok(folder),
        Err(error) => error,
    };
    match repo.main_checkout()?.filter(|_| !is_chosen) {
        Some(checkout) => {
            let folder = checkout.join(DIR_IN_CHECKOUT);
            path_once_made(&folder).map_err(|error| cannot_make(&folder, error))
        }
        None => Err(cannot_make(&wanted, error)),
    }
}

/// Returns the path, with links resolved, that the folder will have once it is made.
fn path_once_made(folder: &Path) -> io::Result<PathBuf> {
    for above in folder.ancestors() {
        match fs::metadata(above) {
            Ok(found) if found.is_dir() => {
                rustix::fs::access(above, Access::WRITE_OK | Access::EXEC_OK)?;
                let missing = folder.strip_prefix(above).unwrap_or_else(|_| Path::new(""));
                let above = above.canonicalize()?;
                return Ok(if missing.as_os_str().is_empty() { above } else { above.join(missing) });
            }
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Returns the folder next to which worktrees are: the checkout, the bare repository, or for a submodule the outermost checkout.
fn repository_folder(repo: &Repo, common: &Path) -> Result<PathBuf> {
    if let Some(outer) = common_dir::outermost_checkout(common) {
        return Ok(outer);
    }
    let home = common_dir::display_folder(common);
    if home != common {
        return Ok(home.to_owned());
    }
    Ok(repo.main_checkout()?.unwrap_or_else(|| common.to_owned()))
}

fn sibling_dir(home: &Path, common: &Path) -> PathBuf {
    let name = home.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".git").filter(|stem| !stem.is_empty()).unwrap_or(&name).to_owned();
    let folder = home.with_file_name(format!("{name}.worktrees"));
    match common.strip_prefix(home.join(".git/modules")) {
        Ok(module) => folder.join(module.to_string_lossy().replace("/modules/", "/")),
        Err(_) => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worktrees_are_next_to_any_kind_of_repository() {
        for (home, common, folder) in [
            ("/x/app", "/x/app/.git", "/x/app.worktrees"),
            ("/x/app", "/x/app/.git.nosync", "/x/app.worktrees"),
            ("/x/app", "/y/app.git", "/x/app.worktrees"),
            ("/x/app.git", "/x/app.git", "/x/app.worktrees"),
            ("/x", "/x/.git/modules/lib", "/x.worktrees/lib"),
            ("/x", "/x/.git/modules/a/modules/b", "/x.worktrees/a/b"),
        ] {
            assert_eq!(sibling_dir(Path::new(home), Path::new(common)), Path::new(folder));
        }
    }

    #[test]
    fn folders_that_must_not_hold_worktrees() {
        for (home, common, chosen, is_wrong) in [
            ("/x", "/x/.git", ".", true),
            ("/x", "/x/.git", "a/..", true),
            ("/x", "/x/.git", ".git/w", true),
            ("/x", "/x/.git", "./.git", true),
            ("/x", "/x/.git", ".gitw", false),
            ("/x", "/x/.git", ".wt", false),
            ("/x", "/x/.git", "..", false),
            ("/x", "/x/.git", "/elsewhere", false),
            ("/x.git", "/x.git", "wt", false),
        ] {
            let folder = normalized(&Path::new(home).join(chosen));
            let found = misplacement_reason(&folder, Path::new(home), Path::new(common));
            assert_eq!(found.is_some(), is_wrong, "{chosen} in {home}");
        }
    }
}
