//! The index of a worktree itself: copied for a look, replaced under git's own lock when the branch moves.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{careful, worktrees::Worktree},
};

/// Largest index that is read, in bytes.
const LARGEST: u64 = 2 << 30;

/// Copies a worktree's index, with its time: a file that was changed in the same instant in which the index was written, and kept
/// its length, is told from an unchanged one by that alone.
///
/// # Errors
/// There is none, or it is no regular file.
pub fn copy(worktree: &Worktree, to: &Path) -> io::Result<()> {
    let from = careful::open_regular(&worktree.git_dir.join("index"))?;
    let found = from.metadata()?;
    if found.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the index is too large"));
    }
    let mut copy = File::create(to)?;
    io::copy(&mut io::Read::take(&from, LARGEST), &mut copy)?;
    copy.set_modified(found.modified()?)
}

/// Git's own lock on a worktree's index.
pub struct IndexLock {
    file: Option<File>,
    lock: PathBuf,
    index: PathBuf,
}

impl IndexLock {
    /// Takes the lock. `None`: somebody else holds it for two seconds.
    ///
    /// # Errors
    /// The folder is not writable.
    pub fn take(worktree: &Worktree) -> Result<Option<Self>> {
        let index = worktree.git_dir.join("index");
        let lock = worktree.git_dir.join("index.lock");
        for _ in 0..40 {
            match File::create_new(&lock) {
                Ok(file) => return Ok(Some(Self { file: Some(file), lock, index })),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(e) => {
                    return Err(
                        Error::new(Kind::External, format!("cannot write '{}'", lock.display())).because(e)
                    );
                }
            }
        }
        Ok(None)
    }

    /// Puts a new index, with its time, in place of the worktree's, and lets go of the lock.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn replace_index(mut self, new: &Path) -> Result<()> {
        let cannot = || format!("cannot write '{}'", self.index.display());
        let bytes = fs::read(new).context(Kind::External, cannot)?;
        if let Some(file) = &mut self.file {
            file.write_all(&bytes).context(Kind::External, cannot)?;
            let modified = fs::metadata(new).and_then(|found| found.modified());
            modified.and_then(|at| file.set_modified(at)).context(Kind::External, cannot)?;
        }
        fs::rename(&self.lock, &self.index).context(Kind::External, cannot)?;
        self.file = None;
        Ok(())
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.lock);
        }
    }
}
