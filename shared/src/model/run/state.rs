//! The state of a run, as its events tell it.

use jiff::Timestamp;

use super::RunPhase;
use crate::model::{WriterId, lines::state};

state! {
    /// What all events of a run together say. Every text in it is safe to show, on one line.
    #[derive(Clone, Debug, Default, Eq, PartialEq)]
    pub struct Run {
        /// Where it is.
        pub phase: RunPhase = "State",
        /// When it was created.
        pub created_at: Timestamp = "Created",
        /// What it is for, in a few words.
        pub title: String = "Title",
        /// How many agents it has; their ids are in its events.
        pub agents: u64 = ("Agents" unless 0),
        /// The clone that created it.
        pub writer: WriterId = "Writer",
        /// What people call that clone.
        pub label: Option<String> = "Label",
        /// The time of the newest event.
        pub updated_at: Timestamp = "Updated",
        /// When it ended.
        pub ended_at: Option<Timestamp> = "Ended",
        /// Why it ended as it did.
        pub reason: Option<String> = "Reason",
        /// How many remarks were written about it.
        pub notes: u64 = ("Notes" unless 0),
        /// How many events contradict others; [`super::Fold::conflicts`] says which.
        pub conflicts: u64 = ("Conflicts" unless 0),
        /// The highest Lamport number.
        pub lamport: u64 = "Lamport",
    }
}
