//! When the output of an attempt was read.

use std::io::Write as _;

use super::Attempt;
use crate::{Result, git::Repo, world::Timestamp};

/// The most notes that are read; a supervisor writes fewer.
const MAX_NOTES: usize = 100_000;
/// The longest line that is read, in bytes.
const MAX_LINE: usize = 64;

/// The times at which the output of one attempt was read, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct OutputTimes {
    notes: Vec<Note>,
    /// When the output was written that was not noted yet, while the attempt is live.
    newest: Option<Timestamp>,
    /// How much of the notes was read, in bytes.
    read: u64,
    line: Vec<u8>,
}

/// The output before an offset had been read at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Note {
    at: Timestamp,
    before: u64,
}

impl OutputTimes {
    /// Reads what was noted since the last call for the same attempt.
    ///
    /// # Errors
    /// The notes cannot be read.
    pub fn update(&mut self, repo: &Repo, attempt: &Attempt) -> Result<()> {
        let Some(times) = &attempt.times else { return Ok(()) };
        let mut more = Vec::new();
        self.read = times.copy(repo, self.read, &mut more)?;
        self.add(&more);
        let written = attempt.source.written_at();
        self.newest = written.and_then(|at| Timestamp::try_from(at).ok());
        Ok(())
    }

    /// Returns whether any time is known: an older version notes none.
    pub const fn is_known(&self) -> bool {
        !self.notes.is_empty()
    }

    /// Returns when a byte of the output was read, by its offset, in whole seconds.
    pub fn of_byte(&self, offset: u64) -> Option<Timestamp> {
        let newest = self.newest.filter(|_| self.is_known());
        let after = self.notes.partition_point(|note| note.before <= offset);
        let at = self.notes.get(after).map(|note| note.at).or(newest)?;
        Timestamp::from_second(at.as_second()).ok()
    }

    fn add(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() <= MAX_LINE {
                let _ = self.line.write_all(part);
            }
            if part.ends_with(b"\n") {
                let note = Note::parse(&std::mem::take(&mut self.line));
                // Offsets only grow, so that they can be searched.
                let grows = |note: &Note| self.notes.last().is_none_or(|last| last.before <= note.before);
                self.notes.extend(note.filter(grows).filter(|_| self.notes.len() < MAX_NOTES));
            }
        }
    }
}

impl Note {
    fn parse(line: &[u8]) -> Option<Self> {
        let (at, before) = std::str::from_utf8(line).ok()?.trim_end().split_once(' ')?;
        let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
        Some(Self { at, before: before.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(offset: u64, times: &OutputTimes) -> Option<i64> {
        times.of_byte(offset).map(Timestamp::as_second)
    }

    #[test]
    fn a_byte_was_read_at_the_first_note_after_it() {
        let mut times = OutputTimes::default();
        assert_eq!((second(0, &times), times.is_known()), (None, false));
        times.add(b"5000 0\n6000 20\n90");
        times.add(b"00 30\nnonsense\n1 5\n-1000 30\n7 99999999999999999999\n");
        for (offset, expected) in [(0, Some(6)), (19, Some(6)), (20, Some(9)), (29, Some(9)), (30, None)] {
            assert_eq!(second(offset, &times), expected, "{offset}");
        }
        times.newest = Timestamp::from_second(12).ok();
        assert_eq!((second(29, &times), second(30, &times)), (Some(9), Some(12)));
    }

    #[test]
    fn the_time_of_a_file_alone_says_nothing_about_its_lines() {
        let times = OutputTimes { newest: Timestamp::from_second(12).ok(), ..OutputTimes::default() };
        assert_eq!(second(0, &times), None);
    }
}
