//! Lines that are typed or piped, read while something else is waited for. The terminal keeps its own modes.

use std::io::PipeReader;

use orchestra::{Kind, Result, context::Cancel, error::ErrorContext as _};
use rustix::{
    event::{PollFd, PollFlags, poll},
    stdio::stdin,
};

/// The lines on standard input.
#[derive(Debug, Default)]
pub struct TypedLines {
    /// What follows the last whole line.
    rest: Vec<u8>,
}

/// Why a wait ended. Several may hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Heard {
    /// The lines that were typed.
    pub lines: Vec<String>,
    /// No more lines come.
    pub is_end: bool,
}

impl TypedLines {
    /// Waits until there are lines, or something can be read from the pipe, or the program is asked to end.
    ///
    /// # Errors
    /// The system cannot wait, or the input cannot be read.
    pub fn wait(&mut self, mut news: &PipeReader, cancel: &Cancel) -> Result<Heard> {
        let cannot = || "cannot wait for lines".to_owned();
        let input = stdin();
        let mut files =
            vec![PollFd::from_borrowed_fd(input, PollFlags::IN), PollFd::new(news, PollFlags::IN)];
        let cancelled = cancel.pipe();
        files.extend(cancelled.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        match poll(&mut files, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context(Kind::External, cannot),
        }
        let is_ready = |at: usize| files.get(at).is_some_and(|file| !file.revents().is_empty());
        let (has_input, has_news) = (is_ready(0), is_ready(1));
        drop(files);
        if has_news {
            let _ = std::io::Read::read(&mut news, &mut [0; 4096]);
        }
        if !has_input {
            return Ok(Heard::default());
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(input, &mut bytes) {
            Ok(0) | Err(rustix::io::Errno::IO) => Ok(Heard { lines: self.end(), is_end: true }),
            Ok(length) => Ok(Heard { lines: self.take(&bytes[..length]), is_end: false }),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(Heard::default()),
            Err(error) => Err(error).context(Kind::External, || "cannot read what is typed".to_owned()),
        }
    }

    /// Takes in bytes, and returns the lines that are whole now.
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        lines
    }

    /// Returns what is left without an end of its line.
    fn end(&mut self) -> Vec<String> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() { Vec::new() } else { vec![String::from_utf8_lossy(&rest).into_owned()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_arrive() {
        let mut lines = TypedLines::default();
        assert_eq!(lines.take(b"on"), [""; 0]);
        assert_eq!(lines.take(b"e\ntwo\n\xc3"), ["one", "two"]);
        assert_eq!(lines.take(b"\xa9\nrest"), ["é"]);
        assert_eq!(lines.end(), ["rest"]);
        assert_eq!(lines.end(), [""; 0]);
    }
}
