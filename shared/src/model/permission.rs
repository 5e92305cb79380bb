//! What a coding agent may do, and what happens when it asks for more.

use super::words::words;

words! {
    /// What an agent may do without asking, from the least to the most. Every program that knows such modes has words of its own
    /// for them.
    pub enum Permission: ignoring case {
        /// Making a plan, changing nothing.
        Plan = "plan",
        /// Reading only; everything else is asked for.
        Default = "default",
        /// Only what is allowed by rule; nothing is asked for.
        DontAsk = "dontAsk",
        /// Changing files in its worktree as well.
        AcceptEdits = "acceptEdits",
        /// Everything.
        BypassPermissions = "bypassPermissions",
    }
}

words! {
    /// What happens when an agent asks for something.
    #[derive(Default)]
    pub enum OnPrompt {
        /// It is denied, and the agent continues without.
        #[default]
        Deny = "deny",
        /// It waits for `send`.
        Ask = "ask",
        /// The agent is ended as failed.
        Fail = "fail",
    }
}
