//! A folder as it is, to the byte, the mode and the nanosecond: what must come back must be equal.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// One file or folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Kind and permissions.
    pub mode: u32,
    /// When it was changed; of links nothing.
    pub changed: (i64, i64),
    /// The bytes of a file, the target of a link.
    pub bytes: Vec<u8>,
}

/// Everything in a folder, itself included, by its path in it.
pub fn picture(folder: &Path) -> BTreeMap<PathBuf, Seen> {
    let (mut all, mut open) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(path) = open.pop() {
        let full = folder.join(&path);
        let found = fs::symlink_metadata(&full).expect("it is there");
        let mut seen =
            Seen { mode: found.mode(), changed: (found.mtime(), found.mtime_nsec()), bytes: Vec::new() };
        if found.is_dir() {
            open.extend(
                fs::read_dir(&full).expect("a folder").flatten().map(|entry| path.join(entry.file_name())),
            );
        } else if found.is_symlink() {
            seen.bytes = fs::read_link(&full).expect("a link").as_os_str().as_bytes().to_vec();
            seen.changed = (0, 0);
        } else {
            seen.bytes = fs::read(&full).expect("a file");
        }
        all.insert(path, seen);
    }
    all
}
