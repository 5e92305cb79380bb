//! Whether anything changed in a worktree recently: an agent without output may still be working.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

/// Maximum time for the search.
const TIME_LIMIT: Duration = Duration::from_secs(2);
const MAX_ENTRIES: usize = 500_000;

/// Returns whether a file or folder changed within the last `span`, ignored ones included. If the search is too long, the answer
/// is `true`.
pub fn changed_within(folder: &Path, span: Duration) -> bool {
    let started = Instant::now();
    if fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink()) {
        return false;
    }
    let mut open: Vec<PathBuf> = vec![folder.to_owned()];
    let mut seen = 0;
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > MAX_ENTRIES || started.elapsed() > TIME_LIMIT {
                return true;
            }
            let Ok(found) = entry.metadata() else { continue };
            if found.modified().is_ok_and(|at| is_recent(at, span)) {
                return true;
            }
            if found.is_dir() && entry.file_name() != ".git" {
                open.push(entry.path());
            }
        }
    }
    false
}

/// Returns whether a time is within the last `span`. A time in the future is, because clocks differ.
pub fn is_recent(at: SystemTime, span: Duration) -> bool {
    at.elapsed().map_or(true, |age| age < span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recent_nested_change_is_found_and_an_old_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let file = deep.join("c");
        fs::write(&file, "").unwrap();
        let hour = Duration::from_secs(3600);
        let old = fs::metadata(&file).unwrap().modified().unwrap() - hour;
        for path in [&deep, &folder.path().join("a")] {
            fs::File::open(path).unwrap().set_modified(old).unwrap();
        }
        assert!(changed_within(folder.path(), Duration::from_secs(600)));
        fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        assert!(!changed_within(folder.path(), Duration::from_secs(600)));
        assert!(changed_within(folder.path(), hour * 2));
    }
}
