//! The phase of an agent, and its liveness on this machine.

use super::words::words;

words! {
    /// The phase of an agent, in the order in which they are reached. The words are those of trailers, `--json`, and tables.
    #[derive(Default, Hash)]
    pub enum Phase {
        /// It was created and waits for a slot. Every agent begins here.
        #[default]
        Queued = "queued",
        /// It has a slot, and its worktree is being made.
        Starting = "starting",
        /// Its program runs.
        Running = "running",
        /// Its program waits for an answer.
        Waiting = "waiting",
        /// Its program was ended until it is resumed, by a person or because of a usage limit.
        Paused = "paused",
        /// Its program succeeded.
        Done = "done",
        /// Its program failed, or its supervisor did; the reason says how.
        Failed = "failed",
        /// It was ended because it reached a time limit.
        Timeout = "timeout",
        /// A person ended it.
        Stopped = "stopped",
    }
}

impl Phase {
    /// Returns whether it is an end: nothing more happens in the attempt.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Timeout | Self::Stopped)
    }

    /// Returns whether an agent in this phase has no processes: it has ended or is paused.
    pub const fn is_at_rest(self) -> bool {
        self.is_terminal() || matches!(self, Self::Paused)
    }

    /// Ranks the ends of one attempt, of which the highest holds: `done > failed > timeout > stopped > any other`.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Done => 4,
            Self::Failed => 3,
            Self::Timeout => 2,
            Self::Stopped => 1,
            _ => 0,
        }
    }
}

words! {
    /// What this machine finds out about an agent at the moment of asking.
    pub enum Liveness {
        /// Its supervisor runs.
        Live = "live",
        /// It has not ended, and its supervisor is gone.
        Lost = "lost",
        /// It lives in another clone.
        Remote = "remote",
        /// It has ended or is paused: no process of it should run.
        Ended = "ended",
    }
}
