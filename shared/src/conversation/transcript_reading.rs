//! How far a transcript has been read, and what was found there.

use serde::{Deserialize, Serialize};

use super::{ConversationFacts, lines::RawLine};

/// Every line of a file, up to some offset.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct TranscriptReading {
    /// What is known.
    pub facts: ConversationFacts,
    /// Every line up to here is in it.
    #[serde(rename = "offset_bytes", alias = "offset")]
    pub offset: u64,
    /// Tells whether what stands before the offset is still the same.
    pub mark: u64,
    /// The length of the longest line that was skipped.
    #[serde(rename = "passed_over_bytes", alias = "passed_over")]
    pub passed_over: u64,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// What stands behind the last end of a line is no line that can be read.
    pub is_torn: bool,
}

impl TranscriptReading {
    /// Whether there is something in the file that could not be read.
    pub const fn is_partial(&self) -> bool {
        self.passed_over > 0 || self.unreadable > 0 || self.is_torn
    }

    /// Notes a line that was passed over; gives its bytes, if it can be looked at.
    pub(super) fn note<'a>(&mut self, line: RawLine<'a>) -> Option<&'a [u8]> {
        if let RawLine::TooLong(length) = line {
            self.passed_over = length.max(self.passed_over);
        }
        line.bytes()
    }
}
