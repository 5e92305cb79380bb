//! Parses why `git checkout` refused to update files.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use crate::model::{quote, text};

/// The maximum number of files that a message names; more are counted.
const MAX_NAMED: usize = 3;

/// The files because of which git changed nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct CheckoutRefusal {
    /// Files with changes that are not committed.
    pub(super) changed: Vec<String>,
    /// Files, or folders with files, that git does not track.
    pub(super) untracked: Vec<String>,
}

impl CheckoutRefusal {
    /// Parses the errors of `git checkout`. Returns `None` for any other error, after which some files may have been changed.
    pub(super) fn read(said: &str) -> Option<Self> {
        let mut refusal = Self::default();
        let mut list: Option<&mut Vec<String>> = None;
        for line in said.lines() {
            if let Some(name) = line.strip_prefix('\t') {
                if let Some(list) = &mut list {
                    list.push(name.to_owned());
                }
                continue;
            }
            if !line.starts_with("error: ") {
                continue;
            }
            list = if line.contains("untracked") {
                Some(&mut refusal.untracked)
            } else if line.contains("local changes") {
                Some(&mut refusal.changed)
            } else {
                return None;
            };
        }
        (refusal != Self::default()).then_some(refusal)
    }
}

/// Lists file names, such as `a.rs, b.rs and 3 more`.
pub(super) fn name_files<T: AsRef<str>>(files: &[T]) -> String {
    let names: Vec<String> =
        files.iter().take(MAX_NAMED).map(|file| text::one_line(file.as_ref(), 80)).collect();
    match files.len().saturating_sub(MAX_NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Returns what to do about changed files in a checkout. `listed` is the output of `git ls-files -v -z` for them: of files with the
/// flags "assume unchanged" (a small letter) or "skip worktree" (`S`), git commits nothing. `back` says that the branch moves back: with a
/// commit on top it could not.
pub(super) fn way_out(folder: &Path, listed: &[u8], back: bool) -> String {
    let hidden = |flag: char| {
        let entries = listed.split(|byte| *byte == 0).filter_map(|entry| entry.split_at_checked(2));
        let wanted = entries.filter(move |(tag, _)| match char::from(tag[0]) {
            'S' | 's' => flag == 'S',
            other => flag == 'h' && other.is_ascii_lowercase(),
        });
        wanted.map(|(_, name)| OsStr::from_bytes(name)).take(MAX_NAMED).collect::<Vec<_>>()
    };
    for (flag, option, meaning) in
        [('h', "--no-assume-unchanged", "assumed to be unchanged"), ('S', "--no-skip-worktree", "skipped")]
    {
        let files = hidden(flag);
        if !files.is_empty() {
            let mut words: Vec<&dyn AsRef<OsStr>> =
                vec![&"git", &"-C", &folder, &"update-index", &option, &"--"];
            words.extend(files.iter().map(|file| file as &dyn AsRef<OsStr>));
            return format!(
                "git does not see these changes, since files are {meaning}; show them: {}",
                quote::command(&words)
            );
        }
    }
    if back {
        return format!("set them aside: {}", quote::command(&[&"git", &"-C", &folder, &"stash"]));
    }
    format!("commit them: {}", quote::command(&[&"git", &"-C", &folder, &"commit", &"--all"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_that_git_does_not_see_are_not_to_be_committed() {
        for (listed, command) in [
            ("H file\0", "git -C /home/kim/app commit --all"),
            ("", "git -C /home/kim/app commit --all"),
            ("H other\0h a b\0", "git -C /home/kim/app update-index --no-assume-unchanged -- 'a b'"),
            ("S file\0", "git -C /home/kim/app update-index --no-skip-worktree -- file"),
        ] {
            let said = way_out(Path::new("/home/kim/app"), listed.as_bytes(), false);
            assert!(said.ends_with(command), "{said}");
        }
        let back = way_out(Path::new("/home/kim/app"), b"H file\0", true);
        assert_eq!(back, "set them aside: git -C /home/kim/app stash");
    }

    #[test]
    fn every_kind_of_refusal_is_read() {
        let read = |said: &str| {
            let found = CheckoutRefusal::read(said)?;
            Some((found.changed.join(" "), found.untracked.join(" ")))
        };
        let some = |changed: &str, untracked: &str| Some((changed.to_owned(), untracked.to_owned()));
        for (said, found) in [
            (
                "error: The following untracked working tree files would be overwritten by checkout:\n\t.env\n\ta b\n\
                 Please move or remove them before you switch branches.\nAborting\n",
                some("", ".env a b"),
            ),
            (
                "error: Your local changes to the following files would be overwritten by checkout:\n\tf\n\
                 Please commit your changes or stash them before you switch branches.\n\
                 error: Updating the following directories would lose untracked files in them:\n\tbuild\n\nAborting\n",
                some("f", "build"),
            ),
            (
                "error: The following untracked working tree files would be removed by checkout:\n\tx\n",
                some("", "x"),
            ),
            ("error: unable to create file x: No space left on device\n", None),
            ("error: unable to write file x\nerror: Your local changes to x\n\tx\n", None),
            ("fatal: cannot lock\n", None),
            ("", None),
        ] {
            assert_eq!(read(said), found, "{said}");
        }
    }

    #[test]
    fn files_are_named_and_counted() {
        assert_eq!(name_files(&["a", "b"]), "a, b");
        assert_eq!(name_files(&["a", "b", "c\u{1b}", "d", "e"]), "a, b, c\\e and 2 more");
    }
}
