//! Records a directory exactly: bytes, modes and times in nanoseconds, to compare it after it was restored.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// One file or directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileState {
    /// Its kind and permissions.
    pub mode: u32,
    /// Its modification time; `None` for links.
    pub changed: (i64, i64),
    /// The bytes of a file, or the target of a link.
    pub bytes: Vec<u8>,
}

/// Records everything in a directory, including the directory itself, by relative path.
pub fn dir_state(folder: &Path) -> BTreeMap<PathBuf, FileState> {
    let (mut all, mut open) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(path) = open.pop() {
        let full = folder.join(&path);
        let found = fs::symlink_metadata(&full).expect("it is there");
        let mut seen =
            FileState { mode: found.mode(), changed: (found.mtime(), found.mtime_nsec()), bytes: Vec::new() };
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
