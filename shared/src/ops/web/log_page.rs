//! A part of an agent's output, of bounded size, with the place of the next part.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    Result,
    git::Repo,
    ops::logs::{
        Position, Report,
        log_reader::{LogEntry, LogReader},
    },
};

/// The most output that one page is made of, in bytes.
const MAX_OUTPUT: usize = 256 * 1024;
/// The most lines from the end that are asked for.
const MAX_LINES: u64 = 2000;

/// A part of an agent's output.
#[derive(Clone, Debug, Serialize)]
pub struct LogPage {
    /// The id of the agent.
    pub agent: String,
    /// What was said and done, with the number of the attempt.
    pub entries: Vec<PageEntry>,
    /// Where the next page begins.
    pub next: PagePosition,
    /// Whether there is more now.
    pub more: bool,
}

/// An entry with the attempt that printed it.
#[derive(Clone, Debug, Serialize)]
pub struct PageEntry {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// What was said or done, and by whom.
    #[serde(flatten)]
    pub entry: LogEntry,
}

/// A place in the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct PagePosition {
    /// The number of the attempt.
    pub attempt: u32,
    /// The offset in the output of the attempt, in bytes.
    pub from: u64,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub enum PageStart {
    /// So many lines before the end, at most 2,000.
    LastLines(u64),
    /// At the place that an earlier page named.
    At(Position),
}

impl LogPage {
    /// Reads a page. A line that is not complete yet is left for the next page.
    ///
    /// # Errors
    /// The output cannot be read.
    pub fn read(repo: &Repo, report: &Report, start: PageStart) -> Result<Self> {
        let begin = match start {
            PageStart::LastLines(lines) => report.last_lines(repo, lines.min(MAX_LINES))?,
            PageStart::At(position) => position,
        };
        let mut at = begin;
        let (mut entries, mut left, mut more) = (Vec::new(), MAX_OUTPUT, false);
        for attempt in report.attempts.iter().filter(|attempt| attempt.number >= begin.attempt) {
            if left == 0 {
                more = true;
                break;
            }
            let from = if attempt.number == begin.attempt { begin.bytes } else { 0 };
            let mut part = Part { bytes: Vec::new(), most: left, is_full: false };
            let copied = attempt.copy(repo, from, &mut part);
            if !part.is_full {
                copied?;
            }
            // No line of an output that ended becomes longer.
            let is_end = !attempt.is_live() && !part.is_full;
            let whole = if is_end { &part.bytes[..] } else { part.whole_lines() };
            at = Position { attempt: attempt.number, bytes: from + whole.len() as u64 };
            left = if part.is_full { 0 } else { left - part.bytes.len().min(left) };
            more = part.is_full;
            let mut reader = LogReader::new(attempt.protocol).in_folder(report.folder.as_deref());
            reader.begin_attempt();
            reader.read(whole, |entry| entries.push(PageEntry { attempt: attempt.number, entry }));
            if is_end {
                reader.finish(|entry| entries.push(PageEntry { attempt: attempt.number, entry }));
            }
        }
        let next = PagePosition { attempt: at.attempt, from: at.bytes };
        Ok(Self { agent: report.id.to_string(), entries, next, more })
    }
}

/// Takes the beginning of what is written, and refuses the rest.
struct Part {
    bytes: Vec<u8>,
    most: usize,
    is_full: bool,
}

impl Part {
    /// Returns what was taken, without the rest of a line that is not complete; all of it if it is one line that is too long.
    fn whole_lines(&self) -> &[u8] {
        match self.bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => &self.bytes[..=end],
            None if self.is_full => &self.bytes,
            None => &[],
        }
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.most - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() {
            self.is_full = true;
            return Err(io::Error::other("the page is full"));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(most: usize, written: &[&[u8]]) -> Part {
        let mut part = Part { bytes: Vec::new(), most, is_full: false };
        for bytes in written {
            if part.write_all(bytes).is_err() {
                break;
            }
        }
        part
    }

    #[test]
    fn a_page_ends_with_a_whole_line() {
        for (most, written, whole, is_full) in [
            (10, &[&b"ab\ncd"[..]][..], &b"ab\n"[..], false),
            (10, &[b"ab\n", b"cd\n"], b"ab\ncd\n", false),
            (5, &[b"ab\n", b"cd\n"], b"ab\n", true),
            (6, &[b"ab\n", b"cd\n"], b"ab\ncd\n", false),
            (4, &[b"abcdefgh"], b"abcd", true),
            (4, &[b"abc"], b"", false),
        ] {
            let part = part(most, written);
            assert_eq!((part.whole_lines(), part.is_full), (whole, is_full), "{most} {written:?}");
        }
    }
}
