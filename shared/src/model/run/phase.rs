//! Where a run is.

use crate::model::words::words;

words! {
    /// The phase of a run, in the order of its life.
    #[derive(Default, Hash)]
    pub enum RunPhase {
        /// It has not ended. Every run begins here.
        #[default]
        Running = "running",
        /// All of its tasks were done.
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
    /// Whether the run has ended.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// Orders ends that clones recorded without having seen each other; the highest holds.
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
