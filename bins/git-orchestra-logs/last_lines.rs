//! Keeps the last lines of a text in bounded memory.

use std::collections::VecDeque;

/// The last lines of what was added.
pub(crate) struct LastLines {
    most: usize,
    lines: VecDeque<String>,
}

impl LastLines {
    pub(crate) fn new(most: u32) -> Self {
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), lines: VecDeque::new() }
    }

    /// Adds a text of one or more lines, without the last line break.
    pub(crate) fn add(&mut self, text: &str) {
        for line in text.split('\n') {
            self.lines.push_back(line.to_owned());
            if self.lines.len() > self.most {
                self.lines.pop_front();
            }
        }
    }

    /// Returns the lines, each with its line break.
    pub(crate) fn into_text(self) -> String {
        self.lines.into_iter().fold(String::new(), |text, line| text + &line + "\n")
    }
}
