//! Joining the parts of messages: a program sends them word by word. Pure.

use crate::agents::StreamEvent;

/// The length in bytes from which a message that continues is passed on in pieces.
const MAX_BYTES: usize = 64 * 1024;

/// What the parts belong to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Voice {
    Message,
    Thought,
}

/// The message whose parts arrive.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    of: Option<(Voice, Option<String>)>,
    text: String,
}

impl Chunks {
    /// Adds a part. Returns the message before it, if that is complete now.
    pub(super) fn add(&mut self, voice: Voice, id: Option<String>, part: &str) -> Option<StreamEvent> {
        // A part without text only carries numbers.
        if part.is_empty() {
            return None;
        }
        let of = Some((voice, id));
        let before = if self.of == of && self.text.len() < MAX_BYTES { None } else { self.end() };
        self.of = of;
        self.text.push_str(part);
        before
    }

    /// Returns the message that was not passed on yet, if there is one.
    pub(super) fn end(&mut self) -> Option<StreamEvent> {
        let (voice, _) = self.of.take()?;
        let text = std::mem::take(&mut self.text);
        let text = Some(text.trim().to_owned()).filter(|text| !text.is_empty())?;
        Some(match voice {
            Voice::Message => StreamEvent::Text(text),
            Voice::Thought => StreamEvent::Thinking(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_whole_messages() {
        let (mut chunks, mut all) = (Chunks::default(), Vec::new());
        let id = |id: &str| Some(id.to_owned());
        for (voice, of, part) in [
            (Voice::Thought, None, "I th"),
            (Voice::Thought, None, "ink."),
            (Voice::Message, id("a"), "Hello"),
            (Voice::Message, id("a"), ", "),
            (Voice::Message, id("b"), ""),
            (Voice::Message, id("a"), "you"),
            (Voice::Message, id("b"), "Bye"),
        ] {
            all.extend(chunks.add(voice, of, part));
        }
        all.extend(chunks.end());
        let text = |text: &str| StreamEvent::Text(text.to_owned());
        assert_eq!(all, [StreamEvent::Thinking("I think.".to_owned()), text("Hello, you"), text("Bye")]);
        assert_eq!(chunks.end(), None);
    }

    #[test]
    fn a_message_without_an_end_is_passed_on_in_pieces() {
        let mut chunks = Chunks::default();
        let pieces =
            (0..300).filter(|_| chunks.add(Voice::Message, None, &"x".repeat(1000)).is_some()).count();
        assert_eq!(pieces, 4);
    }
}
