//! Finding the repository of a folder by reading only its files: a list does so for hundreds of folders.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::git::careful;

/// Maximum size of a file that leads from a worktree to its repository, in bytes.
const MAX_LINK_BYTES: u64 = 8 << 10;

/// Returns the common git directory of the checkout or worktree that contains `folder`; `None` if there is none, or `folder` is
/// gone.
pub fn of_folder(folder: &Path) -> Option<PathBuf> {
    if !folder.is_dir() {
        return None;
    }
    of_git_dir(&checkout_above(folder)?.git_dir).canonicalize().ok()
}

/// The repository in which a git command runs.
#[derive(Clone, Debug)]
pub(super) struct Location {
    /// Its git directory.
    pub(super) git_dir: PathBuf,
    /// Its checkout, if it is not used bare.
    pub(super) work_tree: Option<PathBuf>,
}

/// Returns the repository that a git started in `folder` uses: the folder itself, or the checkout around it.
pub(super) fn locate(folder: &Path) -> Option<Location> {
    let is_git_dir = folder.join("HEAD").symlink_metadata().is_ok() && folder.join("refs").is_dir();
    if is_git_dir {
        Some(Location { git_dir: folder.to_owned(), work_tree: None })
    } else {
        checkout_above(folder)
    }
}

fn checkout_above(folder: &Path) -> Option<Location> {
    folder.ancestors().find_map(|place| {
        let git = place.join(".git");
        let kind = fs::symlink_metadata(&git).ok()?;
        let git_dir = match kind.is_file() {
            true => place.join(line(&git)?.strip_prefix("gitdir: ")?),
            false => git,
        };
        Some(Location { git_dir, work_tree: Some(place.to_owned()) })
    })
}

/// Returns the folder by which people name the repository: its checkout, or the bare repository itself. A checkout whose `.git`
/// is a link or file that leads to a sibling folder is found as well; one elsewhere cannot be.
pub fn display_folder(common_dir: &Path) -> &Path {
    match (common_dir.file_name(), common_dir.parent()) {
        (Some(name), Some(parent)) if name == ".git" || leads_to(&parent.join(".git"), common_dir) => parent,
        _ => common_dir,
    }
}

/// Returns whether a `.git` of any kind leads to the repository at `common_dir`, and not to a linked worktree.
pub fn leads_to(dot_git: &Path, common_dir: &Path) -> bool {
    let Ok(kind) = fs::metadata(dot_git) else { return false };
    let target = if kind.is_file() {
        let folder = dot_git.parent().unwrap_or(dot_git);
        line(dot_git).and_then(|text| Some(folder.join(text.strip_prefix("gitdir: ")?)))
    } else {
        Some(dot_git.to_owned())
    };
    target.and_then(|target| target.canonicalize().ok()).is_some_and(|target| target == common_dir)
}

/// Returns the common git directory of a worktree's git directory; `git_dir` itself if it is not a worktree's.
pub(super) fn of_git_dir(git_dir: &Path) -> PathBuf {
    line(&git_dir.join("commondir")).map_or_else(|| git_dir.to_owned(), |to| git_dir.join(to))
}

fn line(path: &Path) -> Option<String> {
    let mut text = String::new();
    careful::open_regular_through_links(path).ok()?.take(MAX_LINK_BYTES).read_to_string(&mut text).ok()?;
    Some(text.trim_end().to_owned())
}

/// Returns the outermost checkout that contains a submodule: `/x` for `/x/.git/modules/a/modules/b`. `None`: it is not a
/// submodule.
pub fn outermost_checkout(common: &Path) -> Option<PathBuf> {
    let mut parts = PathBuf::new();
    let all: Vec<_> = common.components().collect();
    for pair in all.windows(2) {
        if pair[0].as_os_str() == ".git" && pair[1].as_os_str() == "modules" {
            return Some(parts);
        }
        parts.push(pair[0]);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submodule_has_an_outermost_checkout() {
        assert_eq!(outermost_checkout(Path::new("/x/.git/modules/a/modules/b")), Some("/x".into()));
        assert_eq!(outermost_checkout(Path::new("/x/.git")), None);
    }
}
