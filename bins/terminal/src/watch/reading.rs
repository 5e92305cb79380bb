//! How far a request was read in a window that may be too low to show it at once. Pure.

use super::mode::Mode;
use crate::key::Key;

/// A part of a text, in lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Part {
    pub(super) top: usize,
    pub(super) end: usize,
    pub(super) of: usize,
}

/// What a window shows of the text of a question, and what it has shown of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reading {
    /// The question.
    mode: Mode,
    /// Its text, in lines of the window's width.
    text: Vec<String>,
    part: Part,
    /// The number of lines from the first one on that were shown.
    seen: usize,
}

impl Reading {
    /// Shows the text of a question, `room` of its lines at once. Continues where the same lines were read before.
    pub(super) fn go_on(before: Option<&Self>, mode: &Mode, text: &[String], room: usize) -> Self {
        let known = before.filter(|one| one.mode == *mode && one.text == text);
        let (top, seen) = known.map_or((0, 0), |one| (one.part.top, one.seen));
        let top = top.min(text.len().saturating_sub(room)).min(seen);
        let end = text.len().min(top + room);
        let part = Part { top, end, of: text.len() };
        Self { mode: mode.clone(), text: text.to_vec(), part, seen: seen.max(end) }
    }

    /// Returns the lines that the window shows.
    pub(super) fn shown(&self) -> &[String] {
        &self.text[self.part.top..self.part.end]
    }

    /// Returns which lines these are.
    pub(super) const fn part(&self) -> Part {
        self.part
    }

    /// Returns whether it was the text of this question, and all of it was shown.
    pub(super) fn is_whole(&self, mode: &Mode) -> bool {
        self.mode == *mode && self.seen >= self.part.of
    }

    /// Moves to another part of the text, but never past what was not shown yet. Returns whether the key does that.
    pub(super) fn scroll(&mut self, key: Key) -> bool {
        let Part { top, end, of } = self.part;
        let room = end - top;
        let to = match key {
            Key::Char(' ') | Key::PageDown => top + room,
            Key::Char('j') | Key::Down => top + 1,
            Key::Char('b') | Key::PageUp => top.saturating_sub(room),
            Key::Char('k') | Key::Up => top.saturating_sub(1),
            _ => return false,
        };
        let top = to.min(self.seen).min(of.saturating_sub(room));
        self.part = Part { top, end: top + room, of };
        true
    }
}

#[cfg(test)]
mod tests {
    use orchestra::model::AgentId;

    use super::*;

    fn stop(name: &str) -> Mode {
        Mode::Stop(AgentId::parse(name).unwrap())
    }

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("line {at}")).collect()
    }

    fn reading(keys: &[Key], count: usize, room: usize) -> Reading {
        let mode = stop("two-bbbbb");
        let mut reading = Reading::go_on(None, &mode, &lines(count), room);
        for key in keys {
            reading.scroll(*key);
            reading = Reading::go_on(Some(&reading), &mode, &lines(count), room);
        }
        reading
    }

    #[test]
    fn a_text_is_whole_once_its_end_was_shown() {
        let (space, down, up, back) = (Key::Char(' '), Key::Down, Key::Up, Key::PageUp);
        for (keys, lines, room, top, is_whole) in [
            (&[][..], 3, 3, 0, true),
            (&[], 4, 3, 0, false),
            (&[down], 4, 3, 1, true),
            (&[space], 10, 3, 3, false),
            (&[space, space, space], 10, 3, 7, true),
            (&[space, space, space, up, back, back, back], 10, 3, 0, true),
            (&[Key::Enter], 4, 3, 0, false),
            (&[space, space, space, space, space], 10, 3, 7, true),
        ] {
            let read = reading(keys, lines, room);
            assert_eq!(
                (read.part.top, read.is_whole(&stop("two-bbbbb"))),
                (top, is_whole),
                "{keys:?} {lines}"
            );
        }
    }

    #[test]
    fn nothing_counts_as_shown_that_was_not_drawn() {
        let mode = stop("two-bbbbb");
        let mut read = Reading::go_on(None, &mode, &lines(10), 3);
        for _ in 0..9 {
            read.scroll(Key::Char(' '));
        }
        assert_eq!(read.part.top, 3, "one page further than what was drawn");
        assert!(!read.is_whole(&mode));
        let whole = reading(&[Key::Char(' '); 3], 10, 3);
        assert!(whole.is_whole(&mode) && !whole.is_whole(&stop("six-ccccc")));
        assert!(!Reading::go_on(Some(&whole), &mode, &lines(20), 3).is_whole(&mode), "other lines");
        assert!(!Reading::go_on(Some(&whole), &stop("six-ccccc"), &lines(10), 3).is_whole(&mode));
        assert!(Reading::go_on(Some(&whole), &mode, &lines(10), 2).is_whole(&mode), "a lower window");
    }
}
