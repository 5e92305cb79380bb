//! Reads the output file of a program as it grows, line by line. Lines may have any length; memory is bounded.

use std::{
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};

use crate::{
    Kind, Result,
    agents::{Exchange, StreamEvent, StreamSummary},
    error::ErrorContext,
    git::careful,
    store::layout::AgentDir,
};

/// The size in bytes up to which lines are held in memory; longer ones are streamed, and only the relevant parts are kept.
const MAX_HELD: usize = 256 * 1024;
/// The size of one read, in bytes.
const CHUNK: usize = 64 * 1024;
/// The maximum to read in one call, in bytes, so that the supervisor stays responsive.
const MAX_READ: u64 = 8 << 20;
/// How much of a line is read again for an answer, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// Reads the summary of the current attempt that the supervisor of an agent has written.
pub fn summary(dir: &AgentDir) -> Option<StreamSummary> {
    serde_json::from_slice(&careful::read(dir.stream_summary()).ok()?).ok()
}

/// The position of a line in the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineSpan {
    start: u64,
    length: u64,
}

impl LineSpan {
    /// Returns the offset of the line in the output, in bytes.
    pub const fn start(self) -> u64 {
        self.start
    }
}

/// The output of a program, with the position up to which it was read.
#[derive(Debug)]
pub struct ProgramOutput {
    path: PathBuf,
    exchange: Box<dyn Exchange>,
    /// The number of bytes read.
    read: u64,
    /// Where the current, incomplete line begins.
    line_start: u64,
    /// The current line, unless it is too long to hold.
    current_line: Vec<u8>,
}

impl ProgramOutput {
    /// Returns output of which nothing was read yet.
    pub fn new(path: PathBuf, exchange: Box<dyn Exchange>) -> Self {
        Self { path, exchange, read: 0, line_start: 0, current_line: Vec::new() }
    }

    /// Sets the new path of the output after its folder was renamed.
    pub fn move_to(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Returns the protocol exchange that this output belongs to.
    pub fn exchange(&mut self) -> &mut dyn Exchange {
        &mut *self.exchange
    }

    /// Returns the number of bytes read so far.
    pub const fn length(&self) -> u64 {
        self.read
    }

    /// Reads new output and calls `on_event` for every event, with the position of its line. With `over`, a last line without a line
    /// break counts as well. Returns whether there was any new output.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_output(
        &mut self,
        over: bool,
        mut on_event: impl FnMut(&StreamEvent, LineSpan),
    ) -> Result<bool> {
        let cannot = || "cannot read the agent's output".to_owned();
        let mut file = careful::open_regular_through_links(&self.path).context(Kind::External, cannot)?;
        let length = file.metadata().context(Kind::External, cannot)?.len();
        let goal = if over { length } else { length.min(self.read + MAX_READ) };
        if goal <= self.read && !over {
            return Ok(false);
        }
        let was = self.read;
        file.seek(SeekFrom::Start(self.read)).context(Kind::External, cannot)?;
        let mut chunk = vec![0; CHUNK];
        while self.read < goal {
            let got = file.read(&mut chunk).context(Kind::External, cannot)?;
            if got == 0 {
                break;
            }
            self.take(&chunk[..got], &mut on_event);
        }
        if over && self.read > self.line_start {
            self.end_line(self.read, &mut on_event);
        }
        if !over {
            let span = LineSpan { start: self.line_start, length: self.read - self.line_start };
            self.exchange.pause(&self.current_line).iter().for_each(|event| on_event(event, span));
        } else {
            let end = LineSpan { start: self.line_start, length: 0 };
            self.exchange.finish().iter().for_each(|event| on_event(event, end));
        }
        if self.current_line.capacity() > CHUNK && self.current_line.len() < CHUNK {
            self.current_line.shrink_to(CHUNK);
        }
        Ok(self.read > was)
    }

    fn take(&mut self, mut bytes: &[u8], on_event: &mut impl FnMut(&StreamEvent, LineSpan)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.hold(&bytes[..end]);
            self.read += end as u64 + 1;
            self.end_line(self.read - 1, on_event);
            self.line_start = self.read;
            bytes = &bytes[end + 1..];
        }
        self.hold(bytes);
        self.read += bytes.len() as u64;
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.current_line.len() <= MAX_HELD {
            self.current_line.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self, end: u64, on_event: &mut impl FnMut(&StreamEvent, LineSpan)) {
        let span = LineSpan { start: self.line_start, length: end - self.line_start };
        let events = if self.current_line.len() <= MAX_HELD {
            self.exchange.read(&self.current_line)
        } else {
            match self.open(span) {
                Ok(mut line) => self.exchange.read_long(&mut line, span.length),
                Err(_) => Vec::new(),
            }
        };
        self.current_line.clear();
        self.line_start = end;
        for event in events {
            on_event(&event, span);
        }
    }

    fn open(&self, span: LineSpan) -> Result<impl Read + use<>> {
        let cannot = || "cannot read the agent's output".to_owned();
        let mut file = careful::open_regular_through_links(&self.path).context(Kind::External, cannot)?;
        file.seek(SeekFrom::Start(span.start)).context(Kind::External, cannot)?;
        Ok(file.take(span.length))
    }

    /// Reads a line again.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn line(&self, span: LineSpan) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        self.open(span)?
            .take(MAX_LINE)
            .read_to_end(&mut line)
            .context(Kind::External, || "cannot read the agent's output".into())?;
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::agents::Protocol;

    fn heard(pieces: &[&[u8]]) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut output = ProgramOutput::new(file.path().to_owned(), Protocol::PLAIN.open());
        let mut all = Vec::new();
        for piece in pieces {
            file.as_file().write_all(piece).unwrap();
            output.read_output(false, |said, span| all.push((said.clone(), span))).unwrap();
        }
        output.read_output(true, |said, span| all.push((said.clone(), span))).unwrap();
        all.iter()
            .map(|(said, span)| match said {
                StreamEvent::Unparsed(text) => {
                    assert_eq!(output.line(*span).unwrap(), text.as_bytes());
                    text.clone()
                }
                StreamEvent::Remark(note) => note.clone(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn lines_are_complete_however_they_are_written() {
        assert_eq!(heard(&[b"on", b"e\ntwo\nth", b"", b"ree"]), ["one", "two", "three"]);
        assert_eq!(heard(&[b"\n\na"]), ["", "", "a"]);
        assert_eq!(heard(&[]), [""; 0]);
    }

    #[test]
    fn long_lines_are_streamed_and_the_next_line_is_read() {
        let long = vec![b'x'; MAX_HELD * 3];
        assert_eq!(heard(&[&long, b"\nnext\n"]), [&format!("a line of {} bytes", MAX_HELD * 3), "next"]);
    }
}
