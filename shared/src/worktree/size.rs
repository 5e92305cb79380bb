//! How much of a disk a folder takes.
//!
//! No size is kept for the next time. A file that grows changes its own times and not those of its folder, so only a look at every file
//! tells whether a kept size is still true, and that look is all that measuring costs.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Instant,
};

/// The size of a folder with everything in it, in bytes. Links are not followed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FolderSize {
    /// The disk space, where a file with several names in the folder counts once.
    pub disk: u64,
    /// The lengths of all files, which is more where files have holes, and less where they are small.
    pub apparent: u64,
    /// The part of the disk space that files have which are also elsewhere, by another name: removing the folder does not free it.
    pub shared: u64,
    /// Whether the time was too short, so that there is more.
    pub is_partial: bool,
}

/// Measures a folder until a deadline.
pub fn measure(folder: &Path, deadline: Instant) -> FolderSize {
    let mut size = FolderSize::default();
    if !fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) {
        return size;
    }
    // Files with several names, and how many of the names were not seen.
    let mut linked: HashSet<(u64, u64)> = HashSet::new();
    let mut outside: HashMap<(u64, u64), (u64, u64)> = HashMap::new();
    let mut pending: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        if Instant::now() > deadline {
            size.is_partial = true;
            break;
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            let disk = found.blocks() * 512;
            if found.is_dir() {
                size.disk += disk;
                pending.push(entry.path());
                continue;
            }
            size.apparent += found.len();
            let file = (found.dev(), found.ino());
            if found.nlink() > 1 {
                let left = outside.entry(file).or_insert((found.nlink(), disk));
                left.0 = left.0.saturating_sub(1);
                if !linked.insert(file) {
                    continue;
                }
            }
            size.disk += disk;
        }
    }
    size.shared = outside.values().filter(|(left, _)| *left > 0).map(|(_, disk)| disk).sum();
    size
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_with_several_names_counts_once() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let deadline = Instant::now() + Duration::from_secs(60);
        fs::create_dir(one.path().join("a")).unwrap();
        let empty = measure(one.path(), deadline);
        fs::write(one.path().join("a/file"), vec![b'x'; 100_000]).unwrap();
        let single = measure(one.path(), deadline);
        assert_eq!((single.apparent, single.shared, single.is_partial), (100_000, 0, false));
        assert!(single.disk >= empty.disk + 100_000, "{single:?}");
        fs::hard_link(one.path().join("a/file"), one.path().join("b")).unwrap();
        let linked = measure(one.path(), deadline);
        assert_eq!((linked.disk, linked.shared, linked.apparent), (single.disk, 0, 200_000));
        if fs::hard_link(one.path().join("b"), other.path().join("c")).is_ok() {
            assert_eq!(measure(one.path(), deadline).shared, single.disk - empty.disk);
        }
        assert!(measure(one.path(), Instant::now().checked_sub(Duration::from_secs(1)).unwrap()).is_partial);
        assert_eq!(measure(&one.path().join("missing"), deadline), FolderSize::default());
    }
}
