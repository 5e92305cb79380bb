//! The state of reading a transcript: the offset up to which it was read, and the facts found so far.

use serde::{Deserialize, Serialize};

use super::{ConversationFacts, lines::RawLine};

/// The result of reading every line of a file up to an offset.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct TranscriptReading {
    /// The facts found so far.
    pub facts: ConversationFacts,
    /// The offset up to which every line was read.
    #[serde(rename = "offset_bytes", alias = "offset")]
    pub offset: u64,
    /// A digest of the bytes before the offset, to detect that the file was rewritten.
    pub mark: u64,
    /// The length of the longest line that was skipped.
    #[serde(rename = "passed_over_bytes", alias = "passed_over")]
    pub passed_over: u64,
    /// The number of lines that could not be read.
    pub unreadable: u64,
    /// Whether the bytes after the last line break are not a readable line.
    pub is_torn: bool,
}

impl TranscriptReading {
    /// Returns whether a part of the file could not be read.
    pub const fn is_partial(&self) -> bool {
        self.passed_over > 0 || self.unreadable > 0 || self.is_torn
    }

    /// Records a line that is too long; returns the bytes of any other line.
    pub(super) fn note<'a>(&mut self, line: RawLine<'a>) -> Option<&'a [u8]> {
        if let RawLine::TooLong(length) = line {
            self.passed_over = length.max(self.passed_over);
        }
        line.bytes()
    }
}
