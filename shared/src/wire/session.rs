//! Writes a session while it is read.

use std::io::Write;

use super::{
    Answer,
    answer::{Envelope, json_error},
};
use crate::{
    Result,
    ops::sessions::{read::OpenSession, transcript::SessionTranscript},
};

impl Answer<SessionTranscript> {
    /// Writes an open session as an answer of this kind while it is read, because it may not fit into memory.
    ///
    /// # Errors
    /// The transcript cannot be read to its end (5), or `sink` cannot be written (70).
    pub fn write(self, open: &mut OpenSession, sink: impl Write) -> Result<()> {
        let conversation = SessionTranscript::streamed(open);
        let written = serde_json::to_writer(sink, &Envelope::of(self.kind(), &conversation));
        match conversation.failure() {
            Some(error) => Err(error),
            None => written.map_err(json_error),
        }
    }
}
