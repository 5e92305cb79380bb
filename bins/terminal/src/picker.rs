//! A list to move in, on a terminal of any size, also one that becomes smaller meanwhile. What a key means and which entries are shown
//! is decided without effects.

use std::{fmt::Display, io, ops::Range};

use dialoguer::console::{Key, Term, truncate_str};
use orchestra::model::text;

/// What the keys do, where there is room for it.
const HELP: &str = " (arrows move, Enter picks, Esc leaves)";

/// The rows that are not for entries: the question, and the row of the cursor.
const OTHER_ROWS: usize = 2;

/// Where the user is in a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    /// The position of the marked entry.
    at: usize,
    /// The number of entries, which is not 0.
    length: usize,
}

/// What a key does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// Another entry is marked, or the same.
    Move(usize),
    /// The marked entry is picked.
    Pick,
    /// None is.
    Leave,
}

impl Place {
    /// Returns the entries that are shown on a terminal with this many rows: the page with the marked one.
    fn shown(self, rows: usize) -> Range<usize> {
        let most = page(rows);
        let first = self.at / most * most;
        first..first.saturating_add(most).min(self.length)
    }

    /// Returns what a key does on a terminal with this many rows.
    fn step(self, key: &Key, rows: usize) -> Step {
        let Self { at, length } = self;
        let (last, most) = (length.saturating_sub(1), page(rows));
        match key {
            Key::ArrowDown | Key::Tab | Key::Char('j') => Step::Move(if at < last { at + 1 } else { 0 }),
            Key::ArrowUp | Key::BackTab | Key::Char('k') => Step::Move(at.checked_sub(1).unwrap_or(last)),
            Key::ArrowRight | Key::PageDown | Key::Char('l') => Step::Move(at.saturating_add(most).min(last)),
            Key::ArrowLeft | Key::PageUp | Key::Char('h') => Step::Move(at.saturating_sub(most)),
            Key::Home => Step::Move(0),
            Key::End => Step::Move(last),
            Key::Enter | Key::Char(' ') => Step::Pick,
            Key::Escape | Key::Char('q') => Step::Leave,
            _ => Step::Move(at),
        }
    }
}

/// Returns how many entries are shown at once on a terminal with this many rows: one at least.
fn page(rows: usize) -> usize {
    rows.saturating_sub(OTHER_ROWS).max(1)
}

/// Returns the lines of the list, none of them wider than the terminal, where a line that wraps could not be removed again.
fn lines<T: Display>(
    question: &str,
    items: &[T],
    place: Place,
    (rows, columns): (usize, usize),
) -> Vec<String> {
    let shown = place.shown(rows);
    let all = shown.len() == place.length;
    let count = if all { String::new() } else { format!(" [{} of {}]", place.at + 1, place.length) };
    let entries = items.iter().enumerate().skip(shown.start).take(shown.len());
    let entries = entries.map(|(at, item)| {
        let mark = if at == place.at { '>' } else { ' ' };
        format!("{mark} {}", text::safe(&item.to_string()))
    });
    let head = format!("{question}{count}");
    let has_room = text::width(&head) + HELP.len() + 1 < columns;
    let help = if has_room { HELP } else { "" };
    let lines = [format!("{head}{help}:")].into_iter().chain(entries);
    lines.map(|line| truncate_str(&line, columns.saturating_sub(1), "…").into_owned()).collect()
}

/// Shows the entries below the question, and lets the user pick one of them; `default` is marked first. `None`: none was picked.
///
/// # Errors
/// The terminal cannot be read or written.
pub(crate) fn pick<T: Display>(question: &str, items: &[T], default: usize) -> io::Result<Option<usize>> {
    let term = Term::buffered_stderr();
    let mut place = Place { at: default.min(items.len().saturating_sub(1)), length: items.len() };
    loop {
        let lines = lines(question, items, place, size(&term));
        for line in &lines {
            term.write_line(line)?;
        }
        term.flush()?;
        let key = term.read_key()?;
        // Of a terminal that became lower, only the lines that are still on it can be removed.
        let (rows, _) = size(&term);
        term.clear_last_lines(lines.len().min(rows.saturating_sub(1)))?;
        match place.step(&key, rows) {
            Step::Move(at) => place.at = at,
            Step::Pick | Step::Leave if items.is_empty() => return term.flush().map(|()| None),
            Step::Pick => return term.flush().map(|()| Some(place.at)),
            Step::Leave => return term.flush().map(|()| None),
        }
    }
}

fn size(term: &Term) -> (usize, usize) {
    let (rows, columns) = term.size();
    (usize::from(rows), usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_of_any_height_shows_the_marked_entry() {
        for rows in 0..12 {
            for length in 1..9 {
                for at in 0..length {
                    let shown = Place { at, length }.shown(rows);
                    assert!(shown.contains(&at), "{rows} {length} {at}");
                    assert!(shown.end <= length && shown.len() <= page(rows));
                }
            }
        }
        assert_eq!(Place { at: 4, length: 9 }.shown(5), 3..6);
    }

    #[test]
    fn keys_move_pick_and_leave() {
        use Step::{Leave, Move, Pick};
        for (at, key, expected) in [
            (0, Key::ArrowDown, Move(1)),
            (8, Key::Char('j'), Move(0)),
            (0, Key::ArrowUp, Move(8)),
            (3, Key::Char('k'), Move(2)),
            (1, Key::ArrowRight, Move(4)),
            (7, Key::PageDown, Move(8)),
            (4, Key::ArrowLeft, Move(1)),
            (1, Key::Char('h'), Move(0)),
            (5, Key::Home, Move(0)),
            (5, Key::End, Move(8)),
            (5, Key::Char('x'), Move(5)),
            (5, Key::Enter, Pick),
            (5, Key::Escape, Leave),
            (5, Key::Char('q'), Leave),
        ] {
            assert_eq!(Place { at, length: 9 }.step(&key, 5), expected, "{at} {key:?}");
        }
    }

    #[test]
    fn lines_fit_on_the_terminal() {
        let items = ["one", "a title\nof two lines that is far too long", "three"];
        let place = Place { at: 1, length: 3 };
        assert_eq!(lines("which?", &items, place, (9, 12)).first().map(String::as_str), Some("which?:"));
        let first = lines("which?", &items, place, (9, 80)).remove(0);
        assert_eq!(first, "which? (arrows move, Enter picks, Esc leaves):");
        for size in [(9, 12), (3, 20), (1, 1), (0, 0)] {
            for line in lines("which?", &items, place, size) {
                assert!(line.chars().count() < size.1.max(2) && !line.contains('\n'), "{size:?} {line:?}");
            }
        }
    }
}
