//! Where an agent is in its life, and what the machine says of it now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an agent is. The words are those of the refs, of `--json` and of every table.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Made, waiting for a slot.
    Queued,
    /// Has a slot; its worktree is being made.
    Starting,
    /// Its program runs.
    Running,
    /// Its program waits for an answer.
    Waiting,
    /// Its program was ended for a while, by a person or by a usage limit.
    Paused,
    /// Its program ended well.
    Done,
    /// Its program, or what we did for it, failed; the reason says how.
    Failed,
    /// It was ended because it took too long.
    Timeout,
    /// A person ended it.
    Stopped,
}

impl Phase {
    /// All phases, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Starting,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Done,
        Self::Failed,
        Self::Timeout,
        Self::Stopped,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Stopped => "stopped",
        }
    }

    /// The phase of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }

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

/// What the machine says of an agent at the moment of asking.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// Its supervisor runs.
    Live,
    /// It has not ended and its supervisor is gone.
    Lost,
    /// It belongs to another clone.
    Remote,
    /// It has ended, or is paused: nothing of it should run.
    Ended,
}

impl Liveness {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Lost => "lost",
            Self::Remote => "remote",
            Self::Ended => "ended",
        }
    }
}
