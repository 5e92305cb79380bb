//! Reverts a move that was only partly done.
//!
//! This is decided for each file by its content alone: a file is reverted if the index still has the version of the old commit, and
//! the checkout has the version of the new commit, or a beginning of it, or no such file. Only the move can have left it so.
//! Everything else is the user's and stays. So nothing is lost that is not in one of the two commits.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    links,
    locks::Locks,
    record::{MovePlan, MoveRecord},
};
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Git, Repo, careful, checkout::paths},
};

/// The mode of a submodule's entry. Its files are never changed here.
const GITLINK: &str = "160000";

/// The mode and content of a file in a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
struct FileVersion {
    mode: String,
    blob: String,
}

/// A file that differs between the two commits; `None` where a commit does not have it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct ChangedFile {
    path: Vec<u8>,
    old: Option<FileVersion>,
    new: Option<FileVersion>,
}

/// Reverts what a move did, under its locks. Returns the files that were left alone because they match neither the old commit nor
/// what the move may have written.
///
/// # Errors
/// Git fails, or something cannot be written; this can be called again.
pub(super) fn revert(repo: &Repo, record: &MoveRecord, locks: &Locks) -> Result<Vec<String>> {
    let MovePlan { checkout, old, new, .. } = &record.plan;
    let index = checkout.git_dir.join("index");
    if record.plan.is_unmoved(repo)?
        && record.old_index().exists()
        && links::is_same(&index, &record.new_index())
    {
        locks.replace_index(&record.old_index())?;
    }
    if !index.exists() || old == new {
        return Ok(Vec::new());
    }
    record.prepare_git_dir()?;
    let partial = PartialMove { record };
    let changed_files = partial.changed_files()?;
    let (moved_files, user_files) = partial.split_changes(changed_files)?;
    let mut unrestored = user_files;
    unrestored.extend(partial.restore(&moved_files)?);
    unrestored.sort_unstable();
    Ok(unrestored.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect())
}

struct PartialMove<'a> {
    record: &'a MoveRecord,
}

impl PartialMove<'_> {
    fn git(&self, verb: &str) -> Git {
        self.record.git(verb)
    }

    fn file(&self, path: &[u8]) -> PathBuf {
        self.record.plan.checkout.path.join(OsStr::from_bytes(path))
    }

    /// Returns the files that the move changes and that the index has as in the old commit.
    fn changed_files(&self) -> Result<Vec<ChangedFile>> {
        let MovePlan { old, new, .. } = &self.record.plan;
        let output = self
            .git("diff-tree")
            .args([
                "-r",
                "-z",
                "--raw",
                "--no-renames",
                "--no-abbrev",
                &old.to_string(),
                &new.to_string(),
                "--",
            ])
            .run()?;
        let changed: HashSet<Vec<u8>> = self.record.staged()?.into_iter().collect();
        Ok(parse(&output)?
            .into_iter()
            .filter(|changed_files| !changed.contains(&changed_files.path))
            .collect())
    }

    /// Splits the files that differ from the old commit into those that the move changed and those that the user changed.
    fn split_changes(&self, changed_files: Vec<ChangedFile>) -> Result<(Vec<ChangedFile>, Vec<Vec<u8>>)> {
        // Its exit code is ignored: it fails if any file differs.
        self.git("update-index").args(["-q", "--refresh"]).output()?;
        let output = self.git("diff-files").args(["--name-only", "-z"]).run()?;
        let changed: HashSet<Vec<u8>> = paths(&output).into_iter().collect();
        let differs = |one: &ChangedFile| match one.old {
            Some(_) => changed.contains(&one.path),
            None => fs::symlink_metadata(self.file(&one.path)).is_ok(),
        };
        let changed_files: Vec<ChangedFile> = changed_files.into_iter().filter(differs).collect();
        let other = self.other_than_new(&changed_files)?;
        let (mut moved_files, mut user_files) = (Vec::new(), Vec::new());
        for one in changed_files {
            if self.is_left_by_move(&one, &other)? {
                moved_files.push(one);
            } else {
                user_files.push(one.path);
            }
        }
        Ok((moved_files, user_files))
    }

    /// Returns the files that differ from the new commit.
    fn other_than_new(&self, changed_files: &[ChangedFile]) -> Result<HashSet<Vec<u8>>> {
        let index = self.record.compared_index();
        let _ = fs::remove_file(&index);
        let mut lines = Vec::new();
        for one in changed_files {
            if let Some(new) = &one.new {
                lines.extend_from_slice(format!("{} {}\t", new.mode, new.blob).as_bytes());
                lines.extend_from_slice(&one.path);
                lines.push(0);
            }
        }
        if lines.is_empty() {
            return Ok(HashSet::new());
        }
        let git = |verb: &str| self.git(verb).env("GIT_INDEX_FILE", index.as_os_str());
        git("update-index").args(["-z", "--index-info"]).input(lines).run()?;
        git("update-index").args(["-q", "--refresh"]).output()?;
        let output = git("diff-files").args(["--name-only", "-z"]).run()?;
        Ok(paths(&output).into_iter().collect())
    }

    fn is_left_by_move(&self, one: &ChangedFile, other: &HashSet<Vec<u8>>) -> Result<bool> {
        let file = self.file(&one.path);
        let found = fs::symlink_metadata(&file);
        let Some(new) = &one.new else {
            // The new commit has no such file: it is gone, or a folder of the new commit is in its place.
            return Ok(found.map_or(true, |found| found.is_dir()));
        };
        let Ok(found) = found else { return Ok(true) };
        if !other.contains(&one.path) {
            return Ok(true);
        }
        if !found.is_file() {
            return Ok(false);
        }
        let whole =
            self.git("cat-file").arg("--filters").arg(option(b"--path=", &one.path)).arg(&new.blob).run()?;
        let cannot = || format!("cannot read '{}'", file.display());
        let opened = careful::open_regular_through_links(&file).context(Kind::External, cannot)?;
        let there = careful::read_up_to(opened, whole.len() as u64).context(Kind::External, cannot)?;
        Ok(there.is_some_and(|there| whole.starts_with(&there)))
    }

    /// Restores files to the old commit. Returns those that could not be restored because something else is at their path.
    fn restore(&self, moved_files: &[ChangedFile]) -> Result<Vec<Vec<u8>>> {
        for one in moved_files.iter().filter(|one| one.new.is_some()) {
            let file = self.file(&one.path);
            let is_file = fs::symlink_metadata(&file).is_ok_and(|found| !found.is_dir());
            if is_file {
                fs::remove_file(&file)
                    .context(Kind::External, || format!("cannot remove '{}'", file.display()))?;
            }
            self.remove_empty_parents(&file);
        }
        let mut names = Vec::new();
        let wanted: Vec<&ChangedFile> = moved_files.iter().filter(|one| one.old.is_some()).collect();
        for one in &wanted {
            // An empty folder in its place holds nothing; one that holds something stays.
            let _ = fs::remove_dir(self.file(&one.path));
            names.extend_from_slice(&one.path);
            names.push(0);
        }
        if names.is_empty() {
            return Ok(Vec::new());
        }
        // Without `--force`, it overwrites nothing.
        self.git("checkout-index").args(["-q", "-z", "--stdin"]).input(names).output()?;
        for one in &wanted {
            let cannot = || format!("cannot write '{}'", self.file(&one.path).display());
            self.record.restore_file(&one.path).context(Kind::External, cannot)?;
        }
        self.record.restore_modes();
        let missing = |one: &&&ChangedFile| {
            !fs::symlink_metadata(self.file(&one.path)).is_ok_and(|found| !found.is_dir())
        };
        Ok(wanted.iter().filter(missing).map(|one| one.path.clone()).collect())
    }

    fn remove_empty_parents(&self, file: &Path) {
        let root = &self.record.plan.checkout.path;
        let parents =
            file.ancestors().skip(1).take_while(|parent| parent != root && parent.starts_with(root));
        for parent in parents {
            if fs::remove_dir(parent).is_err() {
                return;
            }
        }
    }
}

fn option(name: &[u8], value: &[u8]) -> std::ffi::OsString {
    OsStr::from_bytes(&[name, value].concat()).to_owned()
}

/// Parses the output of `git diff-tree --raw -z`.
fn parse(output: &[u8]) -> Result<Vec<ChangedFile>> {
    let mut words = output.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    let mut all = Vec::new();
    while let Some(change) = words.next() {
        let broken = || Error::new(Code::GitFailed, "cannot parse the output of git diff-tree");
        let path = words.next().ok_or_else(broken)?.to_vec();
        let change =
            std::str::from_utf8(change).ok().and_then(|text| text.strip_prefix(':')).ok_or_else(broken)?;
        let fields: Vec<&str> = change.split(' ').collect();
        let [old_mode, new_mode, old_blob, new_blob, _] = fields[..] else { return Err(broken()) };
        let version = |mode: &str, blob: &str| {
            let is_file = mode != GITLINK && mode.bytes().any(|digit| digit != b'0');
            is_file.then(|| FileVersion { mode: mode.to_owned(), blob: blob.to_owned() })
        };
        let (old, new) = (version(old_mode, old_blob), version(new_mode, new_blob));
        if old.is_some() || new.is_some() {
            all.push(ChangedFile { path, old, new });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_every_kind_are_read() {
        let (a, b, none) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let output = format!(
            ":100644 100755 {a} {b} M\0run.sh\0:000000 120000 {none} {b} A\0a\nb\0:100644 000000 {a} {none} D\0gone\0\
             :160000 160000 {a} {b} M\0sub\0:100644 160000 {a} {b} T\0was\0"
        );
        let found = parse(output.as_bytes()).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|one| {
                let mode = |version: &Option<FileVersion>| {
                    version.as_ref().map_or("-".to_owned(), |v| v.mode.clone())
                };
                format!("{}:{}:{}", String::from_utf8_lossy(&one.path), mode(&one.old), mode(&one.new))
            })
            .collect();
        assert_eq!(shown, ["run.sh:100644:100755", "a\nb:-:120000", "gone:100644:-", "was:100644:-"]);
        assert!(
            parse(b":nonsense\0x\0").is_err() && parse(b":100644").is_err() && parse(b"").unwrap().is_empty()
        );
    }
}
