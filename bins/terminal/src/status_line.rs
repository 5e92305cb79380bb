//! The line on stderr that shows the current activity. It is drawn on a terminal only, and removed before other output is written.

use std::{
    io::{IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use dialoguer::console::Term;
use orchestra::model::text;

/// The minimum time between two counts that are drawn.
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// The status line. All clones draw the same line, and may be used in any thread.
#[derive(Clone, Debug, Default)]
pub struct StatusLine(Arc<Mutex<Option<Instant>>>);

impl StatusLine {
    /// Returns whether stderr is a terminal, on which the line can be drawn.
    pub fn can_be_drawn() -> bool {
        std::io::stderr().is_terminal()
    }

    /// Draws a text, which replaces the previous one.
    pub fn draw(&self, text: &str) {
        let mut drawn_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self::write(text);
        *drawn_at = Some(Instant::now());
    }

    /// Draws a text like [`StatusLine::draw`], unless the previous one was drawn less than `MIN_PAUSE` ago.
    pub fn draw_count(&self, text: &str) {
        let mut drawn_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn_at.is_none_or(|at| at.elapsed() >= MIN_PAUSE) {
            Self::write(text);
            *drawn_at = Some(Instant::now());
        }
    }

    /// Removes the line if it is drawn.
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
