//! The refs in `packed-refs`, read again whenever the file is another one.
//!
//! gix keeps the file in memory, and reads it again only when its modification time is a later one. Times are as coarse as the clock of
//! the kernel (4 ms is usual) and may go backwards: a garbage collection and `git pack-refs` that follow each other within one tick
//! leave a reader with old values. A ref that is compared with such a value is then moved from it, and what came between is lost.
//!
//! As git does, programs replace the file and never change it in place, so its inode tells whether it is the same one, as long as the
//! old inode cannot be given to a new file. That is why the file that was read stays open.

use std::{
    cell::RefCell,
    fs::{self, File, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

use gix::refs::file::{Store as RefStore, packed::SharedBufferSnapshot};

use super::{careful, ref_names::PACKED_REFS};

/// How often the file is read again because it was replaced meanwhile.
const MAX_READS: usize = 16;

/// The file that was read last, if any.
#[derive(Debug, Default)]
pub(super) struct PackedCache {
    open: RefCell<Option<(File, FileId)>>,
}

/// What is the same only for the same content, while the file is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl FileId {
    fn of(found: &Metadata) -> Self {
        let modified = (found.mtime(), found.mtime_nsec());
        Self { device: found.dev(), inode: found.ino(), size: found.size(), modified }
    }
}

impl PackedCache {
    fn is_at(&self, path: &Path) -> bool {
        let known = self.open.borrow().as_ref().map(|(_, id)| *id);
        known == fs::metadata(path).ok().as_ref().map(FileId::of)
    }

    /// Returns the packed refs as they are at this moment; `None` if there is no such file.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub(super) fn read(
        &self,
        refs: &RefStore,
        common_dir: &Path,
    ) -> gix::Result<Option<SharedBufferSnapshot>> {
        let path = common_dir.join(PACKED_REFS);
        for _ in 0..MAX_READS {
            // The file is opened before gix reads it: what gix reads is this file or a later one, and the next look tells which.
            if self.is_at(&path) || !self.keep(&path) {
                break;
            }
            // It may be deleted at this moment; what else is wrong with it is said below.
            let _ = refs.force_refresh_packed_buffer();
        }
        refs.cached_packed_buffer()
    }

    /// Keeps the present file open, and returns whether there is one.
    fn keep(&self, path: &Path) -> bool {
        let opened = careful::open_regular_through_links(path).ok();
        let opened = opened.and_then(|file| file.metadata().ok().map(|found| (file, FileId::of(&found))));
        self.open.replace(opened);
        self.open.borrow().is_some()
    }
}
