//! The state of a spec, folded from its events.

use jiff::Timestamp;

use crate::model::{AgentId, IdOrText, WriterId, lines::state};

state! {
    /// What all events of a spec together say. Every text in it is safe to show and has one line.
    #[derive(Clone, Debug, Default, Eq, PartialEq)]
    pub struct SpecState {
        /// The first line of its current text, shortened.
        pub title: String = "Title",
        /// When it was created.
        pub created_at: Timestamp = "Created",
        /// The number of its versions.
        pub versions: u64 = ("Versions" unless 0),
        /// The number of the current version; the first is 1.
        pub current: u64 = ("Current" unless 0),
        /// The number of versions that were saved beside the current one, and that no later version merged.
        pub beside: u64 = ("Beside" unless 0),
        /// The designer that hears what changes.
        pub designer: Option<IdOrText<AgentId>> = "Spec-Designer",
        /// The clone that created it.
        pub writer: WriterId = "Writer",
        /// When its newest version was saved.
        pub updated_at: Timestamp = "Updated",
        /// The highest Lamport number of its events.
        pub lamport: u64 = "Lamport",
    }
}
