//! stdout is the answer, stderr the conversation.

use std::{
    cell::Cell,
    ffi::OsStr,
    io::{self, IsTerminal, Write},
};

pub use anstream::ColorChoice;
use dialoguer::console::Term;
use orchestra::model::{quote, text};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::{
    status_line::StatusLine,
    style::{Painter, Role},
};

/// The two streams, with what they can.
pub struct Terminal {
    paint_out: Painter,
    paint_err: Painter,
    closed: Cell<bool>,
    answered: Cell<bool>,
    status_line: StatusLine,
}

impl Terminal {
    /// With the user's choice of colour.
    pub fn new(choice: anstream::ColorChoice) -> Self {
        Self {
            paint_out: Painter::new(colours(choice, &std::io::stdout())),
            paint_err: Painter::new(colours(choice, &std::io::stderr())),
            closed: Cell::new(false),
            answered: Cell::new(false),
            status_line: StatusLine::default(),
        }
    }

    /// Writes to stdout. A reader that went away ends the writing silently; see [`Terminal::is_closed`].
    pub fn answer(&self, text: &str) {
        self.answer_bytes(text.as_bytes());
    }

    /// As [`Terminal::answer`], for bytes that are not ours to change.
    pub fn answer_bytes(&self, bytes: &[u8]) {
        self.answered.set(true);
        self.status_line.clear();
        let mut stdout = std::io::stdout().lock();
        if stdout.write_all(bytes).and_then(|()| stdout.flush()).is_err() {
            self.closed.set(true);
        }
    }

    /// Standard output as a writer, which fails when nobody reads it any more.
    pub const fn writer(&self) -> Writer<'_> {
        Writer(self)
    }

    /// Something was written to stdout.
    pub const fn has_answered(&self) -> bool {
        self.answered.get()
    }

    /// Nobody reads stdout any more.
    pub fn is_closed(&self) -> bool {
        if !self.closed.get() {
            // A pipe says so before anything is written into it.
            let stdout = std::io::stdout();
            let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            let gone = poll(&mut asked, Some(&at_once)).is_ok_and(|found| found > 0)
                && asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP);
            self.closed.set(gone);
        }
        self.closed.get()
    }

    /// Calls `act`, from another thread, once nobody reads stdout any more. That thread sleeps until then.
    pub fn on_closed(&self, act: impl FnOnce() + Send + 'static) {
        std::thread::spawn(move || {
            let stdout = std::io::stdout();
            let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
            loop {
                match poll(&mut asked, None) {
                    Ok(_) if asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => break,
                    Err(Errno::INTR) => {}
                    // Nothing can be waited for: a later write tells.
                    Ok(_) | Err(_) => return,
                }
            }
            act();
        });
    }

    /// The line that says what is done now. Whatever else is written removes it.
    pub const fn status_line(&self) -> &StatusLine {
        &self.status_line
    }

    /// Writes a line to stderr.
    pub fn say(&self, text: &str) {
        self.status_line.clear();
        Self::write_line(text);
    }

    /// Writes a line to stderr where no status line is drawn.
    pub fn write_line(text: &str) {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(format!("{text}\n").as_bytes());
    }

    /// Writes a question to stderr, on whose line the answer is typed.
    pub fn question(&self, text: &str) {
        self.status_line.clear();
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
    }

    /// Writes a line to stderr that begins with a word such as `error`.
    pub fn note(&self, word: &str, role: Role, text: &str) {
        if word.is_empty() {
            self.say(&self.paint_err.as_role(role, text));
        } else {
            let word = self.paint_err.as_role(role, &format!("{word}:"));
            self.say(&format!("{word} {text}"));
        }
    }

    /// Something the user should know.
    pub fn warn(&self, text: &str) {
        self.note("warning", Role::Warn, text);
    }

    /// What to do next. Nothing to say prints nothing.
    pub fn hint(&self, hint: &str) {
        if !hint.trim().is_empty() {
            self.note("hint", Role::Hint, &text::safe(hint));
        }
    }

    /// A command to type next, as an argument vector.
    pub fn hint_command(&self, words: &[&dyn AsRef<OsStr>]) {
        self.hint(&quote::command(words));
    }

    /// Colours for stdout.
    pub const fn paint(&self) -> &Painter {
        &self.paint_out
    }

    /// Colours for stderr.
    pub const fn paint_err(&self) -> &Painter {
        &self.paint_err
    }

    /// Columns of stdout; `None` when it is no terminal, then nothing is cut.
    pub fn width(&self) -> Option<usize> {
        std::io::stdout().is_terminal().then(|| usize::from(Term::stdout().size().1))
    }

    /// Rows and columns of stderr, if it is a terminal.
    pub fn stderr_size(&self) -> Option<(usize, usize)> {
        std::io::stderr().is_terminal().then(|| {
            let (rows, columns) = Term::stderr().size();
            (usize::from(rows), usize::from(columns))
        })
    }

    /// Rows and columns of stdout, if it is a terminal.
    pub fn stdout_size(&self) -> Option<(usize, usize)> {
        std::io::stdout().is_terminal().then(|| {
            let (rows, columns) = Term::stdout().size();
            (usize::from(rows), usize::from(columns))
        })
    }

    /// Whether a question can be asked and seen.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

/// Standard output of a [`Terminal`].
pub struct Writer<'a>(&'a Terminal);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.answer_bytes(bytes);
        if self.0.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `--color` first, then the environment (`NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`), then whether it is a terminal.
fn colours(choice: anstream::ColorChoice, stream: &impl anstream::stream::RawStream) -> bool {
    match choice {
        anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => true,
        anstream::ColorChoice::Never => false,
        anstream::ColorChoice::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
    }
}
