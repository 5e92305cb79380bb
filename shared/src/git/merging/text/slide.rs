//! Sliding changes that can be described in several ways (of two equal blocks, which one is new?) to where git puts them: as far
//! down as possible, unless they can be aligned with a change of the other text.

use std::ops::Range;

/// Adjacent changed lines of a text, possibly none, between unchanged lines or the ends of the text.
struct Group(Range<usize>);

impl Group {
    fn first(changed: &[bool]) -> Self {
        Self(0..run_end(changed, 0))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Moves to the group after the next unchanged line.
    fn forward(&mut self, changed: &[bool]) -> bool {
        let start = self.0.end + 1;
        if start > changed.len() {
            return false;
        }
        self.0 = start..run_end(changed, start);
        true
    }

    /// Moves to the group before the previous unchanged line.
    fn back(&mut self, changed: &[bool]) {
        let end = self.0.start.saturating_sub(1);
        self.0 = run_start(changed, end)..end;
    }

    /// Slides the group one line up, and joins it with a group that it touches.
    fn slide_up(&mut self, lines: &[u32], changed: &mut [bool]) -> bool {
        let Range { start, end } = self.0;
        if start == 0 || lines[start - 1] != lines[end - 1] {
            return false;
        }
        (changed[start - 1], changed[end - 1]) = (true, false);
        self.0 = run_start(changed, start - 1)..end - 1;
        true
    }

    /// Slides the group one line down, and joins it with a group that it touches.
    fn slide_down(&mut self, lines: &[u32], changed: &mut [bool]) -> bool {
        let Range { start, end } = self.0;
        if end >= lines.len() || lines[start] != lines[end] {
            return false;
        }
        (changed[start], changed[end]) = (false, true);
        self.0 = start + 1..run_end(changed, end + 1);
        true
    }
}

/// Returns the end of the changed lines that begin at a position.
fn run_end(changed: &[bool], from: usize) -> usize {
    from + changed[from..].iter().take_while(|mark| **mark).count()
}

/// Returns the beginning of the changed lines that end at a position.
fn run_start(changed: &[bool], to: usize) -> usize {
    to - changed[..to].iter().rev().take_while(|mark| **mark).count()
}

/// Slides every change of a text; `other` marks what changed in the other text.
pub(super) fn slide(lines: &[u32], changed: &mut [bool], other: &[bool]) {
    let (mut group, mut other_group) = (Group::first(changed), Group::first(other));
    loop {
        if !group.is_empty() {
            slide_one(&mut group, &mut other_group, lines, changed, other);
        }
        if !group.forward(changed) || !other_group.forward(other) {
            return;
        }
    }
}

fn slide_one(
    group: &mut Group,
    other_group: &mut Group,
    lines: &[u32],
    changed: &mut [bool],
    other: &[bool],
) {
    let (mut highest, mut meets);
    loop {
        let size = group.0.len();
        while group.slide_up(lines, changed) {
            other_group.back(other);
        }
        (highest, meets) = (group.0.end, !other_group.is_empty());
        while group.slide_down(lines, changed) {
            other_group.forward(other);
            meets |= !other_group.is_empty();
        }
        if size == group.0.len() {
            break;
        }
    }
    if group.0.end == highest || !meets {
        return;
    }
    while other_group.is_empty() && group.slide_up(lines, changed) {
        other_group.back(other);
    }
}

#[cfg(test)]
mod tests {
    use super::slide;

    fn slid(lines: &[u32], changed: &str, other: &str) -> String {
        let marks = |text: &str| text.chars().map(|c| c == 'x').collect::<Vec<bool>>();
        let mut changed = marks(changed);
        slide(lines, &mut changed, &marks(other));
        changed.iter().map(|mark| if *mark { 'x' } else { '.' }).collect()
    }

    #[test]
    fn changes_slide_down_or_align_with_one_of_the_other_text() {
        assert_eq!(slid(&[1, 1, 1], "x..", ".."), "..x");
        assert_eq!(slid(&[1, 2, 1, 2, 3], "xx...", "..."), "..xx.");
        assert_eq!(slid(&[1, 1, 1], "..x", "x.."), "x..");
        assert_eq!(slid(&[1, 2, 3], ".x.", ".."), ".x.");
        assert_eq!(slid(&[1, 1, 2, 1], "x..x", ".."), ".x.x");
    }
}
