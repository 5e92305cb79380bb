//! The state of a run, folded from its events.

use jiff::Timestamp;

use super::RunPhase;
use crate::model::{WriterId, lines::state};

state! {
    /// What all events of a run together say. Every text in it is safe to show and has one line.
    #[derive(Clone, Debug, Default, Eq, PartialEq)]
    pub struct Run {
        /// Its phase.
        pub phase: RunPhase = "State",
        /// When it was created.
        pub created_at: Timestamp = "Created",
        /// Its purpose, in a few words.
        pub title: String = "Title",
        /// The number of its agents; their ids are in its events.
        pub agents: u64 = ("Agents" unless 0),
        /// The clone that created it.
        pub writer: WriterId = "Writer",
        /// The label of that clone.
        pub label: Option<String> = "Label",
        /// The time of the newest event.
        pub updated_at: Timestamp = "Updated",
        /// When it ended.
        pub ended_at: Option<Timestamp> = "Ended",
        /// The reason for its end, for people.
        pub reason: Option<String> = "Reason",
        /// The number of its gates that are open: where it waits for a person's answer.
        pub gates: u64 = ("Gates" unless 0),
        /// The number of notes about it.
        pub notes: u64 = ("Notes" unless 0),
        /// The number of events that contradict others; [`super::Fold::conflicts`] describes them.
        pub conflicts: u64 = ("Conflicts" unless 0),
        /// The highest Lamport number of its events.
        pub lamport: u64 = "Lamport",
    }
}
