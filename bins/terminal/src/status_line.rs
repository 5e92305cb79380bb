//! The line on stderr that says what is done now. It is drawn on a terminal only, and removed before anything else is written.

use std::{
    io::{IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use dialoguer::console::Term;
use orchestra::model::text;

/// Counts that follow each other faster are not drawn.
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// The status line. Clones draw the same one, from any thread.
#[derive(Clone, Debug, Default)]
pub struct StatusLine(Arc<Mutex<Option<Instant>>>);

impl StatusLine {
    /// Whether there is a terminal on which it can be drawn.
    pub fn can_be_drawn() -> bool {
        std::io::stderr().is_terminal()
    }

    /// Draws a text in the place of the one before.
    pub fn draw(&self, text: &str) {
        let mut drawn_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self::write(text);
        *drawn_at = Some(Instant::now());
    }

    /// As [`StatusLine::draw`], unless the text before was drawn only just now.
    pub fn draw_count(&self, text: &str) {
        let mut drawn_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn_at.is_none_or(|at| at.elapsed() >= MIN_PAUSE) {
            Self::write(text);
            *drawn_at = Some(Instant::now());
        }
    }

    /// Removes it, if it is drawn.
    pub fn clear(&self) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            let _ = std::io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }

    fn write(text: &str) {
        let columns = usize::from(Term::stderr().size().1);
        let shown = text::truncate(text, columns.saturating_sub(1));
        let _ = std::io::stderr().lock().write_all(format!("\r\x1b[K{shown}").as_bytes());
    }
}
