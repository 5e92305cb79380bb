//! Where an agent is in its life, and what the machine says of it now.

use super::words::words;

words! {
    /// The phase of an agent, in the order of a life. The words are those of the refs, of `--json` and of every table.
    #[derive(Default, Hash)]
    pub enum Phase {
        /// Made, waiting for a slot. Every agent begins here.
        #[default]
        Queued = "queued",
        /// Has a slot; its worktree is being made.
        Starting = "starting",
        /// Its program runs.
        Running = "running",
        /// Its program waits for an answer.
        Waiting = "waiting",
        /// Its program was ended for a while, by a person or by a usage limit.
        Paused = "paused",
        /// Its program ended well.
        Done = "done",
        /// Its program, or what we did for it, failed; the reason says how.
        Failed = "failed",
        /// It was ended because it took too long.
        Timeout = "timeout",
        /// A person ended it.
        Stopped = "stopped",
    }
}

impl Phase {
    /// Nothing more happens in this attempt.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Timeout | Self::Stopped)
    }

    /// No process belongs to it, and none should.
    pub const fn is_at_rest(self) -> bool {
        self.is_terminal() || matches!(self, Self::Paused)
    }

    /// Which of two ends of one attempt holds: the higher. `done > failed > timeout > stopped > any other`.
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
    /// What the machine says of an agent at the moment of asking.
    pub enum Liveness {
        /// Its supervisor runs.
        Live = "live",
        /// It has not ended and its supervisor is gone.
        Lost = "lost",
        /// It belongs to another clone.
        Remote = "remote",
        /// It has ended, or is paused: nothing of it should run.
        Ended = "ended",
    }
}
