//! Reading lines of bounded length: a client cannot make the server hold more.

use std::io::{BufRead, BufReader, Read};

/// The longest line, in bytes.
pub(super) const MAX_LINE: usize = 1024 * 1024;

/// A line of the client.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// A line that was longer than [`MAX_LINE`]; it was read to its end and dropped.
    TooLong,
}

/// Reads lines until the input ends or `emit` returns `false`.
pub(super) fn read(input: impl Read, mut emit: impl FnMut(Line) -> bool) {
    let mut input = BufReader::new(input);
    let (mut line, mut too_long) = (Vec::new(), false);
    loop {
        let Ok(bytes) = input.fill_buf() else { return };
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if bytes.is_empty() {
            return;
        }
        too_long |= line.len() + part.len() > MAX_LINE;
        if too_long {
            line = Vec::new();
        } else {
            line.extend_from_slice(part);
        }
        let used = end.map_or(part.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            let whole = std::mem::take(&mut line);
            let read = if std::mem::take(&mut too_long) { Line::TooLong } else { Line::Whole(whole) };
            if !emit(read) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_dropped_and_the_next_one_is_read() {
        let mut input = b"one\n".to_vec();
        input.extend(vec![b'x'; 10 * MAX_LINE]);
        input.extend(b"\ntwo\r\n\nlast without an end");
        let mut lines = Vec::new();
        read(&input[..], |line| {
            lines.push(line);
            true
        });
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(lines, [whole("one"), Line::TooLong, whole("two\r"), whole("")]);
    }
}
