//! Merging and comparing texts, by git.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext as _,
    git::{Git, Repo},
};

/// The lines with which git begins and ends a conflict.
const MARKS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];

/// The result of a merge.
#[derive(Debug)]
pub(super) struct MergedText {
    /// The merged text; with conflicts, both sides are in it, between marks.
    pub(super) text: String,
    /// Whether there are conflicts.
    pub(super) conflicts: bool,
}

/// Merges two texts that were made from `base`.
pub(super) fn merge(
    repo: &Repo,
    base: &str,
    (ours, our_name): (&str, &str),
    (theirs, their_name): (&str, &str),
) -> Result<MergedText> {
    let folder = folder()?;
    for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        write(folder.path(), name, text)?;
    }
    let git = Git::new(repo.environment(), folder.path(), "merge-file")
        .args(["-p", "-L", our_name, "-L", "base", "-L", their_name, "ours", "base", "theirs"]);
    let output = git.output()?;
    match output.status.code() {
        Some(conflicts @ 0..=127) => Ok(MergedText {
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
            conflicts: conflicts > 0,
        }),
        _ => Err(Error::new(Code::GitFailed, "git cannot merge the texts").because(output.stderr)),
    }
}

/// Returns the lines that differ, as a diff without its header; an empty text if none does.
pub(super) fn diff(repo: &Repo, old: &str, new: &str) -> Result<String> {
    if old == new {
        return Ok(String::new());
    }
    let folder = folder()?;
    write(folder.path(), "old", old)?;
    write(folder.path(), "new", new)?;
    let git = Git::new(repo.environment(), folder.path(), "diff").args([
        "--no-index",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--text",
        "old",
        "new",
    ]);
    let output = git.output()?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(Error::new(Code::GitFailed, "git cannot compare the texts").because(output.stderr));
    }
    let whole = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = whole.split_inclusive('\n').skip_while(|line| !line.starts_with("@@"));
    Ok(lines.collect())
}

/// Returns whether marks of a conflict are left in a text.
pub(super) fn has_marks(text: &str) -> bool {
    MARKS.iter().all(|mark| text.lines().any(|line| line.starts_with(mark)))
}

fn folder() -> Result<TempDir> {
    tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".to_owned())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    fs::write(folder.join(name), text).context(Kind::External, || "cannot write a temporary file".to_owned())
}
