//! Reading a transcript line by line in bounded memory. A line that is too long is skipped and reported.

use std::{
    cell::Cell,
    io::{self, Read},
};

use memchr::memchr;

/// Maximum length of a line, in bytes: a prompt with several images has more than eight million.
pub const MAX_LINE: usize = 32 << 20;
/// Initial size of the read buffer, in bytes.
const CHUNK: usize = 256 << 10;
/// Number of bytes that are read first, because the caller may stop early.
const FIRST_READ: usize = 32 << 10;
/// Maximum size of a buffer that is kept for the next file.
const MAX_KEPT: usize = 1 << 20;

thread_local! {
    /// The buffer of the last file that this thread read: thousands of files would each clear a new one.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One line, without its line break.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RawLine<'a> {
    /// A line that ends with a line break.
    Whole(&'a [u8]),
    /// The bytes after the last line break: a line that is being written, or was cut off.
    Cut(&'a [u8]),
    /// A line that is too long, with its length in bytes.
    TooLong(u64),
}

impl<'a> RawLine<'a> {
    /// Returns the bytes of the line, unless it is too long.
    pub const fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Whole(bytes) | Self::Cut(bytes) => Some(bytes),
            Self::TooLong(_) => None,
        }
    }
}

/// Calls `each` for every line until it returns `false`. Returns the number of bytes up to the end of the last whole line.
///
/// # Errors
/// `from` cannot be read.
pub fn read(from: impl Read, each: impl FnMut(RawLine<'_>) -> bool) -> io::Result<u64> {
    let mut buffer = BUFFER.take();
    buffer.resize(buffer.len().max(CHUNK), 0);
    let done = read_with(&mut buffer, from, each);
    if buffer.len() <= MAX_KEPT {
        BUFFER.set(buffer);
    }
    done
}

fn read_with(
    buffer: &mut Vec<u8>,
    mut from: impl Read,
    mut each: impl FnMut(RawLine<'_>) -> bool,
) -> io::Result<u64> {
    // Bytes in the buffer; of those, searched for a line break; skipped bytes of a line that is too long; bytes of finished lines.
    let (mut held, mut seen, mut skipped, mut done) = (0, 0, 0u64, 0u64);
    let mut is_first = true;
    loop {
        if held == buffer.len() {
            if held >= MAX_LINE {
                skipped += held as u64;
                (held, seen) = (0, 0);
            } else {
                buffer.resize((held * 2).min(MAX_LINE), 0);
            }
        }
        let most = if is_first { FIRST_READ } else { buffer.len() };
        is_first = false;
        let got = match from.read(&mut buffer[held..most]) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        held += got;
        let mut start = 0;
        while let Some(end) = memchr(b'\n', &buffer[seen..held]).map(|at| seen + at) {
            let length = (end - start) as u64 + std::mem::take(&mut skipped);
            let fits = length == (end - start) as u64;
            let line = if fits { RawLine::Whole(&buffer[start..end]) } else { RawLine::TooLong(length) };
            done += length + 1;
            (start, seen) = (end + 1, end + 1);
            if !each(line) {
                return Ok(done);
            }
        }
        buffer.copy_within(start..held, 0);
        held -= start;
        seen = held;
    }
    if skipped > 0 {
        each(RawLine::TooLong(skipped + held as u64));
    } else if held > 0 {
        each(RawLine::Cut(&buffer[..held]));
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> (Vec<String>, u64) {
        let mut lines = Vec::new();
        let done = read(bytes, |line| {
            lines.push(match line {
                RawLine::Whole(bytes) => format!("whole {}", String::from_utf8_lossy(bytes)),
                RawLine::Cut(bytes) => format!("cut {}", String::from_utf8_lossy(bytes)),
                RawLine::TooLong(length) => format!("long {length}"),
            });
            true
        });
        (lines, done.unwrap())
    }

    #[test]
    fn whole_cut_and_too_long() {
        assert_eq!(read_all(b""), (vec![], 0));
        assert_eq!(read_all(b"a\n\nbc"), (vec!["whole a".into(), "whole ".into(), "cut bc".into()], 3));
        let long = [vec![b'x'; MAX_LINE + 5], b"\nafter\n".to_vec(), vec![b'y'; MAX_LINE + 1]].concat();
        let (lines, done) = read_all(&long);
        let expected =
            [format!("long {}", MAX_LINE + 5), "whole after".into(), format!("long {}", MAX_LINE + 1)];
        assert_eq!((lines, done), (expected.into(), MAX_LINE as u64 + 12));
    }

    #[test]
    fn stops_on_request() {
        let mut seen = 0;
        let done = read(b"a\nb\nc\n".as_slice(), |_| {
            seen += 1;
            seen < 2
        });
        assert_eq!((seen, done.unwrap()), (2, 4));
    }
}
