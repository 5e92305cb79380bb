//! Finding worktrees after a move or a copy. When a repository is renamed, the `.git` files of its worktrees name a missing folder; when
//! the folder that contains both is renamed, the repository's list of worktrees is outdated as well. This module finds the
//! worktrees; `worktree_links` rewrites the links. In a copy of a repository, the registrations lead to the worktrees of the original,
//! which are not worktrees of the copy, unless they were copied with it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{careful, common_dir};

/// How many folders above the repository are searched for a worktree that was moved with it.
const SEARCHED_ABOVE: usize = 4;

/// Returns the possible paths of a worktree registered at `registered`, if it was moved with the repository.
pub fn possible_paths(common_dir: &Path, registered: &Path) -> Vec<PathBuf> {
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
    // The folder of worktrees may have been renamed to match the repository's new name.
    let home = common_dir::display_folder(common_dir);
    if let (Some(name), Some(id)) = (home.file_name(), registered.file_name()) {
        let mut name = name.to_owned();
        name.push(".worktrees");
        found.push(home.with_file_name(name).join(id));
    }
    found.retain(|path| path != registered);
    found
}

/// Returns the folder that a registration names.
pub(super) fn recorded_path(git_dir: &Path) -> Option<PathBuf> {
    let gitdir = careful::small_text(&git_dir.join("gitdir"))?;
    let gitdir = Some(gitdir.trim_end_matches('\n')).filter(|gitdir| !gitdir.is_empty())?;
    git_dir.join(gitdir).parent().map(Path::to_owned)
}

/// Finds the folder of a worktree that is no longer where its registration says, or is the worktree of the repository of which this
/// one is a copy.
pub(super) fn find_moved(git_dir: &Path, registered: &Path) -> Option<PathBuf> {
    let common_dir = git_dir.parent()?.parent()?;
    possible_paths(common_dir, registered).into_iter().find(|folder| link_of(folder, git_dir).is_some())
}

/// Returns whether a folder is the worktree of the registration at `git_dir`: its `.git` file leads there, or did before a
/// rename.
pub fn belongs_to(folder: &Path, git_dir: &Path) -> bool {
    link_of(folder, git_dir).is_some()
}

/// The state of the link from a worktree's `.git` file to its registration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LinkState {
    /// It leads to the registration.
    Valid,
    /// It names the registration by an outdated path.
    Stale,
}

/// Returns the state of the link from `folder` to its registration at `git_dir`. `None`: the folder does not belong to it.
pub(super) fn link_of(folder: &Path, git_dir: &Path) -> Option<LinkState> {
    let text = careful::small_text(&folder.join(".git"))?;
    let text = text.strip_prefix("gitdir: ")?;
    // A path can contain line breaks; git reads up to those at the end. A link that was cut off by a crash has a rest behind its line.
    let whole = folder.join(text.trim_end_matches(['\n', '\r']));
    let first_line = folder.join(text.lines().next()?);
    let leads_there = |named: &Path| identity(named).is_some() && identity(named) == identity(git_dir);
    if leads_there(&whole) {
        return Some(LinkState::Valid);
    }
    if leads_there(&first_line) {
        return Some(LinkState::Stale);
    }
    let has_same_name = |named: &Path| {
        named.file_name() == git_dir.file_name()
            && named.parent().and_then(Path::file_name) == git_dir.parent().and_then(Path::file_name)
    };
    let is_outdated =
        |named: &Path| has_same_name(named) && (is_gone(named) || is_copied_along(folder, git_dir, named));
    (is_outdated(&whole) || is_outdated(&first_line)).then_some(LinkState::Stale)
}

/// Returns whether a folder was copied together with the repository: its `.git` file names the registration `theirs` in the original,
/// which has its own folder, and the registration at `git_dir` is a copy of that one.
fn is_copied_along(folder: &Path, git_dir: &Path, theirs: &Path) -> bool {
    let registered = |git_dir: &Path| identity(&recorded_path(git_dir)?);
    let original = registered(theirs);
    original.is_some() && original == registered(git_dir) && original != identity(folder)
}

/// Returns the registration of another repository whose worktree a folder is: each leads to the other. In a copy of a repository, the
/// registration at `git_dir` leads to the worktree of the original.
pub(super) fn other_registration(folder: &Path, git_dir: &Path) -> Option<PathBuf> {
    let text = careful::small_text(&folder.join(".git"))?;
    let named = text.strip_prefix("gitdir: ")?.trim_end_matches(['\n', '\r']);
    if Path::new(named) == git_dir {
        return None;
    }
    let named = folder.join(named);
    let common = |git_dir: &Path| identity(&common_dir::of_git_dir(git_dir));
    let is_other = common(&named).is_some() && common(&named) != common(git_dir);
    let leads_back =
        is_other && identity(folder).is_some() && identity(&recorded_path(&named)?) == identity(folder);
    leads_back.then_some(named)
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
    fn a_link_may_contain_line_breaks() {
        let world = tempfile::tempdir().unwrap();
        let git_dir = world.path().join("a\nb/.git/worktrees/a-1");
        let folder = world.path().join("a\nb.worktrees/a-1");
        fs::create_dir_all(&git_dir).unwrap();
        fs::create_dir_all(&folder).unwrap();
        let link = |text: String| {
            fs::write(folder.join(".git"), text).unwrap();
            link_of(&folder, &git_dir)
        };
        assert_eq!(link(format!("gitdir: {}\n", git_dir.display())), Some(LinkState::Valid));
        assert_eq!(link(format!("gitdir: {}\nrest\n", git_dir.display())), None);
        let old = world.path().join("old\nname/.git/worktrees/a-1");
        assert_eq!(link(format!("gitdir: {}\n", old.display())), Some(LinkState::Stale));
    }

    #[test]
    fn a_worktree_is_searched_next_to_the_repository_and_in_it() {
        for (common, registered, found) in [
            ("/new/app/.git", "/old/app.worktrees/a-1", "/new/app.worktrees/a-1"),
            ("/new/app.git", "/old/app.worktrees/a-1", "/new/app.worktrees/a-1"),
            ("/p/new/.git", "/p/old/.worktrees/a-1", "/p/new/.worktrees/a-1"),
            ("/p/new/.git", "/p/old.worktrees/a-1", "/p/new.worktrees/a-1"),
            ("/new/app/.git/modules/lib", "/old/app.worktrees/lib/a-1", "/new/app.worktrees/lib/a-1"),
        ] {
            let all = possible_paths(Path::new(common), Path::new(registered));
            assert!(all.contains(&PathBuf::from(found)), "{common} {registered}: {all:?}");
        }
    }
}
