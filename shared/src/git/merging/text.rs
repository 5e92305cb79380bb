//! Whether git can merge three versions of a text: histogram diffs, with each change slid to where git puts it, and a search for
//! changes of the two sides that overlap or touch. The merged text itself is not produced.

mod histogram;
mod slide;

use std::{collections::HashMap, ops::Range};

/// A change of a text: these lines of the base became those.
#[derive(Clone, Debug, Eq, PartialEq)]
struct LineChange {
    old: Range<usize>,
    new: Range<usize>,
}

/// One side of a merge, and how it differs from the base.
#[derive(Debug)]
pub(super) struct MergeSide {
    text: Vec<u8>,
    /// The offset of each line, and the end of the text.
    starts: Vec<usize>,
    changes: Vec<LineChange>,
    /// The number of lines of the base.
    base: usize,
}

impl MergeSide {
    /// Compares a text with its base. `None` if git would fall back to another algorithm, or it takes too many steps.
    pub(super) fn of(base: &[u8], text: Vec<u8>) -> Option<Self> {
        let mut numbers = HashMap::new();
        let old = number_lines(base, &mut numbers);
        let new = number_lines(&text, &mut numbers);
        let (mut removed, mut added) = histogram::compare(&old, &new, numbers.len())?;
        slide::slide(&old, &mut removed, &added);
        slide::slide(&new, &mut added, &removed);
        let changes = changes(&removed, &added);
        let mut starts = vec![0];
        for line in lines(&text) {
            starts.push(starts.last().copied().unwrap_or(0) + line.len());
        }
        Some(Self { text, starts, changes, base: old.len() })
    }

    /// Returns the approximate memory size in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.text.len() + 8 * self.starts.len() + 32 * self.changes.len()
    }

    fn lines(&self, range: &Range<usize>) -> &[u8] {
        let at = |line: usize| self.starts.get(line).copied().unwrap_or(self.text.len());
        &self.text[at(range.start)..at(range.end)]
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// Numbers the lines of a text; equal lines get equal numbers.
fn number_lines<'a>(text: &'a [u8], numbers: &mut HashMap<&'a [u8], u32>) -> Vec<u32> {
    lines(text)
        .map(|line| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(line).or_insert(next)
        })
        .collect()
}

fn changes(removed: &[bool], added: &[bool]) -> Vec<LineChange> {
    let run = |marks: &[bool], from: usize| {
        let length = marks[from..].iter().take_while(|mark| **mark).count();
        from..from + length
    };
    let (mut found, mut at, mut to) = (Vec::new(), 0, 0);
    while at < removed.len() || to < added.len() {
        let (old, new) = (run(removed, at), run(added, to));
        (at, to) = (old.end + 1, new.end + 1);
        if !old.is_empty() || !new.is_empty() {
            found.push(LineChange { old, new });
        }
    }
    found
}

/// A range of lines of both sides that correspond.
#[derive(Debug)]
struct Region {
    /// Which side changed it; `None`: both did, and differently.
    by: Option<SideName>,
    ours: Range<usize>,
    theirs: Range<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SideName {
    Ours,
    Theirs,
}

/// Counts the conflicts between two sides with the same base.
pub(super) fn conflicts(ours: &MergeSide, theirs: &MergeSide) -> u32 {
    if ours.changes.is_empty() || theirs.changes.is_empty() {
        return 0;
    }
    let conflicting = |region: &&Region| {
        let (here, there) = (&region.ours, &region.theirs);
        let alike = !here.is_empty() && !there.is_empty() && ours.lines(here) == theirs.lines(there);
        region.by.is_none() && !alike
    };
    u32::try_from(regions(ours, theirs).iter().filter(conflicting).count()).unwrap_or(u32::MAX)
}

fn regions(ours: &MergeSide, theirs: &MergeSide) -> Vec<Region> {
    let (mut mine, mut other) = (ours.changes.as_slice(), theirs.changes.as_slice());
    let mut found = Vec::new();
    while let ([one, more_of_mine @ ..], [two, more_of_other @ ..]) = (mine, other) {
        if one.old.end < two.old.start {
            let there = up_to(two.new.start + one.old.end - two.old.start, &one.old);
            add(&mut found, Some(SideName::Ours), one.new.clone(), there);
            mine = more_of_mine;
            continue;
        }
        if two.old.end < one.old.start {
            let here = up_to(one.new.start + two.old.end - one.old.start, &two.old);
            add(&mut found, Some(SideName::Theirs), here, two.new.clone());
            other = more_of_other;
            continue;
        }
        if one.old != two.old || ours.lines(&one.new) != theirs.lines(&two.new) {
            // Each side from the first to the last line that either of the two changes affects.
            let start = one.old.start.min(two.old.start);
            let end = one.old.end.max(two.old.end);
            // If some lines already belong to the last region, only the end matters.
            let stretch = |change: &LineChange| {
                let before = change.old.start - start;
                change.new.start.saturating_sub(before)..change.new.end + (end - change.old.end)
            };
            add(&mut found, None, stretch(one), stretch(two));
        }
        let (here, there) = (one.old.end, two.old.end);
        if here >= there {
            other = more_of_other;
        }
        if there >= here {
            mine = more_of_mine;
        }
    }
    for one in mine {
        let there = up_to(one.old.end + theirs.count() - theirs.base, &one.old);
        add(&mut found, Some(SideName::Ours), one.new.clone(), there);
    }
    for two in other {
        let here = up_to(two.old.end + ours.count() - ours.base, &two.old);
        add(&mut found, Some(SideName::Theirs), here, two.new.clone());
    }
    found
}

/// Returns the unchanged lines of a side that end at `end` and correspond to `old` of the base. If some of them already belong to
/// a conflict, only the end matters.
fn up_to(end: usize, old: &Range<usize>) -> Range<usize> {
    end.saturating_sub(old.len())..end
}

/// Adds a region, and merges it into the last one if they touch on either side.
fn add(found: &mut Vec<Region>, by: Option<SideName>, ours: Range<usize>, theirs: Range<usize>) {
    match found.last_mut() {
        Some(last) if ours.start <= last.ours.end || theirs.start <= last.theirs.end => {
            if last.by != by {
                last.by = None;
            }
            (last.ours.end, last.theirs.end) = (ours.end, theirs.end);
        }
        _ => found.push(Region { by, ours, theirs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(base: &str, ours: &str, theirs: &str) -> u32 {
        let side =
            |text: &str| MergeSide::of(base.as_bytes(), text.as_bytes().to_vec()).expect("a comparison");
        conflicts(&side(ours), &side(theirs))
    }

    #[test]
    fn changes_conflict_where_they_overlap_or_touch() {
        for (base, ours, theirs, expected) in [
            ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", 0),
            ("a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n", 1),
            ("a\nb\nc\n", "A\nb\nc\n", "A\nb\nc\n", 0),
            ("a\nb\nc\n", "a\nb\nc\n", "x\n", 0),
            ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", "1\nb\nc\nd\n5\n", 2),
            ("a\n", "a\nb\n", "a\nc\n", 1),
            ("a\n", "a\nb\n", "a\nb\n", 0),
            ("a\nb\nc", "a\nb\nc\nd", "x\nb\nc", 0),
            ("a\nb\nc\nd\n", "a\nd\n", "a\nb\nX\nd\n", 1),
            ("", "a\n", "b\n", 1),
        ] {
            assert_eq!(merge(base, ours, theirs), expected, "{base:?} {ours:?} {theirs:?}");
            assert_eq!(merge(base, theirs, ours), expected, "{base:?} {theirs:?} {ours:?}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_one_line_is_left_to_git() {
        let many = "x\n".repeat(100);
        assert!(MergeSide::of(many.as_bytes(), format!("{many}x\n").into_bytes()).is_none());
    }
}
