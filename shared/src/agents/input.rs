//! Whether an agent takes what it is told for words or for a script. `sh` runs every word of its task, and so may any command of
//! the user's own: what reviewers, agents, branches and programs wrote is never handed to such an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a program makes of its task and of what it is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// It runs it, or may: only what the user typed for it is handed over.
    #[default]
    Script,
    /// It reads it as words: text of any origin is handed over.
    Prose,
}

/// What an agent is told, by who wrote it.
///
/// In JSON it is the text alone, and reading it gives [`Words::Composed`]: a request cannot say of itself that a person typed it.
/// Whoever takes requests from a person makes it [`Words::Typed`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Words {
    /// The user typed it for this agent.
    Typed(String),
    /// We put it together from what reviewers, branches and programs wrote.
    Composed(String),
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::Composed(text)
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        match words {
            Words::Typed(text) | Words::Composed(text) => text,
        }
    }
}

impl Words {
    /// The text itself.
    pub fn text(&self) -> &str {
        match self {
            Self::Typed(text) | Self::Composed(text) => text,
        }
    }
}
