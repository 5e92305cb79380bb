//! Small looks at files: a note, a beginning, a time.

use std::{fs, io::Read, os::unix::fs::MetadataExt, path::Path};

use super::open::open;

/// Nanoseconds since 1970.
pub(crate) fn written(there: &fs::Metadata) -> i64 {
    there.mtime().saturating_mul(1_000_000_000).saturating_add(there.mtime_nsec())
}

/// A small file, or nothing.
pub(crate) fn note(path: &Path, longest: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path).ok()?.take(longest + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= longest).then_some(bytes)
}

/// The first bytes of a file, at most so many.
pub(crate) fn beginning(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = open(path) {
        // What was read before an error is a beginning too.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}
