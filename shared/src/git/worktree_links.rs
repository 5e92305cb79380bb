//! Rewriting the links between a worktree and its registration after a move broke them, as `git worktree repair` does, but for
//! one worktree only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use super::{
    moved::{LinkState, is_gone, link_of, other_registration},
    worktrees::Worktree,
};
use crate::{Kind, Result, error::ErrorContext, private_files};

impl Worktree {
    /// Rewrites the links between the worktree at `folder` and its registration, if a move broke them. Returns whether anything
    /// was written. A folder that belongs to another repository is not changed.
    ///
    /// # Errors
    /// A link cannot be written.
    pub fn repair_links(&self, folder: &Path) -> Result<bool> {
        let Some(link) = link_of(folder, &self.git_dir) else { return Ok(false) };
        let cannot = || format!("cannot repair the links of worktree '{}'", folder.display());
        if link == LinkState::Stale {
            write_in_place(&folder.join(".git"), &line("gitdir: ", &self.git_dir))
                .context(Kind::External, cannot)?;
        }
        // If anything else is at the registered path, somebody put it there, and the registration stays.
        let is_outdated = self
            .recorded_path()
            .is_some_and(|path| is_gone(&path) || other_registration(&path, &self.git_dir).is_some());
        if is_outdated {
            let place = line("", &folder.join(".git"));
            private_files::replace(&self.git_dir.join("gitdir"), place).context(Kind::External, cannot)?;
        }
        Ok(link == LinkState::Stale || is_outdated)
    }

    /// Puts the file back that leads from the worktree at `folder` to its registration, if something else is in its place. That is moved
    /// to the path `aside`, on the same file system. Returns whether it was so.
    ///
    /// # Errors
    /// What is there cannot be moved, or the file cannot be written.
    pub fn put_link_back(&self, folder: &Path, aside: &Path) -> Result<bool> {
        if link_of(folder, &self.git_dir) == Some(LinkState::Valid) {
            return Ok(false);
        }
        let cannot = || format!("cannot put '.git' back in worktree '{}'", folder.display());
        let dot_git = folder.join(".git");
        match fs::rename(&dot_git, aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).context(Kind::External, cannot);
            }
            _ => {}
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&dot_git).context(Kind::External, cannot)?;
        file.write_all(&line("gitdir: ", &self.git_dir)).context(Kind::External, cannot)?;
        Ok(true)
    }
}

fn line(prefix: &str, path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    [prefix.as_bytes(), path.as_os_str().as_bytes(), b"\n"].concat()
}

/// Writes without a temporary file: it would become part of the agent's work. A copy that was made with hard links gets a file of its
/// own, since the original's would change as well.
fn write_in_place(path: &Path, text: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path)?.nlink() > 1 {
        fs::remove_file(path)?;
        return OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text);
    }
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file: File = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    file.write_all(text)?;
    file.set_len(text.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::worktrees::WorktreePlace;

    #[test]
    fn only_a_folder_of_the_registration_is_relinked() {
        let world = tempfile::tempdir().unwrap();
        let world = world.path().canonicalize().unwrap();
        let git_dir = world.join("new/.git/worktrees/a-1");
        fs::create_dir_all(&git_dir).unwrap();
        fs::create_dir_all(world.join("other/.git/worktrees/a-1")).unwrap();
        let original = world.join("original/.git/worktrees/a-1");
        fs::create_dir_all(&original).unwrap();
        fs::write(original.join("commondir"), "../..\n").unwrap();
        fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        let theirs = world.join("original.worktrees/a-1");
        fs::create_dir_all(&theirs).unwrap();
        let foreign = format!("{}/.git\n", theirs.display());
        fs::write(original.join("gitdir"), &foreign).unwrap();
        fs::write(theirs.join(".git"), format!("gitdir: {}\n", original.display())).unwrap();
        let folder = world.join("new.worktrees/a-1");
        fs::create_dir_all(&folder).unwrap();
        let worktree =
            Worktree { git_dir: git_dir.clone(), path: folder.clone(), place: WorktreePlace::Here };
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
            // The repository was copied, with its worktree or without it.
            (foreign.as_str(), at("original/.git/worktrees/a-1"), true),
            (foreign.as_str(), sound.clone(), true),
            (registered.as_str(), at("original/.git/worktrees/a-1"), false),
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
