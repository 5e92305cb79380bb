//! Finds conflicts that an agent was asked to resolve and did not: a merge that a landing committed with conflict markers in its
//! files, and no later commit that removed them. Such work is not landed.

use crate::{
    Result,
    git::{Oid, Repo, command},
    model::text,
};

/// The beginnings of the lines that open and close a conflict in a file.
const MARKERS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];
/// The beginning and end of the subject of such a merge. Stored merges are recognized by it, so it must not change.
const SUBJECT: (&str, &str) = ("Merge ", ", with conflicts to settle");
/// The maximum number of commits of a branch that are searched, newest first.
const MAX_COMMITS: usize = 1000;

/// Returns the message of a merge that is committed with conflict markers in its files.
pub(super) fn message(into: &str) -> String {
    format!("{}{}{}\n", SUBJECT.0, text::one_line(into, 100), SUBJECT.1)
}

/// Counts the lines that open or close a conflict.
pub(super) fn count_markers(content: &[u8]) -> usize {
    let is_mark = |line: &&[u8]| MARKERS.iter().any(|mark| line.starts_with(mark.as_bytes()));
    content.split(|byte| *byte == b'\n').filter(is_mark).count()
}

/// Returns the files of `tip` in which conflict markers of such a merge are left. Commits that `target` contains are not searched.
///
/// # Errors
/// The history cannot be read.
pub(super) fn files(repo: &Repo, target: Oid, tip: Oid) -> Result<Vec<String>> {
    for id in repo.commits_since(target, tip, MAX_COMMITS)? {
        let commit = repo.read_commit(id)?;
        let subject = commit.message.lines().next().unwrap_or_default();
        if !(subject.starts_with(SUBJECT.0) && subject.ends_with(SUBJECT.1)) {
            continue;
        }
        let [before, _] = commit.parents.as_slice() else { continue };
        let mut unresolved = Vec::new();
        for file in changed_files(repo, *before, id)? {
            let at = |commit| {
                Ok::<_, crate::Error>(count_markers(&repo.read_blob_of(commit, &file)?.unwrap_or_default()))
            };
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

fn changed_files(repo: &Repo, before: Oid, after: Oid) -> Result<Vec<String>> {
    let output = repo
        .git_in(&repo.common_dir()?, "diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &before.to_string(), &after.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    let names = String::from_utf8_lossy(&output).into_owned();
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_count_only_at_line_starts() {
        assert_eq!(count_markers(b"a\n<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> side\n"), 2);
        assert_eq!(count_markers(b" <<<<<<< quoted\n=======\n<<<<<<<\n"), 0);
        let message = message("main");
        assert!(message.starts_with(SUBJECT.0) && message.trim_end().ends_with(SUBJECT.1));
    }
}
