//! Whether an agent reads its task as text or executes it as a script. `sh` executes its task, and a custom command may do so: text
//! from reviewers, agents, branches, and programs is never given to such an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a program treats its task and messages.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskHandling {
    /// It executes them, or may do so: only text that the user typed for it is passed on.
    #[default]
    Script,
    /// It reads them as text: text of any origin is passed on.
    Prose,
}

/// The text of a task or message, by its author.
///
/// In JSON it is the text alone, and deserializing it gives [`Words::Composed`]: a request cannot claim that a person typed it. Code
/// that takes requests from a person makes it [`Words::Typed`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Words {
    /// The user typed it for this agent.
    Typed(String),
    /// Git orchestra composed it from the text of reviewers, branches, and programs.
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
    /// Returns the text.
    pub fn text(&self) -> &str {
        match self {
            Self::Typed(text) | Self::Composed(text) => text,
        }
    }
}
