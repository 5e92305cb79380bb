//! Writes the difference between two frames to the terminal.

use orchestra_terminal::full_screen::FullScreen;
use ratatui::{
    backend::{Backend as _, CrosstermBackend},
    buffer::Buffer,
    layout::Position,
};

/// A terminal that knows synchronized output shows what is between these at once; others ignore them.
const TOGETHER: (&str, &str) = ("\u{1b}[?2026h", "\u{1b}[?2026l");
const ERASE: &str = "\u{1b}[0m\u{1b}[2J";

/// The frame that the terminal shows.
#[derive(Default)]
pub(crate) struct Frames {
    cells: Buffer,
    cursor: Position,
}

impl Frames {
    /// Shows another frame. Nothing is written if it is the same.
    pub(crate) fn show(&mut self, screen: &FullScreen, cells: Buffer, cursor: Position) {
        if let Some(bytes) = self.difference(screen.is_shown(), cells, cursor) {
            screen.write(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Returns what changes the frame; `None` if nothing does.
    fn difference(&mut self, is_shown: bool, cells: Buffer, cursor: Position) -> Option<Vec<u8>> {
        let is_new = !is_shown || cells.area != self.cells.area;
        if is_new {
            self.cells = Buffer::empty(cells.area);
        }
        let changed = self.cells.diff(&cells);
        if !is_new && changed.is_empty() && cursor == self.cursor {
            return None;
        }
        let mut bytes = TOGETHER.0.as_bytes().to_vec();
        if is_new {
            bytes.extend_from_slice(ERASE.as_bytes());
        }
        // Memory takes all that is written.
        let _ = CrosstermBackend::new(&mut bytes).draw(changed.into_iter());
        bytes.extend_from_slice(format!("\u{1b}[{};{}H", cursor.y + 1, cursor.x + 1).as_bytes());
        bytes.extend_from_slice(TOGETHER.1.as_bytes());
        (self.cells, self.cursor) = (cells, cursor);
        Some(bytes)
    }
}
