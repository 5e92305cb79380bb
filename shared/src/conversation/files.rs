//! Small helpers for files: modification times, whole small files, and beginnings of files.

use std::{fs, io::Read, os::unix::fs::MetadataExt, path::Path};

use super::open::open;

/// Returns the modification time in nanoseconds since 1970.
pub(crate) fn modified_nanos(there: &fs::Metadata) -> i64 {
    there.mtime().saturating_mul(1_000_000_000).saturating_add(there.mtime_nsec())
}

/// Reads a file of at most `longest` bytes; returns `None` if it is longer or cannot be read.
pub(crate) fn read_small_file(path: &Path, longest: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path).ok()?.take(longest + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= longest).then_some(bytes)
}

/// Reads at most `most` bytes from the beginning of a file; returns nothing if it cannot be opened.
pub(crate) fn read_beginning(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = open(path) {
        // What was read before an error is still a beginning.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}
