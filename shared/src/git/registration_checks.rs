//! Finding the registrations that need a repair after a kill or a renamed folder, in one pass.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    careful,
    worktrees::{LOCKED, is_nameless},
};
use crate::{Result, git::Repo};

/// A registration that may need repair.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DoubtfulRegistration {
    /// The name of the registration.
    pub name: String,
    /// Whether its creation was interrupted before it named a folder.
    pub is_nameless: bool,
    /// Whether it is locked, as one being made is.
    pub is_locked: bool,
    /// Whether its links are not spelled as those of a new worktree. They may still be right.
    pub has_other_links: bool,
}

impl Repo {
    /// Returns the registrations that may need repair. For the others, which are most, two small files are read.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn doubtful_registrations(&self) -> Result<Vec<DoubtfulRegistration>> {
        let registrations = fs::read_dir(self.common_dir()?.join("worktrees"));
        let paths = registrations.into_iter().flatten().flatten().map(|entry| entry.path());
        Ok(paths.filter_map(|path| doubts(&path)).collect())
    }
}

fn doubts(git_dir: &Path) -> Option<DoubtfulRegistration> {
    let has_other_links = !has_usual_links(git_dir);
    let found = DoubtfulRegistration {
        name: git_dir.file_name()?.to_str()?.to_owned(),
        is_nameless: has_other_links && is_nameless(git_dir),
        is_locked: fs::symlink_metadata(git_dir.join(LOCKED)).is_ok(),
        has_other_links,
    };
    (found.has_other_links || found.is_locked).then_some(found)
}

/// Returns whether the registration and the worktree name each other by the paths that they have now.
fn has_usual_links(git_dir: &Path) -> bool {
    let names = |file: &Path| careful::small_text(file);
    let Some(dot_git) = names(&git_dir.join("gitdir")) else { return false };
    let dot_git = PathBuf::from(dot_git.trim_end_matches('\n'));
    let expected = [b"gitdir: ", git_dir.as_os_str().as_bytes(), b"\n"].concat();
    dot_git.is_absolute()
        && dot_git.ends_with(".git")
        && names(&dot_git).is_some_and(|named| named.as_bytes() == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registrations_that_differ_from_new_ones_are_doubtful() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |path: &str| place.path().join(path);
        let write = |path: &str, text: &str| {
            fs::create_dir_all(at(path).parent().expect("a folder")).expect("made");
            fs::write(at(path), text).expect("written");
        };
        let register = |name: &str| {
            write(&format!("all/{name}/gitdir"), &format!("{}/.git\n", at(name).display()));
            write(&format!("{name}/.git"), &format!("gitdir: {}\n", at(&format!("all/{name}")).display()));
        };
        for name in ["whole", "locked", "moved", "renamed", "gone"] {
            register(name);
        }
        write("all/locked/locked", "initializing\n");
        write("renamed/.git", "gitdir: /elsewhere/all/renamed\n");
        fs::rename(at("moved"), at("moved-2")).expect("moved");
        fs::remove_dir_all(at("gone")).expect("removed");
        write("all/nameless/locked", "initializing\n");
        let of = |name: &str| doubts(&at(&format!("all/{name}")));
        let expected = |name: &str, is_nameless, is_locked, has_other_links| {
            Some(DoubtfulRegistration { name: name.to_owned(), is_nameless, is_locked, has_other_links })
        };
        assert_eq!(of("whole"), None);
        assert_eq!(of("locked"), expected("locked", false, true, false));
        for name in ["moved", "renamed", "gone"] {
            assert_eq!(of(name), expected(name, false, false, true));
        }
        assert_eq!(of("nameless"), expected("nameless", true, true, true));
    }
}
