//! Writing a conversation piece by piece.

use std::io::Write;

use super::{
    Answer,
    answer::{Envelope, unwritable},
};
use crate::{
    Result,
    ops::sessions::{read::Open, whole::Conversation},
};

impl Answer<Conversation> {
    /// Writes an open conversation as an answer of this kind while it is read: it may be longer than memory.
    ///
    /// # Errors
    /// Its transcript cannot be read to the end (5), or `sink` does not take it (70).
    pub fn write(self, open: &mut Open, sink: impl Write) -> Result<()> {
        let conversation = Conversation::streamed(open);
        let written = serde_json::to_writer(sink, &Envelope::of(self.kind(), &conversation));
        match conversation.failure() {
            Some(error) => Err(error),
            None => written.map_err(unwritable),
        }
    }
}
