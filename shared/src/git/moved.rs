//! Worktrees after a move. When a repository is renamed, the `.git` files of its worktrees name a folder that is gone; when the
//! folder that holds both is renamed, the repository's list of worktrees is out of date as well. Nothing is lost: this finds the
//! worktrees; `worktree_links` writes the links between the two anew.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{careful, common_dir};

/// How many folders above the repository are searched for a worktree that was moved together with it.
const SEARCHED_ABOVE: usize = 4;

/// Where a worktree that was registered at `registered` may be, if it was moved together with the repository.
pub fn candidates(common_dir: &Path, registered: &Path) -> Vec<PathBuf> {
    let parts: Vec<_> = registered.components().collect();
    let mut found = Vec::new();
    for folder in common_dir.ancestors().skip(1).take(SEARCHED_ABOVE) {
        // `app.worktrees/<id>`, and `app.worktrees/<submodule>/<id>`.
        for length in [2, 3] {
            if let Some(end) = parts.len().checked_sub(length) {
                found.push(folder.join(parts[end..].iter().collect::<PathBuf>()));
            }
        }
    }
    // The folder of worktrees may have been renamed to fit the repository's new name.
    let home = common_dir::home(common_dir);
    if let (Some(name), Some(id)) = (home.file_name(), registered.file_name()) {
        let mut name = name.to_owned();
        name.push(".worktrees");
        found.push(home.with_file_name(name).join(id));
    }
    found.retain(|path| path != registered);
    found
}

/// The folder of a worktree that is no longer where its registration says.
pub(super) fn find(git_dir: &Path, registered: &Path) -> Option<PathBuf> {
    let common_dir = git_dir.parent()?.parent()?;
    candidates(common_dir, registered).into_iter().find(|folder| link_of(folder, git_dir).is_some())
}

/// Whether a folder is the worktree of the registration at `git_dir`: its `.git` file leads there, or named it before a rename.
pub fn belongs_to(folder: &Path, git_dir: &Path) -> bool {
    link_of(folder, git_dir).is_some()
}

/// What the `.git` file of a worktree's folder says of its registration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    /// It leads to the registration.
    Sound,
    /// It names the registration by a path that is gone.
    Stale,
}

/// The link from `folder` to its registration at `git_dir`. `None`: the folder does not belong to that registration.
pub(super) fn link_of(folder: &Path, git_dir: &Path) -> Option<Link> {
    let text = careful::small_text(&folder.join(".git"))?;
    let named = folder.join(text.lines().next()?.strip_prefix("gitdir: ")?);
    if identity(&named).is_some() && identity(&named) == identity(git_dir) {
        return Some(if text.lines().count() == 1 { Link::Sound } else { Link::Stale });
    }
    let bears_its_name = named.file_name() == git_dir.file_name()
        && named.parent().and_then(Path::file_name) == git_dir.parent().and_then(Path::file_name);
    (is_gone(&named) && bears_its_name).then_some(Link::Stale)
}

pub(super) fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worktree_is_looked_for_beside_the_repository_and_in_it() {
        for (common, registered, found) in [
            ("/new/app/.git", "/old/app.worktrees/a-1", "/new/app.worktrees/a-1"),
            ("/new/app.git", "/old/app.worktrees/a-1", "/new/app.worktrees/a-1"),
            ("/p/new/.git", "/p/old/.worktrees/a-1", "/p/new/.worktrees/a-1"),
            ("/p/new/.git", "/p/old.worktrees/a-1", "/p/new.worktrees/a-1"),
            ("/new/app/.git/modules/lib", "/old/app.worktrees/lib/a-1", "/new/app.worktrees/lib/a-1"),
        ] {
            let all = candidates(Path::new(common), Path::new(registered));
            assert!(all.contains(&PathBuf::from(found)), "{common} {registered}: {all:?}");
        }
    }
}
