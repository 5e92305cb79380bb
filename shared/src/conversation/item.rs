//! The items of a transcript, in the same form for every agent program.

/// One message or action in a transcript.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TranscriptItem {
    /// Its time in RFC 3339, as the program recorded it.
    pub at: Option<String>,
    /// Its kind and content.
    pub what: ItemKind,
    /// Whether it is from a subagent that writes into the transcript of its session.
    pub by_subagent: bool,
}

/// The kind and content of a transcript item.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ItemKind {
    /// A prompt of the user.
    Prompt(String),
    /// An answer of the agent.
    Answer(String),
    /// The agent's reasoning.
    Thought(String),
    /// A tool call.
    Tool {
        /// The name of the tool.
        name: String,
        /// Its input, as JSON or text.
        input: String,
    },
    /// The result of a tool call.
    Result {
        /// Whether the call failed or was denied.
        error: bool,
        /// The output of the tool.
        text: String,
    },
    /// A remark of the program itself.
    Remark(String),
}

impl TranscriptItem {
    /// Makes an item of the session itself, not of a subagent.
    pub fn new(at: Option<&str>, what: ItemKind) -> Self {
        Self { at: at.map(str::to_owned), what, by_subagent: false }
    }

    /// Sets whether the item is from a subagent.
    #[must_use]
    pub const fn by_subagent(mut self, by_subagent: bool) -> Self {
        self.by_subagent = by_subagent;
        self
    }

    /// Returns the text of a prompt or an answer, which is what people search for.
    pub fn words(&self) -> Option<&str> {
        match &self.what {
            ItemKind::Prompt(text) | ItemKind::Answer(text) => Some(text),
            _ => None,
        }
    }
}
