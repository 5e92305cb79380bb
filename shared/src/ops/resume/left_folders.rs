//! Keeps what a program left for itself out of the commits of the program that takes over.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

/// How many entries of a worktree are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Makes git ignore the folders in a worktree that these lines of an exclude file name, also when the next program itself adds everything:
/// each gets a file that ignores all beside it. Lines that name files are not for this. A folder that cannot be written stays as it is.
pub(super) fn hide(worktree: &Path, lines: &[String]) {
    let Ok(entries) = fs::read_dir(worktree) else { return };
    for entry in entries.take(MOST_ENTRIES).flatten() {
        let name = entry.file_name();
        let is_left = name.to_str().is_some_and(|name| lines.iter().any(|line| names_folder(line, name)));
        // The agent may have made a link of that name.
        if is_left && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let ignore =
                OpenOptions::new().write(true).create_new(true).open(entry.path().join(".gitignore"));
            let _ = ignore.and_then(|mut file| file.write_all(b"*\n"));
        }
    }
}

/// Returns whether a line such as `/.cache.v*/` names a folder at the top of the worktree.
fn names_folder(line: &str, name: &str) -> bool {
    let Some(pattern) = line.strip_prefix('/').and_then(|line| line.strip_suffix('/')) else { return false };
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_folders_at_the_top() {
        for (line, name, named) in [
            ("/.cache/", ".cache", true),
            ("/.cache.v*/", ".cache.v4", true),
            ("/.cache.v*/", ".cache", false),
            ("/.history", ".history", false),
            ("/.cache/", "src", false),
        ] {
            assert_eq!(names_folder(line, name), named, "{line} {name}");
        }
    }

    #[test]
    fn only_folders_that_are_named_get_a_file_and_no_file_is_replaced() {
        let worktree = tempfile::tempdir().unwrap();
        let at = |path: &str| worktree.path().join(path);
        for folder in [".cache.v3", ".cache.v4", "src"] {
            fs::create_dir(at(folder)).unwrap();
        }
        std::os::unix::fs::symlink(at("src"), at(".cache.v5")).unwrap();
        fs::write(at(".cache.v3/.gitignore"), "own\n").unwrap();
        hide(worktree.path(), &["/.cache.v*/".to_owned()]);
        assert_eq!(fs::read_to_string(at(".cache.v4/.gitignore")).unwrap(), "*\n");
        assert_eq!(fs::read_to_string(at(".cache.v3/.gitignore")).unwrap(), "own\n");
        assert!(!at("src/.gitignore").exists());
    }
}
