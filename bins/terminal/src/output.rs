//! The output streams: stdout for the answer, stderr for messages.

use std::{
    cell::{Cell, RefCell},
    ffi::OsStr,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

pub use anstream::ColorChoice;
use dialoguer::console::Term;
use orchestra::{
    Code, Error, Result,
    model::{quote, text},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, fstat},
    io::Errno,
};

use crate::{
    here,
    status_line::StatusLine,
    style::{Painter, Role},
};

/// The error of a terminal that is gone.
const EIO: i32 = Errno::IO.raw_os_error();

/// What stdin is, for a command that can read it without being told to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// A file, which ends.
    File,
    /// What another program writes, or nobody.
    Pipe,
    /// A terminal, a device or nothing.
    Other,
}

/// The two output streams, with their capabilities.
pub struct Terminal {
    painter_out: Painter,
    painter_err: Painter,
    closed: Cell<bool>,
    /// Why something could not be written to stdout, if nobody closed it.
    failed: RefCell<Option<io::Error>>,
    printed: Cell<bool>,
    streams: Cell<bool>,
    status_line: StatusLine,
}

impl Terminal {
    /// Opens the streams with the user's choice of colour.
    pub fn new(choice: anstream::ColorChoice) -> Self {
        Self {
            painter_out: Painter::new(colours(choice, &std::io::stdout())),
            painter_err: Painter::new(colours(choice, &std::io::stderr())),
            closed: Cell::new(false),
            failed: RefCell::new(None),
            printed: Cell::new(false),
            streams: Cell::new(false),
            status_line: StatusLine::default(),
        }
    }

    /// Writes to stdout. If stdout is closed, the text is dropped silently; see [`Terminal::is_closed`].
    pub fn print(&self, text: &str) {
        self.print_bytes(text.as_bytes());
    }

    /// Writes bytes to stdout unchanged, as [`Terminal::print`] does.
    pub fn print_bytes(&self, bytes: &[u8]) {
        self.printed.set(true);
        self.status_line.clear();
        let mut stdout = std::io::stdout().lock();
        if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            self.closed.set(true);
            // A reader that ended, or a terminal that is gone, needs no message.
            let is_gone = error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO);
            if !is_gone {
                self.failed.replace(Some(error));
            }
        }
    }

    /// Fails if something could not be written to stdout, such as on a full disk.
    pub(crate) fn check_written(&self) -> Result<()> {
        match self.failed.take() {
            None => Ok(()),
            Some(error) => Err(Error::new(Code::External, "cannot write the output").because(error)),
        }
    }

    /// Returns stdout as a writer, which fails once stdout is closed.
    pub const fn writer(&self) -> Writer<'_> {
        Writer(self)
    }

    /// Declares that stdout gets a JSON object per line from here on, instead of one in all.
    pub fn begin_stream(&self) {
        self.streams.set(true);
    }

    /// Whether the only JSON object that stdout may get was written.
    pub const fn has_answered(&self) -> bool {
        self.printed.get() && !self.streams.get()
    }

    /// Whether stdout is closed at the other end.
    pub fn is_closed(&self) -> bool {
        if !self.closed.get() {
            // A pipe reports this before anything is written into it.
            let stdout = std::io::stdout();
            let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            let gone = poll(&mut asked, Some(&at_once)).is_ok_and(|found| found > 0)
                && asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP);
            self.closed.set(gone);
        }
        self.closed.get()
    }

    /// Calls `act`, from another thread, once stdout is closed. The thread sleeps until then. Where no more threads can be made, a later
    /// write notices.
    pub fn on_closed(&self, act: impl FnOnce() + Send + 'static) {
        let _ = std::thread::Builder::new().spawn(move || {
            let stdout = std::io::stdout();
            let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
            loop {
                match poll(&mut asked, None) {
                    Ok(_) if asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => break,
                    Err(Errno::INTR) => {}
                    // This stream cannot be polled: a later write notices.
                    Ok(_) | Err(_) => return,
                }
            }
            act();
        });
    }

    /// Returns the line that shows the current activity. Any other output removes it.
    pub const fn status_line(&self) -> &StatusLine {
        &self.status_line
    }

    /// Writes a line to stderr.
    pub fn eprintln(&self, text: &str) {
        self.status_line.clear();
        Self::write_line(text);
    }

    /// Writes a line to stderr without removing the status line, for callers that have removed it.
    pub fn write_line(text: &str) {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(format!("{text}\n").as_bytes());
    }

    /// Writes a question to stderr without a line break, so that the answer is typed on the same line.
    pub fn question(&self, text: &str) {
        self.status_line.clear();
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
    }

    /// Writes a line to stderr that begins with a label, such as `error`.
    pub fn labelled(&self, word: &str, role: Role, text: &str) {
        if word.is_empty() {
            self.eprintln(&self.painter_err.as_role(role, text));
        } else {
            let word = self.painter_err.as_role(role, &format!("{word}:"));
            self.eprintln(&format!("{word} {text}"));
        }
    }

    /// Writes a warning to stderr.
    pub fn warn(&self, text: &str) {
        self.labelled("warning", Role::Warn, text);
    }

    /// Writes to stderr what to do next, unless the user wants no advice. An empty hint writes nothing.
    pub fn hint(&self, hint: &str) {
        if !hint.trim().is_empty() && here::preferences().advice {
            self.labelled("hint", Role::Hint, &text::safe(hint));
        }
    }

    /// Hints at a command to type next, given as an argument vector.
    pub fn hint_command(&self, words: &[&dyn AsRef<OsStr>]) {
        self.hint(&quote::command(words));
    }

    /// Returns the colours of stdout.
    pub const fn painter(&self) -> &Painter {
        &self.painter_out
    }

    /// Returns the colours of stderr.
    pub const fn painter_err(&self) -> &Painter {
        &self.painter_err
    }

    /// Returns the width of stdout in columns; `None` if it is not a terminal, where nothing is cut unless `COLUMNS` says how wide a line is.
    pub fn width(&self) -> Option<usize> {
        if std::io::stdout().is_terminal() {
            return Some(usize::from(Term::stdout().size().1));
        }
        let columns = here::environment().text_variable("COLUMNS")?;
        columns.trim().parse().ok().filter(|columns| *columns > 0)
    }

    /// Returns the rows and columns of stderr, if it is a terminal.
    pub fn stderr_size(&self) -> Option<(usize, usize)> {
        std::io::stderr().is_terminal().then(|| {
            let (rows, columns) = Term::stderr().size();
            (usize::from(rows), usize::from(columns))
        })
    }

    /// Returns the rows and columns of stdout, if it is a terminal.
    pub fn stdout_size(&self) -> Option<(usize, usize)> {
        std::io::stdout().is_terminal().then(|| {
            let (rows, columns) = Term::stdout().size();
            (usize::from(rows), usize::from(columns))
        })
    }

    /// Returns what stdin is.
    pub fn input(&self) -> Input {
        let stdin = std::io::stdin();
        let Ok(found) = fstat(&stdin) else { return Input::Other };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Input::File,
            FileType::Fifo | FileType::Socket => Input::Pipe,
            _ => Input::Other,
        }
    }

    /// Waits until something, or the end, can be read from stdin. Returns whether that happened within the limit.
    pub fn wait_for_input(&self, limit: Duration) -> bool {
        let stdin = std::io::stdin();
        let mut asked = [PollFd::new(&stdin, PollFlags::IN)];
        let begun = Instant::now();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            match poll(&mut asked, Some(&left)) {
                Err(Errno::INTR) => {}
                found => return found.is_ok_and(|found| found > 0),
            }
        }
    }

    /// Whether the user can be asked: stdin and stderr are terminals.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

/// The stdout of a [`Terminal`], as a writer.
pub struct Writer<'a>(&'a Terminal);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print_bytes(bytes);
        if self.0.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decides on colour: `--color` first, then the environment (`NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`),
/// then whether the stream is a terminal, and then git's configuration of colours, which is read for a terminal only.
fn colours(choice: anstream::ColorChoice, stream: &impl anstream::stream::RawStream) -> bool {
    match choice {
        anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => true,
        anstream::ColorChoice::Never => false,
        anstream::ColorChoice::Auto => {
            anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
                && (!stream.is_terminal() || here::preferences().colours)
        }
    }
}
