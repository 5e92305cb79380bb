//! The approximate size of a branch's changes, computed cheaply: to rank small ones first, not to report them.

use std::collections::HashMap;

use super::changes::BranchChanges;
use crate::git::{Oid, Repo};

/// Maximum size of a file whose lines are counted, in bytes. For a larger one, the difference in size is counted instead.
const MAX_COUNTED_BYTES: u64 = 1 << 20;

/// The numbers of changed files and lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ChangeSize {
    /// Files added, deleted or changed; a renamed one counts twice.
    pub files: u64,
    /// Lines that only one side has; moved ones do not count.
    pub lines: u64,
}

impl ChangeSize {
    pub(super) fn of(repo: &Repo, changes: &BranchChanges) -> Self {
        let pairs = changes.contents();
        let lines = pairs.iter().map(|(old, new)| lines(repo, *old, *new)).fold(0, u64::saturating_add);
        Self { files: pairs.len() as u64, lines }
    }
}

fn lines(repo: &Repo, old: Option<Oid>, new: Option<Oid>) -> u64 {
    if old == new {
        return 0;
    }
    let size = |id: Option<Oid>| {
        id.and_then(|id| repo.gix.find_header(id.gix()).ok()).map_or(0, |found| found.size())
    };
    let (old_size, new_size) = (size(old), size(new));
    if old_size.max(new_size) > MAX_COUNTED_BYTES {
        return old_size.abs_diff(new_size) / 64 + 1;
    }
    let content = |id: Option<Oid>| {
        id.and_then(|id| repo.gix.find_blob(id.gix()).ok()).map(|blob| blob.detach().data).unwrap_or_default()
    };
    count_differing_lines(&content(old), &content(new))
}

/// Counts the lines that only one of two texts has, wherever they are.
fn count_differing_lines(old: &[u8], new: &[u8]) -> u64 {
    let (old, new) = without_common_ends(old, new);
    let mut counts: HashMap<&[u8], i64> = HashMap::new();
    for (text, step) in [(old, -1), (new, 1)] {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            *counts.entry(line).or_default() += step;
        }
    }
    counts.values().map(|count| count.unsigned_abs()).sum()
}

/// Removes the common beginning and end: most of two versions of a file is the same.
fn without_common_ends<'a>(old: &'a [u8], new: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let head = old[..same].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (old, new) = (&old[head..], &new[head..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = &old[old.len() - same..];
    let tail = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| tail.len() - at - 1);
    (&old[..old.len() - tail], &new[..new.len() - tail])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_wherever_they_are() {
        for (old, new, lines) in [
            ("", "", 0),
            ("", "a\nb\n", 2),
            ("a\nb\nc\n", "a\nB\nc\n", 2),
            ("a\nb\nc\n", "a\nc\n", 1),
            ("a\nb\n", "b\na\n", 0),
            ("a\na\na\n", "a\na\n", 1),
            ("xa\n", "ya\n", 2),
            ("a", "a\n", 2),
            ("a\nb", "a\nbb", 2),
        ] {
            assert_eq!(count_differing_lines(old.as_bytes(), new.as_bytes()), lines, "{old:?} {new:?}");
            assert_eq!(count_differing_lines(new.as_bytes(), old.as_bytes()), lines, "{new:?} {old:?}");
        }
    }
}
