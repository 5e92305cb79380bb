//! Worktrees after a move. When a repository is renamed, the `.git` files of its worktrees name a folder that is gone; when the
//! folder that holds both is renamed, the repository's list of worktrees is out of date as well. Nothing is lost: this finds the
//! worktrees and writes the links between the two anew, as `git worktree repair` does, but only those of one worktree.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{above, careful, worktrees::Worktree};
use crate::{Kind, Result, error::Context, private_files};

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
    let home = above::home(common_dir);
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
enum Link {
    /// It leads to the registration.
    Sound,
    /// It names the registration by a path that is gone.
    Stale,
}

/// The link from `folder` to its registration at `git_dir`. `None`: the folder does not belong to that registration.
fn link_of(folder: &Path, git_dir: &Path) -> Option<Link> {
    let text = careful::small_text(&folder.join(".git"))?;
    let named = folder.join(text.lines().next()?.strip_prefix("gitdir: ")?);
    if identity(&named).is_some() && identity(&named) == identity(git_dir) {
        return Some(if text.lines().count() == 1 { Link::Sound } else { Link::Stale });
    }
    let bears_its_name = named.file_name() == git_dir.file_name()
        && named.parent().and_then(Path::file_name) == git_dir.parent().and_then(Path::file_name);
    (is_gone(&named) && bears_its_name).then_some(Link::Stale)
}

fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

impl Worktree {
    /// Writes the links between the worktree at `folder` and its registration anew, if a move broke them. Gives whether anything
    /// was written. A folder that belongs to another repository is left alone.
    ///
    /// # Errors
    /// A link cannot be written.
    pub fn repair_links(&self, folder: &Path) -> Result<bool> {
        let Some(link) = link_of(folder, &self.git_dir) else { return Ok(false) };
        let cannot = || format!("cannot repair the links of worktree '{}'", folder.display());
        if link == Link::Stale {
            write_in_place(&folder.join(".git"), &line("gitdir: ", &self.git_dir))
                .context(Kind::External, cannot)?;
        }
        // Where anything else lies in the registered place, somebody put it there: that is not followed.
        let is_elsewhere = self.written_path().is_some_and(|path| is_gone(&path));
        if is_elsewhere {
            let place = line("", &folder.join(".git"));
            private_files::replace(&self.git_dir.join("gitdir"), place).context(Kind::External, cannot)?;
        }
        Ok(link == Link::Stale || is_elsewhere)
    }
}

fn line(prefix: &str, path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    [prefix.as_bytes(), path.as_os_str().as_bytes(), b"\n"].concat()
}

/// Writes without a second file: whatever lies beside a worktree's `.git` file is part of the agent's work.
fn write_in_place(path: &Path, text: &[u8]) -> io::Result<()> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file: File = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    file.write_all(text)?;
    file.set_len(text.len() as u64)
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

    #[test]
    fn only_a_folder_that_belongs_to_the_registration_is_linked_anew() {
        let world = tempfile::tempdir().unwrap();
        let world = world.path().canonicalize().unwrap();
        let git_dir = world.join("new/.git/worktrees/a-1");
        fs::create_dir_all(&git_dir).unwrap();
        fs::create_dir_all(world.join("other/.git/worktrees/a-1")).unwrap();
        let folder = world.join("new.worktrees/a-1");
        fs::create_dir_all(&folder).unwrap();
        let worktree = Worktree { git_dir: git_dir.clone(), path: folder.clone() };
        let sound = format!("gitdir: {}\n", git_dir.display());
        let registered = format!("{}/.git\n", folder.display());
        let at = |path: &str| format!("gitdir: {}/{path}\n", world.display());
        for (registration, link, repaired) in [
            (registered.as_str(), sound.clone(), false),
            (registered.as_str(), at("old/.git/worktrees/a-1"), true),
            ("/gone.worktrees/a-1/.git\n", at("old/.git/worktrees/a-1"), true),
            ("/gone.worktrees/a-1/.git\n", sound.clone(), true),
            (registered.as_str(), format!("{sound}rest of a longer line\n"), true),
            (registered.as_str(), at("other/.git/worktrees/a-1"), false),
            (registered.as_str(), at("old/.git/worktrees/b-2"), false),
        ] {
            fs::write(git_dir.join("gitdir"), registration).unwrap();
            fs::write(folder.join(".git"), &link).unwrap();
            assert_eq!(worktree.repair_links(&folder).unwrap(), repaired, "{registration} {link}");
            if repaired {
                assert_eq!(fs::read_to_string(folder.join(".git")).unwrap(), sound);
                assert_eq!(fs::read_to_string(git_dir.join("gitdir")).unwrap(), registered);
            } else {
                assert_eq!(fs::read_to_string(folder.join(".git")).unwrap(), link);
            }
        }
    }
}
