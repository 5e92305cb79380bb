//! Copying a worktree's own index to read it.

use std::{fs::File, io, path::Path};

use crate::git::{careful, worktrees::Worktree};

/// Maximum size of an index that is read, in bytes.
const MAX_INDEX_BYTES: u64 = 2 << 30;

/// Copies a worktree's index with its modification time: only that time shows that a file of unchanged length may have been
/// changed in the same instant in which the index was written.
///
/// # Errors
/// The index is missing, too large, or not a regular file.
pub fn copy_index(worktree: &Worktree, to: &Path) -> io::Result<()> {
    let from = careful::open_regular(&worktree.git_dir.join("index"))?;
    let found = from.metadata()?;
    if found.len() > MAX_INDEX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the index is too large"));
    }
    let mut copy = File::create(to)?;
    io::copy(&mut io::Read::take(&from, MAX_INDEX_BYTES), &mut copy)?;
    copy.set_modified(found.modified()?)
}
