//! The index of a worktree itself, copied for a look.

use std::{fs::File, io, path::Path};

use crate::git::{careful, worktrees::Worktree};

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
