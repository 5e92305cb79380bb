//! Draws one frame after the other in the same place of a terminal's second screen: from its first row, erasing the rest of each line.

use super::Stream;
use crate::alternate::{self, On};

/// A frame on the second screen of a terminal, which is left when this value is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    on: On,
    lines: Vec<String>,
    /// The size of the terminal for which it was drawn: rows and columns.
    size: (usize, usize),
}

impl Screen {
    pub(super) const fn new(stream: Stream) -> Self {
        let on = match stream {
            Stream::Out => On::Stdout,
            Stream::Err => On::Stderr,
        };
        Self { on, lines: Vec::new(), size: (0, 0) }
    }

    /// Replaces the frame by other lines, fewer than the rows, in a terminal of a size.
    pub(super) fn show(&mut self, lines: Vec<String>, size: (usize, usize)) {
        let mut drawing = alternate::drawing();
        // After a pause of the program, the first screen is shown.
        if drawing.is_shown() && lines == self.lines && size == self.size {
            return;
        }
        drawing.write(self.on, &frame(&lines));
        (self.lines, self.size) = (lines, size);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        alternate::drawing().leave();
    }
}

/// Returns what draws lines over a frame. Each line is erased before it is written: behind a text that ends in the last column, erasing
/// would take its last character.
fn frame(lines: &[String]) -> String {
    let mut out = "\u{1b}[H".to_owned();
    for line in lines {
        out.push_str(&format!("\u{1b}[K{line}\r\n"));
    }
    out.push_str("\u{1b}[J");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_drawn_over_the_one_before() {
        let lines = ["a".to_owned(), "b".to_owned()];
        assert_eq!(frame(&lines), "\u{1b}[H\u{1b}[Ka\r\n\u{1b}[Kb\r\n\u{1b}[J");
    }
}
