//! Notes when the output of an attempt was read: a line for each read with new output, with the time in milliseconds since 1970 and the
//! length of the output. The file only grows, and never beyond a megabyte.

use std::{io::Write as _, path::Path};

use crate::private_files;

/// The shortest time between two notes, in milliseconds, for this many notes; after the last of them nothing is noted.
const INTERVALS: [(u64, i64); 3] = [(10_000, 1000), (20_000, 10_000), (30_000, 60_000)];

/// What was noted of the output of one attempt.
#[derive(Debug, Default)]
pub(super) struct OutputTimes {
    notes: u64,
    /// The time of the last note, in milliseconds since 1970.
    last: i64,
    /// The length of the output at the last note; `None` before the first.
    length: Option<u64>,
}

impl OutputTimes {
    /// Notes that the output had a length, in bytes, at a time, in milliseconds since 1970. A note that comes too soon after another
    /// one is left to the next read; with `over`, there is none. Errors are ignored: without a note, the time is not known.
    pub(super) fn note(&mut self, path: &Path, now: i64, length: u64, over: bool) {
        if self.length == Some(length) || !(self.is_due(now) || over) {
            return;
        }
        let line = format!("{now} {length}\n");
        let written = private_files::open_log(path).and_then(|mut file| file.write_all(line.as_bytes()));
        if written.is_ok() {
            (self.notes, self.last, self.length) = (self.notes + 1, now, Some(length));
        }
    }

    fn is_due(&self, now: i64) -> bool {
        let interval = INTERVALS.iter().find(|(notes, _)| self.notes < *notes).map(|(_, interval)| *interval);
        // A clock that was set back does not stop the notes.
        interval.is_some_and(|interval| self.length.is_none() || (now - self.last).abs() >= interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_read_with_new_output_is_noted_but_not_too_often() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.times");
        let mut times = OutputTimes::default();
        for (now, length, over) in [
            (5000, 0, false),
            (5250, 10, false),
            (6000, 20, false),
            (9000, 20, false),
            (9250, 30, false),
            (1000, 40, false),
            (1250, 50, false),
            (1500, 50, true),
            (1750, 50, true),
        ] {
            times.note(&path, now, length, over);
        }
        let expected = "5000 0\n6000 20\n9250 30\n1000 40\n1500 50\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    }

    #[test]
    fn the_notes_become_rarer_and_end() {
        for (notes, is_due_after) in [(0, 1000), (9999, 1000), (10_000, 10_000), (20_000, 60_000)] {
            let times = OutputTimes { notes, last: 0, length: Some(1) };
            assert!(times.is_due(is_due_after) && !times.is_due(is_due_after - 1), "{notes}");
        }
        assert!(!OutputTimes { notes: 30_000, last: 0, length: Some(1) }.is_due(i64::MAX));
    }
}
