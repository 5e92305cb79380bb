//! The approximate size of a branch's changes, computed cheaply: to rank small ones first, not to report them.

use std::collections::HashMap;

use crate::git::{Oid, Repo};

/// Maximum size of a file whose lines are counted, in bytes. For a larger one, the difference in size is counted instead.
const MAX_COUNTED_BYTES: u64 = 1 << 20;
/// Maximum size of the files that one thread has in memory together, in bytes.
const MAX_GROUP_BYTES: u64 = 16 << 20;

/// A file before and after.
pub(super) type FilePair = (Option<Oid>, Option<Oid>);
/// A changed file, with the index of the change that it belongs to.
pub(super) type ChangedFile = (usize, FilePair);

/// The numbers of changed files and lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ChangeSize {
    /// Files added, deleted or changed; a renamed one counts twice.
    pub files: u64,
    /// Lines that only one side has; moved ones do not count.
    pub lines: u64,
}

/// Divides the changed files of all changes into parts of about the same size, each for one thread. Files of one change stay together: what
/// was written together is often stored as differences to each other.
pub(super) fn parts(changes: Vec<Vec<FilePair>>, count: usize) -> Vec<Vec<ChangedFile>> {
    let files = changes.into_iter().enumerate();
    let all: Vec<ChangedFile> = files
        .flat_map(|(change, files)| files.into_iter().map(move |pair| (change, pair)))
        .filter(|(_, (old, new))| old != new)
        .collect();
    all.chunks(all.len().div_ceil(count.max(1)).max(1)).map(<[ChangedFile]>::to_vec).collect()
}

/// Counts the changed lines of each file, and returns them with the index of its change.
///
/// A packed file is a chain of differences to others, and the repository caches the ends of the chains that it followed. So the files are
/// read in groups, those with short chains first: then most chains end at a file of the group.
pub(super) fn count_lines(repo: &Repo, files: &[ChangedFile]) -> Vec<(usize, u64)> {
    let mut counts = Vec::with_capacity(files.len());
    let mut group = Group::default();
    for file in files {
        group.add(repo, *file);
        if group.bytes > MAX_GROUP_BYTES {
            counts.extend(std::mem::take(&mut group).count(repo));
        }
    }
    counts.extend(group.count(repo));
    counts
}

/// Files that are read together.
#[derive(Default)]
struct Group {
    changed: Vec<ChangedFile>,
    files: HashMap<Oid, Stored>,
    bytes: u64,
}

/// How a file is stored.
#[derive(Clone, Copy, Default)]
struct Stored {
    bytes: u64,
    /// The length of its chain of differences.
    chain: u32,
}

impl Group {
    fn add(&mut self, repo: &Repo, changed: ChangedFile) {
        let (_, (old, new)) = changed;
        for id in [old, new].into_iter().flatten() {
            self.files.entry(id).or_insert_with(|| {
                let stored = repo.gix.find_header(id.gix()).map_or_else(
                    |_| Stored::default(),
                    |found| Stored { bytes: found.size(), chain: found.num_deltas().unwrap_or(0) },
                );
                self.bytes += stored.bytes.min(MAX_COUNTED_BYTES);
                stored
            });
        }
        self.changed.push(changed);
    }

    fn count(self, repo: &Repo) -> Vec<(usize, u64)> {
        let stored = |id: Option<Oid>| id.and_then(|id| self.files.get(&id)).copied().unwrap_or_default();
        let is_large = |(old, new): FilePair| stored(old).bytes.max(stored(new).bytes) > MAX_COUNTED_BYTES;
        let small = self.changed.iter().map(|(_, pair)| *pair).filter(|pair| !is_large(*pair));
        let mut wanted: Vec<Oid> = small.flat_map(|(old, new)| [old, new]).flatten().collect();
        wanted.sort_unstable_by_key(|id| (stored(Some(*id)).chain, *id.as_bytes()));
        wanted.dedup();
        let read = |id: Oid| repo.gix.find_blob(id.gix()).map(|blob| blob.detach().data).unwrap_or_default();
        let texts: HashMap<Oid, Vec<u8>> = wanted.into_iter().map(|id| (id, read(id))).collect();
        let text = |id: Option<Oid>| id.and_then(|id| texts.get(&id)).map_or(&[][..], Vec::as_slice);
        let lines = |(old, new): FilePair| {
            if is_large((old, new)) {
                stored(old).bytes.abs_diff(stored(new).bytes) / 64 + 1
            } else {
                count_differing_lines(text(old), text(new))
            }
        };
        self.changed.iter().map(|(change, pair)| (*change, lines(*pair))).collect()
    }
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
    fn files_are_divided_into_parts_of_about_the_same_size() {
        let id = |number: u8| Some(Oid::from_bytes([number; 20]));
        let changes = vec![vec![(id(1), id(2)), (id(3), id(3)), (None, id(4))], vec![], vec![(id(1), None)]];
        let all = [(0, (id(1), id(2))), (0, (None, id(4))), (2, (id(1), None))];
        assert_eq!(parts(changes.clone(), 1), [all.to_vec()]);
        assert_eq!(parts(changes.clone(), 2), [all[..2].to_vec(), all[2..].to_vec()]);
        assert_eq!(parts(changes, 9).len(), 3);
        assert!(parts(vec![vec![]], 2).is_empty());
    }

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
