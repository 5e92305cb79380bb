//! Registering a worktree without reading the registrations of the others, so that its cost does not grow with their number.

use std::{
    ffi::OsStr,
    fs, io,
    io::{ErrorKind, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::worktrees::{INITIALIZING, LOCKED};

/// A worktree that is registered and marked as incomplete. When dropped before it is finished, folder and registration are removed.
pub(super) struct Registration {
    git_dir: PathBuf,
    folder: PathBuf,
    is_finished: bool,
}

impl Registration {
    /// Makes the folder at `path`, and registers it under its name with this content of `HEAD`. The files are written in the order
    /// in which git and gix write them: the mark first.
    ///
    /// Returns `None` without having changed anything if the name or the folder is taken, or git would need another name.
    ///
    /// # Errors
    /// Something cannot be written. Nothing is left then.
    pub(super) fn make(common_dir: &Path, path: &Path, head: &str) -> io::Result<Option<Self>> {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        if !is_valid_in_ref(name) {
            return Ok(None);
        }
        let all = common_dir.join("worktrees");
        fs::create_dir_all(&all)?;
        let git_dir = all.join(name);
        let folder = above.canonicalize()?.join(name);
        if !make_folder(&git_dir)? {
            return Ok(None);
        }
        match make_folder(&folder) {
            Ok(true) => {}
            other => {
                fs::remove_dir(&git_dir)?;
                return other.map(|_| None);
            }
        }
        let made = Self { git_dir, folder, is_finished: false };
        made.write(head)?;
        Ok(Some(made))
    }

    fn write(&self, head: &str) -> io::Result<()> {
        let dot_git = self.folder.join(".git");
        let line =
            |prefix: &str, path: &Path| [prefix.as_bytes(), path.as_os_str().as_bytes(), b"\n"].concat();
        fs::write(self.git_dir.join(LOCKED), format!("{INITIALIZING}\n"))?;
        fs::write(self.git_dir.join("gitdir"), line("", &dot_git))?;
        fs::write(self.git_dir.join("commondir"), "../..\n")?;
        fs::File::create_new(&dot_git)?.write_all(&line("gitdir: ", &self.git_dir))?;
        fs::write(self.git_dir.join("HEAD"), format!("{head}\n"))
    }

    /// Returns the git directory of the worktree.
    pub(super) fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Returns the folder of the worktree, with links resolved.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Syncs the files that make the folder a worktree to the disk: cut after a power failure, they would be none to git.
    fn sync(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.git_dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::File::open(entry.path())?.sync_all()?;
            }
        }
        fs::File::open(self.folder.join(".git"))?.sync_all()
    }

    /// Removes the mark: the worktree is complete, and stays.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.sync()?;
        fs::remove_file(self.git_dir.join(LOCKED))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_dir_all(&self.folder);
            let _ = fs::remove_dir_all(&self.git_dir);
        }
    }
}

/// Makes a folder. Returns whether there was nothing at its path.
fn make_folder(path: &Path) -> io::Result<bool> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns whether a name can be part of the name of a ref, such as `worktrees/<name>/HEAD`; if not, git registers another one.
fn is_valid_in_ref(name: &OsStr) -> bool {
    gix::validate::reference::name_partial(name.as_bytes().into()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_that_is_dropped_leaves_nothing_and_a_taken_name_stays() {
        let place = tempfile::tempdir().expect("a folder");
        let (common, path) = (place.path().join("app.git"), place.path().join("task-1"));
        fs::create_dir(&common).expect("made");
        let make = |path: &Path| Registration::make(&common, path, "ref: refs/heads/x").expect("made");
        drop(make(&path).expect("a registration"));
        assert!(!path.exists() && !common.join("worktrees/task-1").exists());

        make(&path).expect("a registration").finish().expect("finished");
        assert!(!common.join("worktrees/task-1/locked").exists());
        fs::remove_dir_all(&path).expect("removed");
        assert!(make(&path).is_none() && !path.exists(), "the name is taken");

        let other = place.path().join("task-2");
        fs::create_dir(&other).expect("made");
        assert!(make(&other).is_none(), "the folder is taken");
        assert!(other.exists() && !common.join("worktrees/task-2").exists());
        assert!(make(&place.path().join("task..3")).is_none(), "the name is not valid in a ref");
    }
}
