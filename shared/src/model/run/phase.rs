//! The phases of a run.

use crate::model::words::words;

words! {
    /// The phase of a run, in the order of its life.
    #[derive(Default, Hash)]
    pub enum RunPhase {
        /// It has not ended. Every run begins in this phase.
        #[default]
        Running = "running",
        /// It ended, and all of its tasks were done.
        Done = "done",
        /// It ended, and some of its tasks were not done.
        Partial = "partial",
        /// It ended, and none of its tasks was done.
        Failed = "failed",
        /// A person ended it.
        Stopped = "stopped",
    }
}

impl RunPhase {
    /// Returns whether the run has ended.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// Returns the rank that decides which phase counts if clones recorded different ends independently: the highest.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Done => 4,
            Self::Partial => 3,
            Self::Failed => 2,
            Self::Stopped => 1,
            Self::Running => 0,
        }
    }
}
