//! Conflicts that somebody was asked to resolve and did not: a merge of ours with marks in its files, and nothing after it that
//! took them out. Such work does not land.

use crate::{
    Result,
    git::{Oid, Repo, command},
    model::text,
};

/// How a conflict begins and ends in a file.
const MARKS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];
/// How the subject of such a merge begins and ends.
const SUBJECT: (&str, &str) = ("Merge ", ", with conflicts to settle");
/// Commits of a branch that are looked at, the newest first.
const MOST: usize = 1000;

/// The message of a merge whose conflicts are marked in its files, for whoever resolves them.
pub(super) fn message(into: &str) -> String {
    format!("{}{}{}\n", SUBJECT.0, text::one_line(into, 100), SUBJECT.1)
}

/// Lines that begin or end a conflict.
pub(super) fn marks(content: &[u8]) -> usize {
    let is_mark = |line: &&[u8]| MARKS.iter().any(|mark| line.starts_with(mark.as_bytes()));
    content.split(|byte| *byte == b'\n').filter(is_mark).count()
}

/// The files of `tip` in which marks of ours are left, of all that `target` has not.
///
/// # Errors
/// The history cannot be read.
pub(super) fn files(repo: &Repo, target: Oid, tip: Oid) -> Result<Vec<String>> {
    for id in repo.commits_since(target, tip, MOST)? {
        let commit = repo.read_commit(id)?;
        let subject = commit.message.lines().next().unwrap_or_default();
        if !(subject.starts_with(SUBJECT.0) && subject.ends_with(SUBJECT.1)) {
            continue;
        }
        let [before, _] = commit.parents.as_slice() else { continue };
        let mut unresolved = Vec::new();
        for file in changed(repo, *before, id)? {
            let at =
                |commit| Ok::<_, crate::Error>(marks(&repo.read_blob_of(commit, &file)?.unwrap_or_default()));
            if at(id)? > at(*before)? && at(tip)? > at(*before)? {
                unresolved.push(file);
            }
        }
        if !unresolved.is_empty() {
            return Ok(unresolved);
        }
    }
    Ok(Vec::new())
}

fn changed(repo: &Repo, before: Oid, after: Oid) -> Result<Vec<String>> {
    let said = repo
        .git_in(&repo.common_dir()?, "diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &before.to_string(), &after.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    let names = String::from_utf8_lossy(&said).into_owned();
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_lines_that_begin_with_one() {
        assert_eq!(marks(b"a\n<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> side\n"), 2);
        assert_eq!(marks(b" <<<<<<< quoted\n=======\n<<<<<<<\n"), 0);
        let message = message("main");
        assert!(message.starts_with(SUBJECT.0) && message.trim_end().ends_with(SUBJECT.1));
    }
}
