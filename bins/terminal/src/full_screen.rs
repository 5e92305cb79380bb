//! A program that has the whole screen of a terminal: it draws on the second screen, reads every key, and lends the terminal to other
//! programs. The terminal has its own modes and its first screen again however the program ends or pauses.

use std::{
    io::{self, PipeReader, Read},
    path::Path,
    process::ExitStatus,
    time::Duration,
};

use orchestra::{
    Kind, Result,
    context::{self, Cancel},
    error::ErrorContext as _,
    process,
};
use rustix::event::{PollFd, PollFlags, poll};

use crate::{
    alternate::{self, On},
    here,
    interrupt::{self, Resizes},
    key::{self, Key},
    keyboard::{self, Keyboard, Typed},
};

/// Asks the terminal to mark what is pasted, so that it is text and no keys.
const MARK_PASTES: &str = "\u{1b}[?2004h";

/// Asks the terminal to report the mouse.
const REPORT_MOUSE: &str = "\u{1b}[?1000h\u{1b}[?1006h";

/// The whole screen of a terminal.
pub struct FullScreen {
    keyboard: Keyboard,
    keys: std::os::fd::OwnedFd,
    resizes: Resizes,
    with_mouse: bool,
}

/// Why a wait ended. Several may hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Woken {
    /// Keys were typed.
    pub typed: bool,
    /// The window has another size, or the program was paused and draws again.
    pub resized: bool,
    /// Something can be read from the pipe.
    pub news: bool,
    /// The program is asked to end.
    pub cancelled: bool,
}

impl FullScreen {
    /// Takes the terminal; `None` if stdin is not a terminal, or another program has it.
    ///
    /// # Errors
    /// Signals cannot be caught.
    pub fn open() -> Result<Option<Self>> {
        // From here on, a panic returns the terminal to its own modes.
        drop(alternate::drawing());
        let Some(keyboard) = Keyboard::open_with_interrupt() else { return Ok(None) };
        let (keys, resizes) = (keyboard.file()?, interrupt::resizes()?);
        Ok(Some(Self { keyboard, keys, resizes, with_mouse: false }))
    }

    /// Sets whether clicks and the wheel are keys.
    pub const fn with_mouse(mut self, with_mouse: bool) -> Self {
        self.with_mouse = with_mouse;
        self
    }

    /// Waits until there is something to do, at most for `limit`.
    ///
    /// # Errors
    /// The system cannot wait.
    pub fn wait(&self, news: &PipeReader, cancel: &Cancel, limit: Option<Duration>) -> Result<Woken> {
        let cannot = || "cannot wait for keys".to_owned();
        self.keyboard.resume();
        let resizes = self.resizes.file()?;
        let mut files = vec![
            PollFd::new(&self.keys, PollFlags::IN),
            PollFd::new(&resizes, PollFlags::IN),
            PollFd::new(news, PollFlags::IN),
        ];
        let cancelled = cancel.pipe();
        files.extend(cancelled.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        let limit = limit.map(context::timespec);
        match poll(&mut files, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context(Kind::External, cannot),
        }
        let is_ready = |at: usize| files.get(at).is_some_and(|file| !file.revents().is_empty());
        let woken =
            Woken { typed: is_ready(0), resized: is_ready(1), news: is_ready(2), cancelled: is_ready(3) };
        if woken.resized {
            self.resizes.forget();
        }
        if woken.news {
            empty(news);
        }
        Ok(woken)
    }

    /// Returns the keys that were typed; `None` if the terminal is gone.
    pub fn keys(&self) -> Option<Vec<Key>> {
        match self.keyboard.read() {
            Typed::Bytes(bytes) => Some(key::keys(&bytes)),
            Typed::Gone => None,
        }
    }

    /// Returns whether the second screen is shown. It is not after a pause, and while another program had the terminal.
    pub fn is_shown(&self) -> bool {
        alternate::drawing().is_shown()
    }

    /// Writes to the second screen, which is entered if it is not shown.
    pub fn write(&self, text: &str) {
        let mut drawing = alternate::drawing();
        if drawing.is_shown() {
            drawing.write(On::Stdout, text);
        } else {
            let mouse = if self.with_mouse { REPORT_MOUSE } else { "" };
            drawing.write(On::Stdout, &format!("{MARK_PASTES}{mouse}{text}"));
        }
    }

    /// Pauses the job, as Ctrl-Z does. Returns when it continues.
    pub fn pause(&self) {
        self.keyboard.pause_job(interrupt::pause_job);
    }

    /// Returns to the first screen, while `run` has the terminal.
    pub fn lend<T>(&self, run: impl FnOnce() -> T) -> T {
        alternate::drawing().leave();
        self.keyboard.lend(|| interrupt::while_lent(|| keyboard::keeping_modes(run)))
    }

    /// Lends the terminal to a command of ours, and waits for a key at its end if `stays` or it failed, so that what it printed can be read.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn run(&self, words: &[String], stays: bool) -> io::Result<ExitStatus> {
        let mut command = process::sibling_command(&process::own_program());
        command.args(words);
        let ended = self.lend(|| process::status(&mut command));
        if stays || !ended.as_ref().is_ok_and(ExitStatus::success) {
            eprint_line("(any key returns)");
            self.keyboard.wait();
        }
        ended
    }

    /// Lends the terminal to the user's shell in a folder.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn shell(&self, folder: &Path) -> io::Result<ExitStatus> {
        let environment = here::environment();
        let shell = environment.variable("SHELL").filter(|shell| !shell.is_empty());
        let mut command = process::command(environment, shell.unwrap_or_else(|| "/bin/sh".into()));
        command.current_dir(folder);
        self.lend(|| process::status(&mut command))
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        alternate::drawing().leave();
    }
}

fn eprint_line(text: &str) {
    crate::Terminal::new(crate::output::ColorChoice::Never).eprintln(text);
}

/// Takes everything out of a pipe from which something can be read.
fn empty(mut pipe: &PipeReader) {
    let _ = pipe.read(&mut [0; 4096]);
}
