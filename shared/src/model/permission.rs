//! What a coding agent may do, and what happens when it asks for more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an agent may do without asking. The words are those of Claude Code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// Reading only; everything else is asked for.
    Default,
    /// Changing files in its worktree as well.
    AcceptEdits,
    /// Making a plan, changing nothing.
    Plan,
    /// Only what is allowed by rule; nothing is asked for.
    DontAsk,
    /// Everything.
    BypassPermissions,
}

impl Permission {
    /// All of them, from the least to the most.
    pub const ALL: [Self; 5] =
        [Self::Plan, Self::Default, Self::DontAsk, Self::AcceptEdits, Self::BypassPermissions];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::AcceptEdits => "acceptEdits",
            Self::Plan => "plan",
            Self::DontAsk => "dontAsk",
            Self::BypassPermissions => "bypassPermissions",
        }
    }

    /// The permission of that word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str().eq_ignore_ascii_case(word))
    }
}

/// What happens when an agent asks for something.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPrompt {
    /// It is denied, and the agent goes on without.
    #[default]
    Deny,
    /// It waits for `send`.
    Ask,
    /// The agent is ended as failed.
    Fail,
}

impl OnPrompt {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deny, Self::Ask, Self::Fail];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Ask => "ask",
            Self::Fail => "fail",
        }
    }

    /// The reaction of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reaction| reaction.as_str() == word)
    }
}
