//! The repository above a folder, by its files alone: a list asks for hundreds.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::git::careful;

/// Longest file that leads from a worktree to its repository, in bytes.
const LONGEST: u64 = 8 << 10;

/// The common git directory of the checkout or worktree in which `folder` lies; none where it lies in none, or is gone.
pub fn of_folder(folder: &Path) -> Option<PathBuf> {
    if !folder.is_dir() {
        return None;
    }
    of_git_dir(&named_above(folder)?.git_dir).canonicalize().ok()
}

/// Where a git works.
#[derive(Clone, Debug)]
pub(super) struct Location {
    /// Its git directory.
    pub(super) git_dir: PathBuf,
    /// The checkout, if it is one.
    pub(super) work_tree: Option<PathBuf>,
}

/// Where a git works that is started in `folder`: that itself, or the checkout around it.
pub(super) fn locate(folder: &Path) -> Option<Location> {
    let is_one = folder.join("HEAD").symlink_metadata().is_ok() && folder.join("refs").is_dir();
    if is_one { Some(Location { git_dir: folder.to_owned(), work_tree: None }) } else { named_above(folder) }
}

fn named_above(folder: &Path) -> Option<Location> {
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

/// What people call the repository: its checkout, or the bare repository itself. A checkout whose `.git` is a link or a file that
/// leads to the folder beside it is found as well; one elsewhere cannot be.
pub fn home(common_dir: &Path) -> &Path {
    match (common_dir.file_name(), common_dir.parent()) {
        (Some(name), Some(parent)) if name == ".git" || leads_to(&parent.join(".git"), common_dir) => parent,
        _ => common_dir,
    }
}

/// Whether this `.git`, of whatever kind, is that of the repository at `common_dir` and of no linked worktree.
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

/// The git directory that the worktree of `git_dir` shares with others; `git_dir` itself where it is none of a worktree.
pub(super) fn of_git_dir(git_dir: &Path) -> PathBuf {
    line(&git_dir.join("commondir")).map_or_else(|| git_dir.to_owned(), |to| git_dir.join(to))
}

fn line(path: &Path) -> Option<String> {
    let mut text = String::new();
    careful::open_regular_through_links(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text.trim_end().to_owned())
}

/// The checkout that holds a submodule, and all that hold that one: `/x` for `/x/.git/modules/a/modules/b`. `None`: it is no
/// submodule's.
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
    fn submodules_lie_in_an_outer_checkout() {
        assert_eq!(outermost_checkout(Path::new("/x/.git/modules/a/modules/b")), Some("/x".into()));
        assert_eq!(outermost_checkout(Path::new("/x/.git")), None);
    }
}
