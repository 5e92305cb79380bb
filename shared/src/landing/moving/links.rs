//! Hard links, or copies on file systems without them.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

use crate::git::careful;

/// Makes a hard link to a file, or a copy where the file system has no hard links. Fails if `to` exists.
pub(super) fn link(source: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(source, to) {
        Err(e) if !matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
            let content = careful::read(source)?;
            let written = fs::File::create_new(to)?.write_all(&content);
            if written.is_err() {
                let _ = fs::remove_file(to);
            }
            written
        }
        other => other,
    }
}

/// Returns whether two paths are the same file, or one may be a copy of the other that [`link`] made.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let (Ok(a), Ok(b)) = (fs::symlink_metadata(one), fs::symlink_metadata(other)) else { return false };
    if (a.dev(), a.ino()) == (b.dev(), b.ino()) {
        return true;
    }
    let is_copy = a.is_file() && b.is_file() && a.len() == b.len() && a.nlink() == 1;
    is_copy && matches!((careful::read(one), careful::read(other)), (Ok(a), Ok(b)) if a == b)
}
