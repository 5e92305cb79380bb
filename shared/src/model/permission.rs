//! What a coding agent may do, and what happens when it asks for a permission.

use super::words::words;

words! {
    /// What an agent may do without asking, from the least to the most. Every agent program that has such modes has its own words
    /// for them.
    pub enum Permission: ignoring case {
        /// It makes a plan and changes nothing.
        Plan = "plan",
        /// It may read, and asks for everything else.
        Default = "default",
        /// It may do what a rule allows, and never asks.
        DontAsk = "dontAsk",
        /// It may change files in its worktree as well.
        AcceptEdits = "acceptEdits",
        /// It may do everything.
        BypassPermissions = "bypassPermissions",
    }
}

impl Permission {
    /// Returns whether it lets an agent do more than another one does.
    pub fn exceeds(self, other: Self) -> bool {
        let rank = |permission: Self| Self::ALL.iter().position(|one| *one == permission);
        rank(self) > rank(other)
    }
}

words! {
    /// What happens when an agent asks for a permission.
    #[derive(Default)]
    pub enum OnPrompt {
        /// The permission is denied, and the agent continues without it.
        #[default]
        Deny = "deny",
        /// The agent waits for an answer by `send`.
        Ask = "ask",
        /// The agent ends as failed.
        Fail = "fail",
    }
}
