//! What is said in a conversation, whatever program keeps it.

/// One thing said or done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TranscriptItem {
    /// When, RFC 3339, as the program recorded it.
    pub at: Option<String>,
    /// What.
    pub what: ItemKind,
    /// By a sub-agent in the file of its conversation.
    pub by_subagent: bool,
}

/// What was said or done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ItemKind {
    /// By the user.
    Prompt(String),
    /// By the agent.
    Answer(String),
    /// By the agent to itself.
    Thought(String),
    /// The agent uses a tool.
    Tool {
        /// Which.
        name: String,
        /// On what, as JSON or text.
        input: String,
    },
    /// What a tool gave.
    Result {
        /// It failed, or was denied.
        error: bool,
        /// Its words.
        text: String,
    },
    /// What the program itself remarks.
    Note(String),
}

impl TranscriptItem {
    /// A piece of that time.
    pub fn new(at: Option<&str>, what: ItemKind) -> Self {
        Self { at: at.map(str::to_owned), what, by_subagent: false }
    }

    /// The same, by a sub-agent where `by_subagent` says so.
    #[must_use]
    pub const fn by_subagent(mut self, by_subagent: bool) -> Self {
        self.by_subagent = by_subagent;
        self
    }

    /// The words of the user or the agent, which are what people search for.
    pub fn words(&self) -> Option<&str> {
        match &self.what {
            ItemKind::Prompt(text) | ItemKind::Answer(text) => Some(text),
            _ => None,
        }
    }
}
