//! The second screen of a terminal, on which frames are drawn: it neither scrolls into the history, nor is it wrapped again when the
//! window changes, and what was shown before returns when it is left. It is left however the program ends or pauses.

use std::{
    io::Write,
    sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError},
};

use crate::keyboard;

const ENTER: &str = "\u{1b}[?1049h";
/// Also ends that pastes are marked, and that the mouse is reported: the next program may not know that.
const LEAVE: &str = "\u{1b}[?1006l\u{1b}[?1000l\u{1b}[?2004l\u{1b}[?1049l";

/// The stream to which a terminal belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum On {
    Stdout,
    Stderr,
}

/// The stream whose terminal shows its second screen.
static SHOWN: Mutex<Option<On>> = Mutex::new(None);

/// The right to draw. While it is held, the program is not paused.
pub(crate) struct Drawing(MutexGuard<'static, Option<On>>);

/// Waits for the right to draw.
pub(crate) fn drawing() -> Drawing {
    static LEAVE_ON_PANIC: Once = Once::new();
    LEAVE_ON_PANIC.call_once(|| {
        let then = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave_at_once();
            then(panic);
        }));
    });
    Drawing(SHOWN.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drawing {
    /// Writes to the second screen, which is entered if it is not shown.
    pub(crate) fn write(&mut self, on: On, text: &str) {
        let enter = if self.0.replace(on).is_none() { ENTER } else { "" };
        write(on, &format!("{enter}{text}"));
    }

    /// Returns whether the second screen is shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    /// Returns to the first screen. Does nothing if it is shown.
    pub(crate) fn leave(&mut self) {
        if let Some(on) = self.0.take() {
            write(on, LEAVE);
        }
    }
}

/// Returns to the first screen and to the terminal's own modes, also while another thread draws: the program ends.
pub(crate) fn leave_at_once() {
    keyboard::restore_at_once();
    match SHOWN.try_lock() {
        Ok(shown) => Drawing(shown).leave(),
        Err(TryLockError::Poisoned(shown)) => Drawing(shown.into_inner()).leave(),
        // Only a thread that draws holds it.
        Err(TryLockError::WouldBlock) => write(On::Stderr, LEAVE),
    }
}

fn write(on: On, text: &str) {
    // If the terminal is gone, nobody looks at it.
    let _ = match on {
        On::Stdout => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        }
        On::Stderr => std::io::stderr().lock().write_all(text.as_bytes()),
    };
}
